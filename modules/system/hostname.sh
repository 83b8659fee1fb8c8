# The name now is the kernel's; each strategy knows where the one after a boot stands.

fr_detect() {
  fr_how=$a_use
  case $fr_how in
    '') ;;
    debian | generic | alpine) fr_how=generic; return ;;
    *) return ;;
  esac
  if [ -d /run/systemd/system ] && command -v hostnamectl >/dev/null 2>&1; then fr_how=systemd
  elif command -v uci >/dev/null 2>&1 && [ -e /etc/config/system ]; then fr_how=openwrt
  elif [ -e /etc/conf.d/hostname ] && [ ! -e /etc/alpine-release ] && command -v rc-service >/dev/null 2>&1; then fr_how=openrc
  elif [ -e /etc/sysconfig/network ] && [ ! -e /etc/hostname ]; then fr_how=redhat
  elif [ -e /etc/HOSTNAME ] && [ ! -e /etc/hostname ]; then fr_how=sles
  else fr_how=generic
  fi
}
# First line that starts with $2, less that, in $fr_v.
fr_line_of() {
  while IFS= read -r fr_v || [ -n "$fr_v" ]; do
    case $fr_v in "$2"*) fr_v=${fr_v#"$2"} fr_v=${fr_v#\"} fr_v=${fr_v%\"}; return 0 ;; esac
  done 2>/dev/null <"$1"
  fr_v=''
}
fr_permanent() {
  case $fr_how in
    systemd) fr_v=$(hostnamectl --static status 2>/dev/null) || fr_line_of /etc/hostname '' ;;
    openwrt) fr_v=$(uci -q get 'system.@system[0].hostname') ;;
    openrc) fr_line_of /etc/conf.d/hostname hostname= ;;
    redhat) fr_line_of /etc/sysconfig/network HOSTNAME= ;;
    sles) fr_line_of /etc/HOSTNAME '' ;;
    generic) fr_line_of /etc/hostname '' ;;
    *) fr_fail "use: $fr_how is for another kind of device" module/bad-arguments ;;
  esac
  fr_old=$fr_v
}
# fr_write FILE PREFIX: the line PREFIX NAME in place of the one that starts so.
fr_write() {
  fr_new=$(fr_tmp "${1%/*}") || fr_fail "cannot write beside $1"
  fr_later "$fr_new"
  fr_s="$2$a_name"
  case $2 in hostname=) fr_s="$2\"$a_name\"" ;; esac
  {
    printf '%s\n' "$fr_s"
    [ -z "$2" ] || [ ! -r "$1" ] || while IFS= read -r fr_l || [ -n "$fr_l" ]; do
      case $fr_l in "$2"*) ;; *) printf '%s\n' "$fr_l" ;; esac
    done <"$1"
  } >"$fr_new" || fr_fail "cannot write $fr_new"
  fr_install_file "$fr_new" "$1"
}
fr_set_permanent() {
  case $fr_how in
    systemd) fr_v=$(hostnamectl --static set-hostname "$a_name" 2>&1) || fr_fail "cannot set the name: $fr_v" ;;
    openwrt)
      fr_v=$(printf 'set system.@system[0].hostname=%s\ncommit system\n' "'$a_name'" | uci batch 2>&1) || fr_fail "cannot set the name: $fr_v" ;;
    openrc) fr_write /etc/conf.d/hostname hostname= ;;
    redhat) fr_write /etc/sysconfig/network HOSTNAME= ;;
    sles) fr_write /etc/HOSTNAME '' ;;
    generic) fr_write /etc/hostname '' ;;
  esac
}
fr_set_now() {
  if [ "$fr_how" = systemd ]; then
    fr_v=$(hostnamectl --transient set-hostname "$a_name" 2>&1) || fr_fail "cannot set the name: $fr_v"
  elif command -v hostname >/dev/null 2>&1; then
    fr_v=$(hostname "$a_name" 2>&1) || fr_fail "cannot set the name: $fr_v"
  else
    { printf '%s\n' "$a_name" >/proc/sys/kernel/hostname; } 2>/dev/null || fr_fail 'cannot set the name'
  fi
}

case $a_name in
  '' | -* | *[!A-Za-z0-9.-]*) fr_fail "no name of a host: $a_name" module/bad-arguments ;;
esac
[ "${#a_name}" -le 64 ] || fr_fail "a name has at most 64 characters: $a_name" module/bad-arguments
fr_detect
case $fr_how in systemd) fr_need hostnamectl ;; openwrt) fr_need uci ;; esac
fr_now=''
{ read -r fr_now </proc/sys/kernel/hostname; } 2>/dev/null
fr_permanent
if [ "$fr_old" != "$a_name" ]; then
  fr_changed
  fr_is_check || fr_set_permanent
fi
if [ "$fr_now" != "$a_name" ]; then
  fr_changed
  fr_is_check || fr_set_now
fi
fr_put name "$a_name"
if [ "$fr_is_changed" = true ]; then
  fr_v=$fr_old
  [ "$fr_old" != "$a_name" ] || fr_v=$fr_now
  fr_diff "hostname = $fr_v$fr_nl" "hostname = $a_name$fr_nl"
fi
fr_domain=''
case $a_name in *.*) fr_domain=${a_name#*.} ;; esac
fr_v="\"ansible_hostname\":\"${a_name%%.*}\",\"ansible_nodename\":\"$a_name\",\"ansible_fqdn\":\"$a_name\""
fr_put_json ansible_facts "{$fr_v,\"ansible_domain\":\"$fr_domain\"}"
