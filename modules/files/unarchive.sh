# The archive is unpacked beside its place; what differs from what is there is
# moved in. So every kind of archive and of tar is idempotent, also with
# --strip-components, and --check tells the truth.

if fr_has creates; then
  fr_path "$a_creates"
  if [ -e "$fr_v" ] || [ -L "$fr_v" ]; then
    fr_put msg "skipped, since $a_creates exists"
    fr_put_bool skipped true
    exit 0
  fi
fi
fr_path "$a_dest"
fr_dest=$fr_v
[ -d "$fr_dest" ] || fr_fail "dest '$a_dest' must be an existing dir"
fr_need mktemp cmp
a_headers_n=0 a_http_agent=ansible-httpget a_timeout=30 a_use_proxy=true a_client_cert='' a_client_key=''
if fr_is_check; then fr_beside=${TMPDIR:-/tmp}; else fr_beside=$fr_dest; fi
fr_out_dir=$(umask 077; mktemp -d "${fr_beside%/}/.fleetrun.XXXXXX") || fr_fail "cannot write in $fr_beside"
fr_later "$fr_out_dir"

# The archive itself, in $fr_file.
if [ -n "$a__src_path" ]; then fr_file=$a__src_path
elif [ -n "$a__content_b" ] || [ -n "$a_content" ]; then
  fr_file=$fr_out_dir/archive
  if [ -n "$a__content_b" ]; then printf %b "$a__content_b"; else printf %s "$a_content"; fi >"$fr_file" ||
    fr_fail 'cannot write the archive: the disk may be full'
else
  case $a_src in
    http://* | https://* | ftp://*)
      a_url=$a_src
      fr_http_open
      fr_file=$fr_out_dir/archive
      fr_http GET 10 "$fr_file"
      [ "$fr_status" = 200 ] || fr_fail "Failure downloading $a_src, ${fr_http_msg:-HTTP Error $fr_status}"
      ;;
    *)
      fr_path "$a_src"
      fr_file=$fr_v
      [ -e "$fr_file" ] || fr_fail "Source '$a_src' does not exist"
      [ -r "$fr_file" ] || fr_fail "Source '$a_src' not readable"
      ;;
  esac
fi
[ -s "$fr_file" ] || fr_fail "Invalid archive '$a_src', the file is 0 bytes"
fr_name=$a__basename
[ -n "$fr_name" ] || fr_name=${a_src##*/}

# What it is: by its first bytes, or where nothing shows them, by its name.
fr_magic=$(head -c 4 "$fr_file" | od -An -tx1 2>/dev/null | tr -d ' \n')
case $fr_magic$fr_name in
  504b0[357]* | *.zip) fr_tool=unzip fr_handler=ZipArchive ;;
  1f8b* | *.gz | *.tgz) fr_tool=gzip fr_handler=TgzArchive ;;
  425a68* | *.bz2 | *.tbz) fr_tool=bzip2 fr_handler=TarArchive ;;
  fd377a58* | *.xz | *.txz) fr_tool=xz fr_handler=TarArchive ;;
  28b52ffd* | *.zst) fr_tool=zstd fr_handler=TarArchive ;;
  *) fr_tool='' fr_handler=TarArchive ;;
esac
[ -z "$fr_tool" ] || fr_need "$fr_tool"
[ "$fr_tool" = unzip ] || fr_need tar

fr_top=$fr_out_dir/top
mkdir "$fr_top" || fr_fail "cannot write in $fr_beside"
set --
fr_i=0
while [ "$fr_i" -lt "$a_extra_opts_n" ]; do
  fr_item extra_opts "$((fr_i += 1))"
  set -- "$@" "$fr_v"
done
# fr_unpack OPTION…: what it says goes into a file beside.
fr_unpack() {
  case $fr_tool in
    unzip) unzip -q -o "$@" "$fr_file" -d "$fr_top" ;;
    '') tar -xf "$fr_file" -C "$fr_top" "$@" ;;
    *) { "$fr_tool" -dc <"$fr_file" || : >"$fr_out_dir/bad"; } | tar -xf - -C "$fr_top" "$@" ;;
  esac >"$fr_out_dir/said" 2>&1 && [ ! -e "$fr_out_dir/bad" ]
}
fr_unpack "$@"
fr_rc=$?
fr_read "$fr_out_dir/said"
[ "$fr_rc" = 0 ] || fr_fail "failed to unpack $a_src to $a_dest: $fr_v"

