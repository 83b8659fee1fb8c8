# awk decides and makes the new text (lineinfile.awk); the shell puts it in place.

fr_text_open "$a_path"
[ "$fr_kind" != directory ] || { fr_put_int rc 256; fr_fail "Path $fr_p is a directory !"; }

# What to look for.
fr_by=line fr_re=''
if fr_has regexp; then fr_by=regexp fr_re=$a_regexp
elif fr_has search_string; then fr_by=search fr_re=$a_search_string
fi
fr_where='' fr_near=EOF
if fr_has insertafter; then fr_where=after fr_near=$a_insertafter
elif fr_has insertbefore; then fr_where=before fr_near=$a_insertbefore
fi
if [ "$a_state" = present ]; then
  fr_has line || fr_fail 'line is required with state=present' module/bad-arguments
  [ "$a_backrefs" = false ] || [ "$fr_by" = regexp ] ||
    fr_fail 'regexp is required with backrefs=true' module/bad-arguments
else
  fr_has line || [ "$fr_by" != line ] ||
    fr_fail 'one of line, search_string, or regexp is required with state=absent' module/bad-arguments
fi

if [ "$fr_kind" = absent ]; then
  if [ "$a_state" = absent ]; then
    fr_put msg 'file not present'
    exit 0
  fi
  [ "$a_create" = true ] || { fr_put_int rc 257; fr_fail "Destination $fr_p does not exist !"; }
fi

fr_text_ask "$fr_old" "$a_state" "$a_line" "$fr_by" "$fr_re" "$fr_where" "$fr_near" \
  "$a_firstmatch" "$a_backrefs"
[ "$a_state" = present ] || fr_put_int found "${fr_msg%% *}"
fr_msg=${fr_msg#* } fr_bak=''
[ "$fr_differs" = false ] || fr_text_write
fr_put backup "$fr_bak"
fr_text_end
