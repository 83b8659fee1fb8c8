# awk decides and makes the new text (blockinfile.awk); the shell puts it in place.

# fr_marker WORD: the marker with {mark} replaced, in $fr_v.
fr_marker() {
  fr_v='' fr_rest=$a_marker
  while :; do
    case $fr_rest in *'{mark}'*) ;; *) break ;; esac
    fr_v=$fr_v${fr_rest%%'{mark}'*}$1 fr_rest=${fr_rest#*'{mark}'}
  done
  fr_v=$fr_v$fr_rest
}

fr_text_open "$a_path"
[ "$fr_kind" != directory ] || { fr_put_int rc 256; fr_fail "Path $fr_p is a directory !"; }
fr_none=false fr_block=$a_block
if [ "$fr_kind" = absent ]; then
  fr_none=true
  [ "$a_create" = true ] || { fr_put_int rc 257; fr_fail "Path $fr_p does not exist !"; }
  if [ "$a_state" = absent ]; then
    fr_put msg "File $fr_p not present"
    exit 0
  fi
fi
if [ "$a_state" = absent ]; then fr_block='' a_append_newline=false a_prepend_newline=false; fi
fr_where=after fr_near=EOF
if fr_has insertafter; then fr_near=$a_insertafter
elif fr_has insertbefore; then fr_where=before fr_near=$a_insertbefore
fi
fr_marker "$a_marker_begin"
fr_begin=$fr_v
fr_marker "$a_marker_end"

fr_text_ask "$fr_old" "$fr_none" "$fr_block" "$fr_begin" "$fr_v" "$fr_where" "$fr_near" \
  "$a_append_newline" "$a_prepend_newline"
[ "$fr_differs" = false ] || fr_text_write
fr_text_end
