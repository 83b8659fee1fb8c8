# Each service manager is a handful of functions fr_<manager>_…; the rest asks
# only these: exists, is_running, is_enabled, start, stop, restart, reload,
# enable, disable. A question is answered by status; an action fails the module.

# fr_try WHAT COMMAND…: an action; its output is the message when it fails.
fr_try() {
  fr_what=$1
  shift
  fr_v=$("$@" 2>&1) || fr_fail "Unable to $fr_what service $a_name: $fr_v"
}

# -- systemd -----------------------------------------------------------------------
fr_ctl() {
  case $a_scope in
    user) XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} systemctl --user "$@" ;;
    global) systemctl --global "$@" ;;
    *) systemctl "$@" ;;
  esac
}
# One call tells all; a unit without a suffix is a service. $fr_status: its JSON.
fr_systemd_exists() {
  fr_load='' fr_active='' fr_file='' fr_status='{}'
  # What holds for all users has no state to be asked for.
  if [ "$a_scope" = global ]; then return 0; fi
  set --
  [ "$fr_brief" = false ] || for fr_k in $fr_keys; do set -- "$@" -p "$fr_k"; done
  fr_v=$(fr_ctl show "$@" -- "$a_name" 2>&1) || fr_fail "cannot ask systemd about $a_name: $fr_v"
  fr_systemd_status "$fr_v"
  case $fr_load in
    not-found | '') return 1 ;;
    error | bad-setting) fr_fail "the unit file of $a_name cannot be loaded ($fr_load)" ;;
  esac
}
fr_keys='Id LoadState ActiveState SubState UnitFileState MainPID FragmentPath Result'
# Lines KEY=VALUE; only the value of an Exec… may go on over several lines.
fr_systemd_status() {
  fr_status='' fr_k='' fr_s=''
  while IFS= read -r fr_line; do
    if [ -n "$fr_k" ]; then
      fr_s=$fr_s$fr_nl$fr_line
      case $fr_line in *'}') ;; *) continue ;; esac
    else
      case $fr_line in *=*) ;; *) continue ;; esac
      fr_k=${fr_line%%=*} fr_s=${fr_line#*=}
      case $fr_line in Exec*'={'*'}') ;; Exec*'={'*) continue ;; esac
    fi
    case $fr_k in
      LoadState) fr_load=$fr_s ;;
      ActiveState) fr_active=$fr_s ;;
      UnitFileState) fr_file=$fr_s ;;
    esac
    fr_json "$fr_s"
    fr_status="$fr_status,\"$fr_k\":$fr_j" fr_k=''
  done <<EOT
$1
EOT
  fr_status="{${fr_status#,}}"
}
fr_systemd_is_running() { case $fr_active in active | activating | reloading) ;; *) return 1 ;; esac; }
fr_systemd_is_enabled() {
  case $fr_file in
    enabled | enabled-runtime | alias) ;;
    # Nothing can be changed about these.
    static | indirect | transient) [ "$a_enabled" = true ] ;;
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
fr_systemd_enable() {
  if fr_has force && [ "$a_force" = true ]; then fr_try enable fr_ctl enable --force -- "$a_name"
  else fr_try enable fr_ctl enable -- "$a_name"
  fi
}
fr_systemd_disable() { fr_try disable fr_ctl disable -- "$a_name"; }

