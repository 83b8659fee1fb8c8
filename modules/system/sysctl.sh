fr_trim() {
  fr_v=$1
  while :; do case $fr_v in [\ $fr_tab]*) fr_v=${fr_v#?} ;; *) break ;; esac; done
  while :; do case $fr_v in *[\ $fr_tab]) fr_v=${fr_v%?} ;; *) break ;; esac; done
}
# Words with one blank between, so that the kernel's tabs compare equal.
fr_words() {
  set -f
  # shellcheck disable=SC2086  # the words are wanted
  set -- $1
  set +f
  fr_v="$*"
}
# The file as it is to be, in $fr_text; $fr_same tells whether it is so already.
fr_edit() {
  fr_text='' fr_found='' fr_same=true
  while IFS= read -r fr_l || [ -n "$fr_l" ]; do
    fr_trim "$fr_l"
    case $fr_v in
      '' | '#'* | ';'*) ;;
      *=*)
        fr_s=$fr_v
        fr_trim "${fr_s%%=*}"
        if [ "${fr_v#-}" = "$a_name" ]; then
          fr_trim "${fr_s#*=}"
          # A second line for the name goes, as does a wrong value.
          if [ "$a_state" = absent ] || [ -n "$fr_found" ]; then fr_same=false; continue; fi
          fr_found=1
          fr_k=$fr_v
          fr_words "$fr_k"
          [ "$fr_v" = "$fr_value" ] || { fr_same=false fr_l="$a_name=$fr_wanted"; }
        fi
        ;;
    esac
    fr_text=$fr_text$fr_l$fr_nl
  done 2>/dev/null <"$fr_file"
  if [ "$a_state" = present ] && [ -z "$fr_found" ]; then
    fr_same=false fr_text="$fr_text$a_name=$fr_wanted$fr_nl"
  fi
}
fr_write() {
  fr_dir=${fr_file%/*}
  [ -d "$fr_dir/" ] || mkdir -p -- "$fr_dir" || fr_fail "cannot make $fr_dir"
  fr_new=$(fr_tmp "$fr_dir/") || fr_fail "cannot write beside $fr_file"
  fr_later "$fr_new"
  printf '%s' "$fr_text" >"$fr_new" || fr_fail "cannot write $fr_new"
  fr_install_file "$fr_new" "$fr_file"
}
fr_sysctl() { if [ "$a_ignoreerrors" = true ]; then sysctl -e "$@"; else sysctl "$@"; fi; }

case $a_name in '' | -* | *[!A-Za-z0-9_./:*-]*) fr_fail "no name of a setting: $a_name" module/bad-arguments ;; esac
case $a_value in *"$fr_nl"*) fr_fail 'a value is of one line' module/bad-arguments ;; esac
if [ "$a_state" = present ] && ! fr_has value; then
  fr_fail 'state is present but all of the following are missing: value' module/bad-arguments
fi
fr_need sysctl
fr_trim "$a_value"
case $fr_v in
  [Yy]es | YES | [Oo]n | ON | [Tt]rue | TRUE | [Yy] | [Tt]) fr_v=1 ;;
  [Nn]o | NO | [Oo]ff | OFF | [Ff]alse | FALSE | [Nn] | [Ff]) fr_v=0 ;;
esac
fr_wanted=$fr_v
fr_words "$fr_v"
fr_value=$fr_v
fr_path "$a_sysctl_file"
fr_file=$fr_v
case $fr_file in */*) ;; *) fr_file=./$fr_file ;; esac
fr_edit
fr_new_text=$fr_text fr_set=false
if [ "$a_sysctl_set" = true ] && [ "$a_state" = present ]; then
  fr_v=$(sysctl -n "$a_name" 2>/dev/null) || fr_v=''
  fr_words "$fr_v"
  if [ "$fr_v" != "$fr_value" ]; then
    if [ -n "$fr_v" ] || [ "$a_ignoreerrors" = false ]; then fr_changed; fr_set=true; fi
  fi
fi
if [ "$fr_set" = true ] && ! fr_is_check; then
  fr_v=$(fr_sysctl -w "$a_name=$fr_wanted" 2>&1) || fr_fail "setting $a_name failed: $fr_v"
fi
if [ "$fr_same" = false ]; then
  fr_changed
  fr_read "$fr_file" || fr_v=''
  fr_text=$fr_new_text
  fr_diff "$fr_v" "$fr_text" "$fr_file" "$fr_file"
  if ! fr_is_check; then
    fr_write
    if [ "$a_reload" = true ]; then
      fr_v=$(fr_sysctl -p "$fr_file" 2>&1) || fr_fail "Failed to reload sysctl: $fr_v"
    fi
  fi
fi
