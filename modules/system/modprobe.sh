# /proc/modules tells what is loaded. FLEETRUN_ROOT moves /etc, /proc, /sys and /lib.

fr_is_loaded() {
  while read -r fr_k fr_v; do
    [ "$fr_k" != "$fr_under" ] || return 0
  done 2>/dev/null <"$fr_root/proc/modules"
  # What is built in is always there.
  fr_v=''
  { read -r fr_v <"$fr_root/proc/sys/kernel/osrelease"; } 2>/dev/null
  while IFS= read -r fr_k; do
    fr_k=${fr_k##*/} fr_k=${fr_k%.ko*}
    [ "$(printf %s "$fr_k" | tr - _)" != "$fr_under" ] || return 0
  done 2>/dev/null <<EOT
$(grep -E "/$fr_pattern\\.ko" "$fr_root/lib/modules/$fr_v/modules.builtin" 2>/dev/null)
EOT
  return 1
}
# Does a line of a *.conf in FOLDER say WORDS?
fr_says() { # FOLDER WORDS
  for fr_f in "$1"/*.conf; do
    [ -f "$fr_f" ] || continue
    while IFS= read -r fr_l || [ -n "$fr_l" ]; do
      fr_words "$fr_l"
      [ "$fr_v" != "$2" ] || return 0
    done <"$fr_f"
  done
  return 1
}
fr_words() {
  set -f
  # shellcheck disable=SC2086  # the words are wanted
  set -- $1
  set +f
  fr_v="$*"
}
fr_write() { # FILE TEXT
  [ -d "${1%/*}" ] || mkdir -p -- "${1%/*}" || fr_fail "cannot make ${1%/*}"
  fr_new=$(fr_tmp "${1%/*}") || fr_fail "cannot write beside $1"
  fr_later "$fr_new"
  printf '%s' "$2" >"$fr_new" || fr_fail "cannot write $fr_new"
  fr_install_file "$fr_new" "$1"
}
# fr_disable FOLDER FIRST-WORDS: puts a "#" before every line that starts so.
fr_disable() {
  for fr_f in "$1"/*.conf; do
    [ -f "$fr_f" ] || continue
    fr_text='' fr_same=true
    while IFS= read -r fr_l || [ -n "$fr_l" ]; do
      fr_words "$fr_l"
      case "$fr_v " in "$2 "*) fr_l="#$fr_l" fr_same=false ;; esac
      fr_text=$fr_text$fr_l$fr_nl
    done <"$fr_f"
    [ "$fr_same" = false ] || continue
    fr_changed
    fr_is_check || fr_write "$fr_f" "$fr_text"
  done
}
fr_persist() {
  case $a_persistent in
    present)
      if ! fr_says "$fr_load" "$a_name"; then
        fr_changed
        fr_is_check || fr_write "$fr_load/$a_name.conf" "$a_name$fr_nl"
      fi
      fr_words "$a_params"
      fr_k=$fr_v
      if [ -n "$fr_k" ] && ! fr_says "$fr_opts" "options $a_name $fr_k"; then
        fr_changed
        fr_disable "$fr_opts" "options $a_name"
        fr_is_check || fr_write "$fr_opts/$a_name.conf" "options $a_name $a_params$fr_nl"
      fi
      ;;
    absent)
      fr_disable "$fr_load" "$a_name"
      fr_disable "$fr_opts" "options $a_name"
      ;;
  esac
}

case $a_name in '' | -* | *[!A-Za-z0-9_-]*) fr_fail "no name of a module: $a_name" module/bad-arguments ;; esac
case $a_params in -* | *"$fr_nl"*) fr_fail 'params are words like key=value' module/bad-arguments ;; esac
fr_root=${FLEETRUN_ROOT:-}
fr_load=$fr_root/etc/modules-load.d fr_opts=$fr_root/etc/modprobe.d
fr_under=$(printf %s "$a_name" | tr - _)
fr_pattern=$(printf %s "$fr_under" | sed 's/_/[-_]/g')
fr_need modprobe
fr_put name "$a_name"
fr_put params "$a_params"
fr_put state "$a_state"
fr_now=absent
if fr_is_loaded; then fr_now=present; fi
if [ "$fr_now" != "$a_state" ]; then
  fr_changed
  if ! fr_is_check; then
    set -f
    # shellcheck disable=SC2086  # the words are wanted
    if [ "$a_state" = present ]; then set -- modprobe "$a_name" $a_params; else set -- modprobe -r "$a_name"; fi
    set +f
    fr_v=$("$@" 2>&1) || {
      fr_put_int rc "$?"
      fr_put stderr "$fr_v"
      fr_fail "$fr_v"
    }
  fi
fi
fr_persist
