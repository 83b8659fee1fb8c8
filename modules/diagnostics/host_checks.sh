# Checks of diagnostics.sh: memory, processor, kernel, clock and services. Each sets $fr_s and so
# on; all variables are its own, since it runs in a subshell.

# Numbers of /proc/meminfo, in kB, in $fr_m_*.
fr_meminfo() {
  fr_m_total='' fr_m_avail='' fr_m_free=0 fr_m_cached=0 fr_m_buffers=0 fr_m_swap='' fr_m_swapfree=0
  while read -r fr_k fr_v fr_l; do
    case $fr_k in
      MemTotal:) fr_m_total=$fr_v ;;
      MemAvailable:) fr_m_avail=$fr_v ;;
      MemFree:) fr_m_free=$fr_v ;;
      Cached:) fr_m_cached=$fr_v ;;
      Buffers:) fr_m_buffers=$fr_v ;;
      SwapTotal:) fr_m_swap=$fr_v ;;
      SwapFree:) fr_m_swapfree=$fr_v ;;
    esac
  done 2>/dev/null <"$fr_root/proc/meminfo"
  # Kernels before 3.14 do not say what is available.
  [ -n "$fr_m_avail" ] || fr_m_avail=$((fr_m_free + fr_m_cached + fr_m_buffers))
  [ "${fr_m_total:-0}" -gt 0 ] || { fr_d='/proc/meminfo is not there'; return 1; }
}
fr_ck_memory() {
  fr_meminfo || return 0
  fr_val=$((fr_m_avail * 100 / fr_m_total)) fr_u=%
  fr_low "$fr_val" "$t_memory_warn" "$t_memory_fail"
  fr_d="$fr_val % of $((fr_m_total / 1024)) MiB available"
  fr_pressure memory avg60
}
fr_ck_swap() {
  fr_meminfo || return 0
  [ "${fr_m_swap:-0}" -gt 0 ] || { fr_d='there is no swap'; return 0; }
  fr_val=$(((fr_m_swap - fr_m_swapfree) * 100 / fr_m_swap)) fr_u=%
  fr_over "$fr_val" "$t_swap_warn" "$t_swap_fail"
  fr_d="$fr_val % of $((fr_m_swap / 1024)) MiB in use"
}
fr_ck_oom() {
  while read -r fr_k fr_v; do
    [ "$fr_k" != oom_kill ] || fr_val=$fr_v
  done 2>/dev/null <"$fr_root/proc/vmstat"
  [ -n "$fr_val" ] || { fr_d='the kernel does not count it'; return 0; }
  fr_over "$fr_val" "$t_oom_warn" 999999999
  fr_d="$fr_val processes killed for want of memory since boot"
}
# fr_pressure WHAT SPAN: adds the share of time in which tasks waited.
fr_pressure() {
  fr_get "/proc/pressure/$1" || return 0
  case $fr_v in "some "*"$2="*) ;; *) return 0 ;; esac
  fr_v=${fr_v#*"$2="}
  case $fr_v in 0.0*) ;; *) fr_add "waited for $1 ${fr_v%% *} % of the time" ;; esac
}

# Hundredths of "1.25", in $fr_v.
fr_hundredths() {
  fr_v=${1%.*}${1#*.}
  while :; do case $fr_v in 0?*) fr_v=${fr_v#0} ;; *) break ;; esac; done
}
fr_ck_load() {
  fr_get /proc/loadavg || { fr_d='/proc/loadavg is not there'; return 0; }
  # shellcheck disable=SC2086  # the words are wanted
  set -- $fr_v
  fr_hundredths "$3"
  fr_val=$3 fr_c=0 fr_n=$fr_v
  while read -r fr_k fr_v; do
    case $fr_k in cpu[0-9]*) fr_c=$((fr_c + 1)) ;; esac
  done 2>/dev/null <"$fr_root/proc/stat"
  [ "$fr_c" -gt 0 ] || fr_c=1
  fr_over "$fr_n" $((t_load_warn * 100 * fr_c)) $((t_load_fail * 100 * fr_c))
  fr_h=$((fr_h / 100))
  fr_d="$3 on $fr_c processors in 15 minutes"
  fr_pressure cpu avg300
  fr_pressure io avg300
}

