# Each service manager is a handful of functions fr_<manager>_…; the rest asks
# only these: exists, is_running, is_enabled, start, stop, restart, reload,
# enable, disable. A question is answered by status; an action fails the module.

# fr_try WHAT COMMAND…: an action; its output is the message when it fails.
fr_try() {
  fr_what=$1
  shift
  fr_v=$("$@" 2>&1) || fr_fail "cannot $fr_what $a_name: $fr_v"
}

# -- systemd -----------------------------------------------------------------------
fr_ctl() {
  case $a_scope in
    user) systemctl --user "$@" ;;
    global) systemctl --global "$@" ;;
    *) systemctl "$@" ;;
  esac
}
# One call tells all; a unit without a suffix is a service.
fr_systemd_exists() {
  fr_load='' fr_active='' fr_sub='' fr_file=''
  fr_v=$(fr_ctl show -p LoadState -p ActiveState -p SubState -p UnitFileState -- "$a_name" 2>&1) ||
    fr_fail "cannot ask systemd about $a_name: $fr_v"
  while [ -n "$fr_v" ]; do
    fr_line=${fr_v%%"$fr_nl"*}
    case $fr_v in *"$fr_nl"*) fr_v=${fr_v#*"$fr_nl"} ;; *) fr_v='' ;; esac
    case $fr_line in
      LoadState=*) fr_load=${fr_line#*=} ;;
      ActiveState=*) fr_active=${fr_line#*=} ;;
      SubState=*) fr_sub=${fr_line#*=} ;;
      UnitFileState=*) fr_file=${fr_line#*=} ;;
    esac
  done
  fr_v="{\"LoadState\":\"$fr_load\",\"ActiveState\":\"$fr_active\",\"SubState\":\"$fr_sub\""
  fr_status="$fr_v,\"UnitFileState\":\"$fr_file\"}"
  case $fr_load in
    not-found | '') return 1 ;;
    error | bad-setting) fr_fail "the unit file of $a_name cannot be loaded ($fr_load)" ;;
  esac
}
fr_systemd_is_running() { case $fr_active in active | activating | reloading) ;; *) return 1 ;; esac; }
fr_systemd_is_enabled() {
  case $fr_file in
    enabled | enabled-runtime | alias) ;;
    # Units made from init scripts and the like: systemctl knows.
    '' | generated) fr_ctl is-enabled --quiet -- "$a_name" >/dev/null 2>&1 ;;
    *) return 1 ;;
  esac
}
fr_systemd_job() {
  if [ "$a_no_block" = true ]; then fr_try "$1" fr_ctl --no-block "$1" -- "$a_name"
  else fr_try "$1" fr_ctl "$1" -- "$a_name"
  fi
}
fr_systemd_start() { fr_systemd_job start; }
fr_systemd_stop() { fr_systemd_job stop; }
fr_systemd_restart() { fr_systemd_job restart; }
fr_systemd_reload() { fr_systemd_job reload; }
fr_systemd_enable() { fr_try enable fr_ctl enable -- "$a_name"; }
fr_systemd_disable() { fr_try disable fr_ctl disable -- "$a_name"; }

# -- OpenRC --------------------------------------------------------------------------
fr_openrc_exists() { [ -e "$fr_init/$a_name" ]; }
fr_openrc_is_running() { rc-service "$a_name" status >/dev/null 2>&1; }
fr_openrc_is_enabled() { [ -e "$fr_etc/runlevels/$fr_level/$a_name" ]; }
fr_openrc_start() { fr_try start rc-service "$a_name" start; }
fr_openrc_stop() { fr_try stop rc-service "$a_name" stop; }
fr_openrc_restart() { fr_try restart rc-service "$a_name" restart; }
fr_openrc_reload() { fr_try reload rc-service "$a_name" reload; }
fr_openrc_enable() { fr_try enable rc-update add "$a_name" "$fr_level"; }
fr_openrc_disable() { fr_try disable rc-update del "$a_name" "$fr_level"; }

