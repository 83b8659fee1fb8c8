# groupadd and its like where they are; else the files themselves are edited.

# The line of NAME (or, with BY=3, of an id) in FILE or the name service, in $fr_v.
fr_entry() { # passwd|group KEY
  if [ "$a_local" = false ] && command -v getent >/dev/null 2>&1; then
    fr_v=$(getent "$1" "$2" 2>/dev/null) || return 1
    case $fr_v in "$2:"*) return 0 ;; esac
    return 1
  fi
  while IFS= read -r fr_v || [ -n "$fr_v" ]; do
    case $fr_v in "$2:"*) return 0 ;; esac
  done <"/etc/$1"
  return 1
}
# fr_set_line FILE NAME LINE: puts LINE in place of NAME's own ('' removes it).
fr_set_line() {
  fr_new=$(fr_tmp /etc) || fr_fail 'cannot write in /etc'
  fr_later "$fr_new"
  fr_found=''
  while IFS= read -r fr_l || [ -n "$fr_l" ]; do
    case $fr_l in
      "$2:"*) [ -n "$fr_found$3" ] || continue; [ -z "$3" ] || printf '%s\n' "$3"; fr_found=1 ;;
      *) printf '%s\n' "$fr_l" ;;
    esac
  done <"$1" >"$fr_new" || fr_fail "cannot write $fr_new"
  [ -n "$fr_found" ] || [ -z "$3" ] || printf '%s\n' "$3" >>"$fr_new" || fr_fail "cannot write $fr_new"
  fr_install_file "$fr_new" "$1"
}
# True when a line of group has the id $1.
fr_gid_taken() {
  while IFS=: read -r fr_k fr_n fr_l fr_s; do
    [ "$fr_l" != "$1" ] || return 0
  done </etc/group
  return 1
}
fr_free_gid() {
  fr_num=${a_gid_min:-1000} fr_max=${a_gid_max:-60000}
  [ "$a_system" = false ] || fr_num=${a_gid_min:-100} fr_max=${a_gid_max:-999}
  while fr_gid_taken "$fr_num"; do
    fr_num=$((fr_num + 1))
    [ "$fr_num" -le "$fr_max" ] || fr_fail "no group id is free up to $fr_max"
  done
}
fr_run() { fr_v=$("$@" 2>&1) || fr_fail "${fr_v:-$1 failed}"; }
# The range of ids, as the tool's own option.
fr_groupadd() {
  set -- groupadd
  [ "$a_system" = false ] || set -- "$@" -r
  [ -z "$a_gid" ] || set -- "$@" -g "$a_gid"
  [ "$a_non_unique" = false ] || set -- "$@" -o
  [ -z "$a_gid_min" ] || set -- "$@" -K "GID_MIN=$a_gid_min"
  [ -z "$a_gid_max" ] || set -- "$@" -K "GID_MAX=$a_gid_max"
  fr_run "$@" "$a_name"
}
fr_edit() { # GID: writes the group's line, members kept
  if [ "$a_non_unique" = false ] && fr_gid_taken "$1"; then fr_fail "group id $1 is taken"; fi
  case $fr_line in '') fr_set_line /etc/group "$a_name" "$a_name:x:$1:" ;;
    *) fr_set_line /etc/group "$a_name" "$a_name:${fr_line#*:}" ;;
  esac
}
fr_present() {
  if [ -z "$fr_line" ]; then
    fr_changed
    fr_num=$a_gid
    fr_is_check && return 0
    if [ "$fr_tools" = true ]; then fr_groupadd
    else
      [ -n "$fr_num" ] || fr_free_gid
      fr_edit "$fr_num"
      [ ! -e /etc/gshadow ] || fr_set_line /etc/gshadow "$a_name" "$a_name:!::"
    fi
    fr_entry group "$a_name" || fr_fail "group $a_name was not made"
    fr_line=$fr_v
  elif [ -n "$a_gid" ] && [ "$a_gid" != "$fr_num" ]; then
    fr_changed
    fr_num=$a_gid
    fr_is_check && return 0
    if [ "$fr_tools" = true ]; then
      set -- groupmod
      [ "$a_non_unique" = false ] || set -- "$@" -o
      fr_run "$@" -g "$a_gid" "$a_name"
    else
      fr_s=${fr_line#*:}
      fr_line="$a_name:${fr_s%%:*}:$a_gid:${fr_line##*:}"
      fr_edit "$a_gid"
    fi
    return 0
  fi
  fr_num=${fr_line#*:*:} fr_num=${fr_num%%:*}
}
fr_absent() {
  [ -n "$fr_line" ] || return 0
  fr_changed
  fr_is_check && return 0
  if [ "$fr_tools" = true ]; then
    set -- groupdel
    [ "$a_force" = false ] || set -- "$@" -f
    fr_run "$@" "$a_name"
    return 0
  fi
  while IFS=: read -r fr_k fr_n fr_l fr_s; do
    [ "${fr_s%%:*}" != "$fr_num" ] || [ "$a_force" = true ] ||
      fr_fail "cannot remove the primary group of user $fr_k"
  done </etc/passwd
  fr_set_line /etc/group "$a_name" ''
  [ ! -e /etc/gshadow ] || fr_set_line /etc/gshadow "$a_name" ''
}

case $a_name in '' | -* | *[:,/$fr_nl\ ]*) fr_fail "no name of a group: $a_name" module/bad-arguments ;; esac
fr_tools=false
[ "$a_local" = true ] || ! command -v groupadd >/dev/null 2>&1 || fr_tools=true
fr_line='' fr_num=''
if fr_entry group "$a_name"; then
  fr_line=$fr_v fr_num=${fr_v#*:*:} fr_num=${fr_num%%:*}
fi
fr_put name "$a_name"
fr_put state "$a_state"
if [ "$a_state" = absent ]; then
  fr_absent
  exit 0
fi
fr_present
fr_put_bool system "$a_system"
[ -z "$fr_num" ] || fr_put_int gid "$fr_num"
