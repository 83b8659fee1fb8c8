# awk makes the new text (replace.awk); the shell puts it in place.

case $a_encoding in
  utf-8 | utf8 | UTF-8 | UTF8 | ascii | us-ascii) ;;
  *) fr_fail "encoding must be utf-8: $a_encoding" module/bad-arguments ;;
esac
fr_text_open "$a_path"
case $fr_kind in
  directory) fr_put_int rc 256; fr_fail "Path $fr_p is a directory !" ;;
  absent) fr_put_int rc 257; fr_fail "Path $fr_p does not exist !" ;;
esac
fr_text_ask "$fr_old" "$a_regexp" "$a_replace" "$a_after" "$a_before"
[ "$fr_differs" = false ] || fr_text_write
fr_put_int rc 0
fr_text_end
