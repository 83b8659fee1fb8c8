# One request; what came back is the result.

fr_guard() {
  fr_has "$1" || return 0
  eval "fr_path \"\$a_$1\""
  fr_why=''
  if [ -e "$fr_v" ] || [ -L "$fr_v" ]; then [ "$1" = removes ] || fr_why="since '$fr_v' exists"
  elif [ "$1" = removes ]; then fr_why="since '$fr_v' does not exist"
  fi
  [ -n "$fr_why" ] || return 0
  fr_put stdout "skipped, $fr_why"
  exit 0
}
# The wanted status codes, as Python shows them.
fr_codes() {
  fr_list='' fr_i=0
  while [ "$fr_i" -lt "$a_status_code_n" ]; do
    fr_item status_code "$((fr_i += 1))"
    fr_list="$fr_list${fr_list:+, }$fr_v"
  done
  printf %s "$fr_list"
}
fr_guard creates
fr_guard removes
fr_need date mktemp sed awk tr
fr_method=$(printf %s "$a_method" | tr '[:lower:]' '[:upper:]')
case $fr_method in '' | *[!A-Z]*) fr_fail "Parameter 'method' needs to be a single word in uppercase, like GET or POST." module/bad-arguments ;; esac
fr_http_open
fr_body=''
if [ "$a_remote_src" = true ] && fr_has src; then
  fr_path "$a_src"
  case $fr_v in /*) fr_body=$fr_v ;; *) fr_body=$PWD/$fr_v ;; esac
  [ -r "$fr_body" ] || fr_fail "Unable to open source file $a_src"
elif [ -n "$a__src_path" ]; then case $a__src_path in /*) fr_body=$a__src_path ;; *) fr_body=$PWD/$a__src_path ;; esac
elif fr_has content || fr_has _content_b; then
  fr_body=$fr_http_dir/body
  if [ -n "$a__content_b" ]; then printf %b "$a__content_b"; else printf %s "$a_content"; fi >"$fr_body" ||
    fr_fail 'cannot write the body: the disk may be full'
fi
if [ -n "$a__content_type" ] && ! fr_http_given content-type; then fr_http_header Content-Type "$a__content_type"
fi
[ "$a_force" = false ] || fr_http_header Cache-Control no-cache
fr_follow=10
case $a_follow_redirects in
  none | no | False) fr_follow=0 ;;
  safe) case $fr_method in GET | HEAD) ;; *) fr_follow=0 ;; esac ;;
esac
fr_new=$fr_http_dir/answer
fr_http "$fr_method" "$fr_follow" "$fr_new" "$fr_body"
[ "$fr_method" != HEAD ] || : >"$fr_new"
[ -e "$fr_new" ] || : >"$fr_new"

fr_put_int status "$fr_status"
fr_put_int elapsed "$fr_elapsed"
fr_put url "$fr_final"
if [ "$fr_final" = "$fr_url" ]; then fr_put_bool redirected false; else fr_put_bool redirected true; fi
[ "$fr_status" != -1 ] ||
  fr_fail "Status code was -1 and not [$(fr_codes)]: Request failed: ${fr_http_msg:-no answer}"
fr_v=$({ echo head; cat "$fr_http_dir/head"; } | awk "$fr_awk")
fr_out=$fr_out$fr_v
fr_http_answer content-type
fr_type=$(printf %s "${fr_v%%;*}" | tr '[:upper:]' '[:lower:]')
fr_wanted=false fr_i=0
while [ "$fr_i" -lt "$a_status_code_n" ]; do
  fr_item status_code "$((fr_i += 1))"
  [ "$fr_v" != "$fr_status" ] || fr_wanted=true
done

# What came, as text; and read, where it says that it is JSON.
fr_content=''
{ fr_read "$fr_new"; } 2>/dev/null && fr_content=$fr_v
if [ "$a_return_content" = true ] || [ "$fr_wanted" = false ]; then fr_put content "$fr_content"; fi
case $fr_type in
  *json* | *javascript*)
    fr_v=$({ echo json; cat "$fr_new"; } | awk "$fr_awk")
    [ -z "$fr_v" ] || fr_put_json json "$fr_v"
    ;;
esac
fr_size=${#fr_content}
if [ "$fr_method" = HEAD ]; then
  fr_http_answer content-length
  fr_size=${fr_v:-unknown}
fi
if [ "$fr_wanted" = false ]; then
  fr_v=$(tr -d '\r' <"$fr_http_dir/head" | sed -n 's/^HTTP\/[0-9.]* [0-9]* *//p' | tail -n 1)
  fr_fail "Status code was $fr_status and not [$(fr_codes)]: HTTP Error $fr_status: $fr_v"
fi
fr_put msg "OK ($fr_size bytes)"
fr_has dest || exit 0
fr_path "$a_dest"
fr_p=$fr_v
if [ -d "$fr_p" ]; then
  fr_v=${fr_final%%[?#]*} fr_v=${fr_v##*/}
  fr_p=${fr_p%/}/${fr_v:-index.html}
fi
if [ ! -f "$fr_p" ] || ! cmp -s "$fr_new" "$fr_p"; then
  case $fr_p in */*) fr_dir=${fr_p%/*}/ ;; *) fr_dir=. ;; esac
  fr_beside=$(fr_tmp "$fr_dir") || fr_fail "Destination dir '$fr_dir' does not exist or is not writable"
  fr_later "$fr_beside"
  { cat -- "$fr_new" >"$fr_beside"; } 2>/dev/null || fr_fail "cannot write $fr_p: the disk may be full"
  fr_install_file "$fr_beside" "$fr_p"
  fr_changed
fi
fr_put path "$fr_p"
if fr_look "$fr_p"; then
  fr_attrs "$fr_p"
  fr_kind "$fr_p"
  fr_put_look
fi
