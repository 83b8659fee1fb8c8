case $a_name in -* | '') fr_fail "no name of a network: $a_name" module/bad-arguments ;; esac
fr_want='' fr_actions=''
fr_note() { fr_json "$1"; fr_actions="$fr_actions,$fr_j"; }
# fr_wish PATH VALUE…: as docker and as podman put it.
fr_wish() {
  fr_line=$1
  shift
  for fr_j; do fr_line=$fr_line$fr_tab$fr_j; done
  fr_want=$fr_want$fr_line$fr_nl
}
fr_key() { case $1 in *[./\[]*) fr_v="[$1]" ;; *) fr_v=.$1 ;; esac; }
fr_ask() {
  fr_now='{}' fr_lines=''
  fr_is_there network inspect "$a_name" || return 1
  fr_one
  fr_now=$fr_v
  fr_flat "$fr_now"
  fr_lines=$fr_v
}
fr_end() {
  fr_put_json actions "[${fr_actions#,}]"
  [ "$a_state" = absent ] || { fr_is_check || fr_ask; fr_put_json network "$(printf '%s' "$fr_now" | tr '\n' ' ')"; }
  exit 0
}
# docker names containers in Containers, podman tells of itself by ps.
fr_connected() {
  if [ "$fr_engine" = docker ]; then fr_v=$(printf '%s\n' "$fr_lines" | awk -F '\t' '/^\.Containers.*\.Name\t/ { print substr($2, 2, length($2) - 2) }')
  else fr_must 'cannot list containers' ps -a --filter "network=$a_name" --format '{{.Names}}'; fr_v=$fr_stdout; fi
  fr_members=$fr_v
}
fr_there=true
fr_ask || fr_there=false
if [ "$a_state" = absent ]; then
  [ "$fr_there" = true ] || fr_end
  fr_changed
  fr_connected
  for fr_c in $fr_members; do
    fr_note "Disconnected container $fr_c"
    fr_is_check || fr_must "cannot disconnect $fr_c" network disconnect -f "$a_name" "$fr_c"
  done
  fr_note "Removed network $a_name"
  fr_is_check || fr_must 'cannot remove the network' network rm "$a_name"
  fr_end
fi
set -- network create --driver "$a_driver"
fr_json "$a_driver"
fr_wish "$([ "$fr_engine" = docker ] && printf .Driver || printf .driver)" "$fr_j"
fr_up() { if [ "$fr_engine" = docker ]; then fr_at=$1; else fr_at=$2; fi; }
for fr_row in internal:Internal:internal attachable:Attachable: enable_ipv6:EnableIPv6:ipv6_enabled ingress:Ingress: config_only:ConfigOnly:; do
  fr_opt=${fr_row%%:*} fr_row=${fr_row#*:}
  fr_has "$fr_opt" || continue
  eval "fr_bool=\$a_$fr_opt"
  case $fr_opt in enable_ipv6) fr_word=--ipv6 ;; *) fr_word=--$(printf %s "$fr_opt" | tr _ -) ;; esac
  [ "$fr_bool" = false ] || set -- "$@" "$fr_word"
  fr_up ".${fr_row%%:*}" ".${fr_row#*:}"
  [ "$fr_at" = . ] || fr_wish "$fr_at" "$fr_bool" "$([ "$fr_bool" = true ] || printf '?')"
