# Serves copy and template. The content comes in a_content (text), a__content_b
# (escaped for printf %b), a__src_path (a file the controller put on the
# device) or, with remote_src, from a_src. A file that is as it should be costs
# one stat(1) and one checksum.

fr_need_sha256
fr_path "$a_dest"
fr_dest_=$fr_v fr_src='' fr_top=''
if [ -n "$a__src_path" ]; then fr_src=$a__src_path
elif fr_has remote_src && [ "$a_remote_src" = true ] && fr_has src; then
  fr_path "$a_src"
  fr_src=$fr_v
  [ -e "$fr_src" ] || fr_fail "Source $a_src not found"
  fr_top=$fr_src
fi

# Hex sha256 of file $1 in $fr_sum.
fr_sum_of() {
  [ -r "$1" ] || fr_fail "cannot read $1"
  if command -v sha256sum >/dev/null 2>&1; then fr_sum=$(sha256sum <"$1"); else fr_sum=$(fr_sha256 "$1"); fi ||
    fr_fail "cannot read $1"
  fr_sum=${fr_sum%% *}
}
# The content itself, printed.
fr_content() {
  if [ -n "$fr_src" ]; then cat -- "$fr_src"
  elif [ -n "$a__content_b" ]; then printf %b "$a__content_b"
  else printf %s "$a_content"
  fi
}
# What the content's sha256 is, in $fr_sha.
fr_know_sha() {
  fr_sha=$a__sha256
  [ -z "$fr_sha" ] || return 0
  if [ -n "$fr_src" ]; then
    fr_sum_of "$fr_src"
    fr_sha=$fr_sum fr_sum=''
  else
    fr_sha=$(fr_content | fr_sha256 /dev/stdin)
  fi
}
# sha1 of the content, in $fr_v; empty when there is no tool for it.
fr_sha1() {
  fr_v=$a__sha1
  [ -z "$fr_v" ] || return 0
  fr_v=$(fr_content | sha1sum 2>/dev/null) || fr_v=''
  fr_v=${fr_v%% *}
}
fr_put_sha1() {
  fr_sha1
  fr_put checksum "$fr_v"
}
# The asked-for checksum of the source.
fr_check_source() {
  case $a_checksum in '' | "$fr_sha") return ;; esac
  fr_sha1
  [ -n "$fr_v" ] || fr_need sha1sum
  [ "$fr_v" != "$a_checksum" ] || return 0
  fr_put checksum "$fr_v"
  fr_put expected_checksum "$a_checksum"
  fr_fail 'Copied file does not match the expected checksum. Transfer failed.'
}

