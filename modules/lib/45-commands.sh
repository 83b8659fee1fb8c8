# fleetrun's sh runtime, part 5: what command, shell, raw and script share.

# Enters a_chdir; ends the module when a_creates or a_removes says so.
fr_command_start() {
  if fr_has chdir; then
    fr_command_home "$a_chdir"
    cd "$fr_v" 2>/dev/null || {
      fr_put_json rc null
      fr_fail 'Unable to change directory before execution.'
    }
  fi
  fr_command_guard creates
  fr_command_guard removes
}
fr_command_home() {
  case $1 in '~' | '~'/*) fr_v=${HOME:-/}${1#?} ;; *) fr_v=$1 ;; esac
}

# fr_command_guard creates|removes: the argument may be a pattern.
fr_command_guard() {
  fr_has "$1" || return 0
  eval "fr_path=\$a_$1"
  fr_command_home "$fr_path"
  fr_there=false
  IFS=$fr_nl
  # shellcheck disable=SC2086  # it may be a pattern
  for fr_p in $fr_v; do
    if [ -e "$fr_p" ] || [ -L "$fr_p" ]; then fr_there=true; fi
  done
  unset IFS
  case $1$fr_there in
    createstrue) fr_why=exists ;;
    removesfalse) fr_why='does not exist' ;;
    *) return 0 ;;
  esac
  if [ -n "${fr_script_guard:-}" ]; then
    fr_put msg "$fr_path $fr_why, matching $1 option"
    exit 0
  fi
  fr_put msg "Did not run command since '$fr_path' $fr_why"
  fr_put_int rc 0
  printf 'skipped, since %s %s\n' "$fr_path" "$fr_why"
  exit 0
}
