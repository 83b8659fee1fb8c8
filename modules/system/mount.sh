# The table is fstab; what is mounted now is told by /proc/self/mounts.

fr_escape() { # blanks and backslashes as fstab writes them, in $fr_v
  case $1 in *[\ $fr_tab\\]*) ;; *) fr_v=$1; return ;; esac
  fr_v=$(printf '%s\n' "$1" | sed -e 's/\\/\\134/g' -e 's/ /\\040/g' -e "s/$fr_tab/\\\\011/g")
}
# fr_mounted PATH: true when something is mounted there; its source in $fr_from.
fr_mounted() {
  fr_from=''
  fr_v=$1
  [ ! -L "$1" ] || fr_real "$1"
  fr_escape "$fr_v"
  fr_s=$fr_v
  while read -r fr_k fr_v fr_l; do
    [ "$fr_v" != "$fr_s" ] || fr_from=$fr_k
  done </proc/self/mounts
  [ -n "$fr_from" ]
}
# The table as it is to be, in $fr_text, and whether it is so, in $fr_same.
fr_table() {
  fr_text='' fr_same=true fr_found='' fr_line=''
  fr_escape "$a_path"
  fr_at=$fr_v
  if [ "$1" = set ]; then
    fr_escape "$a_src"; fr_line="$fr_v $fr_at $a_fstype"
    fr_escape "$fr_opts"; fr_line="$fr_line $fr_v $a_dump $a_passno"
  fi
  while IFS= read -r fr_l || [ -n "$fr_l" ]; do
    fr_is_ours "$fr_l" || { fr_text=$fr_text$fr_l$fr_nl; continue; }
    if [ -z "$fr_line" ] || [ -n "$fr_found" ]; then fr_same=false; continue; fi
    fr_found=1
    if [ "$fr_fields" = "$fr_line" ]; then fr_text=$fr_text$fr_l$fr_nl
    else fr_same=false fr_text=$fr_text$fr_line$fr_nl
    fi
  done 2>/dev/null <"$fr_fstab"
  [ -z "$fr_line" ] || [ -n "$fr_found" ] || { fr_same=false fr_text=$fr_text$fr_line$fr_nl; }
}
# Is the line for our mount point (and for swap, our source)? $fr_fields: its words.
fr_is_ours() {
  case $1 in '' | '#'* | [\ $fr_tab]'#'*) return 1 ;; esac
  set -f
  # shellcheck disable=SC2086  # the fields are wanted
  set -- $1
  set +f
  [ $# -ge 4 ] || return 1
  fr_fields="$1 $2 $3 $4 ${5:-0} ${6:-0}"
  [ "$2" = "$fr_at" ] || return 1
  case $2 in none | swap) fr_k=$1; fr_escape "$a_src"; [ "$fr_k" = "$fr_v" ] ;; esac
}
fr_write_table() { # set|unset
  fr_table "$1"
  [ "$fr_same" = false ] || return 0
  fr_changed
  fr_read "$fr_fstab" || fr_v=''
  [ "$a_opts_no_log" = true ] || fr_diff "$fr_v" "$fr_text" "$fr_fstab" "$fr_fstab"
  fr_is_check && return 0
  if [ "$a_backup" = true ]; then fr_backup "$fr_fstab"; fr_has_backup=1; fi
  fr_new=$(fr_tmp "${fr_fstab%/*}/") || fr_fail "cannot write beside $fr_fstab"
  fr_later "$fr_new"
  printf '%s' "$fr_text" >"$fr_new" || fr_fail "cannot write $fr_new"
  fr_install_file "$fr_new" "$fr_fstab"
}
fr_folder() {
  [ -e "$a_path" ] || mkdir -p -- "$a_path" || fr_fail "Error making dir $a_path"
}
fr_mount() {
  if [ "$fr_fstab" = /etc/fstab ] && [ "$a_state" = mounted ]; then fr_v=$(mount "$a_path" 2>&1)
  else fr_v=$(mount -t "$a_fstype" -o "$fr_opts" "$a_src" "$a_path" 2>&1)
  fi || fr_fail "Error mounting $a_path: $fr_v"
}
fr_umount() { fr_v=$(umount "$a_path" 2>&1) || fr_fail "Error unmounting $a_path: $fr_v"; }
# With the wanted options; a filesystem that cannot is unmounted and mounted again.
fr_remount() {
  fr_s=remount
  if fr_has opts || [ "$a_state" != remounted ]; then fr_s=remount,$fr_opts; fi
  fr_v=$(mount -o "$fr_s" "$a_path" 2>&1) && return 0
  fr_why=$fr_v
  fr_mounted "$a_path" || fr_fail "Error remounting $a_path: $fr_why"
  [ "$a_state" != remounted ] || [ -n "$a_src" ] || fr_fail "Error remounting $a_path: $fr_why"
  fr_umount
  fr_mount
}

