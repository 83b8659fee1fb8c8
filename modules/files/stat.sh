# One stat(1) gives the numbers, one checksum tool the checksum; the rest are builtins.

fr_path "$a_path"
fr_p=$fr_v

# A path below a folder that may not be entered is an error, not "absent".
fr_absent() {
  fr_dir=$fr_p
  while :; do
    case $fr_dir in
      */*) fr_dir=${fr_dir%/*} ;;
      *) fr_dir=. ;;
    esac
    [ -n "$fr_dir" ] || fr_dir=/
    [ ! -e "$fr_dir" ] || break
    case $fr_dir in . | /) break ;; esac
  done
  [ ! -d "$fr_dir" ] || [ -x "$fr_dir" ] || fr_fail "cannot look into $fr_dir: permission denied"
  fr_put_json stat '{"exists":false}'
  exit 0
}

# The names of users that are gone are left out, as Ansible does.
fr_names() {
  [ "$1" = UNKNOWN ] || fr_text pw_name "$1"
  [ "$2" = UNKNOWN ] || fr_text gr_name "$2"
}
fr_text() { fr_json "$2"; fr_o="$fr_o,\"$1\":$fr_j"; }
fr_num() { fr_o="$fr_o,\"$1\":$2"; }
# fr_bit NAME MASK: true when the mode has all bits of MASK.
fr_bit() {
  if [ $((fr_bits & $2)) -eq "$2" ]; then fr_num "$1" true; else fr_num "$1" false; fi
}
# fr_is NAME TYPE: true when the type bits are TYPE.
fr_is() {
  if [ $((fr_bits & 61440)) -eq "$2" ]; then fr_num "$1" true; else fr_num "$1" false; fi
}
# fr_can NAME OPERATOR
fr_can() {
  if test "$2" "$fr_p"; then fr_num "$1" true; else fr_num "$1" false; fi
}

fr_numbers() {
  fr_bits=$((0x$1))
  fr_num uid "$2"; fr_num gid "$3"; fr_num size "$4"; fr_num inode "$5"; fr_num dev "$6"
  fr_num nlink "$7"; fr_num atime "$8"; fr_num mtime "$9"
  shift 9
  fr_num ctime "$1"; fr_num blocks "$2"; fr_num block_size "$3"
  fr_num device_type $((0x$4 << 8 | 0x$5))
  fr_names "$6" "$7"
}

# Without stat(1): what `ls -ld` tells.
fr_from_ls() {
  case $fr_follow in -L) [ ! -L "$fr_p" ] || { fr_real "$fr_p"; fr_p=$fr_v; } ;; esac
  fr_look "$fr_p" || fr_absent
  fr_bits=0
  for fr_i in 1 2 3 4; do
    fr_v=${fr_mode#?}
    fr_bits=$((fr_bits * 8 + ${fr_mode%"$fr_v"})) fr_mode=$fr_v
  done
  fr_v=32768
  if [ -L "$fr_p" ]; then fr_v=40960
  elif [ -d "$fr_p" ]; then fr_v=16384
  elif [ -b "$fr_p" ]; then fr_v=24576
  elif [ -c "$fr_p" ]; then fr_v=8192
  elif [ -p "$fr_p" ]; then fr_v=4096
  elif [ -S "$fr_p" ]; then fr_v=49152
  fi
  fr_bits=$((fr_bits | fr_v))
  fr_num uid "$fr_uid"; fr_num gid "$fr_gid"; fr_num size "$fr_size"; fr_num nlink "$fr_links"
  fr_names "$fr_owner" "$fr_group"
}

fr_checksum() {
  [ -r "$fr_p" ] || return 0
  if command -v "${a_checksum_algorithm}sum" >/dev/null 2>&1; then
    fr_v=$("${a_checksum_algorithm}sum" <"$fr_p") || fr_fail "cannot read $fr_p"
    fr_v=${fr_v%% *}
  elif command -v openssl >/dev/null 2>&1; then
    fr_v=$(openssl dgst "-$a_checksum_algorithm" <"$fr_p") || fr_fail "cannot read $fr_p"
    fr_v=${fr_v##* }
  else
    fr_fail "missing: ${a_checksum_algorithm}sum" module/missing-tool
  fi
  fr_text checksum "$fr_v"
}

fr_follow=''
if [ "$a_follow" = true ]; then
  fr_follow=-L
  [ -e "$fr_p" ] || fr_absent
else
  [ -e "$fr_p" ] || [ -L "$fr_p" ] || fr_absent
fi

fr_o='{"exists":true'
fr_text path "$a_path"
# shellcheck disable=SC2086  # $fr_follow is one option or nothing
if fr_v=$(stat $fr_follow -c '%f %u %g %s %i %d %h %X %Y %Z %b %o %t %T %U %G' -- "$fr_p" 2>/dev/null)
then
  # shellcheck disable=SC2086  # the words are wanted; names of users hold no spaces
  fr_numbers $fr_v
else
  fr_from_ls
fi

fr_v=$((fr_bits >> 9 & 7))$((fr_bits >> 6 & 7))$((fr_bits >> 3 & 7))$((fr_bits & 7))
fr_text mode "$fr_v"
fr_is isreg 32768; fr_is isdir 16384; fr_is islnk 40960; fr_is isblk 24576
fr_is ischr 8192; fr_is isfifo 4096; fr_is issock 49152
fr_bit rusr 256; fr_bit wusr 128; fr_bit xusr 64
fr_bit rgrp 32; fr_bit wgrp 16; fr_bit xgrp 8
fr_bit roth 4; fr_bit woth 2; fr_bit xoth 1
fr_bit isuid 2048; fr_bit isgid 1024
fr_can readable -r; fr_can writeable -w; fr_can executable -x
case $((fr_bits & 61440)) in
  32768) [ "$a_get_checksum" = false ] || fr_checksum ;;
  40960)
    fr_v=$(readlink -- "$fr_p" && printf x) && fr_text lnk_target "${fr_v%"$fr_nl"x}"
    fr_v=$(readlink -f -- "$fr_p" && printf x) && fr_text lnk_source "${fr_v%"$fr_nl"x}"
    ;;
esac
# What file(1) and lsattr tell, where they are.
fr_mime() {
  fr_v=$(file -b -i -- "$fr_p" 2>/dev/null) || fr_v=''
  case $fr_v in
    */*\;\ charset=*) fr_text mimetype "${fr_v%%;*}"; fr_text charset "${fr_v##*=}" ;;
    *) fr_text mimetype unknown; fr_text charset unknown ;;
  esac
}
fr_flags() {
  fr_v=$(lsattr -vd -- "$fr_p" 2>/dev/null) || fr_v=''
  case $fr_v in
    [0-9]*\ *) fr_text version "${fr_v%% *}"; fr_v=${fr_v#* } ;;
    *) fr_num version null; fr_v='' ;;
  esac
  fr_v=${fr_v#"${fr_v%%[! ]*}"} fr_v=${fr_v%% *} fr_set='' fr_list=''
  while [ -n "$fr_v" ]; do
    fr_k=${fr_v%"${fr_v#?}"} fr_v=${fr_v#?}
    case $fr_k in
      -) continue ;;
      A) fr_name=noatime ;; a) fr_name=append ;; c) fr_name=compressed ;; C) fr_name=nocow ;;
      d) fr_name=nodump ;; D) fr_name=dirsync ;; e) fr_name=extents ;; E) fr_name=encrypted ;;
      h) fr_name=blocksize ;; i) fr_name=immutable ;; I) fr_name=indexed ;; j) fr_name=journalled ;;
      N) fr_name=inline ;; s) fr_name=zero ;; S) fr_name=synchronous ;; t) fr_name=notail ;;
      T) fr_name=blockroot ;; u) fr_name=undelete ;; X) fr_name=compressedraw ;; Z) fr_name=compresseddirty ;;
      *) fr_name=$fr_k ;;
    esac
    fr_set=$fr_set$fr_k fr_list="$fr_list,\"$fr_name\""
  done
  fr_text attr_flags "$fr_set"
  fr_num attributes "[${fr_list#,}]"
}
[ "$a_get_mime" = false ] || fr_mime
[ "$a_get_attributes" = false ] || fr_flags
fr_put_json stat "$fr_o}"
