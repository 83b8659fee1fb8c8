# awk decides and makes the new text (lineinfile.awk); the shell puts it in
# place. All data reaches awk on its stdin, never as program text, arguments or
# environment.

fr_path "$a_path"
fr_p=$fr_v

fr_kind "$fr_p"
if [ "$fr_kind" = link ]; then
  fr_real "$fr_p"
  fr_p=$fr_v
  fr_kind "$fr_p"
fi
[ "$fr_kind" != directory ] || fr_fail "path $a_path is a directory"

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
  fr_has line || fr_fail "line is needed with state: present" module/bad-arguments
  [ "$a_backrefs" = false ] || [ "$fr_by" = regexp ] ||
    fr_fail "regexp is needed with backrefs: true" module/bad-arguments
else
  fr_has line || [ "$fr_by" != line ] ||
    fr_fail "one of line, regexp and search_string is needed with state: absent" module/bad-arguments
fi

fr_file=$fr_p
if [ "$fr_kind" = absent ]; then
  fr_file=''
  if [ "$a_state" = absent ]; then
    fr_put msg 'file not present'
    exit 0
  fi
  [ "$a_create" = true ] || fr_fail "destination $fr_p does not exist (create: true makes it)"
fi

# The separator: a run of dots that no value holds.
fr_sep=.
while :; do
  case $fr_file$fr_nl$a_line$fr_nl$fr_re$fr_nl$fr_near in
    *"$fr_sep"*) fr_sep=.$fr_sep ;;
    *) break ;;
  esac
done

# Some shells complain of NULs; that is dealt with below.
{ fr_text=$(awk "$fr_awk" <<EOF
$fr_sep
$fr_file
$fr_sep
$a_state
$fr_sep
$a_line
$fr_sep
$fr_by
$fr_sep
$fr_re
$fr_sep
$fr_where
$fr_sep
$fr_near
$fr_sep
$a_firstmatch
$fr_sep
$a_backrefs
$fr_sep
EOF
); } 2>/dev/null || fr_fail "awk failed"
case $fr_text in
  !*) fr_fail "$fr_p: ${fr_text#!}" ;;
  true*) ;;
  *)
    fr_no_change() {
      fr_put msg ''
      fr_put backup ''
      [ "$a_state" = present ] || fr_put_int found 0
      case $a_mode$a_owner$a_group in '') exit 0 ;; esac
      fr_look "$fr_p" || fr_fail "$fr_p is gone"
      fr_attrs "$fr_p"
      [ "$fr_is_changed" = false ] || fr_put msg 'ownership or permissions changed'
      exit 0
    }
    fr_no_change
    ;;
esac

fr_head=${fr_text%%"$fr_nl"*}
fr_text=${fr_text#*"$fr_nl"}
fr_text=${fr_text%.}
fr_words() { fr_found=$2 fr_tail=$3 fr_bytes=$4 fr_lines=$5 fr_new_size=$6; }
# shellcheck disable=SC2086  # the words are wanted
fr_words $fr_head
fr_msg=${fr_head#* * * * * * }

# awks and shells differ in what they do with NULs; some length then differs.
fr_no_text() { fr_fail "$fr_p is no text file (it holds NUL bytes), or it changed while it was read"; }
[ ${#fr_text} = "$fr_new_size" ] || fr_no_text
if [ -n "$fr_file" ]; then
  fr_look "$fr_p" || fr_fail "$fr_p is gone"
  if [ "$fr_size" = $((fr_bytes - 1)) ]; then
    # No newline at its end; that stays so unless the last line is ours.
    fr_lines=$((fr_lines - 1))
    if [ "$fr_tail" = 1 ]; then fr_text=${fr_text%"$fr_nl"} fr_new_size=$((fr_new_size - 1)); fi
  elif [ "$fr_size" != "$fr_bytes" ]; then
    fr_no_text
  fi
  [ "$(wc -l <"$fr_p")" -eq "$fr_lines" ] || fr_no_text
fi

fr_changed
fr_put msg "$fr_msg"
[ "$a_state" = present ] || fr_put_int found "$fr_found"
if fr_is_diff; then
  fr_v=''
  [ -z "$fr_file" ] || fr_read "$fr_p" || fr_fail "cannot read $fr_p"
  fr_diff "$fr_v" "$fr_text" "$fr_p (content)" "$fr_p (content)"
fi

if ! fr_is_check; then
  case $fr_p in */*) fr_dir=${fr_p%/*}/ ;; *) fr_dir=. ;; esac
  if [ ! -d "$fr_dir" ]; then
    fr_v=$(mkdir -p -- "$fr_dir" 2>&1) || fr_fail "cannot make $fr_dir: $fr_v"
  fi
  fr_new=$(fr_tmp "$fr_dir") || fr_fail "cannot write in $fr_dir"
  fr_later "$fr_new"
  { printf '%s' "$fr_text" >"$fr_new"; } 2>/dev/null || fr_fail "cannot write in $fr_dir (is the disk full?)"
  { fr_look "$fr_new" && [ "$fr_size" = "$fr_new_size" ]; } ||
    fr_fail "cannot write in $fr_dir (is the disk full?)"
  fr_validate "$fr_new" "$a_validate"
fi
fr_bak=''
[ "$a_backup" = false ] || fr_backup "$fr_p"
fr_put backup "$fr_bak"
if ! fr_is_check; then
  if [ "$a_unsafe_writes" = true ] && [ -e "$fr_p" ]; then
    { cat -- "$fr_new" >"$fr_p"; } 2>/dev/null || fr_fail "cannot write $fr_p"
  else
    fr_install_file "$fr_new" "$fr_p"
  fi
fi
case $a_mode$a_owner$a_group in '') exit 0 ;; esac
if fr_look "$fr_p"; then fr_attrs "$fr_p"; fi
