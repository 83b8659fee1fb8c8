# What the modules that change a text share: reading it, asking awk for the new
# one, putting that in place. All data reaches awk on its stdin, never as
# program text, arguments or environment.

# fr_text_open PATH: follows links; sets fr_p, fr_kind and fr_old, the text.
# With fr_text_link=replace a link gives way to the new file.
fr_text_link=follow
fr_text_open() {
  fr_path "$1"
  fr_p=$fr_v fr_old=''
  fr_kind "$fr_p"
  if [ "$fr_kind" = link ]; then
    if [ "$fr_text_link" = replace ] && [ -f "$fr_p" ]; then
      fr_kind='file'
    else
      fr_text_link=follow
      fr_real "$fr_p"
      fr_p=$fr_v
      fr_kind "$fr_p"
    fi
  else
    fr_text_link=follow
  fi
  [ "$fr_kind" = 'file' ] || return 0
  # Some shells complain of NULs; the length tells of them in all.
  { fr_read "$fr_p"; } 2>/dev/null || fr_fail "cannot read $fr_p"
  fr_old=$fr_v
  [ "$(wc -c <"$fr_p")" -eq "${#fr_old}" ] ||
    fr_fail "$fr_p is no text file (it holds NUL bytes), or it changed while it was read"
}

# fr_text_ask VALUE…: the values as V[1], V[2] … of the awk program (values.awk)
# and its answer: fr_differs (true or false), fr_msg, fr_text.
fr_text_ask() {
  fr_sep=.
  for fr_v; do
    while :; do case $fr_v in *"$fr_sep"*) fr_sep=.$fr_sep ;; *) break ;; esac; done
  done
  fr_in=$fr_sep
  for fr_v; do fr_in=$fr_in$fr_nl$fr_v$fr_nl$fr_sep; done
  { fr_text=$(awk "$fr_awk" <<EOF
$fr_in
EOF
  ); } 2>/dev/null || fr_fail 'awk failed'
  case $fr_text in !*) fr_fail "$fr_p: ${fr_text#!}" ;; esac
  fr_v=${fr_text%%"$fr_nl"*} fr_text=${fr_text#*"$fr_nl"} fr_text=${fr_text%.}
  fr_differs=${fr_v%% *} fr_v=${fr_v#* }
  fr_msg=${fr_v#* }
  [ "${#fr_text}" = "${fr_v%% *}" ] || fr_fail "awk lost a part of $fr_p"
}

# Puts fr_text in the place of fr_old, by way of validate and backup.
fr_text_write() {
  fr_changed
  ! fr_is_diff || fr_diff "$fr_old" "$fr_text" "$fr_p (content)" "$fr_p (content)"
  if fr_is_check; then return; fi
  case $fr_p in */*) fr_dir=${fr_p%/*}/ ;; *) fr_dir=. ;; esac
  if [ ! -d "$fr_dir" ]; then
    fr_v=$(mkdir -p -- "$fr_dir" 2>&1) || fr_fail "cannot make $fr_dir: $fr_v"
  fi
  fr_new=$(fr_tmp "$fr_dir" "$fr_p") || fr_fail "cannot write in $fr_dir"
  fr_later "$fr_new"
  { { printf '%s' "$fr_text" >"$fr_new"; } 2>/dev/null && fr_look "$fr_new" &&
    [ "$fr_size" = "${#fr_text}" ]; } || fr_fail "cannot write in $fr_dir (is the disk full?)"
  fr_validate "$fr_new" "$a_validate"
  [ "$a_backup" = false ] || fr_backup "$fr_p"
  if [ "$a_unsafe_writes" = true ] && [ -e "$fr_p" ]; then
    { cat -- "$fr_new" >"$fr_p"; } 2>/dev/null || fr_fail "cannot write $fr_p"
  elif [ "$fr_text_link" = replace ]; then
    { chmod '=rw' "$fr_new" && mv -f -- "$fr_new" "$fr_p"; } || fr_fail "cannot write $fr_p"
  else
    fr_install_file "$fr_new" "$fr_p"
  fi
}

# The wanted attributes, then fr_msg, and the end.
fr_text_end() {
  if [ -n "$a_mode$a_owner$a_group" ] && fr_look "$fr_p"; then
    fr_was=$fr_is_changed fr_is_changed=false
    fr_attrs "$fr_p"
    [ "$fr_is_changed" = false ] || fr_msg="${fr_msg:+$fr_msg and }ownership, perms or SE linux context changed"
    [ "$fr_was" = false ] || fr_changed
  fi
  fr_put msg "$fr_msg"
  exit 0
}