# The hottest zone against its own critical point. A Jetson's PMIC-Die always says 100 °C.
fr_ck_temperature() {
  for fr_z in "$fr_root"/sys/class/thermal/thermal_zone*; do
    fr_p=${fr_z#"$fr_root"} fr_k=zone fr_crit=0
    fr_get "$fr_p/temp" || continue
    fr_t=$fr_v
    case ${fr_t#-} in '' | *[!0-9]*) continue ;; esac
    ! fr_get "$fr_p/type" || fr_k=$fr_v
    [ "$fr_k" != PMIC-Die ] || continue
    for fr_f in "$fr_z"/trip_point_*_type; do
      ! fr_get "${fr_f#"$fr_root"}" || [ "$fr_v" != critical ] || fr_crit=$fr_f
    done
    fr_f=${fr_crit#"$fr_root"} fr_crit=0
    ! fr_get "${fr_f%_type}_temp" || fr_crit=$fr_v
    fr_zone "$((fr_t / 1000))" "$((fr_crit / 1000))"
  done
  [ -n "$fr_val" ] || fr_d='there is no thermal zone'
}
# fr_zone DEGREES CRITICAL: a critical point of 0 or less is none.
fr_zone() {
  fr_w=$t_temperature_warn fr_x=$t_temperature_fail
  if [ "$2" -gt 0 ]; then
    if [ "$fr_x" = 0 ] || [ "$fr_x" -gt "$2" ]; then fr_x=$2; fi
    [ $(($2 - t_temperature_margin)) -ge "$fr_w" ] || fr_w=$(($2 - t_temperature_margin))
  fi
  [ "$fr_x" -gt 0 ] || fr_x=99999
  [ "$fr_x" -ge "$fr_w" ] || fr_w=$fr_x
  if [ -z "$fr_val" ] || [ "$1" -gt "$fr_val" ]; then fr_val=$1 fr_u=C fr_y=1; else fr_y=''; fi
  fr_old=$fr_h
  fr_high "$1" "$fr_w" "$fr_x"
  [ -n "$fr_y" ] || fr_h=$fr_old
  if [ "$1" -ge "$fr_w" ]; then fr_add "$fr_k is at $1 C"; fi
}

fr_ck_kernel_taint() {
  fr_get /proc/sys/kernel/tainted || { fr_d='the kernel does not tell'; return 0; }
  fr_val=$fr_v
  if [ "$fr_v" = 0 ]; then fr_worse ok; return 0; fi
  fr_worse warn
  # Bits of Documentation/admin-guide/tainted-kernels.rst that speak of faults.
  [ $((fr_v & 128)) = 0 ] || fr_add 'the kernel has oopsed'
  [ $((fr_v & 16)) = 0 ] || fr_add 'a machine check was seen'
  [ $((fr_v & 512)) = 0 ] || fr_add 'the kernel has warned'
  [ $((fr_v & 16384)) = 0 ] || fr_add 'a soft lockup was seen'
  fr_add "taint $fr_val"
}
fr_ck_fd() {
  fr_get /proc/sys/fs/file-nr || { fr_d='/proc/sys/fs/file-nr is not there'; return 0; }
  # shellcheck disable=SC2086  # the words are wanted
  set -- $fr_v
  # The limit may be the greatest number there is, which no shell can multiply.
  if [ ${#3} -gt 15 ]; then fr_val=0; else fr_val=$(($1 * 100 / $3)); fi
  fr_u=%
  fr_over "$fr_val" "$t_fd_warn" "$t_fd_fail"
  fr_d="$1 files are open, $fr_val % of the limit"
}
fr_ck_conntrack() {
  fr_get /proc/sys/net/netfilter/nf_conntrack_max || { fr_d='connections are not tracked'; return 0; }
  fr_n=$fr_v
  fr_get /proc/sys/net/netfilter/nf_conntrack_count || return 0
  [ "$fr_n" -gt 0 ] || return 0
  fr_val=$((fr_v * 100 / fr_n)) fr_u=%
  fr_over "$fr_val" "$t_conntrack_warn" "$t_conntrack_fail"
  fr_d="$fr_v of $fr_n connections"
}

fr_systemd() {
  [ -d "$fr_root/run/systemd/system" ] && fr_tool systemctl && return
  fr_d='there is no systemd'
  return 1
}
fr_ck_systemd_failed() {
  fr_systemd || return 0
  if ! fr_run systemctl list-units --state=failed --no-legend --plain --no-pager; then
    fr_s=error fr_d="systemctl: $fr_v"
    return 0
  fi
  fr_val=0 fr_u=units
  fr_worse ok
  fr_lines fr_failed_unit "$fr_v"
}
fr_failed_unit() {
  # systemd before 248 marks units in trouble even under --plain.
  case $1 in *.*) ;; *) shift ;; esac
  fr_val=$((fr_val + 1))
  fr_worse warn
  fr_n=1
  while [ "$fr_n" -le "${a_critical_units_n:-0}" ]; do
    fr_item critical_units "$fr_n"
    case $1 in "$fr_v" | "$fr_v".service) fr_worse fail ;; esac
    fr_n=$((fr_n + 1))
  done
  [ "$fr_val" -gt 5 ] || fr_add "$1 failed"
}
fr_ck_unit_flap() {
  fr_systemd || return 0
  if ! fr_run systemctl show -p Id -p NRestarts '*.service'; then
    fr_s=error fr_d="systemctl: $fr_v"
    return 0
  fi
  case $fr_v in *NRestarts=*) ;; *) fr_d='systemd does not count restarts'; return 0 ;; esac
  fr_val=0 fr_u=restarts fr_id='' fr_n=''
  fr_worse ok
  fr_lines fr_unit_line "$fr_v"
}
# The two lines of a unit may come in any order; the empty line between units is lost.
fr_unit_line() {
  case $1 in
    Id=*) fr_id=${1#Id=} ;;
    NRestarts=*) fr_n=${1#NRestarts=} ;;
  esac
  [ -n "$fr_id" ] && [ -n "$fr_n" ] || return 0
  if [ "$fr_n" -gt "$t_unit_flap_warn" ]; then fr_add "$fr_id was restarted $fr_n times"; fi
  if [ "$fr_n" -ge "$fr_val" ]; then
    fr_val=$fr_n
    fr_over "$fr_n" "$t_unit_flap_warn" "$t_unit_flap_fail"
  fi
  fr_id='' fr_n=''
}

