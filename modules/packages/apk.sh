# apk's own simulation is the plan.
set -f
case $a_state in installed) a_state=present ;; removed) a_state=absent ;; esac
fr_take_words name
fr_wait_for_locks /lib/apk/db/lock /usr/lib/apk/db/lock
fr_flags='' fr_i=1
while [ "$fr_i" -le "${a_repository_n:-0}" ]; do
  fr_item repository "$fr_i"
  case $fr_v in -* | *[[:space:]]*) fr_fail "no repository: $fr_v" module/bad-arguments ;; esac
  # They take the place of the system's own.
  [ "$fr_i" -gt 1 ] || fr_flags="$fr_flags --repositories-file /dev/null"
  fr_flags="$fr_flags --repository $fr_v"
  fr_i=$((fr_i + 1))
done
[ "$a_no_cache" = false ] || fr_flags="$fr_flags --no-cache"
# shellcheck disable=SC2086
fr_apk() { fr_run apk --no-progress --wait "$((a_lock_timeout - fr_waited))" $fr_flags "$@"; }
if [ "$a_update_cache" = true ] && ! fr_is_check; then
  fr_apk update || fr_run_failed 'could not update package db'
fi
fr_end() {
  fr_put stdout "$fr_stdout"
  fr_put stderr "$fr_stderr"
  fr_put_json packages "[${fr_list#,}]"
  fr_put msg "$1"
  exit 0
}
# fr_plan WORD…: "(1/2) Installing app (1.0)"; then the same for real.
fr_list=''
fr_act() {
  fr_apk "$@" --simulate || fr_run_failed "apk $*"
  fr_plan=$(printf '%s\n' "$fr_stdout" | awk '/^\([0-9]+\/[0-9]+\) / { print $2, $3 }')
  if [ -z "$fr_plan" ] && [ -z "$fr_force" ]; then return 1; fi
  fr_changed
  fr_diff '' "$fr_plan$fr_nl" 'packages now' 'packages to change'
  for fr_v in $(printf '%s\n' "$fr_plan" | awk '{ print $2 }'); do fr_json "$fr_v"; fr_list="$fr_list,$fr_j"; done
  fr_is_check && return
  fr_apk "$@" || fr_run_failed "apk $*"
}
fr_force=''
if [ "$a_upgrade" = true ]; then
  set -- upgrade
  [ "$a_available" = false ] || set -- upgrade --available
  if fr_act "$@"; then fr_end 'packages upgraded'; else fr_end 'packages already upgraded'; fi
fi
if [ -z "$fr_words" ]; then
  fr_changed
  fr_end 'updated repository indexes'
fi
if [ "$a_state" = absent ]; then
  fr_todo=''
  for fr_name in $fr_words; do
    fr_run apk info -e "${fr_name%%[<>=~]*}" && fr_todo="$fr_todo ${fr_name%%[<>=~]*}"
  done
  [ -n "$fr_todo" ] || { fr_stdout='' fr_stderr=''; fr_end 'package(s) already removed'; }
  # shellcheck disable=SC2086
  if fr_act del $fr_todo; then fr_end "removed$fr_todo package(s)"; else fr_end 'package(s) already removed'; fi
fi
# A package that came along with another becomes one that was asked for.
fr_world=$fr_nl$(cat -- "$fr_root$a_world" 2>/dev/null)$fr_nl fr_todo=''
for fr_name in $fr_words; do
  fr_bare=${fr_name%%[<>=~]*}
  case $fr_world in *"$fr_nl$fr_bare$fr_nl"* | *"$fr_nl$fr_bare"[\<\>=~@]*) ;; *) fr_force=1; fr_todo="$fr_todo $fr_name"; continue ;; esac
  { [ "$a_state" = present ] && fr_run apk info -e "$fr_name"; } || fr_todo="$fr_todo $fr_name"
done
[ -n "$fr_todo" ] || { fr_stdout='' fr_stderr=''; fr_end 'package(s) already installed'; }
set -- add
[ "$a_state" = present ] || set -- add --upgrade
# shellcheck disable=SC2086
if fr_act "$@" $fr_todo; then fr_end "installed$fr_todo package(s)"; else fr_end 'package(s) already installed'; fi
