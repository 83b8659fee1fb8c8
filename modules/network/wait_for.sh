# Ports of this device are read from /proc/net/tcp, others are dialled by
# whatever is there: bash, nc (busybox, openbsd, traditional), curl or socat.
fr_now() { # seconds of uptime, as a clock may jump meanwhile
  { read -r fr_v _ </proc/uptime; } 2>/dev/null && { fr_v=${fr_v%%.*}; return; }
  fr_v=$(date +%s)
}
fr_now
fr_began=$fr_v
fr_proc=${FLEETRUN_ROOT:-}/proc/net
fr_elapsed() { fr_now; fr_put_int elapsed $((fr_v - fr_began)); }
fr_timeout() {
  fr_elapsed
  fr_fail "${a_msg:-$1}"
}
# fr_dial: true when something listens at $a_host:$a_port; what it says first, and
# for search_regex all that comes within connect_timeout, in file $fr_said.
fr_dial() {
  case $fr_dialler in
    bash)
      if [ -n "$fr_said" ]; then
        timeout "$a_connect_timeout" bash -c 'exec 3<>"/dev/tcp/$1/$2" && cat <&3' bash "$a_host" "$a_port" >"$fr_said" 2>/dev/null
        [ -s "$fr_said" ]
        return
      fi
      timeout "$a_connect_timeout" bash -c ': <>"/dev/tcp/$1/$2"' bash "$a_host" "$a_port" 2>/dev/null
      ;;
    nc)
      if [ -n "$fr_said" ]; then
        # Its input stays open, as an nc that reads its end may hang up.
        sleep "$a_connect_timeout" | timeout "$a_connect_timeout" nc -w "$a_connect_timeout" "$a_host" "$a_port" >"$fr_said" 2>/dev/null
        [ -s "$fr_said" ]
        return
      fi
      timeout "$a_connect_timeout" nc -w "$a_connect_timeout" "$a_host" "$a_port" </dev/null >/dev/null 2>&1
      ;;
    curl)
      curl -s --connect-timeout "$a_connect_timeout" -m "$a_connect_timeout" "telnet://$a_host:$a_port" </dev/null >"${fr_said:-/dev/null}" 2>/dev/null
      # 28: the connection stood and nothing more came in time.
      case $? in 0 | 28 | 52 | 56) return 0 ;; *) return 1 ;; esac
      ;;
  esac
}
fr_pick_dialler() {
  fr_need timeout
  for fr_dialler in bash nc curl; do
    command -v "$fr_dialler" >/dev/null 2>&1 || continue
    # A bash may be built without /dev/tcp.
    [ "$fr_dialler" != bash ] || ! bash -c ': </dev/tcp/127.0.0.1/0' 2>&1 | grep -q 'No such file' || continue
    return
  done
  fr_fail 'missing: bash, nc or curl' module/missing-tool
}
# fr_sockets STATES: true when /proc/net/tcp has the port in one of the states.
fr_sockets() {
  # Columns: number, local address:port, remote address:port, state; all hex.
  printf '%s\n' "$fr_hex $1" "$fr_excluded" "$fr_local_hex" | cat - "$fr_proc/tcp" "$fr_proc/tcp6" 2>/dev/null | awk '
    NR == 1 { port = $1; for (i = 2; i <= NF; i++) want[$i] = 1; next }
    NR == 2 { for (i = 1; i <= NF; i++) skip[$i] = 1; next }
    NR == 3 { for (i = 1; i <= NF; i++) here[$i] = 1; all = NF == 0; next }
    $4 in want {
      split($2, l, ":"); split($3, r, ":")
      if (l[2] == port && !(r[1] in skip) && (all || (l[1] in here))) found = 1
    }
    END { exit !found }'
}
# fr_hex_of ADDRESS: how /proc/net/tcp and tcp6 write it, in $fr_v.
fr_hex_of() {
  case $1 in
    *[!0-9.]* | '')
      fr_v=$(getent ahostsv4 "$1" 2>/dev/null) || fr_fail "cannot find the address of $1"
      fr_v=${fr_v%%[!0-9.]*}
      ;;
    *) fr_v=$1 ;;
  esac
  IFS=.
  # shellcheck disable=SC2086
  set -- $fr_v
  unset IFS
  fr_v=$(printf '%02X%02X%02X%02X' "$4" "$3" "$2" "$1")
  fr_v="$fr_v 0000000000000000FFFF0000$fr_v"
}
fr_read_states() {
  fr_states='' fr_i=1
  while [ "$fr_i" -le "$a_active_connection_states_n" ]; do
    fr_item active_connection_states "$fr_i"
    fr_i=$((fr_i + 1))
    case $fr_v in
      ESTABLISHED) fr_v=01 ;; SYN_SENT) fr_v=02 ;; SYN_RECV) fr_v=03 ;; FIN_WAIT1) fr_v=04 ;; FIN_WAIT2) fr_v=05 ;;
      TIME_WAIT) fr_v=06 ;; CLOSE) fr_v=07 ;; CLOSE_WAIT) fr_v=08 ;; LAST_ACK) fr_v=09 ;; LISTEN) fr_v=0A ;; CLOSING) fr_v=0B ;;
      *) fr_fail "unknown active_connection_state ($fr_v)" module/bad-arguments ;;
    esac
    fr_states="$fr_states $fr_v"
  done
}
# fr_search FILE: true when search_regex is found; groups in $fr_groups, $fr_named (JSON).
fr_search() {
  fr_v=$(awk "$fr_awk" <<EOT
$a_search_regex
$(cat -- "$1" 2>/dev/null)
EOT
  ) || return 1
  case $fr_v in
    !*) fr_fail "${fr_v#!}" module/bad-arguments ;;
    '') return 1 ;;
  esac
  fr_groups=${fr_v%%"$fr_nl"*} fr_named=${fr_v#*"$fr_nl"}
}
fr_met() {
  case $a_state in
    absent | stopped)
      if [ -n "$a_path" ]; then
        [ -e "$fr_p" ] || return 0
        [ -n "$a_search_regex" ] || return 1
        fr_search "$fr_p" && return 1
        return 0
      fi
      fr_dial && return 1
      return 0
      ;;
    drained) fr_sockets "$fr_states" && return 1; return 0 ;;
  esac
  if [ -n "$a_path" ]; then
    [ -e "$fr_p" ] || return 1
    [ -z "$a_search_regex" ] || fr_search "$fr_p"
    return
  fi
  fr_dial || return 1
  [ -z "$a_search_regex" ] || fr_search "$fr_said"
}
fr_groups='[]' fr_named='{}' fr_said='' fr_p=''
if [ -n "$a_port" ] && [ -n "$a_path" ]; then fr_fail 'port and path parameter can not both be passed to wait_for' module/bad-arguments; fi
case $a_state in
  stopped) [ -z "$a_path" ] || fr_fail 'state=stopped should only be used for checking a port in the wait_for module' module/bad-arguments ;;
  drained) [ -n "$a_port" ] || fr_fail 'state=drained should only be used for checking a port in the wait_for module' module/bad-arguments ;;