# -- OpenRC --------------------------------------------------------------------------
fr_openrc_exists() { [ -e "$fr_init/$a_name" ]; }
fr_openrc_is_running() { rc-service "$a_name" status >/dev/null 2>&1; }
fr_openrc_is_enabled() { [ -e "$fr_etc/runlevels/$fr_level/$a_name" ]; }
fr_openrc() {
  # shellcheck disable=SC2086  # the operator's further words
  fr_try "$1" rc-service "$a_name" "$1" $a_arguments
}
fr_openrc_start() { fr_openrc start; }
fr_openrc_stop() { fr_openrc stop; }
fr_openrc_restart() { fr_openrc restart; }
fr_openrc_reload() { fr_openrc reload; }
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
# A link S??name in a runlevel for people, or in each of those that are named.
fr_sysvinit_is_enabled() {
  if fr_has runlevels && [ "$a_runlevels_n" -gt 0 ]; then
    fr_i=1 fr_n=0
    while [ "$fr_i" -le "$a_runlevels_n" ]; do
      fr_item runlevels "$fr_i"
      for fr_s in "$fr_etc/rc$fr_v.d"/S??"$a_name"; do [ ! -L "$fr_s" ] || fr_n=$((fr_n + 1)); done
      fr_i=$((fr_i + 1))
    done
    if [ "$a_enabled" = true ]; then [ "$fr_n" -ge "$a_runlevels_n" ]; else [ "$fr_n" -gt 0 ]; fi
    return
  fi
  for fr_v in "$fr_etc"/rc[2-5].d/S??"$a_name" "$fr_etc"/rc.d/rc[2-5].d/S??"$a_name"; do
    if [ -e "$fr_v" ] || [ -L "$fr_v" ]; then return 0; fi
  done
  return 1
}
fr_sysvinit_start() { fr_try start fr_script start; }
fr_sysvinit_stop() { fr_try stop fr_script stop; }
fr_sysvinit_restart() { fr_try restart fr_script restart; }
fr_sysvinit_reload() { fr_try reload fr_script reload; }
# Where runlevels are given, the links are made here, as insserv would.
fr_sysvinit_links() { # S|K
  fr_i=1
  while [ "$fr_i" -le "${a_runlevels_n:-0}" ]; do
    fr_item runlevels "$fr_i"
    rm -f -- "$fr_etc/rc$fr_v.d"/[SK]??"$a_name"
    ln -s "../init.d/$a_name" "$fr_etc/rc$fr_v.d/${1}50$a_name" || fr_fail "cannot link $a_name"
    fr_i=$((fr_i + 1))
  done
}
fr_sysvinit_enable() {
  if fr_has runlevels && [ "$a_runlevels_n" -gt 0 ]; then fr_sysvinit_links S
  elif command -v update-rc.d >/dev/null 2>&1; then
    fr_try enable update-rc.d "$a_name" defaults
    fr_try enable update-rc.d "$a_name" enable
  elif command -v chkconfig >/dev/null 2>&1; then fr_try enable chkconfig "$a_name" on
  else fr_fail 'missing: update-rc.d' module/missing-tool
  fi
}
fr_sysvinit_disable() {
  if fr_has runlevels && [ "$a_runlevels_n" -gt 0 ]; then fr_sysvinit_links K
  elif command -v update-rc.d >/dev/null 2>&1; then fr_try disable update-rc.d "$a_name" disable
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
  case $a_use in
    auto | service) ;;
    openwrt_init) fr_mgr=procd; return ;;
    systemd_service) fr_mgr=systemd; return ;;
    *) fr_mgr=$a_use; return ;;
  esac
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
      case $a_name in */* | .*) fr_fail "no name of a service: $a_name" module/bad-arguments ;; esac
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
    restarted)
      if [ "$fr_mgr" != systemd ] && [ "${a_sleep:-0}" -gt 0 ]; then
        [ "$fr_now" = stopped ] || "fr_${fr_mgr}_stop"
        sleep "$a_sleep"
        "fr_${fr_mgr}_start"
      else "fr_${fr_mgr}_restart"
      fi
      ;;
    # What does not run cannot reload: starting it reads the configuration too.
    reloaded) if [ "$fr_now" = started ]; then "fr_${fr_mgr}_reload"; else "fr_${fr_mgr}_start"; fi ;;
  esac
}

fr_before='' fr_after='' fr_load='' fr_file='' fr_active='' fr_brief=true
! fr_has daemon_reexec || fr_brief=false
fr_level=default
! fr_has runlevel || fr_level=$a_runlevel
# FLEETRUN_ROOT is where /etc and /run are looked for (tests, images).
fr_etc=${FLEETRUN_ROOT:-}/etc fr_run=${FLEETRUN_ROOT:-}/run
fr_init=$fr_etc/init.d
fr_detect
fr_check_tools
fr_put service_mgr "$fr_mgr"
if [ "$fr_mgr" = systemd ] && ! fr_is_check; then
  if fr_has daemon_reexec && [ "$a_daemon_reexec" = true ]; then
    fr_v=$(fr_ctl daemon-reexec 2>&1) || fr_fail "failure 1 during daemon-reexec: $fr_v"
  fi
  if [ "$a_daemon_reload" = true ]; then
    fr_v=$(fr_ctl daemon-reload 2>&1) || fr_fail "failure 1 during daemon-reload: $fr_v"
  fi
fi
if [ -z "$a_name" ]; then
  case $a_state$a_enabled$a_masked in ?*) fr_fail 'state, enabled and masked need a name' module/bad-arguments ;; esac
  fr_put_json name null
  fr_put_json status '{}'
  exit 0
fi
fr_put name "$a_name"
fr_exists=true
"fr_${fr_mgr}_exists" || fr_exists=false
[ "$fr_mgr" != systemd ] || fr_put_json status "$fr_status"
if [ "$a_scope" = global ] && [ -n "$a_state" ]; then
  fr_fail 'what holds for all users has no state: leave state or scope out' module/bad-arguments
fi
if [ "$fr_exists" = false ]; then
  case $a_state$a_enabled$a_masked in '') exit 0 ;; esac
  # The words that playbooks look for in `msg`.
  fr_fail "Could not find the requested service $a_name: host"
fi
fr_set_masked
fr_set_enabled
fr_set_state
[ -z "$fr_before" ] || fr_diff "$fr_before" "$fr_after"
