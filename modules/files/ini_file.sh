# awk decides and makes the new text (ini_file.awk); the shell puts it in place.

fr_text_link='replace'
[ "$a_follow" = false ] || fr_text_link=follow
fr_text_open "$a_path"
[ "$fr_kind" != directory ] || fr_fail "$fr_p is a directory"
[ "$fr_kind" != absent ] || [ "$a_create" = true ] ||
  { fr_put_int rc 257; fr_fail "Destination $fr_p does not exist!"; }

# One value per line, each with a newline before it; values of one line only.
fr_values=''
if fr_has value; then
  fr_values=$fr_nl$a_value
  case $a_value in *"$fr_nl"*) fr_fail 'a value cannot hold a newline' module/bad-arguments ;; esac
fi
fr_i=0
while [ "$fr_i" -lt "$a_values_n" ]; do
  fr_item values "$((fr_i += 1))"
  case $fr_v in *"$fr_nl"*) fr_fail 'a value cannot hold a newline' module/bad-arguments ;; esac
  fr_values=$fr_values$fr_nl$fr_v
done
[ "$a_state" = absent ] || [ "$a_allow_no_value" = true ] || [ -n "$fr_values" ] ||
  fr_fail "Parameter 'value(s)' must be defined if state=present and allow_no_value=False." module/bad-arguments

fr_text_ask "$fr_old" "$a_section" "$a_option" "$a_state" "$a_exclusive" "$a_no_extra_spaces" \
  "$a_allow_no_value" "$a_modify_inactive_option" "$a_ignore_spaces" "$fr_values" "$a__conditions"
[ "$fr_differs" = false ] || fr_text_write
fr_put msg "$fr_msg"
fr_path "$a_path"
fr_put path "$fr_v"
fr_p=$fr_v
if fr_look "$fr_p"; then
  fr_attrs "$fr_p"
  fr_kind "$fr_p"
  fr_put_look
fi
