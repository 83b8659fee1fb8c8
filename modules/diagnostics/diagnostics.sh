# The checks run side by side, each in a subshell, and answer by one line in a pipe: nothing is
# written, since a full or read-only disk is what is looked for. One watchdog ends those that
# hang. FLEETRUN_ROOT moves /proc, /sys, /etc and /run.

fr_root=${FLEETRUN_ROOT:-} fr_tab=$(printf '\t')
fr_usual='memory swap oom disk inodes temperature load ro_remount fs_errors systemd_failed unit_flap
boots time os_rollback containers emmc_life emmc_eol ufs_health sd_card mmc_errors rpi_power
kernel_taint fd conntrack write_lat watchdog wifi'
t_memory_warn=15 t_memory_fail=10 t_swap_warn=80 t_swap_fail=95 t_oom_warn=0
t_disk_warn=15 t_disk_fail=10 t_inodes_warn=10 t_inodes_fail=5
t_temperature_warn=80 t_temperature_fail=0 t_temperature_margin=10 t_load_warn=2 t_load_fail=4
t_unit_flap_warn=0 t_unit_flap_fail=5 t_boots_warn=1 t_boots_fail=5
t_time_warn=1 t_time_fail=60 t_time_slack=30 t_restarts_warn=0
t_emmc_life_warn=8 t_emmc_life_fail=10 t_fd_warn=80 t_fd_fail=95 t_conntrack_warn=80
t_conntrack_fail=95 t_write_lat_warn=200 t_write_lat_fail=1000 t_ping_warn=0 t_ping_fail=50
t_wifi_warn=-75 t_wifi_fail=-85

# fr_threshold NAME VALUE: numbers only, and only what has a default.
fr_threshold() {
  case $1 in
    *[!a-z_]* | '') fr_fail "no such threshold: $1" module/bad-arguments ;;
  esac
  eval "fr_v=\${t_$1:-}"
  [ -n "$fr_v" ] || fr_fail "no such threshold: $1" module/bad-arguments
  case ${2#-} in
    '' | *[!0-9]* | 0?* | ???????????*)
      fr_fail "the threshold $1 must be a whole number, not $2" module/bad-arguments ;;
  esac
  eval "t_$1=\$2"
}

