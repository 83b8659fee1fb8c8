# state decides: absent, directory, file, hard, link, touch. A path that is as
# it should be costs one stat(1).

fr_path "$a_path"
fr_p=$fr_v
fr_kind "$fr_p"
fr_word=path

# What changes in kind, for --diff.
fr_differs() {
  fr_changed
  fr_diff "path: $fr_p${fr_nl}state: $fr_kind$fr_nl" "path: $fr_p${fr_nl}state: $1$fr_nl"
}
fr_done() {
  fr_kind "$fr_p"
  fr_put "$fr_word" "$fr_p"
  if [ "${fr_looked:-}" = "$fr_p" ] || fr_look "$fr_p"; then fr_put_look; else fr_put state "$1"; fi
  exit 0
}
# Fails, telling what is there.
fr_refuse() {
  fr_is_changed=false fr_d_set=''
  fr_put path "$fr_p"
  if fr_look "$fr_p"; then fr_put_look; else fr_put state "$fr_kind"; fi
  fr_fail "$1" "${2:-}"
}
# Attributes and times of what is there; then the result.
fr_finish() {
  [ "$a_state" = touch ] || fr_set_times
  if fr_look "$fr_p"; then
    fr_attrs "$fr_p"
    fr_looked=$fr_p
  elif ! fr_is_check; then fr_fail "$fr_p is gone"
  fi
  fr_done "$1"
}

fr_follow_link() {
  [ "$fr_kind" = link ] && [ "$a_follow" = true ] || return 0
  [ -e "$fr_p" ] || return 0
  fr_real "$fr_p"
  fr_p=$fr_v
  fr_kind "$fr_p"
}

fr_do_absent() {
  if [ "$fr_kind" != absent ]; then
    case $fr_p in *[!/.]*) ;; *) fr_fail "refusing to remove $a_path" ;; esac
    fr_differs absent
    fr_is_check || fr_v=$(rm -rf -- "$fr_p" 2>&1) || fr_fail "cannot remove $fr_p: $fr_v"
  fi
  fr_put path "$fr_p"
  fr_put state absent
}

fr_do_file() {
  fr_follow_link
  [ "$fr_kind" = file ] || fr_refuse "file ($fr_p) is $fr_kind, cannot continue"
  fr_finish file
}

