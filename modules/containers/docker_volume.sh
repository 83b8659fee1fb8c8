case $a_volume_name in -* | '') fr_fail "no name of a volume: $a_volume_name" module/bad-arguments ;; esac
fr_want='' fr_actions=''
fr_note() { fr_json "$1"; fr_actions="$fr_actions,$fr_j"; }
fr_key() { case $1 in *[./\[]*) fr_v="[$1]" ;; *) fr_v=.$1 ;; esac; }
fr_ask() {
  fr_now='{}'
  fr_is_there volume inspect "$a_volume_name" || return 1
  fr_one
  fr_now=$fr_v
}
fr_end() {
  fr_put_json actions "[${fr_actions#,}]"
  [ "$a_state" = absent ] || { fr_is_check || fr_ask; fr_put_json volume "$(printf '%s' "$fr_now" | tr '\n' ' ')"; }
  exit 0
}
fr_remove() {
  fr_changed
  fr_note "Removed volume $a_volume_name"
  fr_is_check || fr_must 'cannot remove the volume' volume rm "$a_volume_name"
}
fr_there=true
fr_ask || fr_there=false
if [ "$a_state" = absent ]; then
  [ "$fr_there" = false ] || fr_remove
  fr_end
fi
set -- volume create --driver "$a_driver"
fr_json "$a_driver"
fr_want=.Driver$fr_tab$fr_j$fr_nl
for fr_row in driver_options:--opt:Options labels:--label:Labels; do
  fr_opt=${fr_row%%:*} fr_row=${fr_row#*:} fr_i=1
  eval "fr_count=\${a_${fr_opt}_n:-0}"
  while [ "$fr_i" -le "$fr_count" ]; do
    fr_pair "$fr_opt" "$fr_i"
    fr_i=$((fr_i + 1)) fr_pv=$fr_v
    set -- "$@" "${fr_row%%:*}" "$fr_k=$fr_pv"
    fr_key "$fr_k"
    fr_json "$fr_pv"
    fr_want=$fr_want.${fr_row#*:}$fr_v$fr_tab$fr_j$fr_nl
  done
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
  case $a_recreate:$fr_differs in
    always:* | options-changed:?*)
      fr_diff "$(printf '%s\n' "$fr_differs" | awk -F '\t' '{ print substr($1, 2) ": " $2 }')$fr_nl" \
        "$(printf '%s\n' "$fr_differs" | awk -F '\t' '{ print substr($1, 2) ": " $3 }')$fr_nl"
      fr_remove
      fr_there=false
      ;;
  esac
else
  fr_diff 'exists: false' 'exists: true'
fi
if [ "$fr_there" = false ]; then
  fr_changed
  fr_note "Created volume $a_volume_name with driver $a_driver"
  fr_is_check || fr_must 'cannot create the volume' "$@" "$a_volume_name"
fi
fr_end
