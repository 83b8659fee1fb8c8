# Words of the rule in $@, in the order that iptables itself prints them.
case $a_ip_version in ipv4) fr_tools=iptables ;; ipv6) fr_tools=ip6tables ;; *) fr_tools='iptables ip6tables' ;; esac
# shellcheck disable=SC2086
fr_need $fr_tools
if [ "$a_flush" = false ] && [ -z "$a_chain" ]; then fr_fail 'Either chain or flush parameter must be specified.' module/bad-arguments; fi
for fr_v in "$a_chain" "$a_jump" "$a_goto"; do
  case $fr_v in -* | *[[:space:]]*) fr_fail "no chain: $fr_v" module/bad-arguments ;; esac
done
# fr_x WORD…: the tool; its output in $fr_said.
fr_x() { fr_said=$("$fr_tool" ${a_wait:+-w "$a_wait"} -t "$a_table" "$@" 2>&1 </dev/null); }
fr_must() {
  if fr_is_check; then return 0; fi
  fr_x "$@" && return
  fr_fail "$fr_tool $*: $fr_said"
}
fr_put ip_version "$a_ip_version"
fr_put table "$a_table"
if [ -n "$a_chain" ]; then fr_put chain "$a_chain"; else fr_put_json chain null; fi
if [ -n "$a_wait" ]; then fr_put wait "$a_wait"; else fr_put_json wait null; fi
fr_put_bool chain_management "$a_chain_management"
fr_put_bool flush "$a_flush"
fr_put state "$a_state"

# -- the rule's words -----------------------------------------------------------------------
set --
# A "!" before a value goes before its option.
for fr_row in protocol:-p source:-s destination:-d; do
  fr_opt=${fr_row%%:*}
  eval "fr_v=\$a_$fr_opt"
  case $fr_v in '') continue ;; !*) fr_v=${fr_v#!} fr_v=${fr_v# }; set -- "$@" ! "${fr_row#*:}" "$fr_v" ;; *) set -- "$@" "${fr_row#*:}" "$fr_v" ;; esac
done
fr_i=1 fr_matches=' '
while [ "$fr_i" -le "$a_match_n" ]; do
  fr_item match "$fr_i"
  set -- "$@" -m "$fr_v"
  fr_matches="$fr_matches$fr_v " fr_i=$((fr_i + 1))
done
if [ "${a_tcp_flags_n:-0}" -gt 0 ]; then
  fr_flags='' fr_set='' fr_i=1
  while [ "$fr_i" -le "$a_tcp_flags_n" ]; do
    fr_pair tcp_flags "$fr_i"
    # A list inside of a mapping came as ["SYN","ACK"].
    fr_v=$(printf %s "$fr_v" | tr -d '[]" ')
    case $fr_k in flags) fr_flags=$fr_v ;; flags_set) fr_set=$fr_v ;; *) fr_fail "tcp_flags has no $fr_k" module/bad-arguments ;; esac
    fr_i=$((fr_i + 1))
  done
  { [ -n "$fr_flags" ] && [ -n "$fr_set" ]; } || fr_fail 'tcp_flags needs flags and flags_set' module/bad-arguments
  set -- "$@" --tcp-flags "$fr_flags" "$fr_set"
fi
for fr_row in goto:-g in_interface:-i out_interface:-o fragment:-f set_counters:-c source_port:--source-port destination_port:--destination-port; do
  fr_opt=${fr_row%%:*}
  eval "fr_v=\$a_$fr_opt"
  case $fr_opt:$fr_v in
    *:) continue ;;
    fragment:!*) set -- "$@" ! -f ;;
    fragment:*) set -- "$@" -f ;;
    set_counters:*) set -- "$@" -c "${fr_v%%[, ]*}" "${fr_v##*[, ]}" ;;
    *:!*) fr_v=${fr_v#!}; set -- "$@" ! "${fr_row#*:}" "${fr_v# }" ;;
    *) set -- "$@" "${fr_row#*:}" "$fr_v" ;;
  esac
done
if [ "$a_destination_ports_n" -gt 0 ]; then
  fr_list='' fr_i=1
  while [ "$fr_i" -le "$a_destination_ports_n" ]; do fr_item destination_ports "$fr_i"; fr_list="$fr_list,$fr_v"; fr_i=$((fr_i + 1)); done
  case $fr_matches in *' multiport '*) ;; *) set -- "$@" -m multiport ;; esac
  set -- "$@" --dports "${fr_list#,}"
fi
# -j stands before the options of its target, and these after it.
fr_jump=$a_jump
[ -z "$a_reject_with" ] || fr_jump=REJECT
[ -z "$a_set_dscp_mark$a_set_dscp_mark_class" ] || fr_jump=DSCP
fr_states=$a_ctstate_n
if [ "$fr_states" -gt 0 ]; then
  fr_list='' fr_i=1
  while [ "$fr_i" -le "$fr_states" ]; do fr_item ctstate "$fr_i"; fr_list="$fr_list,$fr_v"; fr_i=$((fr_i + 1)); done
  case $fr_matches in
    *' state '*) set -- "$@" --state "${fr_list#,}" ;;
    *' conntrack '*) set -- "$@" --ctstate "${fr_list#,}" ;;
    *) set -- "$@" -m conntrack --ctstate "${fr_list#,}" ;;
  esac
