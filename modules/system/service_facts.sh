# Each manager's own list, made one JSON by service_facts.awk. FLEETRUN_ROOT moves /etc and /run.

fr_systemd() {
  echo '@units'; systemctl list-units --no-pager --no-legend --plain --type service --all 2>/dev/null
  fr_files=$(systemctl list-unit-files --no-pager --no-legend --type service --all 2>/dev/null)
  echo '@files'; printf '%s\n' "$fr_files"
  # Units that are not loaded are asked for all at once; templates have no state.
  set -f
  # shellcheck disable=SC2046  # the words are wanted
  set -- $(printf '%s\n' "$fr_files" | awk '$1 ~ /[.]service$/ && $1 !~ /@[.]/ { print $1 }')
  set +f
  [ $# -eq 0 ] || { echo '@states'; systemctl show -p Id -p ActiveState -- "$@" 2>/dev/null; }
}
fr_openrc() {
  echo '@openrc'; rc-status -a -s -r 2>/dev/null || rc-status -a 2>/dev/null
  echo '@runlevels'; rc-update show -v 2>/dev/null
}
fr_procd() {
  echo '@scripts procd'
  for fr_f in "$fr_root"/etc/init.d/*; do
    [ -x "$fr_f" ] || continue
    fr_s=stopped fr_k=disabled
    ! "$fr_f" running >/dev/null 2>&1 || fr_s=running
    ! "$fr_f" enabled >/dev/null 2>&1 || fr_k=enabled
    printf '%s %s %s\n' "${fr_f##*/}" "$fr_s" "$fr_k"
  done
}
fr_sysv() {
  if command -v service >/dev/null 2>&1; then echo '@sysv'; service --status-all 2>/dev/null; return; fi
  echo '@scripts sysv'
  for fr_f in "$fr_root"/etc/init.d/*; do
    [ -x "$fr_f" ] || continue
    fr_s=stopped
    ! "$fr_f" status >/dev/null 2>&1 || fr_s=running
    printf '%s %s\n' "${fr_f##*/}" "$fr_s"
  done
}
fr_list() {
  if [ -d "$fr_root/run/systemd/system" ] && command -v systemctl >/dev/null 2>&1; then fr_systemd
  elif command -v rc-status >/dev/null 2>&1; then fr_openrc
  elif [ -x "$fr_root/sbin/procd" ] || [ -e "$fr_root/etc/rc.common" ]; then fr_procd
  elif [ -d "$fr_root/etc/init.d" ]; then fr_sysv
  fi
}

fr_root=${FLEETRUN_ROOT:-}
fr_v=$(fr_list | awk "$fr_awk") || fr_fail 'awk failed'
if [ "$fr_v" = '{}' ]; then
  fr_put_bool skipped true
  fr_put msg 'Failed to find any services. This can be due to privileges or some other issue.'
fi
fr_put_json ansible_facts "{\"services\":$fr_v}"
