# With remote_src the device puts the fragments together; what follows is copy.
if [ "$a_remote_src" = true ] && [ -z "$a__sha256" ]; then
  fr_path "$a_src"
  fr_dir=$fr_v
  [ -e "$fr_dir" ] || fr_fail "Source ($a_src) does not exist"
  [ -d "$fr_dir" ] || fr_fail "Source ($a_src) is not a directory"
  a__src_path=$(fr_tmp) || fr_fail 'cannot make a temporary file'
  fr_later "$a__src_path"
  fr_lf=true
  # fr_add FILE: one fragment; what ends without a newline gets one before the next.
  fr_add() {
    [ -f "$1" ] || return 0
    if [ "$fr_any" = true ]; then
      [ "$fr_lf" = true ] || echo >>"$a__src_path"
      printf %s "$a__delimiter" >>"$a__src_path"
    fi
    cat -- "$1" >>"$a__src_path" || fr_fail "cannot read $1"
    fr_any=true fr_lf=true
    { [ -s "$1" ] && [ -z "$(tail -c 1 -- "$1")" ]; } 2>/dev/null || fr_lf=false
  }
  fr_names='' fr_any=false
  for fr_f in "$fr_dir"/* "$fr_dir"/.[!.]* "$fr_dir"/..?*; do
    if [ "$a_ignore_hidden" = true ]; then case ${fr_f##*/} in .*) continue ;; esac; fi
    fr_v=${fr_f##*/}
    case $fr_v in *"$fr_nl"*) continue ;; esac
    fr_names=$fr_names$fr_v$fr_nl
  done
  # Hidden names sort among the others; awk keeps those that match.
  fr_v=$(printf %s "$fr_names" | sort)
  if fr_has regexp; then
    fr_v=$(awk "$fr_awk" <<EOF
$a_regexp
$fr_v
EOF
    ) || fr_fail 'awk failed'
    case $fr_v in !*) fr_fail "Invalid Regexp: ${fr_v#!}" ;; esac
  fi
  while [ -n "$fr_v" ]; do
    fr_f=${fr_v%%"$fr_nl"*}
    case $fr_v in *"$fr_nl"*) fr_v=${fr_v#*"$fr_nl"} ;; *) fr_v='' ;; esac
    fr_add "$fr_dir/$fr_f"
  done
  fr_put src "$a_src"
  a__basename=''
fi
a_remote_src=false a_force=true a_checksum='' a_directory_mode=''
fr_put msg OK
