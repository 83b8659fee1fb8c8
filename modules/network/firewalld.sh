# Each wish is asked for and changed in the running and in the permanent
# configuration apart, as far as `immediate` and `permanent` say.
fr_said=''
fr_x() { fr_said=$("$@" 2>&1 </dev/null); }
fr_is_running=true
if ! fr_x firewall-cmd --state; then fr_is_running=false; fi
[ "$a_permanent" = true ] || a_immediate=true
if [ "$fr_is_running" = false ]; then
  if [ "$a_permanent" = false ]; then fr_fail 'firewalld is not currently running, unable to perform immediate actions'; fi
  if [ "$a_immediate" = true ]; then
    [ "$a_offline" = true ] || fr_fail 'firewalld is not currently running, unable to perform immediate actions without a running firewall; give `offline`'
    a_immediate=false
  fi
  fr_need firewall-offline-cmd
fi
fr_msgs=''
fr_tell() { fr_msgs="$fr_msgs${fr_msgs:+, }$1"; }
# fr_cmd WORD…: one of the two configurations, by $fr_where.
fr_cmd() {
  case $fr_where$fr_is_running in
    permanenttrue) fr_x firewall-cmd --permanent "$@" ;;
    permanent*) fr_x firewall-offline-cmd "$@" ;;
    *) fr_x firewall-cmd "$@" ;;
  esac
}
fr_must() {
  fr_changed
  fr_is_check && return 0
  fr_cmd "$@" || fr_fail "firewalld: $* failed: $fr_said"
  case $fr_said in *Error:* | *NOT_ENABLED*) fr_fail "firewalld: $fr_said" ;; esac
}
fr_zone=''
[ -z "$a_zone" ] || fr_zone=--zone=$a_zone
case $a_zone in *[!A-Za-z0-9_/-]*) fr_fail "no zone: $a_zone" module/bad-arguments ;; esac
fr_wheres=''
[ "$a_permanent" = false ] || { fr_wheres=permanent; fr_tell 'Permanent operation'; }
[ "$a_immediate" = false ] || { fr_wheres="$fr_wheres runtime"; fr_tell 'Non-permanent operation'; }
fr_wishes=0
# fr_wish NAME VALUE SHOWN: --query-NAME=VALUE, --add-NAME=VALUE and --remove-NAME=VALUE; no value, no "=".
fr_wish() {
  fr_wishes=$((fr_wishes + 1)) fr_word=$1${2:+=$2}
  for fr_where in $fr_wheres; do
    fr_is=disabled
    # shellcheck disable=SC2086
    if fr_cmd $fr_zone "--query-$fr_word"; then fr_is=enabled
    else case $fr_said in *no*) ;; *) fr_fail "firewalld: $fr_said" ;; esac; fi
    [ "$fr_is" != "$fr_goal" ] || continue
    # shellcheck disable=SC2086
    case $fr_goal:$1:$fr_where in
      # An interface is in one zone only; it moves.
      enabled:interface:*) fr_must $fr_zone "--change-$fr_word" ;;
      enabled:source:*) fr_must $fr_zone "--add-$fr_word" ;;
      enabled:*:runtime) if [ "$a_timeout" = 0 ]; then fr_must $fr_zone "--add-$fr_word"; else fr_must $fr_zone "--add-$fr_word" "--timeout=$a_timeout"; fi ;;
      enabled:*) fr_must $fr_zone "--add-$fr_word" ;;
      *) fr_must $fr_zone "--remove-$fr_word" ;;
    esac
    fr_note=1
  done
  [ -z "${fr_note:-}" ] || fr_tell "Changed $3 to $a_state"
  fr_note=''
}
case $a_state:$a_service$a_port$a_protocol$a_icmp_block$a_rich_rule$a_source$a_interface${a_port_forward:-}$a_masquerade in
  present:?* | absent:?*) fr_fail 'absent and present state can only be used in zone level operations' module/bad-arguments ;;