# fr_listed NAME PATH: whether an item of list NAME matches the path, a folder of it, or its name.
fr_listed() {
  fr_i=0
  eval "fr_n=\$a_$1_n"
  while [ "$fr_i" -lt "$fr_n" ]; do
    fr_item "$1" "$((fr_i += 1))"
    fr_v=${fr_v#./} fr_v=${fr_v%/}
    # shellcheck disable=SC2254  # they are patterns
    case $2 in $fr_v | $fr_v/*) return 0 ;; esac
    [ "$1" = include ] || case $2 in */$fr_v | */$fr_v/*) return 0 ;; esac
  done
  return 1
}
fr_wanted() { [ "$a_include_n" = 0 ] || fr_listed include "$1"; }
# fr_same NEW OLD: neither kind, content, rights nor owner differ, but for those that the task sets.
fr_same() {
  if [ -L "$1" ]; then
    [ -L "$2" ] && [ "$(readlink -- "$1")" = "$(readlink -- "$2")" ]
    return
  fi
  [ ! -L "$2" ] || [ -d "$1" ] || return 1
  if [ -f "$1" ]; then
    { [ -f "$2" ] && cmp -s -- "$1" "$2"; } || return 1
  elif [ -d "$1" ]; then [ -d "$2" ] || return 1
  else
    [ -e "$2" ]
    return
  fi
  fr_stat "$1"
  fr_was="$fr_mode $fr_uid $fr_gid"
  fr_stat "$2"
  [ -z "$a_mode" ] || fr_was="$fr_mode ${fr_was#* }"
  [ -z "$a_owner" ] && [ "$fr_handler" != ZipArchive ] || fr_was="${fr_was%% *} $fr_uid ${fr_was##* }"
  [ -z "$a_group" ] && [ "$fr_handler" != ZipArchive ] || fr_was="${fr_was% *} $fr_gid"
  [ "$fr_was" = "$fr_mode $fr_uid $fr_gid" ]
}
# fr_entry NEW PATH: one thing of the archive to its place below dest.
fr_entry() {
  ! fr_listed exclude "$2" || return 0
  if [ -d "$1" ] && [ ! -L "$1" ]; then
    if fr_wanted "$2"; then fr_folder "$1" "$2"; fi
    fr_below "$1" "$2/"
    return
  fi
  fr_wanted "$2" || return 0
  fr_name_it "$2"
  if ! fr_same "$1" "$fr_dest/$2"; then
    # shellcheck disable=SC3013  # POSIX of 2024 has -nt, and every sh had it before
    [ "$a_keep_newer" = false ] || [ ! "$fr_dest/$2" -nt "$1" ] || return 0
    fr_changed
    if ! fr_is_check; then
      [ ! -d "$fr_dest/$2" ] || [ -L "$fr_dest/$2" ] || fr_fail "$fr_dest/$2 is a folder, and no folder in the archive"
      case $2 in */*) mkdir -p -- "$fr_dest/${2%/*}" || fr_fail "cannot make $fr_dest/${2%/*}" ;; esac
      fr_move "$1" "$fr_dest/$2"
    fi
  fi
  [ -L "$1" ] || [ -L "$fr_dest/$2" ] || ! fr_look "$fr_dest/$2" || fr_attrs "$fr_dest/$2"
}
# A link to a folder: mv would move into it.
fr_move() {
  [ ! -L "$2" ] || rm -f -- "$2"
  fr_v=$(mv -f -- "$1" "$2" 2>&1) || fr_fail "cannot write $2: $fr_v"
}
fr_folder() {
  fr_name_it "$2/"
  if ! fr_same "$1" "$fr_dest/$2"; then
    fr_changed
    if ! fr_is_check; then
      mkdir -p -- "$fr_dest/$2" || fr_fail "cannot make $fr_dest/$2"
      fr_stat "$1"
      chmod "0$fr_mode" "$fr_dest/$2" || fr_fail "cannot set the mode of $fr_dest/$2"
      [ "$fr_handler" = ZipArchive ] || chown "$fr_uid:$fr_gid" "$fr_dest/$2" 2>/dev/null || :
    fi
  fi
  ! fr_look "$fr_dest/$2" || fr_attrs "$fr_dest/$2"
}
fr_list='' fr_comma=''
fr_name_it() {
  [ "$a_list_files" = true ] || return 0
  fr_json "$1"
  fr_list=$fr_list$fr_comma$fr_j fr_comma=,
}
# fr_below FOLDER PREFIX: all that a folder of the archive holds.
fr_below() {
  for fr_e in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -e "$fr_e" ] || [ -L "$fr_e" ]; then fr_entry "$fr_e" "$2${fr_e##*/}"; fi
  done
}
fr_below "$fr_top" ''

fr_d_set=''
fr_put dest "$fr_dest"
fr_put src "$a_src"
fr_put handler "$fr_handler"
fr_read "$fr_out_dir/said"
fr_json "$fr_v"
fr_put_json extract_results "{\"rc\":0,\"out\":$fr_j,\"err\":\"\"}"
[ "$a_list_files" = false ] || fr_put_json files "[$fr_list]"
fr_kind "$fr_dest"
if fr_look "$fr_dest"; then fr_put_look; fi