# Makes the folder and its parents; each new one gets the attributes.
fr_do_directory() {
  fr_follow_link
  if [ "$fr_kind" = absent ]; then
    fr_differs directory
    fr_is_check || fr_make_folders
  elif [ "$fr_kind" != directory ]; then
    fr_refuse "$fr_p already exists as a $fr_kind"
  elif [ "$a_recurse" = true ]; then
    fr_recurse
  fi
  fr_finish directory
}
fr_make_folders() {
  fr_new='' fr_dir=$fr_p
  while [ ! -d "$fr_dir" ]; do
    [ ! -e "$fr_dir" ] || fr_fail "cannot make $fr_p: $fr_dir is no folder"
    fr_new="$fr_dir$fr_nl$fr_new"
    case $fr_dir in ?*/*) fr_dir=${fr_dir%/*} ;; *) break ;; esac
  done
  mkdir -p -- "$fr_p" 2>/dev/null || fr_v=$(mkdir -p -- "$fr_p" 2>&1) ||
    fr_fail "cannot make $fr_p: $fr_v"
  case $a_mode$a_owner$a_group in '') return ;; esac
  # A name that holds a newline falls apart here: its parts do not exist.
  while [ -n "$fr_new" ]; do
    fr_dir=${fr_new%%"$fr_nl"*} fr_new=${fr_new#*"$fr_nl"}
    # The last one gets its attributes at the end, like one that was there.
    [ "$fr_dir" = "$fr_p" ] || [ ! -d "$fr_dir" ] || fr_apply_attrs "$fr_dir"
  done
}

# Attributes of everything below; find picks only what differs.
fr_recurse() {
  [ -z "$a_owner" ] || fr_fix '' -user "$a_owner" chown -h -- "$a_owner"
  [ -z "$a_group" ] || fr_fix '' -group "$a_group" chgrp -h -- "$a_group"
  case $a_mode in
    '') ;;
    *[!0-7]*) fr_fix_symbolic ;;
    *) fr_fix '! -type l' -perm "$a_mode" chmod "0$a_mode" ;;
  esac
}
# fr_fix SKIP TEST VALUE COMMAND…: runs COMMAND on what is not as TEST says.
fr_fix() {
  fr_skip=$1 fr_test=$2 fr_wish=$3
  shift 3
  # shellcheck disable=SC2086  # $fr_skip is a few constant words
  fr_v=$(find "$fr_p" $fr_skip ! "$fr_test" "$fr_wish" -print 2>&1 | head -n 1)
  [ -n "$fr_v" ] || return 0
  fr_changed
  fr_is_check && return 0
  # shellcheck disable=SC2086
  fr_v=$(find "$fr_p" $fr_skip ! "$fr_test" "$fr_wish" -exec "$@" {} + 2>&1) ||
    fr_fail "cannot set the attributes below $fr_p: $fr_v"
}
# A symbolic mode is tried once for each kind and mode that occurs.
fr_fix_symbolic() {
  fr_need mktemp sort
  fr_combos=$(find "$fr_p" ! -type l -exec stat -c '%a %F' {} + | sort -u)
  while [ -n "$fr_combos" ]; do
    fr_v=${fr_combos%%"$fr_nl"*}
    case $fr_combos in *"$fr_nl"*) fr_combos=${fr_combos#*"$fr_nl"} ;; *) fr_combos='' ;; esac
    case $fr_v in *directory) fr_try=$(mktemp -d) ;; *) fr_try=$(mktemp) ;; esac || fr_fail "cannot make a temporary file"
    fr_later "$fr_try"
    chmod "0${fr_v%% *}" "$fr_try"
    fr_stat "$fr_try"
    fr_old_mode=$fr_mode
    fr_v=$(chmod -- "$a_mode" "$fr_try" 2>&1) || fr_fail "bad mode $a_mode: $fr_v"
    fr_stat "$fr_try"
    [ "$fr_old_mode" = "$fr_mode" ] || fr_combos='' fr_differ=true
  done
  [ "${fr_differ:-}" = true ] || return 0
  fr_changed
  fr_is_check && return 0
  fr_v=$(chmod -R -- "$a_mode" "$fr_p" 2>&1) || fr_fail "cannot set the mode below $fr_p: $fr_v"
}

# A path that is something else may only give way with force; a folder, only if empty.
fr_make_room() {
  case $fr_kind in absent | link) return ;; esac
  [ "$fr_kind" != file ] || [ "$a_force" = true ] || [ "$a_state" = hard ] ||
    fr_refuse "refusing to convert from file to $1 for $fr_p"
  [ "$fr_kind" = directory ] || return 0
  [ "$a_force" = true ] || fr_refuse "refusing to convert from directory to $1 for $fr_p"
  for fr_v in "$fr_p"/* "$fr_p"/.[!.]* "$fr_p"/..?*; do
    { [ ! -e "$fr_v" ] && [ ! -L "$fr_v" ]; } ||
      fr_refuse "the directory $fr_p is not empty, refusing to convert it"
  done
}
# fr_link LN_OPTION: a new link takes the place of the old path in one step.
fr_link() {
  if [ "$fr_kind" = directory ]; then rmdir -- "$fr_p" || fr_fail "cannot replace $fr_p"; fi
  fr_tmp_=$fr_p.fleetrun.$$
  rm -f -- "$fr_tmp_"
  # shellcheck disable=SC2086  # $1 is one option or nothing
  fr_v=$(ln $1 -- "$fr_src" "$fr_tmp_" 2>&1) || fr_fail "cannot link $fr_p: $fr_v"
  if [ ! -d "$fr_p" ]; then mv -f -- "$fr_tmp_" "$fr_p" && return; fi
  # A link to a folder: mv would move into it, but for -T, which is not everywhere.
  mv -fT -- "$fr_tmp_" "$fr_p" 2>/dev/null && return
  { rm -f -- "$fr_p" && mv -f -- "$fr_tmp_" "$fr_p"; } || fr_fail "cannot replace $fr_p"
}

fr_do_link() {
  fr_word=dest fr_src=$a_src
  if [ -z "$fr_src" ]; then
    [ "$fr_kind" = link ] || fr_fail "src is needed to make a link" module/bad-arguments
    fr_v=$(readlink -- "$fr_p" && printf x)
    fr_src=${fr_v%"$fr_nl"x}
  fi
  case $fr_src in \~ | \~/*) fr_src=${HOME:-/}${fr_src#?} ;; esac
  case $fr_src in
    /*) fr_target=$fr_src ;;
    *) case $fr_p in */*) fr_target=${fr_p%/*}/$fr_src ;; *) fr_target=$fr_src ;; esac ;;
  esac
  [ -e "$fr_target" ] || [ "$a_force" = true ] ||
    { fr_put path "$fr_p"; fr_put src "$fr_src"
      fr_fail "src file does not exist, use 'force=yes' if you really want to create the link: $fr_target"; }
  fr_make_room symlink
  fr_now=''
  if [ "$fr_kind" = link ]; then fr_v=$(readlink -- "$fr_p" && printf x) && fr_now=${fr_v%"$fr_nl"x}; fi
  if [ "$fr_kind" != link ] || [ "$fr_now" != "$fr_src" ]; then
    fr_changed
    fr_diff "path: $fr_p${fr_nl}state: $fr_kind${fr_nl}${fr_now:+src: $fr_now$fr_nl}" \
      "path: $fr_p${fr_nl}state: link${fr_nl}src: $fr_src$fr_nl"
    fr_is_check || fr_link -s
  fi
  fr_link_attrs
  fr_put src "$fr_src"
  fr_done link
}
# Owner and group belong to the link, or with follow, like the mode, to what it points at.
fr_link_attrs() {
  case $a_mode$a_owner$a_group in '') return ;; esac
  fr_v=$fr_p
  if [ "$a_follow" = true ]; then
    [ -e "$fr_target" ] || return 0
    fr_real "$fr_target"
  else
    a_mode=''
  fi
  fr_target=$fr_v
  if fr_look "$fr_target"; then fr_attrs "$fr_target"; fi
}

fr_do_hard() {
  fr_word=dest
  [ -n "$a_src" ] || fr_fail "src is needed to make a hard link" module/bad-arguments
  fr_path "$a_src"
  fr_src=$fr_v
  fr_look "$fr_src" || { fr_put dest "$fr_p"; fr_put src "$a_src"; fr_fail 'src does not exist'; }
  fr_wish=$fr_inode
  fr_make_room 'hard link'
  if [ "$fr_kind" = absent ] || ! fr_look "$fr_p" || [ "$fr_inode" != "$fr_wish" ]; then
    [ "$fr_kind" != file ] || [ "$a_force" = true ] ||
      fr_fail "cannot link, a different file exists at $fr_p (force: true replaces it)"
    fr_differs hard
    fr_is_check || fr_link ''
  fi
  fr_put src "$fr_src"
  fr_finish hard
}

# fr_time VALUE OPTION FORMAT: whether a time is to be set, in $fr_differ; for a
# time that is given, whether the file has another.
fr_time() {
  fr_differ=true
  case $1 in
    preserve) fr_differ=false ;;
    '' | now) ;;
    *)
      fr_try=$(fr_tmp) || fr_fail "cannot make a temporary file"
      fr_later "$fr_try"
      fr_v=$(touch "$2" -t "$1" -- "$fr_try" 2>&1) ||
        fr_fail "not a time as YYYYMMDDhhmm.ss: $1" module/bad-arguments
      [ "$(stat -c "$3" -- "$fr_try")" != "$(stat -c "$3" -- "$fr_p")" ] || fr_differ=false
      ;;
  esac
}
fr_set_time() {
  case $1 in
    '' | now) touch "$2" -- "$fr_p" ;;
    *) touch "$2" -t "$1" -- "$fr_p" ;;
  esac || fr_fail "cannot set the time of $fr_p"
}
# Times of what is not touched stay unless they are given.
fr_set_times() {
  [ -n "$a_modification_time$a_access_time" ] && [ -e "$fr_p" ] || return 0
  for fr_opt in -m -a; do
    if [ $fr_opt = -m ]; then set -- "${a_modification_time:-preserve}" -m %Y; else set -- "${a_access_time:-preserve}" -a %X; fi
    fr_time "$@"
    [ $fr_differ = true ] || continue
    fr_changed
    fr_is_check || fr_set_time "$1" "$2"
  done
}
fr_do_touch() {
  fr_word=dest
  fr_follow_link
  if [ "$fr_kind" = absent ]; then
    fr_differs touch
    fr_is_check && fr_done absent
    { : >>"$fr_p"; } 2>/dev/null || fr_fail "cannot make $fr_p"
    case $a_modification_time in '' | now | preserve) ;; *) fr_set_time "$a_modification_time" -m ;; esac
    case $a_access_time in '' | now | preserve) ;; *) fr_set_time "$a_access_time" -a ;; esac
  else
    for fr_v in -m -a; do
      if [ $fr_v = -m ]; then set -- "$a_modification_time" -m %Y; else set -- "$a_access_time" -a %X; fi
      fr_time "$@"
      [ $fr_differ = true ] || continue
      fr_changed
      fr_is_check || fr_set_time "$1" "$2"
    done
  fi
  fr_finish file
}

if [ -z "$a_state" ]; then
  case $fr_kind in
    absent) if [ "$a_recurse" = true ]; then a_state='directory'; else a_state='file'; fi ;;
    *) a_state=$fr_kind ;;
  esac
fi
[ "$a_recurse" != true ] || [ "$a_state" = directory ] ||
  fr_fail "recurse goes with state: directory only" module/bad-arguments
case $a_state in
  absent) fr_do_absent ;;
  directory) fr_do_directory ;;
  file) fr_do_file ;;
  hard) fr_do_hard ;;
  link) fr_do_link ;;
  touch) fr_do_touch ;;
esac
