# What apt, opkg, apk and dnf share: their locks, and actions whose output is kept.
fr_root=${FLEETRUN_ROOT:-} fr_waited=0 fr_who=''
# fr_holder FILE: true when a process holds a lock on it; who, in $fr_who.
fr_holder() {
  [ -e "$1" ] || return 1
  fr_inode=$(ls -i -- "$1") || return 1
  fr_inode=${fr_inode#"${fr_inode%%[! ]*}"} fr_inode=${fr_inode%% *}
  # "1: POSIX  ADVISORY  WRITE 1234 fe:00:5678 0 EOF"
  while read -r _ _ _ fr_kind_ fr_pid fr_place _; do
    case $fr_kind_:$fr_place in
      WRITE:*:"$fr_inode")
        fr_who="process $fr_pid"
        { read -r fr_v <"/proc/$fr_pid/comm"; } 2>/dev/null && fr_who="$fr_who ($fr_v)"
        return 0
        ;;
    esac
  done </proc/locks
  return 1
}
# fr_wait_for_locks FILE…: up to a_lock_timeout; says who holds one for longer.
fr_wait_for_locks() {
  fr_is_check && return 0
  [ -r /proc/locks ] || return 0
  while :; do
    fr_lock=''
    for fr_file; do
      if fr_holder "$fr_root$fr_file"; then fr_lock=$fr_file; break; fi
    done
    [ -n "$fr_lock" ] || return 0
    [ "$fr_waited" -lt "$a_lock_timeout" ] ||
      fr_fail "waited $fr_waited s for $fr_lock; $fr_who holds it" module/locked
    sleep 1
    fr_waited=$((fr_waited + 1))
  done
}
# fr_run COMMAND…: output in $fr_stdout and $fr_stderr; its status.
fr_stdout='' fr_stderr=''
fr_run() {
  fr_err=$(fr_tmp) || fr_fail 'cannot write a temporary file'
  fr_later "$fr_err"
  fr_stdout=$("$@" 2>"$fr_err")
  fr_rc=$?
  fr_stderr=$(cat "$fr_err")
  rm -f -- "$fr_err"
  return "$fr_rc"
}
# fr_run_failed WHAT: ends the module with what the last fr_run printed.
fr_run_failed() {
  fr_put_int rc "$fr_rc"
  fr_put stdout "$fr_stdout"
  fr_put stderr "$fr_stderr"
  fr_fail "$1 failed: $(printf '%s\n' "${fr_stderr:-$fr_stdout}" | tail -n 5)"
}
# fr_words NAME: the words of list argument a_NAME, each one checked, in $fr_words.
fr_take_words() {
  fr_words='' fr_i=1
  eval "fr_n=\${a_$1_n:-0}"
  while [ "$fr_i" -le "$fr_n" ]; do
    fr_item "$1" "$fr_i"
    case $fr_v in
      '' | -* | *[!A-Za-z0-9@+._:=~*/\?\[\]\<\>\(\)!,%-]*) fr_fail "no name of a package: $fr_v" module/bad-arguments ;;
    esac
    fr_words="$fr_words $fr_v"
    fr_i=$((fr_i + 1))
  done
}
