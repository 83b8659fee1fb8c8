fr_zones=/usr/share/zoneinfo
fr_detect() {
  if [ -d /run/systemd/system ] && command -v timedatectl >/dev/null 2>&1; then fr_how=systemd
  elif command -v uci >/dev/null 2>&1 && [ -e /etc/config/system ]; then fr_how=openwrt
  else fr_how=files
  fi
}
# The zone now, in $fr_zone: the link tells, where it is a link.
fr_current() {
  fr_zone=''
  if [ "$fr_how" = openwrt ]; then
    fr_zone=$(uci -q get 'system.@system[0].zonename') || fr_zone=''
    return
  fi
  if [ -L /etc/localtime ]; then
    fr_zone=$(readlink /etc/localtime)
    case $fr_zone in */zoneinfo/*) fr_zone=${fr_zone#*/zoneinfo/} ;; *) fr_zone='' ;; esac
  elif [ ! -e /etc/localtime ]; then fr_zone=UTC
  fi
  fr_named=''
  { read -r fr_named </etc/timezone; } 2>/dev/null
  [ -n "$fr_zone" ] || fr_zone=$fr_named
  # Both must say the same, where both are there.
  [ ! -e /etc/timezone ] || [ "$fr_named" = "$fr_zone" ] || fr_zone="$fr_zone, $fr_named"
}
fr_write() { # FILE TEXT
  fr_new=$(fr_tmp "${1%/*}") || fr_fail "cannot write beside $1"
  fr_later "$fr_new"
  printf '%s\n' "$2" >"$fr_new" || fr_fail "cannot write $fr_new"
  fr_install_file "$fr_new" "$1"
}
# The rule of a zone as POSIX has it: the last line of its file.
fr_rule() {
  case $a_name in UTC | Etc/UTC) fr_v=UTC0; return ;; esac
  fr_v=$(tail -n 1 "$fr_zones/$a_name")
}
fr_set_zone() {
  case $fr_how in
    systemd) fr_v=$(timedatectl set-timezone "$a_name" 2>&1) || fr_fail "cannot set the zone: $fr_v" ;;
    openwrt)
      fr_rule
      fr_v=$(printf "set system.@system[0].zonename='%s'\nset system.@system[0].timezone='%s'\ncommit system\n" "$a_name" "$fr_v" |
        uci batch 2>&1) || fr_fail "cannot set the zone: $fr_v"
      [ ! -x /etc/init.d/system ] || /etc/init.d/system reload >/dev/null 2>&1 || :
      ;;
    files)
      fr_s=/etc/.fleetrun.localtime.$$
      fr_later "$fr_s"
      ln -s "$fr_zones/$a_name" "$fr_s" || fr_fail 'cannot write in /etc'
      mv -f -- "$fr_s" /etc/localtime || fr_fail 'cannot write /etc/localtime'
      [ ! -e /etc/timezone ] || fr_write /etc/timezone "$a_name"
      ;;
  esac
}
# UTC or local, the third line of adjtime.
fr_clock() {
  fr_now=UTC
  { read -r fr_a1 && read -r fr_a2 && read -r fr_v; } 2>/dev/null </etc/adjtime || { fr_a1='0.0 0 0.0' fr_a2=0 fr_v=''; }
  [ "$fr_v" != LOCAL ] || fr_now=local
}
fr_set_clock() {
  fr_word=UTC fr_s=-u
  [ "$a_hwclock" = UTC ] || fr_word=LOCAL fr_s=-l
  if [ "$fr_how" = systemd ]; then
    fr_v=0
    [ "$a_hwclock" = UTC ] || fr_v=1
    fr_v=$(timedatectl set-local-rtc "$fr_v" 2>&1) || fr_fail "cannot set the clock: $fr_v"
    return
  fi
  fr_write /etc/adjtime "$fr_a1$fr_nl$fr_a2$fr_nl$fr_word"
  # A device without a clock has nothing to set.
  if [ -e /dev/rtc0 ] && command -v hwclock >/dev/null 2>&1; then
    fr_v=$(hwclock -w "$fr_s" 2>&1) || fr_fail "cannot set the clock: $fr_v"
  fi
}

fr_detect
case $a_name in
  '') ;;
  /* | -* | *..* | *[!A-Za-z0-9_/+-]*) fr_fail "no name of a zone: $a_name" module/bad-arguments ;;
  *)
    if [ ! -f "$fr_zones/$a_name" ] && { [ "$fr_how" != openwrt ] || [ "$a_name" != UTC ]; }; then
      fr_fail "given timezone \"$a_name\" is not available"
    fi
    ;;
esac
fr_before='' fr_after=''
if [ -n "$a_name" ]; then
  fr_current
  if [ "$fr_zone" != "$a_name" ]; then
    fr_changed
    fr_before="name: $fr_zone$fr_nl" fr_after="name: $a_name$fr_nl"
    fr_is_check || fr_set_zone
  fi
  fr_put name "$a_name"
fi
if [ -n "$a_hwclock" ]; then
  fr_clock
  if [ "$fr_now" != "$a_hwclock" ]; then
    fr_changed
    fr_before="${fr_before}hwclock: $fr_now$fr_nl" fr_after="${fr_after}hwclock: $a_hwclock$fr_nl"
    fr_is_check || fr_set_clock
  fi
  fr_put hwclock "$a_hwclock"
fi
[ -z "$fr_before" ] || fr_diff "$fr_before" "$fr_after"
