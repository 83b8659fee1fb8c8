# The file is fetched beside its place, checked, and put there in one step.

# fr_hash ALGORITHM FILE: in $fr_v.
fr_hash() {
  if command -v "${1}sum" >/dev/null 2>&1; then
    fr_v=$("${1}sum" <"$2") || fr_fail "cannot read $2"
    fr_v=${fr_v%% *}
  elif command -v openssl >/dev/null 2>&1; then
    fr_v=$(openssl dgst "-$1" <"$2") || fr_fail "cannot read $2"
    fr_v=${fr_v##* }
  else
    fr_fail "missing: ${1}sum" module/missing-tool
  fi
}
fr_name_of() { fr_v=${1%%[?#]*} fr_v=${fr_v##*/}; [ -n "$fr_v" ] || fr_v=index.html; }
fr_fetch_failed() {
  fr_put_int elapsed "$fr_elapsed"
  [ "$fr_status" = -1 ] || { fr_put_int status_code "$fr_status"; fr_fail 'Request failed'; }
  fr_put_int status_code -1
  fr_fail "${fr_http_msg:-Request failed}"
}

fr_need date mktemp sed tr
fr_path "$a_dest"
fr_p=$fr_v fr_folder=''
if [ -d "$fr_p" ]; then fr_folder=$fr_p
else
  case $a_dest in */) fr_fail "Destination $a_dest does not exist" ;; */*) fr_v=${fr_p%/*} ;; *) fr_v=. ;; esac
  [ -d "$fr_v/" ] || fr_fail "Destination $fr_v does not exist"
fi
fr_put url "$a_url"
fr_put dest "$fr_p"
fr_http_open
# The checksum: its algorithm, and the value or where to find it.
fr_algorithm='' fr_sum=''
if [ -n "$a_checksum" ]; then
  fr_algorithm=${a_checksum%%:*} fr_sum=${a_checksum#*:}
  case $fr_algorithm in
    md5 | sha1 | sha224 | sha256 | sha384 | sha512) ;;
    *) fr_fail "The checksum parameter has to be in format <algorithm>:<checksum>" module/bad-arguments ;;
  esac
  case $fr_sum in
    *://*)
      fr_keep=$fr_url fr_url=$fr_sum
      fr_http GET 10 "$fr_http_dir/sums"
      fr_url=$fr_keep
      [ "$fr_status" = 200 ] || fr_fetch_failed
      fr_name_of "$a_url"
      fr_v=$(awk -v name="$fr_v" '
        { sub(/\r$/, ""); lines++; only = $1; n = NF
          file = $2; sub(/^[*]/, "", file); sub(/^.*\//, "", file)
          if ($1 ~ /^[0-9A-Fa-f]+$/ && file == name) { print $1; found = 1; exit } }
        END { if (!found && lines == 1 && n == 1) print only }' "$fr_http_dir/sums")
      [ -n "$fr_v" ] || { fr_name_of "$a_url"; fr_fail "Unable to find a checksum for file '$fr_v' in '$fr_sum'"; }
      fr_sum=$fr_v
      ;;
  esac
  fr_sum=$(printf %s "$fr_sum" | tr '[:upper:]' '[:lower:]' | tr -d -c '[:alnum:]')
fi

fr_end() {
  if fr_look "$fr_p"; then
    fr_attrs "$fr_p"
    fr_kind "$fr_p"
    fr_put_look
  fi
  [ -z "$fr_folder" ] || fr_put dest "$fr_p"
  exit 0
}
fr_kind "$fr_p"
if [ "$fr_kind" = file ] || { [ "$fr_kind" = link ] && [ -f "$fr_p" ]; }; then
  fr_since=true
  if [ -n "$fr_sum" ] && [ "$a_force" = false ]; then
    fr_hash "$fr_algorithm" "$fr_p"
    if [ "$fr_v" = "$fr_sum" ]; then
      fr_msg='file already exists'
      if fr_look "$fr_p"; then fr_attrs "$fr_p"; fi
      [ "$fr_is_changed" = false ] || fr_msg='file already exists but file attributes changed'
      fr_put msg "$fr_msg"
      fr_end
    fi
    fr_since=false
  fi
  if [ "$fr_since$a_force" = truefalse ]; then
    fr_v=$(date -u -r "$fr_p" '+%a, %d %b %Y %H:%M:%S GMT' 2>/dev/null) && fr_http_header If-Modified-Since "$fr_v"
  fi
fi
[ "$a_force" = false ] || fr_http_header Cache-Control no-cache

fr_method=GET fr_dir=$fr_folder
[ -n "$fr_dir" ] || case $fr_p in */*) fr_dir=${fr_p%/*}/ ;; *) fr_dir=. ;; esac
if fr_is_check; then fr_method=HEAD fr_new=$fr_http_dir/none
else
  ! fr_has tmp_dest || { fr_path "$a_tmp_dest"; fr_dir=$fr_v; }
  [ -d "$fr_dir/" ] || fr_fail "$fr_dir directory does not exist."
  fr_new=$(fr_tmp "$fr_dir") || fr_fail "cannot write in $fr_dir"
  fr_later "$fr_new"
fi
fr_http "$fr_method" 10 "$fr_new"
fr_put_int elapsed "$fr_elapsed"
case $fr_status in
  304) fr_put_int status_code 304; fr_put msg 'HTTP Error 304: Not Modified'; fr_end ;;
  200) ;;
  *) fr_fetch_failed ;;
esac
if [ -n "$fr_folder" ]; then
  # The server may name the file, but not its folder.
  fr_http_answer content-disposition
  case $fr_v in
    *filename=*) fr_v=${fr_v#*filename=} fr_v=${fr_v%%;*} fr_v=${fr_v#\"} fr_v=${fr_v%\"} fr_v=${fr_v##*[/\\]} ;;
    *) fr_v='' ;;
  esac
  case $fr_v in '' | . | ..) fr_name_of "$fr_final" ;; esac
  fr_p=${fr_folder%/}/$fr_v
fi
fr_put_int status_code 200
fr_put src "$fr_new"
if fr_is_check; then
  fr_changed
  fr_put msg OK
  fr_end
fi
fr_look "$fr_new" || fr_fail "$fr_new is gone"
fr_put msg "OK ($fr_size bytes)"
fr_hash sha1 "$fr_new"
fr_got=$fr_v
fr_put checksum_src "$fr_got"
if [ -n "$fr_sum" ]; then
  fr_hash "$fr_algorithm" "$fr_new"
  [ "$fr_v" = "$fr_sum" ] || fr_fail "The checksum for $fr_p did not match $fr_sum; it was $fr_v."
fi
fr_v=''
if [ -f "$fr_p" ]; then
  fr_hash sha1 "$fr_p"
  fr_put checksum_dest "$fr_v"
elif [ -e "$fr_p" ]; then fr_fail "$fr_p is no file"
else fr_put_json checksum_dest null
fi
if [ "$fr_v" != "$fr_got" ]; then
  [ "$a_backup" = false ] || fr_backup "$fr_p"
  if [ "$a_unsafe_writes" = true ] && [ -f "$fr_p" ]; then
    { cat -- "$fr_new" >"$fr_p"; } 2>/dev/null || fr_fail "cannot write $fr_p"
  else
    fr_install_file "$fr_new" "$fr_p"
  fi
  fr_changed
fi
fr_end