# Boots of the last 24 hours, from the journal.
fr_ck_boots() {
  fr_tool journalctl || { fr_d='there is no journal'; return 0; }
  [ -d "$fr_root/var/log/journal" ] || { fr_d='the journal does not outlive a boot'; return 0; }
  fr_v=$(journalctl --list-boots --utc --no-pager 2>/dev/null) || { fr_s=error fr_d='journalctl failed'; return 0; }
  # "-1 <id> Tue 2024-01-02 03:04:05 UTC…"; days by the civil calendar, since not every awk has mktime.
  fr_val=$(printf '%s\n' "$fr_v" | awk -v now="$(date +%s)" '
    function days(y, m, d) {
      if (m <= 2) { y--; m += 12 }
      return 365 * y + int(y / 4) - int(y / 100) + int(y / 400) + int((153 * (m - 3) + 2) / 5) + d - 719469
    }
    $1 ~ /^-?[0-9]+$/ && $4 ~ /^[0-9]+-[0-9]+-[0-9]+$/ {
      split($4, a, "-"); split($5, b, ":")
      if (days(a[1] + 0, a[2] + 0, a[3] + 0) * 86400 + b[1] * 3600 + b[2] * 60 + b[3] > now - 86400) n++
    }
    $1 ~ /^-?[0-9]+$/ { known++ }
    END { print known ? n + 0 : "" }')
  [ -n "$fr_val" ] || { fr_d='the journal knows no boot'; return 0; }
  fr_u='boots/day'
  fr_over "$fr_val" "$t_boots_warn" "$t_boots_fail"
  fr_d="$fr_val boots in the last 24 hours"
}

# Is the clock set, kept, and near to the controller's?
fr_ck_time() {
  fr_now=$(date +%s)
  if [ "$fr_now" -lt 1704067200 ]; then
    fr_s=fail fr_val=$(date +%Y) fr_u=year fr_h=2024 fr_d="the clock says $fr_val"
    return 0
  fi
  if [ -n "$a_epoch" ]; then fr_offset "${a_epoch%%.*}"; fi
  fr_synced
  case $fr_v in
    yes) fr_worse ok; fr_add 'kept by NTP' ;;
    no) fr_worse warn; fr_add 'not kept by NTP' ;;
    *) [ "$fr_s" != skip ] || fr_d='nothing tells whether the clock is kept' ;;
  esac
}
# The controller's time was taken before it travelled: a clock may be ahead by as long as that took.
fr_offset() {
  fr_val=$((fr_now - $1)) fr_u=s
  if [ "$fr_val" -ge 0 ]; then
    fr_n=$((fr_val - t_time_slack))
    [ "$fr_n" -gt 0 ] || fr_n=0
    fr_k=ahead
  else
    fr_n=$((0 - fr_val)) fr_k=behind
  fi
  fr_over "$fr_n" "$t_time_warn" "$t_time_fail"
  [ "$fr_s" = ok ] || fr_add "${fr_val#-} s $fr_k of the controller"
}
# yes, no or nothing, in $fr_v.
fr_synced() {
  if fr_tool chronyc && fr_k=$(chronyc -n tracking 2>/dev/null); then
    case $fr_k in
      *'Leap status'*': Not sync'*) fr_v=no ;;
      *'Leap status'*) fr_v=yes ;;
      *) fr_v='' ;;
    esac
    [ -z "$fr_v" ] || return 0
  fi
  fr_v=''
  fr_tool timedatectl || return 0
  fr_k=$(timedatectl show -p NTPSynchronized 2>/dev/null) || fr_k=$(timedatectl 2>/dev/null) || return 0
  case $fr_k in
    *NTPSynchronized=yes* | *'synchronized: yes'*) fr_v=yes ;;
    *NTPSynchronized=no* | *'synchronized: no'*) fr_v=no ;;
  esac
}

