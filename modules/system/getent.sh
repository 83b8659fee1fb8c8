# Without getent, as on OpenWrt, the files in /etc answer.

fr_ask_files() {
  [ -r "/etc/$a_database" ] || return 1
  fr_status=2
  while IFS= read -r fr_l || [ -n "$fr_l" ]; do
    case $fr_l in '' | '#'*) continue ;; esac
    case $a_database$fr_l in
      "$a_database$a_key:"* | passwd*:*:"$a_key":* | group*:*:"$a_key":*) ;;
      *) if [ -n "$a_key" ] && ! fr_has_word "$fr_l"; then continue; fi ;;
    esac
    fr_status=0
    printf '%s\n' "$fr_l"
  done <"/etc/$a_database"
  return "$fr_status"
}
# A word of a file that is no list of colons: hosts, services, protocols …
fr_has_word() {
  case $1 in *:*:*:*) return 1 ;; esac
  case " $(printf %s "$1" | tr '\t' ' ') " in *" $a_key "* | *" $a_key/"*) return 0 ;; esac
  return 1
}
fr_ask() {
  if ! command -v getent >/dev/null 2>&1; then
    [ -z "$a_service" ] || fr_fail 'missing: getent' module/missing-tool
    fr_ask_files
    return
  fi
  set -- "$a_database"
  [ -z "$a_key" ] || set -- "$@" "$a_key"
  [ -z "$a_service" ] || set -- -s "$a_service" "$@"
  getent "$@" 2>/dev/null
}

case $a_database in '' | -* | */*) fr_fail "no name of a database: $a_database" module/bad-arguments ;; esac
case $a_key in -*) fr_fail "no key: $a_key" module/bad-arguments ;; esac
fr_split=$a_split
if ! fr_has split; then
  case $a_database in passwd | shadow | group | gshadow) fr_split=: ;; esac
fi
fr_json "getent_$a_database"
fr_name=$fr_j
fr_lines=$(fr_ask)
case $? in
  0) ;;
  2)
    fr_v='One or more supplied key could not be found in the database.'
    [ "$a_fail_key" = false ] || fr_fail "$fr_v"
    fr_put msg "$fr_v"
    fr_json "$a_key"
    fr_put_json ansible_facts "{$fr_name:{$fr_j:null}}"
    exit 0
    ;;
  3) fr_fail 'Enumeration not supported on this database.' ;;
  1) fr_fail 'Missing arguments, or database unknown.' ;;
  *) fr_fail 'Unexpected failure!' ;;
esac
fr_v=$(printf '%s\n' "$fr_split" ${fr_lines:+"$fr_lines"} | awk "$fr_awk") || fr_fail 'awk failed'
fr_put_json ansible_facts "{$fr_name:$fr_v}"
