# nft prints a rule in its own words, so what is wanted is put into these words before it is looked for.
fr_need nft
for fr_v in "$a_family" "$a_table" "$a_chain" "$a_hook" "$a_type"; do
  case $fr_v in -* | *[!A-Za-z0-9_.-]*) fr_fail "no name of nftables: $fr_v" module/bad-arguments ;; esac
done
case $a_rule in *"$fr_nl"* | *\;* | *\{*\}*\{*) fr_fail "a rule is one line: $a_rule" module/bad-arguments ;; esac
fr_nft() { fr_said=$(nft "$@" 2>&1 </dev/null); }
# All that is to be done goes to nft at once, so it happens wholly or not at all.
fr_batch='' fr_before='' fr_after=''
fr_add() { fr_batch=$fr_batch$1$fr_nl; }
fr_end() {
  if [ -n "$fr_batch" ]; then
    fr_changed
    fr_diff "$fr_before" "$fr_after" "$a_family $a_table" "$a_family $a_table"
    # A check is nft's own: it reads all of it and changes nothing.
    set -- -f -
    if fr_is_check; then set -- -c -f -; fi
    fr_said=$(printf '%s' "$fr_batch" | nft "$@" 2>&1) || fr_fail "nft: $fr_said"
  fi
  exit 0
}
fr_place="$a_family $a_table"
fr_put table "$fr_place"
fr_put chain "$a_chain"
fr_put state "$a_state"
fr_is_table=true
fr_nft list table "$a_family" "$a_table" || fr_is_table=false
case $fr_said in *'Operation not permitted'*) fr_fail "nft: $fr_said" ;; esac
if [ -z "$a_chain" ]; then
  case $a_state$fr_is_table in
    absenttrue) fr_before="table $fr_place$fr_nl"; fr_add "delete table $fr_place" ;;
    presentfalse) fr_after="table $fr_place$fr_nl"; fr_add "add table $fr_place" ;;
  esac
  if [ "$a_flush" = true ] && [ "$a_state$fr_is_table" = presenttrue ]; then
    case $fr_said in *[a-z]*' {'*'{'*) case $fr_said in *' accept'* | *' drop'* | *counter*) fr_add "flush table $fr_place" ;; esac ;; esac
  fi
  fr_end
fi
fr_is_chain=true
fr_nft -a list chain "$a_family" "$a_table" "$a_chain" || fr_is_chain=false
fr_text=$fr_said
if [ "$a_flush" = true ] && [ "$fr_is_chain" = true ]; then
  case $fr_text in *'# handle '*'# handle '*) fr_before=$fr_text$fr_nl; fr_add "flush chain $fr_place $a_chain" ;; esac
  [ -n "$a_rule" ] || fr_end
  fr_text=''
fi
if [ -z "$a_rule" ]; then
  if [ "$a_state" = absent ]; then
    [ "$fr_is_chain" = false ] || { fr_before="chain $fr_place $a_chain$fr_nl"; fr_add "flush chain $fr_place $a_chain"; fr_add "delete chain $fr_place $a_chain"; }
    fr_end
  fi
elif [ "$a_state" = absent ] && [ "$fr_is_chain" = false ]; then fr_end
fi
fr_policy_is=$(printf '%s\n' "$fr_text" | sed -n 's/.* policy \([a-z]*\);.*/\1/p' | head -n 1)
if [ "$fr_is_chain" = false ]; then
  [ "$fr_is_table" = true ] || fr_add "add table $fr_place"
  fr_v="add chain $fr_place $a_chain"
  if [ -n "$a_hook" ]; then fr_v="$fr_v { type $a_type hook $a_hook priority $a_priority; ${a_policy:+policy $a_policy; }}"; fi
  fr_add "$fr_v"
  fr_after="$fr_after${fr_v#add }$fr_nl"
elif [ -n "$a_policy" ] && [ "$a_policy" != "$fr_policy_is" ]; then
  fr_before="policy $fr_policy_is$fr_nl" fr_after="policy $a_policy$fr_nl"
  fr_add "add chain $fr_place $a_chain { policy $a_policy; }"
fi
[ -n "$a_rule" ] || fr_end
fr_wanted=$a_rule
case $a_comment in
  *\"* | *"$fr_nl"*) fr_fail "a comment cannot hold quotes: $a_comment" module/bad-arguments ;;
  ?*) fr_wanted="$a_rule comment \"$a_comment\"" ;;
esac
# fr_shape RULE: how nft itself prints it, tried in a network namespace of its own
# where there are such, else (but not under --check) in a table that hooks nowhere.
fr_shape() {
  fr_said=$(printf 'table %s fleetrun_try {\n chain try {\n  %s\n }\n}\n' "$a_family" "$1" | $fr_shape_by sh -c 'nft -f - && nft list table "$1" fleetrun_try; rc=$?; nft delete table "$1" fleetrun_try 2>/dev/null; exit $rc' sh "$a_family" 2>/dev/null) || { fr_v=$1; return; }
  fr_v=$(printf '%s\n' "$fr_said" | sed -n '3s/^[[:space:]]*//p')
  [ -n "$fr_v" ] || fr_v=$1
}
fr_shape_by=''
if unshare -n true 2>/dev/null; then fr_shape_by='unshare -n'; fi
if [ -n "$fr_shape_by" ] || ! fr_is_check; then fr_shape "$fr_wanted"; else fr_v=$fr_wanted; fi
fr_like=$fr_v
# Rules of the chain, one a line, and their handles.
fr_handle='' fr_count=0
while IFS= read -r fr_line; do
  case $fr_line in *' # handle '*) ;; *) continue ;; esac
  case $fr_line in *chain*'{ #'*) continue ;; esac
  fr_count=$((fr_count + 1))
  fr_text_=${fr_line% \# handle *} fr_text_=${fr_text_#"${fr_text_%%[![:space:]]*}"}
  # Counters count on; they are not part of what was asked for.
  fr_plain=$(printf '%s\n' "$fr_text_" | sed 's/counter packets [0-9]* bytes [0-9]*/counter packets 0 bytes 0/')
  if [ "$fr_plain" = "$fr_like" ] || [ "$fr_text_" = "$fr_wanted" ]; then fr_handle=${fr_line##* }; break; fi
done <<EOT
$fr_text
EOT
case $a_state:$fr_handle in
  present:)
    fr_after="$fr_after$fr_wanted$fr_nl"
    case $a_position in
      '' | last) fr_add "add rule $fr_place $a_chain $fr_wanted" ;;
      first) fr_add "insert rule $fr_place $a_chain $fr_wanted" ;;
      # As an index from 1, where the new rule is to stand.
      *) if [ "$a_position" -le 1 ] || [ "$fr_count" = 0 ]; then fr_add "insert rule $fr_place $a_chain $fr_wanted"
        elif [ "$a_position" -gt "$fr_count" ]; then fr_add "add rule $fr_place $a_chain $fr_wanted"
        else fr_add "insert rule $fr_place $a_chain index $((a_position - 1)) $fr_wanted"; fi ;;
    esac
    ;;
  absent:?*) fr_before="$fr_before$fr_wanted$fr_nl"; fr_add "delete rule $fr_place $a_chain handle $fr_handle" ;;
esac
fr_end
