# fleetrun's sh runtime, part 2: files.

# Hex sha256 of file $1, printed; fails the module when no tool is there only
# if it is called in the module's own shell, so `fr_need_sha256` first.
fr_sha256() {
  if command -v sha256sum >/dev/null 2>&1; then
    fr_v=$(sha256sum <"$1") || return 1
    printf '%s\n' "${fr_v%% *}"
  elif command -v openssl >/dev/null 2>&1; then
    fr_v=$(openssl dgst -sha256 <"$1") || return 1
    printf '%s\n' "${fr_v##* }"
  else
    fr_v=$(busybox sha256sum <"$1" 2>/dev/null) || return 127
    printf '%s\n' "${fr_v%% *}"
  fi
}
fr_need_sha256() {
  command -v sha256sum >/dev/null 2>&1 || command -v openssl >/dev/null 2>&1 ||
    busybox sha256sum </dev/null >/dev/null 2>&1 ||
    fr_fail 'missing: sha256sum' module/missing-tool
}

# fr_stat PATH: sets fr_mode (0644), fr_owner, fr_group, fr_uid, fr_gid of the
# path itself (a link is not followed); status 1 when it does not exist.
fr_stat() {
  [ -e "$1" ] || [ -L "$1" ] || return 1
  fr_v=$(stat -c '%a %u %g %U %G' -- "$1" 2>/dev/null) || {
    fr_stat_ls "$1"
    return
  }
  fr_mode=0${fr_v%% *} fr_v=${fr_v#* }
  fr_uid=${fr_v%% *} fr_v=${fr_v#* }
  fr_gid=${fr_v%% *} fr_v=${fr_v#* }
  fr_owner=${fr_v%% *} fr_group=${fr_v#* }
  case $fr_mode in 0?) fr_mode=000${fr_mode#0} ;; 0??) fr_mode=00${fr_mode#0} ;; 0????) fr_mode=${fr_mode#0} ;; esac
}

# The same without stat(1), from `ls -ld`.
fr_stat_ls() {
  fr_v=$(LC_ALL=C ls -ldn -- "$1" 2>/dev/null) || return 1
  fr_perm=${fr_v%% *}
  # shellcheck disable=SC2086  # the columns are wanted
  fr_stat_columns $fr_v && fr_uid=$fr_owner fr_gid=$fr_group
  # shellcheck disable=SC2046  # the columns are wanted
  fr_stat_columns $(LC_ALL=C ls -ld -- "$1" | head -n 1)
  fr_s=0 fr_mode=''
  fr_perm=${fr_perm#?}
  for fr_k in 4 2 1; do
    fr_n=0
    case $fr_perm in r*) fr_n=4 ;; esac
    case $fr_perm in ?w*) fr_n=$((fr_n + 2)) ;; esac
    case $fr_perm in ??[xst]*) fr_n=$((fr_n + 1)) ;; esac
    case $fr_perm in ??[sStT]*) fr_s=$((fr_s + fr_k)) ;; esac
    fr_mode=$fr_mode$fr_n
    fr_perm=${fr_perm#???}
  done
  fr_mode=$fr_s$fr_mode
}
fr_stat_columns() { fr_owner=${3:-} fr_group=${4:-}; [ -n "$fr_owner" ]; }

fr_stat_mode() { fr_stat "$1" && printf '%s\n' "$fr_mode"; }
fr_stat_owner() { fr_stat "$1" && printf '%s\n' "$fr_owner"; }
fr_stat_group() { fr_stat "$1" && printf '%s\n' "$fr_group"; }

# Content of file $1 in $fr_v, newlines at its end kept (NULs are lost).
fr_read() {
  fr_v=$(cat -- "$1" 2>/dev/null && printf x) || return 1
  fr_v=${fr_v%x}
}

# fr_tmp [FOLDER [DEST]]: prints the path of a fresh private file (0600) in
# FOLDER, best the folder of the file it will replace. Hand it to `fr_later` or
# to `fr_install_file`. With a DEST that is not there, and no mode asked for, the
# file has the mode that the umask gives right away. Call it in `$( )` only. The
# name cannot be guessed (fr__id is random), and O_EXCL follows nothing.
fr_tmp() {
  fr_dir_=${1:-${TMPDIR:-/tmp}} fr_k='' fr_n=0
  if [ -n "${2:-}" ] && [ -z "${a_mode:-}" ] && [ ! -e "$2" ]; then fr_k=.d; else umask 077; fi
  set -C
  while [ "$fr_n" -lt 50 ]; do
    fr_v=$fr_dir_/.fleetrun.${fr__id:-$$}.$fr_n$fr_k
    # Not `:`, a special builtin: a failed redirection would end the shell.
    if { true >"$fr_v"; } 2>/dev/null; then
      printf '%s\n' "$fr_v"
      return 0
    fi
    fr_n=$((fr_n + 1))
  done
  return 1
}

# fr_install_file TMP DEST: puts TMP in place of DEST in one step, with DEST's
# mode and owner (a new file gets what the umask gives). A link is followed.
# No fsync: see docs/adr/0001-receipts.md. Fails the module when it cannot.
fr_install_file() {
  if fr_is_check; then
    rm -f -- "$1"
    return 0
  fi
  fr_dest=$2
  if [ -L "$fr_dest" ]; then
    fr_dest=$(readlink -f -- "$2") || fr_dest=$2
  fi
  if fr_stat "$fr_dest"; then
    chown "$fr_uid:$fr_gid" "$1" 2>/dev/null || :
    chmod "$fr_mode" "$1" || fr_fail "cannot set the mode of $1"
    [ ! -e /sys/fs/selinux/enforce ] || chcon --reference="$fr_dest" "$1" 2>/dev/null || :
  else
    # The mode that is asked for comes first: a secret is never readable in between.
    case ${a_mode:-} in
      '' | preserve) case $1 in *.d) ;; *) chmod =rw "$1" ;; esac ;;
      *[!0-7]*) chmod =rw "$1" && chmod -- "$a_mode" "$1" ;;
      *) chmod "0$a_mode" "$1" ;;
    esac || fr_fail "cannot set the mode of $1"
  fi
  mv -f -- "$1" "$fr_dest" 2>/dev/null && return 0
  # A file that is a mount point (/etc/hosts in a container) can only be
  # written over.
  if [ -e "$fr_dest" ] && cat -- "$1" 2>/dev/null >"$fr_dest"; then
    rm -f -- "$1"
    return 0
  fi
  fr_v=$(mv -f -- "$1" "$fr_dest" 2>&1) && return 0
  rm -f -- "$1"
  fr_fail "cannot write $2: $fr_v"
}