done
for fr_row in driver_options:opt:Options:options labels:label:Labels:labels ipam_driver_options:ipam-opt::; do
  fr_opt=${fr_row%%:*} fr_row=${fr_row#*:} fr_i=1
  eval "fr_count=\${a_${fr_opt}_n:-0}"
  fr_word=${fr_row%%:*} fr_row=${fr_row#*:}
  while [ "$fr_i" -le "$fr_count" ]; do
    fr_pair "$fr_opt" "$fr_i"
    fr_i=$((fr_i + 1)) fr_pv=$fr_v
    set -- "$@" "--$fr_word=$fr_k=$fr_pv"
    fr_key "$fr_k"
    fr_up ".${fr_row%%:*}$fr_v" ".${fr_row#*:}$fr_v"
    fr_json "$fr_pv"
    [ "$fr_word" = ipam-opt ] || fr_wish "$fr_at" "$fr_j"
  done
done
[ -z "$a_ipam_driver" ] || set -- "$@" "--ipam-driver=$a_ipam_driver"
[ -z "$a_scope" ] || [ "$fr_engine" = podman ] || { set -- "$@" "--scope=$a_scope"; fr_json "$a_scope"; fr_wish .Scope "$fr_j"; }
[ -z "$a_config_from" ] || set -- "$@" "--config-from=$a_config_from"
fr_i=1
while [ "$fr_i" -le "${a_ipam_config_n:-0}" ]; do
  fr_item ipam_config "$fr_i"
  fr_i=$((fr_i + 1)) fr_keep=$fr_lines
  fr_flat "$fr_v"
  fr_lines=$fr_v
  for fr_row in subnet:subnet:Subnet:subnet gateway:gateway:Gateway:gateway iprange:ip-range:IPRange:; do
    fr_opt=${fr_row%%:*} fr_row=${fr_row#*:}
    fr_get "$fr_opt" || continue
    fr_pv=$fr_v
    set -- "$@" "--${fr_row%%:*}=$fr_pv"
    fr_row=${fr_row#*:}
    fr_up ".IPAM.Config[].${fr_row%%:*}" ".subnets[].${fr_row#*:}"
    fr_json "$fr_pv"
    [ "$fr_at" = '.subnets[].' ] || fr_wish "$fr_at" "$fr_j"
  done
  fr_lines=$fr_keep
done
if [ "$fr_there" = true ]; then
  fr_differs=$(awk "$fr_awk" <<EOT
compare
$fr_want
--
{}
--
$fr_now
EOT
  ) || fr_fail 'awk failed'
  if [ -n "$fr_differs" ] || [ "$a_force" = true ]; then
    fr_diff "$(printf '%s\n' "$fr_differs" | awk -F '\t' '{ print substr($1, 2) ": " $2 }')$fr_nl" \
      "$(printf '%s\n' "$fr_differs" | awk -F '\t' '{ print substr($1, 2) ": " $3 }')$fr_nl"
    fr_changed
    fr_connected
    for fr_c in $fr_members; do fr_is_check || fr_must "cannot disconnect $fr_c" network disconnect -f "$a_name" "$fr_c"; done
    fr_note "Removed network $a_name"
    fr_is_check || fr_must 'cannot remove the network' network rm "$a_name"
    fr_there=false
    # Who was in it comes back into the new one.
    for fr_c in $fr_members; do a_connected_n=$((${a_connected_n:-0} + 1)); eval "a_connected_$a_connected_n=\$fr_c"; done
  fi
else
  fr_diff 'exists: false' 'exists: true'
fi
if [ "$fr_there" = false ]; then
  fr_changed
  fr_note "Created network $a_name with driver $a_driver"
  fr_is_check || fr_must 'cannot create the network' "$@" "$a_name"
  fr_lines=''
fi
if fr_has connected || [ "${a_connected_n:-0}" -gt 0 ]; then
  fr_members=''
  if [ "$fr_there" = true ]; then fr_connected; fi
  fr_i=1 fr_wanted=' '
  while [ "$fr_i" -le "$a_connected_n" ]; do
    fr_item connected "$fr_i"
    fr_i=$((fr_i + 1)) fr_wanted="$fr_wanted$fr_v "
    case $fr_nl$fr_members$fr_nl in *"$fr_nl$fr_v$fr_nl"*) continue ;; esac
    fr_c=$fr_v
    fr_changed
    fr_note "Connected container $fr_c"
    fr_is_check || fr_must "cannot connect $fr_c" network connect "$a_name" "$fr_c"
  done
  if [ "$a_appends" = false ]; then
    for fr_c in $fr_members; do
      case $fr_wanted in *" $fr_c "*) continue ;; esac
      fr_changed
      fr_note "Disconnected container $fr_c"
      fr_is_check || fr_must "cannot disconnect $fr_c" network disconnect "$a_name" "$fr_c"
    done
  fi
fi
fr_end