esac
if [ "${a_exclude_hosts_n:-0}" -gt 0 ] && [ "$a_state" != drained ]; then
  fr_fail 'exclude_hosts should only be with state=drained' module/bad-arguments
fi
if [ "$a_state" = drained ]; then
  fr_need awk
  fr_hex=$(printf '%04X' "$a_port") fr_excluded='' fr_local_hex=''
  fr_read_states
  fr_i=1
  while [ "$fr_i" -le "${a_exclude_hosts_n:-0}" ]; do
    fr_item exclude_hosts "$fr_i"
    fr_hex_of "$fr_v"
    fr_excluded="$fr_excluded $fr_v" fr_i=$((fr_i + 1))
  done
  case $a_host in 0.0.0.0 | ::) ;; *) fr_hex_of "$a_host"; fr_local_hex="$fr_v 00000000 00000000000000000000000000000000" ;; esac
elif [ -n "$a_port" ]; then
  fr_pick_dialler
  case $a_host in -*) fr_fail "no host: $a_host" module/bad-arguments ;; esac
  if [ -n "$a_search_regex" ]; then fr_said=$(fr_tmp) || fr_fail 'cannot write a temporary file'; fr_later "$fr_said"; fi
fi
if [ -n "$a_path" ]; then fr_path "$a_path"; fr_p=$fr_v; fi
[ "$a_delay" = 0 ] || sleep "$a_delay"
if [ -z "$a_port$a_path" ]; then
  case $a_state in stopped | absent) ;; *) sleep "$a_timeout" ;; esac
else
  until fr_met; do
    fr_now
    if [ $((fr_v - fr_began)) -ge "$a_timeout" ]; then
      fr_place=${a_path:-$a_host:$a_port}
      case $a_state in
        absent | stopped) if [ -n "$a_path" ]; then fr_timeout "Timeout when waiting for $fr_place to be absent."; else fr_timeout "Timeout when waiting for $fr_place to stop."; fi ;;
        drained) fr_timeout "Timeout when waiting for $fr_place to drain" ;;
      esac
      [ -z "$a_search_regex" ] || fr_timeout "Timeout when waiting for search string $a_search_regex in $fr_place"
      fr_timeout "Timeout when waiting for ${a_path:+file }$fr_place"
    fi
    sleep "$a_sleep"
  done
fi
fr_put state "$a_state"
if [ -n "$a_port" ]; then fr_put_int port "$a_port"; else fr_put_json port null; fi
if [ -n "$a_search_regex" ]; then fr_put search_regex "$a_search_regex"; else fr_put_json search_regex null; fi
fr_put_json match_groups "$fr_groups"
fr_put_json match_groupdict "$fr_named"
if [ -n "$a_path" ]; then fr_put path "$a_path"; else fr_put_json path null; fi
fr_elapsed
if [ -n "$fr_p" ] && fr_look "$fr_p"; then fr_kind "$fr_p"; fr_put_look; fi
