# ssh-keygen finds and makes hashed names; known_hosts.awk decides what the file becomes.

fr_lower() { fr_v=$(printf %s "$1" | tr '[:upper:]' '[:lower:]'); }
# Numbers of the lines of FILE that are the host's, in $fr_mine.
fr_find_host() {
  if command -v ssh-keygen >/dev/null 2>&1; then
    fr_mine=$(ssh-keygen -F "$fr_host" -f "$1" 2>/dev/null | sed -n 's/^# Host .* found: line \([0-9]*\).*/\1/p' | tr '\n' ' ')
    return
  fi
  fr_mine='' fr_n=0
  while IFS= read -r fr_l || [ -n "$fr_l" ]; do
    fr_n=$((fr_n + 1))
    case $fr_l in '' | '#'*) continue ;; '@'*) fr_l=${fr_l#* } ;; '|1|'*) fr_fail 'missing: ssh-keygen' module/missing-tool ;; esac
    fr_lower "${fr_l%% *}"
    case ,$fr_v, in *",$fr_host,"*) fr_mine="$fr_mine$fr_n " ;; esac
  done <"$1"
}
# The key's own host field must name the host.
fr_check_key() {
  fr_key=$a_key
  while :; do case $fr_key in *"$fr_nl") fr_key=${fr_key%"$fr_nl"} ;; *) break ;; esac; done
  case $fr_key in *"$fr_nl"*) fr_fail 'key holds several lines: use a loop' module/bad-arguments ;; esac
  fr_line=$fr_key
  case $fr_key in '@'*) fr_key=${fr_key#* } ;; esac
  set -f
  # shellcheck disable=SC2086  # the words are wanted
  set -- $fr_key
  set +f
  [ $# -ge 3 ] || fr_fail "Unable to parse ssh key '$fr_key'" module/bad-arguments
  fr_hosts=$1 fr_type=$2 fr_blob=$3
  fr_lower "$fr_hosts"
  case ,$fr_v, in
    *",$fr_host,"*) return 0 ;;
    ,'|1|'*)
      fr_need ssh-keygen
      fr_probe=$(fr_tmp) || fr_fail 'cannot make a file'
      fr_later "$fr_probe"
      printf '%s\n' "$fr_line" >"$fr_probe"
      fr_find_host "$fr_probe"
      [ -n "$fr_mine" ] || fr_fail 'Host parameter does not match hashed host field in supplied key' module/bad-arguments
      ;;
    *) fr_fail 'Host parameter does not match hashed host field in supplied key' module/bad-arguments ;;
  esac
}
fr_hash_line() {
  fr_probe=$(fr_tmp) || fr_fail 'cannot make a file'
  fr_later "$fr_probe"
  fr_later "$fr_probe.old"
  printf '%s\n' "$fr_line" >"$fr_probe"
  fr_v=$(ssh-keygen -H -f "$fr_probe" 2>&1) || fr_fail "cannot hash the name: $fr_v"
  fr_read "$fr_probe"
  fr_line=${fr_v%"$fr_nl"}
}

fr_lower "$a_name"
fr_host=$fr_v
case $fr_host in '['*']:22') fr_host=${fr_host#?} fr_host=${fr_host%]:22} ;; esac
case $fr_host in '' | -* | *[\ ,$fr_nl]*) fr_fail "no name of a host: $a_name" module/bad-arguments ;; esac
fr_hosts=- fr_type=- fr_blob=- fr_line=-
if [ -n "$a_key" ]; then fr_check_key
elif [ "$a_state" = present ]; then fr_fail 'No key specified when adding a host' module/bad-arguments
fi
[ "$a_hash_host" = false ] || fr_need ssh-keygen
fr_path "$a_path"
fr_file=$fr_v fr_mine=''
fr_put name "$a_name"
fr_put path "$fr_file"
fr_put_bool hash_host "$a_hash_host"
if [ -n "$a_key" ]; then fr_put key "$a_key"; else fr_put_json key null; fi
fr_old=''
if fr_read "$fr_file"; then fr_old=$fr_v; fr_find_host "$fr_file"; fi
fr_how=plain
if [ "$a_hash_host" = true ]; then
  fr_how=hashed
  [ "$a_state" = absent ] || fr_hash_line
fi
# A key whose own name is hashed can be no other.
case $fr_hosts in '|1|'*) fr_how=hashed ;; esac
fr_v=$(printf '%s\n' "$a_state" "$fr_how" "$fr_hosts" "$fr_type" "$fr_blob" "$fr_mine" "$fr_line" \
  ${fr_old:+"${fr_old%"$fr_nl"}"} | awk "$fr_awk" && printf x) || fr_fail 'awk failed'
fr_how=${fr_v%%"$fr_nl"*} fr_text=${fr_v#*"$fr_nl"} fr_text=${fr_text%x}
if [ "$fr_how" = changed ]; then
  fr_changed
  fr_diff "$fr_old" "$fr_text" "$fr_file" "$fr_file"
  if ! fr_is_check; then
    fr_new=$(fr_tmp "$(dirname -- "$fr_file")") || fr_fail "cannot write beside $fr_file"
    fr_later "$fr_new"
    printf '%s' "$fr_text" >"$fr_new" || fr_fail "cannot write $fr_new"
    fr_install_file "$fr_new" "$fr_file"
  fi
fi
if fr_look "$fr_file"; then fr_kind "$fr_file"; fr_put_look; fi