fr_show_diff() {
  fr_is_diff || return 0
  fr_before='' fr_after=$a_content
  [ "$fr_old_kind" = absent ] || [ "$fr_old_size" -gt 102400 ] || ! fr_read "$fr_to" 2>/dev/null || fr_before=$fr_v
  if [ -n "$fr_src" ]; then fr_read "$fr_src" 2>/dev/null && fr_after=$fr_v; fi
  if [ -n "$a__content_b" ] || [ ${#fr_after} -gt 102400 ] || [ "$fr_old_size" -gt 102400 ] ||
    [ ${#fr_before} != "$fr_old_size" ]; then
    fr_before="sha256: ${fr_sum:-none}$fr_nl" fr_after="sha256: $fr_sha$fr_nl"
  fi
  fr_diff "$fr_before" "$fr_after" "$fr_to" "${a__basename:-$fr_to}"
}

# Writes the content beside its place, checks it, and puts it there.
fr_write() {
  case $fr_to in */*) fr_dir=${fr_to%/*}/ ;; *) fr_dir=. ;; esac
  fr_new=$(fr_tmp "$fr_dir" "$fr_to") || fr_fail "cannot write in $fr_dir"
  fr_later "$fr_new"
  { fr_content >"$fr_new"; } 2>/dev/null || fr_fail "cannot write $fr_to: the disk may be full"
  fr_sum_of "$fr_new"
  [ "$fr_sum" = "$fr_sha" ] || fr_fail "cannot write $fr_to: what arrived is not what was sent"
  fr_validate "$fr_new" "$a_validate"
  [ "$a_backup" = false ] || fr_backup "$fr_to"
  if [ "$a_unsafe_writes" = true ] && [ "$fr_old_kind" = file ]; then
    { cat -- "$fr_new" >"$fr_to"; } 2>/dev/null || fr_fail "cannot write $fr_to"
  elif [ "$fr_old_kind" = link ]; then
    # The link itself gives way; what it points at stays as it is.
    { chmod '=rw' "$fr_new" && mv -f -- "$fr_new" "$fr_to"; } || fr_fail "cannot write $fr_to"
  else
    fr_install_file "$fr_new" "$fr_to"
  fi
}

# One file: content -> fr_to. Leaves what fr_look found of it.
fr_one() {
  fr_to=$1 fr_old_size=0 fr_sum='' fr_seen=false
  fr_kind "$fr_to"
  if [ "$fr_kind" = link ] && [ "$a_follow" = true ]; then
    fr_real "$fr_to"
    fr_to=$fr_v
    fr_kind "$fr_to"
  fi
  fr_old_kind=$fr_kind
  fr_know_sha
  fr_check_source
  if [ "$fr_old_kind" != absent ]; then
    if [ "$a_force" = false ]; then
      [ -d "$fr_top" ] || fr_put msg 'file already exists'
      fr_look "$fr_to"
      return 0
    fi
    [ "$fr_old_kind" != directory ] || fr_fail "$fr_to is a directory"
    [ "$fr_old_kind" = link ] || fr_sum_of "$fr_to"
    fr_look "$fr_to" && fr_seen=true fr_old_size=$fr_size
  fi
  if [ "$fr_sum" != "$fr_sha" ]; then
    fr_changed
    fr_show_diff
    if ! fr_is_check; then
      fr_write
      fr_look "$fr_to" && fr_seen=true
    fi
  fi
  fr_mode_of_source
  [ "$fr_seen" = false ] || [ "$fr_preserve" = true ] || fr_attrs "$fr_to"
}
fr_mode_of_source() {
  [ "$fr_preserve" = true ] || [ "$fr_like$a_mode$fr_old_kind" = trueabsent ] || return 0
  fr_stat "$fr_src"
  fr_keep_mode=$a_mode a_mode=$fr_mode
  [ "$fr_seen" = false ] || { fr_look "$fr_to" && fr_attrs "$fr_to"; }
  a_mode=$fr_keep_mode
}

# Makes folder $1 and its parents, each with directory_mode.
fr_folder() {
  [ ! -d "$1" ] || return 0
  [ ! -e "$1" ] || fr_fail "$1 exists and is no folder"
  fr_changed
  fr_is_check && return 0
  case $1 in ?*/*) [ -d "${1%/*}" ] || fr_folder "${1%/*}" ;; esac
  mkdir -- "$1" 2>/dev/null || [ -d "$1" ] || fr_fail "cannot make the folder $1"
  [ -z "$fr_directory_mode" ] || chmod "$fr_directory_mode" "$1" || fr_fail "cannot set the mode of $1"
  [ -z "$a_owner" ] || chown -- "$a_owner" "$1" || fr_fail "cannot set the owner of $1"
  [ -z "$a_group" ] || chgrp -- "$a_group" "$1" || fr_fail "cannot set the group of $1"
}
# fr_tree SRC DEST: a folder of the device with all it holds.
fr_tree() {
  if [ ! -d "$2" ]; then
    fr_folder "$2"
    # What is copied within the device keeps its rights.
    if [ "$fr_like$fr_directory_mode" = true ] && ! fr_is_check && fr_stat "$1"; then chmod "$fr_mode" "$2"; fi
  fi
  for fr_v in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -L "$fr_v" ]; then fr_same_link "$fr_v" "$2/${fr_v##*/}"
    elif [ -d "$fr_v" ]; then fr_tree "$fr_v" "$2/${fr_v##*/}"
    elif [ -f "$fr_v" ]; then
      fr_src=$fr_v a__sha256='' a__sha1=''
      fr_one "$2/${fr_v##*/}"
    fi
  done
}
fr_same_link() {
  fr_v=$(readlink -- "$1" && printf x)
  fr_src=${fr_v%"$fr_nl"x}
  fr_v=''
  [ ! -L "$2" ] || fr_v=$(readlink -- "$2" && printf x)
  [ "${fr_v%"$fr_nl"x}" != "$fr_src" ] || return 0
  fr_changed
  fr_is_check && return 0
  { rm -f -- "$2" && ln -s -- "$fr_src" "$2"; } || fr_fail "cannot make the link $2"
}

fr_preserve=false fr_like=false fr_directory_mode=''
if [ "$a_mode" = preserve ]; then
  [ -n "$fr_top" ] || [ "$a__tree" = true ] ||
    fr_fail 'mode: preserve goes with src only' module/bad-arguments
  fr_preserve=true
fi
! fr_has directory_mode || fr_directory_mode=$a_directory_mode
fr_has checksum || a_checksum=''
fr_has content || a_content=''

if [ "$a__tree" = true ]; then
  # A folder of the controller comes as an archive.
  fr_need tar
  fr_top=$(mktemp -d) || fr_fail 'cannot make a temporary folder'
  fr_later "$fr_top"
  fr_v=$(fr_content | tar -xf - -C "$fr_top" 2>&1) || fr_fail "cannot unpack the folder: $fr_v"
  a__src_path=''
  [ -z "$a__basename" ] || fr_dest_=$fr_dest_/$a__basename
  fr_tree "$fr_top" "$fr_dest_"
  fr_path "$a_dest"
  fr_put dest "${fr_v%/}/"
  exit 0
fi
if [ -n "$fr_top" ]; then
  fr_put src "$a_src"
  a__basename=${fr_src##*/}
  if [ -d "$fr_src" ]; then
    case $a_src in */) ;; *) fr_dest_=$fr_dest_/$a__basename ;; esac
    a__src_path=''
    fr_like=true
    fr_tree "$fr_top" "$fr_dest_"
    fr_path "$a_dest"
    fr_dest_=$fr_v
    fr_put dest "$fr_dest_"
    fr_kind "$fr_dest_"
    if fr_look "$fr_dest_"; then fr_put_look; fi
    exit 0
  fi
fi

if [ -d "$fr_dest_" ]; then
  [ -n "$a__basename" ] || fr_fail "cannot use content with a folder as dest: $fr_dest_"
  fr_dest_=${fr_dest_%/}/$a__basename
else
  case $a_dest in
    */)
      [ -n "$a__basename" ] || fr_fail "cannot use content with a folder as dest: $a_dest"
      fr_folder "$fr_dest_"
      fr_dest_=$fr_dest_/$a__basename
      ;;
    */*)
      fr_v=${fr_dest_%/*}
      [ -d "$fr_v/" ] || fr_is_check || fr_fail "Destination directory $fr_v does not exist"
      ;;
  esac
fi
fr_one "$fr_dest_"
fr_put dest "$fr_to"
[ "$fr_is_changed" = true ] || fr_put path "$fr_to"
fr_put_sha1
fr_kind "$fr_to"
if [ "$fr_seen" = true ]; then fr_put_look; fi