esac
fr_goal=$a_state
[ -z "$a_service" ] || fr_wish service "$a_service" "service $a_service"
[ -z "$a_port" ] || case $a_port in */*) fr_wish port "$a_port" "port $a_port" ;; *) fr_fail 'improper port format (missing protocol?)' module/bad-arguments ;; esac
[ -z "$a_protocol" ] || fr_wish protocol "$a_protocol" "protocol $a_protocol"
[ -z "$a_icmp_block" ] || fr_wish icmp-block "$a_icmp_block" "icmp-block $a_icmp_block"
[ -z "$a_rich_rule" ] || fr_wish rich-rule "$a_rich_rule" "rich_rule $a_rich_rule"
[ -z "$a_source" ] || fr_wish source "$a_source" "source $a_source"
[ -z "$a_interface" ] || fr_wish interface "$a_interface" "interface $a_interface"
fr_i=1
while [ "$fr_i" -le "${a_port_forward_n:-0}" ]; do
  fr_item port_forward "$fr_i"
  fr_i=$((fr_i + 1))
  # {"port":"80","proto":"tcp","toport":"8080","toaddr":"…"}
  fr_word=''
  for fr_k in port proto toport toaddr; do
    fr_w=$(printf '%s' "$fr_v" | sed -n "s/.*\"$fr_k\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/p")
    [ -z "$fr_w" ] || fr_word="$fr_word${fr_word:+:}$fr_k=$fr_w"
  done
  fr_wish forward-port "$fr_word" "port_forward $fr_word"
done
# With enabled, no means off; with disabled, yes means off.
for fr_row in masquerade:masquerade icmp_block_inversion:icmp-block-inversion forward:forward; do
  fr_has "${fr_row%%:*}" || continue
  eval "fr_v=\$a_${fr_row%%:*}"
  case $a_state$fr_v in enabledtrue | disabledfalse) fr_goal=enabled ;; *) fr_goal=disabled ;; esac
  fr_wish "${fr_row#*:}" '' "${fr_row%%:*}"
  fr_goal=$a_state
done
if [ -n "$a_target" ]; then
  [ -n "$a_zone" ] || fr_fail 'target needs a zone' module/bad-arguments
  [ "$a_permanent" = true ] || fr_fail 'target can only be set permanently; reload firewalld then' module/bad-arguments
  fr_wishes=1 fr_where=permanent fr_v=$a_target
  case $a_state in absent | disabled) fr_v=default ;; esac
  # shellcheck disable=SC2086
  fr_cmd $fr_zone --get-target || fr_fail "firewalld: $fr_said"
  if [ "$fr_said" != "$fr_v" ]; then
    fr_old=$fr_said
    # shellcheck disable=SC2086
    fr_must $fr_zone "--set-target=$fr_v"
    fr_tell "Changed zone $a_zone target from $fr_old to $fr_v"
  fi
fi
if [ "$fr_wishes" = 0 ]; then
  case $a_state in present | absent) ;; *) fr_fail 'nothing to do: give a service, a port or the like' module/bad-arguments ;; esac
  [ -n "$a_zone" ] || fr_fail 'zone is a required argument for state present or absent' module/bad-arguments
  [ "$a_permanent" = true ] || fr_fail 'Zone operations must be permanent. Make sure you set the `permanent` flag to true and the `immediate` flag to false (default).' module/bad-arguments
  fr_where=permanent
  fr_cmd --get-zones || fr_fail "firewalld: $fr_said"
  case $a_state:" $fr_said " in
    present:*" $a_zone "*) ;;
    present:*) fr_must "--new-zone=$a_zone"; fr_tell "Added zone $a_zone" ;;
    absent:*" $a_zone "*) fr_must "--delete-zone=$a_zone"; fr_tell "Removed zone $a_zone" ;;
  esac
fi
[ "$fr_is_running" = true ] || fr_tell '(offline operation: only on-disk configs were altered)'
fr_put msg "$fr_msgs"