# What a failed update leaves behind. balena's hooks keep their marks in /mnt/state.
fr_ck_os_rollback() {
  fr_n=1 fr_val=0
  if [ -d "$fr_root/mnt/state" ]; then
    fr_worse ok
    for fr_k in health-triggered altboot-triggered health-failed; do
      fr_mark "/mnt/state/rollback-$fr_k"
    done
  fi
  while [ "$fr_n" -le "${a_rollback_marks_n:-0}" ]; do
    fr_item rollback_marks "$fr_n"
    fr_worse ok
    fr_mark "$fr_v"
    fr_n=$((fr_n + 1))
  done
  [ "$fr_s" != skip ] || { fr_val=''; fr_d='no updater is known that leaves marks'; }
}
fr_mark() {
  [ -e "$fr_root$1" ] || return 0
  fr_worse fail
  fr_val=$((fr_val + 1))
  fr_add "$1 is there"
}

fr_ck_watchdog() {
  for fr_z in "$fr_root"/sys/class/watchdog/watchdog*; do
    fr_p=${fr_z#"$fr_root"}
    fr_get "$fr_p/bootstatus" || continue
    # WDIOF_CARDRESET of linux/watchdog.h.
    if [ $((fr_v & 32)) != 0 ]; then fr_worse fail; fr_add "${fr_z##*/} caused the last boot"; fi
    fr_v=''
    fr_get "$fr_p/state" || continue
    if [ "$fr_v" = active ]; then fr_worse ok; else fr_worse warn; fr_add "${fr_z##*/} is $fr_v"; fi
  done
  [ "$fr_s$fr_d" != skip ] || fr_d='there is no watchdog'
}
# "throttled=0x50005", or the bits alone.
fr_ck_rpi_power() {
  if fr_get '/sys/devices/platform/soc/soc:firmware/get_throttled'; then :
  elif fr_tool vcgencmd; then fr_v=$(vcgencmd get_throttled 2>/dev/null)
  else fr_d='no Raspberry Pi'; return 0
  fi
  fr_v=${fr_v#throttled=} fr_v=${fr_v#0x}
  case $fr_v in '' | *[!0-9a-fA-F]*) fr_s=error fr_d="what is '$fr_v'?"; return 0 ;; esac
  fr_val=0x$fr_v fr_n=$((0x$fr_v))
  fr_worse ok
  fr_bit 1 fail 'under-voltage now'
  fr_bit 2 warn 'frequency is capped'
  fr_bit 4 fail 'throttled now'
  fr_bit 8 warn 'near the temperature limit'
  fr_bit 65536 warn 'under-voltage since boot'
  fr_bit 131072 warn 'frequency was capped since boot'
  fr_bit 262144 warn 'throttled since boot'
  fr_bit 524288 warn 'temperature limit reached since boot'
}
fr_bit() { [ $((fr_n & $1)) = 0 ] || { fr_worse "$2"; fr_add "$3"; }; }

# Containers: what the engine says of all, stopped ones too.
fr_ck_containers() {
  fr_e=$a_engine
  if [ -n "$fr_e" ] && ! fr_tool "$fr_e"; then fr_s=fail fr_d="${fr_e##*/} is not there"; return 0; fi
  for fr_k in balena-engine balena docker podman; do
    [ -z "$fr_e" ] || break
    if fr_tool "$fr_k"; then fr_e=$fr_k; break; fi
  done
  [ -n "$fr_e" ] || { fr_d='there is no container engine'; return 0; }
  # Docker's words for a container are the same in the Status of every version.
  if ! fr_run "$fr_e" ps -a --format '{{.ID}} {{.Names}} {{.Status}}'; then
    case $fr_v in *'ermission denied'*) fr_s=error ;; *) fr_s=fail ;; esac
    fr_d="${fr_e##*/} does not answer: $fr_v"
    return 0
  fi
  fr_worse ok
  fr_val=0 fr_u=containers fr_cids='' fr_up=' '
  fr_lines fr_container "$fr_v"
  if [ -n "$fr_cids" ]; then
    # shellcheck disable=SC2086  # one word each
    fr_v=$("$fr_e" inspect --format '{{.RestartCount}} {{.Name}}' $fr_cids 2>/dev/null)
    fr_lines fr_restarts "$fr_v"
  fi
  fr_n=1
  while [ "$fr_n" -le "${a_containers_n:-0}" ]; do
    fr_item containers "$fr_n"
    case $fr_up in *" $fr_v "*) ;; *) fr_worse fail; fr_add "$fr_v does not run" ;; esac
    fr_n=$((fr_n + 1))
  done
}
fr_container() {
  fr_cids="$fr_cids $1" fr_val=$((fr_val + 1)) fr_k=$2
  shift 2
  case $* in
    *'(unhealthy)'*) fr_worse fail; fr_add "$fr_k is unhealthy" ;;
    Restarting*) fr_worse fail; fr_add "$fr_k is restarting" ;;
    Dead*) fr_worse fail; fr_add "$fr_k is dead" ;;
  esac
  case $* in Up*) fr_up="$fr_up$fr_k " ;; esac
}
fr_restarts() {
  case ${1:-x} in *[!0-9]*) return 0 ;; esac
  [ "$1" -le "$t_restarts_warn" ] || { fr_worse warn; fr_add "${2#/} was restarted $1 times"; }
}