# -- init scripts: procd (OpenWrt) and sysv -------------------------------------------
fr_script() {
  # shellcheck disable=SC2086  # the operator's further words
  "$fr_init/$a_name" "$1" $a_arguments
}
fr_sysvinit_exists() { [ -x "$fr_init/$a_name" ]; }
fr_sysvinit_is_running() {
  if [ -n "$a_pattern" ]; then
    # $$ and awk's own line are left out: the pattern comes on stdin.
    fr_v=$({ printf '%s\n' "$a_pattern"; ps -ef 2>/dev/null || ps; } |
      awk 'NR == 1 { want = $0; next } index($0, want) { n++ } END { print n + 0 }')
    [ "$fr_v" -gt 0 ]
    return
  fi
  fr_v=$(fr_script status 2>&1)
  fr_n=$?
  case $fr_n in
    0) case $fr_v in *'not running'* | *stopped* | *inactive* | *dead*) return 1 ;; esac ;;
    *) return 1 ;;
  esac
}
# A link S??name in a runlevel for people.
fr_sysvinit_is_enabled() {
  for fr_v in "$fr_etc"/rc[2-5].d/S??"$a_name" "$fr_etc"/rc.d/rc[2-5].d/S??"$a_name"; do
    if [ -e "$fr_v" ] || [ -L "$fr_v" ]; then return 0; fi
  done
  return 1
}
fr_sysvinit_start() { fr_try start fr_script start; }
fr_sysvinit_stop() { fr_try stop fr_script stop; }
fr_sysvinit_restart() {
  if [ "$a_sleep" -gt 0 ]; then
    fr_script stop >/dev/null 2>&1 || :
    sleep "$a_sleep"
    fr_try start fr_script start
  else
    fr_try restart fr_script restart
  fi
}
fr_sysvinit_reload() { fr_try reload fr_script reload; }
fr_sysvinit_enable() {
  if command -v update-rc.d >/dev/null 2>&1; then
    fr_try enable update-rc.d "$a_name" defaults
    fr_try enable update-rc.d "$a_name" enable
  elif command -v chkconfig >/dev/null 2>&1; then fr_try enable chkconfig "$a_name" on
  else fr_fail 'missing: update-rc.d' module/missing-tool
  fi
}
fr_sysvinit_disable() {
  if command -v update-rc.d >/dev/null 2>&1; then fr_try disable update-rc.d "$a_name" disable
  elif command -v chkconfig >/dev/null 2>&1; then fr_try disable chkconfig "$a_name" off
  else fr_fail 'missing: update-rc.d' module/missing-tool
  fi
}

fr_procd_exists() { fr_sysvinit_exists; }
fr_procd_is_running() {
  # Old init scripts know no `running`; procd's own list then tells.
  fr_v=$("$fr_init/$a_name" running 2>&1) && return 0
  case $fr_v in *'Syntax:'* | *sage:*) fr_sysvinit_is_running ;; *) return 1 ;; esac
}
fr_procd_is_enabled() { "$fr_init/$a_name" enabled >/dev/null 2>&1; }
fr_procd_start() { fr_sysvinit_start; }
fr_procd_stop() { fr_sysvinit_stop; }
fr_procd_restart() { fr_sysvinit_restart; }
fr_procd_reload() { fr_sysvinit_reload; }
fr_procd_enable() { fr_try enable "$fr_init/$a_name" enable; }
fr_procd_disable() { fr_try disable "$fr_init/$a_name" disable; }

