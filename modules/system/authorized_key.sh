# authorized_key.awk decides what the file becomes.

fr_account() { # sets fr_home, fr_uid0, fr_gid0
  fr_v=''
  if command -v getent >/dev/null 2>&1; then fr_v=$(getent passwd "$1" 2>/dev/null) || fr_v=''
  else
    while IFS= read -r fr_l || [ -n "$fr_l" ]; do
      case $fr_l in "$1:"*) fr_v=$fr_l; break ;; esac
    done </etc/passwd
  fi
  case $fr_v in "$1:"*) ;; *) fr_fail "Failed to lookup user $1: there is no such user" ;; esac
  fr_v=${fr_v#*:*:} fr_uid0=${fr_v%%:*} fr_v=${fr_v#*:}
  fr_gid0=${fr_v%%:*} fr_v=${fr_v#*:*:} fr_home=${fr_v%%:*}
}
fr_write() {
  fr_dir=${fr_file%/*}
  if [ "$a_manage_dir" = true ]; then
    [ -d "$fr_dir" ] || mkdir -p -- "$fr_dir" || fr_fail "cannot make $fr_dir"
    fr_v=$(chown "$fr_uid0:$fr_gid0" "$fr_dir" 2>&1 && chmod 0700 "$fr_dir" 2>&1) || fr_fail "cannot set the rights of $fr_dir: $fr_v"
  elif [ ! -d "$fr_dir" ]; then fr_fail "there is no folder $fr_dir, and manage_dir is off"
  fi
  fr_new=$(fr_tmp "$fr_dir") || fr_fail "cannot write in $fr_dir"
  fr_later "$fr_new"
  printf '%s' "$fr_text" >"$fr_new" || fr_fail "cannot write $fr_new"
  # A person's link must not lead root's write to another file.
  [ ! -L "$fr_file" ] || [ "$a_follow" = true ] || rm -f -- "$fr_file"
  fr_install_file "$fr_new" "$fr_file"
  fr_v=$(chown "$fr_uid0:$fr_gid0" "$fr_file" 2>&1 && chmod 0600 "$fr_file" 2>&1) || fr_fail "cannot set the rights of $fr_file: $fr_v"
}

case $a_key in
  http://* | https://*) fr_fail "fetch the keys on the controller: key: \"{{ lookup('url', …, split_lines=False) }}\"" module/bad-arguments ;;
  file://*) fr_read "${a_key#file://}" || fr_fail "cannot read ${a_key#file://}"; fr_keys=$fr_v ;;
  *) fr_keys=$a_key ;;
esac
case $a_user in '' | -* | *:*) fr_fail "no name of a user: $a_user" module/bad-arguments ;; esac
case $a_key_options$a_comment in *"$fr_nl"*) fr_fail 'options and comment are of one line' module/bad-arguments ;; esac
fr_account "$a_user"
fr_file=$fr_home/.ssh/authorized_keys
if [ -n "$a_path" ]; then fr_path "$a_path"; fr_file=$fr_v; fi
case $fr_file in /*) ;; *) fr_file=$PWD/$fr_file ;; esac
fr_read "$fr_file" || fr_v=''
fr_old=$fr_v fr_n=1 fr_v=$fr_keys
while :; do case $fr_v in *"$fr_nl"*) fr_n=$((fr_n + 1)) fr_v=${fr_v#*"$fr_nl"} ;; *) break ;; esac; done
fr_has_comment=none
! fr_has comment || fr_has_comment=given
fr_v=$(printf '%s\n' "$a_state" "$a_exclusive" "$a_key_options" "$fr_has_comment" "$a_comment" "$fr_n" "$fr_keys" \
  ${fr_old:+"${fr_old%"$fr_nl"}"} | awk "$fr_awk" && printf x) || fr_fail 'awk failed'
case $fr_v in bad*) fr_v=${fr_v%"$fr_nl"x}; fr_fail "invalid key specified: ${fr_v#bad }" module/bad-arguments ;; esac
fr_how=${fr_v%%"$fr_nl"*} fr_text=${fr_v#*"$fr_nl"} fr_text=${fr_text%x}
if [ "$fr_how" = changed ]; then
  fr_changed
  fr_diff "$fr_old" "$fr_text" "$fr_file" "$fr_file"
  fr_is_check || fr_write
fi
fr_put user "$a_user"
fr_put key "$fr_keys"
fr_put keyfile "$fr_file"
fr_put path "$fr_file"
fr_put_bool exclusive "$a_exclusive"
fr_put_bool manage_dir "$a_manage_dir"
fr_put_bool follow "$a_follow"
fr_put_bool validate_certs "$a_validate_certs"
if fr_has comment; then fr_put comment "$a_comment"; else fr_put_json comment null; fi
if fr_has key_options; then fr_put key_options "$a_key_options"; else fr_put_json key_options null; fi
if fr_look "$fr_file"; then fr_kind "$fr_file"; fr_put_look; fi
