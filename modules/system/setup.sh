# Everything that files tell is read by setup.awk; here is what only tools,
# the shell's tests and patterns can tell.

fr_root=${FLEETRUN_ROOT:-}

# -- which facts -------------------------------------------------------------------
fr_min=true fr_hardware=false fr_network=false fr_virtual=false
fr_set() { # WORD true|false
  case $1 in
    all) fr_hardware=$2 fr_network=$2 fr_virtual=$2 ;;
    min) fr_min=$2 ;;
    hardware | mounts | devices | memory | processor | dmi) fr_hardware=$2 ;;
    network | interfaces | default_ipv4 | default_ipv6 | all_ipv4_addresses | all_ipv6_addresses)
      fr_network=$2
      ;;
    virtual | virtualization | virtualization_type | virtualization_role) fr_virtual=$2 ;;
    facter | ohai) ;;
    # Parts of min come as a whole; leaving one out leaves out nothing.
    apparmor | caps | chroot | cmdline | date_time | distribution | dns | env | fips | kernel | \
      local | lsb | machine | pkg_mgr | platform | python | selinux | service_mgr | ssh_pub_keys | \
      system | user)
      [ "$2" = false ] || fr_min=true
      ;;
    *) fr_fail "gather_subset: there is no subset $1" module/bad-arguments ;;
  esac
}
fr_subsets() {
  fr_adds=false fr_i=1
  while [ "$fr_i" -le "${a_gather_subset_n:-0}" ]; do
    fr_item gather_subset "$fr_i"
    case $fr_v in '!'*) ;; *) fr_adds=true ;; esac
    fr_i=$((fr_i + 1))
  done
  # Only words that leave something out: they leave it out of all.
  [ "$fr_adds" = true ] || fr_set all true
  for fr_sign in plus minus; do
    fr_i=1
    while [ "$fr_i" -le "${a_gather_subset_n:-0}" ]; do
      fr_item gather_subset "$fr_i"
      case $fr_sign$fr_v in
        'minus!'*) fr_set "${fr_v#!}" false ;;
        'plus!'* | minus*) ;;
        *) fr_set "$fr_v" true ;;
      esac
      fr_i=$((fr_i + 1))
    done
  done
  # "!all network": what is named stays.
  fr_i=1
  while [ "$fr_adds" = true ] && [ "$fr_i" -le "$a_gather_subset_n" ]; do
    fr_item gather_subset "$fr_i"
    case $fr_v in '!'* | all) ;; *) fr_set "$fr_v" true ;; esac
    fr_i=$((fr_i + 1))
  done
}

# -- what is here ---------------------------------------------------------------------
fr_pkg_mgr() {
  for fr_v in apt-get:apt opkg:opkg apk:apk dnf:dnf yum:yum zypper:zypper pacman:pacman; do
    if command -v "${fr_v%:*}" >/dev/null 2>&1; then
      printf '%s\n' "${fr_v#*:}"
      return
    fi
  done
  echo unknown
}
fr_service_mgr() {
  if [ -d "$fr_root/run/systemd/system" ]; then echo systemd
  elif command -v rc-service >/dev/null 2>&1; then echo openrc
  elif [ -x "$fr_root/sbin/procd" ] || [ -e "$fr_root/etc/rc.common" ]; then echo openwrt_init
  elif [ -d "$fr_root/etc/init.d" ]; then echo sysvinit
  else echo service
  fi
}
fr_container() {
  if [ -e "$fr_root/.dockerenv" ]; then echo docker
  elif [ -e "$fr_root/run/.containerenv" ]; then echo podman
  elif [ -e "$fr_root/dev/lxd/sock" ] || [ -d "$fr_root/dev/lxc" ]; then echo lxc
  elif [ -r "$fr_root/run/systemd/container" ]; then cat "$fr_root/run/systemd/container"
  fi
}
# Is the root of process 1 another than ours?
fr_chroot() {
  fr_v=$(stat -L -c %d:%i / /proc/1/root/. 2>/dev/null) || { echo false; return; }
  if [ "${fr_v%%"$fr_nl"*}" = "${fr_v#*"$fr_nl"}" ]; then echo false; else echo true; fi
}
# df may hang on a dead network mount.
fr_df() {
  if command -v timeout >/dev/null 2>&1; then timeout 5 df -Pk; else df -Pk; fi 2>/dev/null
}
fr_words_of() { [ ! -r "$1" ] || tr -d '\000' <"$1"; }

fr_gather_min() {
  echo '@machine'; uname -m
  echo '@elf'; od -An -tu1 -j 4 -N 1 /bin/sh 2>/dev/null
  echo '@chroot'; fr_chroot
  echo '@pkg_mgr'; fr_pkg_mgr
  echo '@service_mgr'; fr_service_mgr
  echo '@date'; date '+%Y|%m|%d|%H|%M|%S|%s|%Z|%z|%A|%w|%W'
  echo '@utc'; date -u '+%Y-%m-%dT%H:%M:%SZ'
  echo '@locale'; if [ -n "${fr__lc_set:-}" ]; then echo given; else echo ours; fi
}
fr_gather_hardware() {
  echo '@model'; fr_words_of "$fr_root/proc/device-tree/model"; echo
  echo '@serial'; fr_words_of "$fr_root/proc/device-tree/serial-number"; echo
  echo '@df'; fr_df
}
# One line: name|address|mtu|type|state|speed|bridge. A link that is down
# answers a read of its speed with an error, on which some awks stop.
fr_interface() {
  fr_line=${1##*/}
  for fr_k in address mtu type operstate speed; do
    fr_n=''
    { read -r fr_n <"$1/$fr_k"; } 2>/dev/null
    fr_line="$fr_line|$fr_n"
  done
  if [ -d "$1/bridge" ]; then fr_line="$fr_line|bridge"; else fr_line="$fr_line|"; fi
  printf '%s\n' "$fr_line"
}
fr_gather_network() {
  echo '@if'
  for fr_v in "$fr_root"/sys/class/net/*; do
    [ ! -d "$fr_v" ] || fr_interface "$fr_v"
  done
  fr_v=$(ip -o addr show 2>/dev/null)
  if [ -n "$fr_v" ]; then
    echo '@addr'; printf '%s\n' "$fr_v"
    echo '@route4'; ip -4 route show default 2>/dev/null
    echo '@route6'; ip -6 route show default 2>/dev/null
  elif command -v ifconfig >/dev/null 2>&1; then
    echo '@ifconfig'; ifconfig -a 2>/dev/null
  fi
}
fr_gather() {
  echo '@root'; printf '%s\n' "$fr_root"
  echo '@filter'
  fr_i=1
  while [ "$fr_i" -le "${a_filter_n:-0}" ]; do
    fr_item filter "$fr_i"
    case $fr_v in '' | @*) ;; *) printf '%s\n' "$fr_v" ;; esac
    fr_i=$((fr_i + 1))
  done
  echo '@subset'
  [ "$fr_min" = false ] || echo min
  [ "$fr_hardware" = false ] || echo hardware
  [ "$fr_network" = false ] || echo network
  [ "$fr_virtual" = false ] || echo virtual
  [ "$fr_min" = false ] || fr_gather_min
  [ "$fr_hardware" = false ] || fr_gather_hardware
  [ "$fr_network" = false ] || fr_gather_network
  [ "$fr_virtual" = false ] || { echo '@container'; fr_container; }
}

fr_subsets
fr_facts=$(fr_gather | awk "$fr_awk") || fr_fail 'awk failed'
fr_put_json ansible_facts "$fr_facts"