fi
if [ -n "$a_src_range$a_dst_range" ]; then
  case $fr_matches in *' iprange '*) ;; *) set -- "$@" -m iprange ;; esac
  for fr_row in src_range:--src-range dst_range:--dst-range; do
    eval "fr_v=\$a_${fr_row%%:*}"
    case $fr_v in '') ;; !*) fr_v=${fr_v#!}; set -- "$@" ! "${fr_row#*:}" "${fr_v# }" ;; *) set -- "$@" "${fr_row#*:}" "$fr_v" ;; esac
  done
fi
if [ -n "$a_match_set" ]; then
  [ -n "$a_match_set_flags" ] || fr_fail 'match_set needs match_set_flags' module/bad-arguments
  case $fr_matches in *' set '*) ;; *) set -- "$@" -m 'set' ;; esac
  case $a_match_set in !*) fr_v=${a_match_set#!}; set -- "$@" ! --match-set "${fr_v# }" "$a_match_set_flags" ;; *) set -- "$@" --match-set "$a_match_set" "$a_match_set_flags" ;; esac
fi
if [ -n "$a_limit$a_limit_burst" ]; then
  case $fr_matches in *' limit '*) ;; *) set -- "$@" -m limit ;; esac
  [ -z "$a_limit" ] || set -- "$@" --limit "$a_limit"
  [ -z "$a_limit_burst" ] || set -- "$@" --limit-burst "$a_limit_burst"
fi
if [ -n "$a_uid_owner$a_gid_owner" ]; then
  case $fr_matches in *' owner '*) ;; *) set -- "$@" -m owner ;; esac
  for fr_row in uid_owner:--uid-owner gid_owner:--gid-owner; do
    eval "fr_v=\$a_${fr_row%%:*}"
    case $fr_v in '') ;; !*) fr_v=${fr_v#!}; set -- "$@" ! "${fr_row#*:}" "${fr_v# }" ;; *) set -- "$@" "${fr_row#*:}" "$fr_v" ;; esac
  done
fi
case $a_syn in match) set -- "$@" --syn ;; negate) set -- "$@" ! --syn ;; esac
if [ -n "$a_comment" ]; then
  case $fr_matches in *' comment '*) ;; *) set -- "$@" -m comment ;; esac
  set -- "$@" --comment "$a_comment"
fi
if [ -n "$fr_jump" ]; then set -- "$@" -j "$fr_jump"; fi
for fr_row in to_destination:--to-destination to_source:--to-source to_ports:--to-ports gateway:--gateway log_prefix:--log-prefix \
  log_level:--log-level set_dscp_mark:--set-dscp set_dscp_mark_class:--set-dscp-class reject_with:--reject-with; do
  eval "fr_v=\$a_${fr_row%%:*}"
  [ -z "$fr_v" ] || set -- "$@" "${fr_row#*:}" "$fr_v"
done
fr_rule=$*${a_icmp_type:+ --icmp-type $a_icmp_type}
fr_put rule "$fr_rule"

# -- what is there ----------------------------------------------------------------------------
# fr_one_family WORD…: the rule, chain or policy for one tool.
fr_one_family() {
  if [ -n "$a_icmp_type" ]; then
    case $fr_tool in
      ip6tables) set -- "$@" --icmpv6-type "$a_icmp_type" ;;
      *) set -- "$@" --icmp-type "$a_icmp_type" ;;
    esac
  fi
  if [ "$a_flush" = true ]; then
    fr_x -S ${a_chain:+"$a_chain"} || fr_fail "$fr_tool: $fr_said"
    case $fr_nl$fr_said in *"$fr_nl-A "*) fr_changed; fr_must -F ${a_chain:+"$a_chain"} ;; esac
    # A whole table counts as changed, as in Ansible, since its counters go, too.
    [ -n "$a_chain" ] || fr_changed
    return
  fi
  if [ -n "$a_policy" ]; then
    fr_x -S "$a_chain" || fr_fail "$fr_tool: $fr_said"
    case $fr_nl$fr_said$fr_nl in *"$fr_nl-P $a_chain $a_policy$fr_nl"*) return ;; esac
    fr_changed
    fr_must -P "$a_chain" "$a_policy"
    return
  fi
  fr_is_chain=true
  fr_x -S "$a_chain" || fr_is_chain=false
  if [ "$a_chain_management" = true ]; then
    if [ "$a_state" = absent ] && [ $# = 0 ]; then
      [ "$fr_is_chain" = true ] || return 0
      fr_changed
      fr_must -X "$a_chain"
      return
    fi
    if [ "$a_state" = present ] && [ "$fr_is_chain" = false ]; then
      fr_changed
      fr_must -N "$a_chain"
      if fr_is_check; then return; fi
    fi
    [ $# -gt 0 ] || return 0
  fi
  if fr_x -C "$a_chain" "$@"; then fr_there=present
  else
    fr_there=absent
    case $fr_said in
      # What cannot be said at all is an error, not a rule that is not there.
      *'Bad rule'* | *'No chain/target/match'* | *'does a matching rule exist'* | *"doesn't exist"* | *'does not exist'*) ;;
      *) fr_fail "$fr_tool -C $a_chain $*: $fr_said" ;;
    esac
  fi
  [ "$fr_there" != "$a_state" ] || return 0
  fr_changed
  case $a_state$a_action in
    absent*) fr_must -D "$a_chain" "$@" ;;
    presentinsert) fr_must -I "$a_chain" ${a_rule_num:+"$a_rule_num"} "$@" ;;
    *) fr_must -A "$a_chain" "$@" ;;
  esac
}
for fr_tool in $fr_tools; do fr_one_family "$@"; done