# fr_backup PATH: keeps a copy beside it and puts backup_file.
fr_backup() {
  [ -e "$1" ] || return 0
  fr_is_check && return 0
  fr_bak=$1.$$.$(date +%Y-%m-%d@%H:%M:%S)~
  while [ -e "$fr_bak" ]; do fr_bak=${fr_bak%\~}_~; done
  cp -p -- "$1" "$fr_bak" || fr_fail "cannot back up $1"
  fr_put backup_file "$fr_bak"
}

# fr_apply_attrs PATH: applies a_mode, a_owner and a_group where they differ;
# marks changed, adds to the diff, touches nothing under --check.
fr_apply_attrs() {
  fr_attr_mode=${a_mode:-} fr_attr_owner=${a_owner:-} fr_attr_group=${a_group:-}
  case $fr_attr_mode$fr_attr_owner$fr_attr_group in '') return 0 ;; esac
  if ! fr_stat "$1"; then
    # Under --check the path may not be there yet; what made it is a change.
    fr_is_check && return 0
    fr_fail "no such path: $1"
  fi
  fr_attr_id owner "$1" "$fr_attr_owner" "$fr_owner" "$fr_uid"
  fr_attr_id group "$1" "$fr_attr_group" "$fr_group" "$fr_gid"
  case $fr_attr_mode in
    '') ;;
    *[!0-7]*) fr_attr_symbolic "$1" "$fr_attr_mode" ;;
    *) fr_attr_octal "$1" "$fr_attr_mode" ;;
  esac
}

# fr_attr_id owner|group PATH WANTED NAME ID
fr_attr_id() {
  case $3 in '' | "$4" | "$5") return 0 ;; esac
  fr_changed
  fr_attr_diff "$1" "$4" "$3"
  fr_is_check && return 0
  if [ "$1" = owner ]; then
    fr_v=$(chown -h -- "$3" "$2" 2>&1) || fr_fail "cannot set the owner of $2: $fr_v"
  else
    fr_v=$(chgrp -h -- "$3" "$2" 2>&1) || fr_fail "cannot set the group of $2: $fr_v"
  fi
}

fr_attr_octal() {
  fr_want=$2
  while [ ${#fr_want} -gt 4 ]; do fr_want=${fr_want#?}; done
  while [ ${#fr_want} -lt 4 ]; do fr_want=0$fr_want; done
  # The mode is read again: a change of owner clears the set-id bits.
  [ "$fr_is_changed" = false ] || fr_stat "$1" || return 0
  [ "$fr_want" = "$fr_mode" ] && return 0
  fr_changed
  fr_attr_diff mode "$fr_mode" "$fr_want"
  fr_is_check && return 0
  # The leading 0 keeps GNU chmod from preserving a folder's set-id bits.
  fr_v=$(chmod "0$fr_want" "$1" 2>&1) || fr_fail "cannot set the mode of $1: $fr_v"
}

fr_attr_symbolic() {
  fr_was=$fr_mode
  if fr_is_check; then
    # Let chmod itself work it out, on something empty of the same kind.
    if [ -d "$1" ]; then fr_try=$(mktemp -d); else fr_try=$(fr_tmp); fi
    chmod "$fr_was" "$fr_try"
    fr_v=$(chmod -- "$2" "$fr_try" 2>&1) || { rm -rf -- "$fr_try"; fr_fail "bad mode $2: $fr_v"; }
    fr_stat "$fr_try"
    rm -rf -- "$fr_try"
  else
    fr_v=$(chmod -- "$2" "$1" 2>&1) || fr_fail "cannot set the mode of $1: $fr_v"
    fr_stat "$1"
  fi
  [ "$fr_was" = "$fr_mode" ] && return 0
  fr_changed
  fr_attr_diff mode "$fr_was" "$fr_mode"
}

# fr_attr_diff NAME BEFORE AFTER: one line each in the diff.
fr_attr_diff() {
  fr_d_set=1
  fr_d_before="$fr_d_before$1: $2$fr_nl" fr_d_after="$fr_d_after$1: $3$fr_nl"
}