# First line of a file below the root, in $fr_v; false when it cannot be read. Files of /proc/sys
# are empty from their second byte on, and some shells read byte by byte.
fr_get() {
  fr_v=''
  case $1 in
    /proc/sys/*)
      fr_v=$(cat "$fr_root$1" 2>/dev/null)
      fr_v=${fr_v%%"$fr_nl"*}
      [ -n "$fr_v" ]
      return
      ;;
  esac
  { read -r fr_v <"$fr_root$1"; } 2>/dev/null || [ -n "$fr_v" ]
}
# fr_run WORD…: its output in $fr_v; where it fails, what it complains of.
fr_run() {
  fr_v=$("$@" 2>/dev/null) && return
  fr_v=$("$@" 2>&1 >/dev/null)
  return 1
}
fr_tool() { command -v "$1" >/dev/null 2>&1; }
# Milliseconds since boot, in steps of 10, in $fr_ms.
fr_clock() {
  fr_ms=0
  { read -r fr_ms fr_k </proc/uptime; } 2>/dev/null
  fr_ms=${fr_ms%.*}${fr_ms#*.}0
}

# What a check says: $fr_s status, $fr_val value, $fr_u unit, $fr_h threshold, $fr_d detail.
# It starts as skip.
fr_worse() {
  case $fr_s$1 in
    skip* | ok[!s]* | warn[fe]* | failerror) [ "$1" = skip ] || fr_s=$1 ;;
  esac
}
# fr_low VALUE WARN FAIL: less is worse. fr_over: more than it is worse. fr_high: from it on.
fr_low() {
  fr_h=$2
  if [ "$1" -lt "$3" ]; then fr_worse fail; fr_h=$3; elif [ "$1" -lt "$2" ]; then fr_worse warn; else fr_worse ok; fi
}
fr_over() {
  fr_h=$2
  if [ "$1" -gt "$3" ]; then fr_worse fail; fr_h=$3; elif [ "$1" -gt "$2" ]; then fr_worse warn; else fr_worse ok; fi
}
fr_high() { fr_over "$1" $(($2 - 1)) $(($3 - 1)); if [ "$fr_h" = $(($3 - 1)) ]; then fr_h=$3; else fr_h=$2; fi; }
# fr_add TEXT: one more piece of the detail.
fr_add() { fr_d="$fr_d${fr_d:+, }$1"; }
# fr_lines FUNCTION TEXT: calls it with the words of each line.
fr_lines() {
  fr_f=$1
  set -f
  IFS=$fr_nl
  # shellcheck disable=SC2086  # one word per line
  set -- $2
  unset IFS
  for fr_l; do
    # shellcheck disable=SC2086  # the words are wanted
    "$fr_f" $fr_l
  done
  set +f
}

# fr_one ID: runs a check and prints its line, at one stroke.
fr_one() {
  fr_s=skip fr_val='' fr_u='' fr_h='' fr_d=''
  fr_clock
  fr_began=$fr_ms
  if fr_tool "fr_ck_$1"; then "fr_ck_$1"; else fr_s=error fr_d='no such check'; fi
  fr_clock
  fr_d=${fr_d%%"$fr_nl"*}
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%.300s\n' "$1" "$fr_s" "$fr_val" "$fr_u" "$fr_h" \
    $((fr_ms - fr_began)) "$fr_d"
}

# fr_watch PID ID…: after the time is up it kills what still runs, with its children.
fr_watch() {
  # Nothing here may keep the pipe open but the lines themselves.
  sleep "$a_timeout" >/dev/null &
  fr_k=$!
  trap 'kill -9 "$fr_k"; exit' TERM
  wait "$fr_k"
  trap '' TERM
  while [ $# -gt 0 ]; do
    if kill -0 "$1"; then
      fr_end "$1"
      printf '%s\terror\t\t\t\t%s\t%s\n' "$2" "${a_timeout}000" "timed out after $a_timeout s"
    fi
    shift 2
  done
}
# The process first, so that it starts no more children; theirs go first to none.
fr_end() {
  kill -STOP "$1"
  for fr_f in /proc/[0-9]*/stat; do
    { read -r fr_l <"$fr_f"; } || continue
    fr_p=${fr_f#/proc/} fr_p=${fr_p%/stat}
    # "<pid> (<name>) <state> <parent> …"; the name may hold anything.
    fr_l=${fr_l##*) } fr_l=${fr_l#? }
    [ "${fr_l%% *}" != "$1" ] || (fr_end "$fr_p")
  done
  kill -9 "$1"
}

fr_all() {
  fr_pids=''
  for fr_c in $fr_ids; do
    fr_one "$fr_c" 2>/dev/null &
    fr_pids="$fr_pids $! $fr_c"
  done
  # shellcheck disable=SC2086  # the words are wanted
  fr_watch $fr_pids 2>/dev/null &
  fr_w=$!
  # shellcheck disable=SC2086
  set -- $fr_pids
  while [ $# -gt 0 ]; do wait "$1"; shift 2; done
  kill -TERM "$fr_w"
  wait "$fr_w"
} 2>/dev/null

fr_n=1
while [ "$fr_n" -le "${a_thresholds_n:-0}" ]; do
  fr_pair thresholds "$fr_n"
  fr_threshold "$fr_k" "$fr_v"
  fr_n=$((fr_n + 1))
done
fr_ids='' fr_n=1
while [ "$fr_n" -le "${a_checks_n:-0}" ]; do
  fr_item checks "$fr_n"
  case " $fr_ids " in *" $fr_v "*) ;; *) fr_ids="$fr_ids $fr_v" ;; esac
  fr_n=$((fr_n + 1))
done
if [ -z "$fr_ids" ]; then
  fr_ids=$fr_usual
  [ "${a_ping_n:-0}" = 0 ] || fr_ids="$fr_ids ping"
  [ "${a_dns_n:-0}" = 0 ] || fr_ids="$fr_ids dns"
fi
# shellcheck disable=SC2086  # the words are wanted
set -- $fr_ids
fr_v=$({ printf '@ids %s\n' "$*"; fr_all; } | awk "$fr_awk") || fr_fail 'awk failed'
# Four lines: the checks, the counts, the worst status, a sentence.
fr_put_json checks "${fr_v%%"$fr_nl"*}"
fr_v=${fr_v#*"$fr_nl"}
fr_put_json summary "${fr_v%%"$fr_nl"*}"
fr_v=${fr_v#*"$fr_nl"}
fr_s=${fr_v%%"$fr_nl"*} fr_v=${fr_v#*"$fr_nl"}
fr_h=true
case $fr_s$a_fail_on in fail* | error* | warnwarn) fr_h=false ;; esac
fr_put_bool healthy "$fr_h"
[ "$fr_h$a_fail_on" = falsefail ] || [ "$fr_h$a_fail_on" = falsewarn ] && fr_fail "$fr_v" task/unhealthy
fr_put msg "$fr_v"
