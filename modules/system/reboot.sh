# The reboot starts detached, a second after the answer is on its way.

fr_find() {
  command -v reboot >/dev/null 2>&1 && { fr_v=reboot; return; }
  fr_i=1
  while [ "$fr_i" -le "$a_search_paths_n" ]; do
    fr_item search_paths "$fr_i"
    if [ -x "$fr_v/reboot" ]; then
      fr_v=$fr_v/reboot
      return
    fi
    fr_i=$((fr_i + 1))
  done
  fr_fail 'missing: reboot' module/missing-tool
}

if fr_has reboot_command; then
  fr_command=$a_reboot_command fr_program=''
else
  fr_find
  fr_command='' fr_program=$fr_v
fi
fr_changed
fr_put_bool rebooted true
fr_is_check && exit 0
if [ -n "$a_msg" ] && command -v wall >/dev/null 2>&1; then
  printf '%s\n' "$a_msg" | wall >/dev/null 2>&1 || :
fi
fr_paths=$PATH fr_i=1
while [ "$fr_i" -le "$a_search_paths_n" ]; do
  fr_item search_paths "$fr_i"
  fr_paths=$fr_paths:$fr_v fr_i=$((fr_i + 1))
done
# A program of its own, so that nothing of the session is held by it.
# shellcheck disable=SC2016  # its own parameters
PATH=$fr_paths sh -c 'trap "" HUP; sleep 1; if [ -n "$1" ]; then sh -c "$1"; else "$2"; fi' \
  sh "$fr_command" "$fr_program" </dev/null >/dev/null 2>&1 &