case $a_path in '') fr_fail 'path is empty' module/bad-arguments ;; *"$fr_nl"*) fr_fail 'a path of fstab holds no newline' module/bad-arguments ;; esac
case $a_fstype in *[!A-Za-z0-9_.,-]*) fr_fail "no type of a filesystem: $a_fstype" module/bad-arguments ;; esac
case $a_src$a_opts$a_dump$a_passno in *"$fr_nl"*) fr_fail 'a field of fstab holds no newline' module/bad-arguments ;; esac
case $a_path in none | swap) ;; *) fr_path "$a_path"; a_path=$fr_v ;; esac
case $a_state in
  present | mounted | ephemeral)
    fr_v=''
    [ -n "$a_src" ] || fr_v=src
    [ -n "$a_fstype" ] || fr_v="$fr_v${fr_v:+, }fstype"
    [ -z "$fr_v" ] || fr_fail "state is $a_state but all of the following are missing: $fr_v" module/bad-arguments
    ;;
esac
case $a_state in present | absent_from_fstab) ;; *) fr_need mount umount ;; esac
fr_opts=${a_opts:-defaults} fr_has_backup=''
if [ "$a_boot" = false ]; then
  case ,$fr_opts, in *,noauto,*) ;; *) fr_opts=$fr_opts,noauto ;; esac
fi
fr_fstab=/etc/fstab
if [ -n "$a_fstab" ]; then fr_path "$a_fstab"; fr_fstab=$fr_v; fi
case $fr_fstab in */*) ;; *) fr_fstab=./$fr_fstab ;; esac

case $a_state in
  present) fr_write_table set ;;
  absent_from_fstab) fr_write_table unset ;;
  absent)
    fr_write_table unset
    if [ "$fr_is_changed" = true ] && ! fr_is_check; then
      if fr_mounted "$a_path"; then fr_umount; fi
      if [ -d "$a_path" ]; then
        fr_v=$(rmdir -- "$a_path" 2>&1) || fr_fail "Error rmdir $a_path: $fr_v"
      fi
    fi
    ;;
  unmounted)
    if fr_mounted "$a_path"; then
      fr_changed
      fr_is_check || fr_umount
    fi
    ;;
  mounted)
    fr_write_table set
    if fr_mounted "$a_path"; then
      if [ "$fr_is_changed" = true ] && ! fr_is_check; then fr_remount; fi
    else
      fr_changed
      fr_is_check || { fr_folder; fr_mount; }
    fi
    ;;
  ephemeral)
    fr_changed
    if fr_mounted "$a_path"; then
      fr_escape "$a_src"
      [ "$fr_from" = "$fr_v" ] ||
        fr_fail "Ephemeral mount point is already mounted with a different source than the specified one: $fr_from. Unmount it first, or use another path."
      fr_is_check || fr_remount
    elif ! fr_is_check; then fr_folder; fr_mount
    fi
    ;;
  remounted)
    fr_changed
    fr_is_check || fr_remount
    ;;
esac
fr_put name "$a_path"
[ "$a_opts_no_log" = false ] || fr_opts=VALUE_SPECIFIED_IN_NO_LOG_PARAMETER
fr_put opts "$fr_opts"
fr_put fstab "$fr_fstab"
fr_put dump "$a_dump"
fr_put passno "$a_passno"
if [ "$a_boot" = true ]; then fr_put boot yes; else fr_put boot no; fi
[ -n "$fr_has_backup" ] || fr_put backup_file ''
[ -z "$a_src" ] || fr_put src "$a_src"
[ -z "$a_fstype" ] || fr_put fstype "$a_fstype"