# -- which one ----------------------------------------------------------------------------
fr_detect() {
  case $a_use in auto | service) ;; *) fr_mgr=$a_use; return ;; esac
  if [ -d "$fr_run/systemd/system" ] && command -v systemctl >/dev/null 2>&1; then fr_mgr=systemd
  elif command -v rc-service >/dev/null 2>&1; then fr_mgr=openrc
  elif [ -x "${FLEETRUN_ROOT:-}/sbin/procd" ] || [ -e "$fr_etc/rc.common" ]; then fr_mgr=procd
  elif [ -d "$fr_init" ]; then fr_mgr=sysvinit
  elif command -v systemctl >/dev/null 2>&1; then fr_mgr=systemd
  else fr_fail 'no service manager found: systemd, OpenRC, procd or init scripts' module/missing-tool
  fi
}
fr_check_tools() {
  case $fr_mgr in
    systemd) fr_need systemctl ;;
    openrc) fr_need rc-service rc-update ;;
  esac
  case $fr_mgr in
    systemd) ;;
    *)
      ! fr_has masked || fr_fail "masked is for systemd; this is $fr_mgr" module/bad-arguments
      [ "$a_scope" = system ] || fr_fail "scope is for systemd; this is $fr_mgr" module/bad-arguments
      case $a_name in */* | '' | .*) fr_fail "no name of a service: $a_name" module/bad-arguments ;; esac
      ;;
  esac
  case $a_name in -*) fr_fail "no name of a service: $a_name" module/bad-arguments ;; esac
}

# -- the task -----------------------------------------------------------------------------
# fr_differs WHAT BEFORE AFTER: marks the change and notes it for --diff.
fr_differs() {
  fr_changed
  fr_before="$fr_before$1: $2$fr_nl" fr_after="$fr_after$1: $3$fr_nl"
}
fr_set_masked() {
  fr_has masked || return 0
  fr_is_masked=false
  case $fr_load$fr_file in *masked*) fr_is_masked=true ;; esac
  [ "$a_masked" != "$fr_is_masked" ] || return 0
  fr_differs masked "$fr_is_masked" "$a_masked"
  fr_is_check && return 0
  if [ "$a_masked" = true ]; then fr_try mask fr_ctl mask -- "$a_name"
  else
    fr_try unmask fr_ctl unmask -- "$a_name"
    fr_systemd_exists || :
  fi
}
fr_set_enabled() {
  fr_has enabled || return 0
  fr_is_on=false
  if "fr_${fr_mgr}_is_enabled"; then fr_is_on=true; fi
  fr_put_bool enabled "$a_enabled"
  [ "$a_enabled" != "$fr_is_on" ] || return 0
  fr_differs enabled "$fr_is_on" "$a_enabled"
  fr_is_check && return 0
  if [ "$a_enabled" = true ]; then "fr_${fr_mgr}_enable"; else "fr_${fr_mgr}_disable"; fi
}
fr_set_state() {
  fr_has state || return 0
  fr_now=stopped
  if "fr_${fr_mgr}_is_running"; then fr_now=started; fi
  case $a_state in
    stopped) fr_put state stopped ;;
    *) fr_put state started ;;
  esac
  [ "$a_state" != "$fr_now" ] || return 0
  fr_differs state "$fr_now" "$a_state"
  fr_is_check && return 0
  case $a_state in
    started) "fr_${fr_mgr}_start" ;;
    stopped) "fr_${fr_mgr}_stop" ;;
    restarted) "fr_${fr_mgr}_restart" ;;
    # What does not run cannot reload: starting it reads the configuration too.
    reloaded) if [ "$fr_now" = started ]; then "fr_${fr_mgr}_reload"; else "fr_${fr_mgr}_start"; fi ;;
  esac
}

fr_before='' fr_after='' fr_load='' fr_file=''
fr_level=default
! fr_has runlevel || fr_level=$a_runlevel
# FLEETRUN_ROOT is where /etc and /run are looked for (tests, images).
fr_etc=${FLEETRUN_ROOT:-}/etc fr_run=${FLEETRUN_ROOT:-}/run
fr_init=$fr_etc/init.d
fr_detect
fr_check_tools
fr_put service_mgr "$fr_mgr"
fr_put name "$a_name"
if [ "$fr_mgr" = systemd ] && [ "$a_daemon_reload" = true ] && ! fr_is_check; then
  fr_try 'reload systemd for' fr_ctl daemon-reload
fi
fr_exists=true
"fr_${fr_mgr}_exists" || fr_exists=false
[ "$fr_mgr" != systemd ] || fr_put_json status "$fr_status"
if [ "$fr_exists" = false ]; then
  case $a_state$a_enabled$a_masked in '') exit 0 ;; esac
  fr_fail "there is no service $a_name ($fr_mgr)"
fi
fr_set_masked
fr_set_enabled
fr_set_state
[ -z "$fr_before" ] || fr_diff "$fr_before" "$fr_after"
