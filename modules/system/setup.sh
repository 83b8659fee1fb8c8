# Everything that files tell is read by setup.awk; here is what only tools,
# the shell's tests and patterns can tell.

fr_root=${FLEETRUN_ROOT:-}

# -- which facts -------------------------------------------------------------------
fr_min=' apparmor caps chroot cmdline date_time distribution dns env fips local lsb pkg_mgr platform selinux service_mgr ssh_pub_keys user '
fr_rest=' hardware network virtual loadavg iscsi nvme fibre_channel_wwn systemd '

# The collectors that a word stands for, in $fr_v.
fr_collectors() {
  case $1 in
    all) fr_v=$fr_min$fr_rest ;;
    min) fr_v=$fr_min ;;
    mounts | devices | memory | processor* | dmi) fr_v=hardware ;;
    interfaces | default_ipv[46] | all_ipv[46]_addresses) fr_v=network ;;
    virtualization_*) fr_v=virtual ;;
    distribution_* | os_family) fr_v=distribution ;;
    is_chroot) fr_v=chroot ;;
    system_capabilities*) fr_v=caps ;;
    system | kernel* | machine* | architecture) fr_v=platform ;;
    ssh_host_*) fr_v=ssh_pub_keys ;;
    user_* | effective_* | real_user_id) fr_v=user ;;
    # There is no Python, and their tools are not asked.
    facter | ohai | python | python_version) fr_v='' ;;
    *)
      case "$fr_min$fr_rest" in *" $1 "*) fr_v=$1 ;;
        *) fr_fail "gather_subset: there is no subset $1" module/bad-arguments ;;
      esac
      ;;
  esac
}
fr_subsets() {
  fr_plus=$fr_min fr_less=' ' fr_named=' ' fr_adds='' fr_given_json='' fr_i=1
  while [ "$fr_i" -le "${a_gather_subset_n:-0}" ]; do
    fr_item gather_subset "$fr_i"
    fr_i=$((fr_i + 1)) fr_word=$fr_v
    fr_json "$fr_word"
    fr_given_json="$fr_given_json,$fr_j"
    case $fr_word in
      all) fr_plus=$fr_plus$fr_rest fr_adds=1 ;;
      '!all') fr_less=$fr_less$fr_rest ;;
      '!'*) fr_collectors "${fr_word#!}"; fr_less="$fr_less$fr_v " ;;
      *) fr_collectors "$fr_word"; fr_named="$fr_named$fr_v " fr_adds=1 ;;
    esac
  done
  # Only words that leave something out: they leave it out of all.
  [ -n "$fr_adds" ] || fr_plus=$fr_plus$fr_rest
  fr_on=$fr_named
  for fr_word in $fr_plus; do
    case $fr_less in *" $fr_word "*) ;; *) fr_on="$fr_on$fr_word " ;; esac
  done
  # What others build upon comes with them, as in Ansible.
  case $fr_on in *' network '* | *' service_mgr '* | *' hardware '*) fr_on="$fr_on platform " ;; esac
  case $fr_on in *' network '* | *' service_mgr '* | *' pkg_mgr '*) fr_on="$fr_on distribution " ;; esac
}
fr_is_on() { case $fr_on in *" $1 "*) return 0 ;; esac; return 1; }

# -- what is here ---------------------------------------------------------------------
fr_pkg_mgr() {
  for fr_v in apt-get:apt opkg:opkg apk:apk dnf5:dnf5 dnf:dnf yum:yum zypper:zypper pacman:pacman \
    emerge:portage xbps-install:xbps; do
    if command -v "${fr_v%:*}" >/dev/null 2>&1; then
      printf '%s\n' "${fr_v#*:}"
      return
    fi
  done
  echo unknown
}
fr_service_mgr() {
  fr_v=''
  { read -r fr_v <"$fr_root/proc/1/comm"; } 2>/dev/null
  case $fr_v in
    runit-init) echo runit; return ;;
    '' | *init* | *sh | COMMAND) ;;
    procd) echo openwrt_init; return ;;
    svscan) echo svc; return ;;
    *) printf '%s\n' "$fr_v"; return ;;
  esac
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
# A dead network mount may hang whoever asks.
fr_timed() {
  if command -v timeout >/dev/null 2>&1; then timeout "$a_gather_timeout" "$@"; else "$@"; fi 2>/dev/null
}
# Sizes of the mounts whose device is a path or a server: numbers, then the path.
fr_mounts() {
  awk '($1 ~ /^\// || $1 ~ /:\//) && $3 != "none" {
    while (match($2, /\\[0-7][0-7][0-7]/)) {
      d = substr($2, RSTART + 1, 3)
      $2 = substr($2, 1, RSTART - 1) sprintf("%c", substr(d, 1, 1) * 64 + substr(d, 2, 1) * 8 + substr(d, 3)) substr($2, RSTART + 4)
    }
    print $2 }' "$fr_root/proc/mounts" 2>/dev/null | while IFS= read -r fr_mnt; do
    fr_s=$(fr_timed stat -f -c '%s %S %b %a %f %c %d' -- "$fr_mnt") && printf '%s %s\n' "$fr_s" "$fr_mnt"
  done
}
fr_words_of() { [ ! -r "$1" ] || tr -d '\000' <"$1"; }

# Local facts: each file's name, path, status and lines, these behind a "|".
fr_local() {
  fr_path "$a_fact_path"
  [ -d "$fr_v" ] || return 0
  fr_dir=$fr_v
  fr_err=$(fr_tmp) || return 0
  for fr_f in "$fr_dir"/*.fact; do
    if [ ! -f "$fr_f" ] || [ ! -r "$fr_f" ]; then continue; fi
    fr_k=${fr_f##*/} fr_n=0
    if [ -x "$fr_f" ]; then fr_s=$("$fr_f" </dev/null 2>"$fr_err") || fr_n=$?
    else fr_s=$(cat -- "$fr_f")
    fi
    [ "$fr_n" = 0 ] || fr_s=$(cat "$fr_err" && printf .)
    printf '@local\n|%s\n|%s\n|%s\n' "${fr_k%.fact}" "$fr_f" "$fr_n"
    printf '%s\n' "$fr_s" | sed 's/^/|/'
  done
  rm -f -- "$fr_err"
}
fr_date() {
  # Nanoseconds stay a letter where date knows none; half a year on shows the other time.
  date '+%Y|%m|%d|%H|%M|%S|%s|%Z|%z|%A|%w|%W|%N'
  fr_v=$(date +%s)
  date -d "@$((fr_v + 15778800))" '+%Z|%z' 2>/dev/null
}
fr_gather_min() {
  ! fr_is_on platform || { echo '@machine'; uname -m; echo '@elf'; od -An -tu1 -j 4 -N 1 /bin/sh 2>/dev/null; }
  ! fr_is_on chroot || { echo '@chroot'; fr_chroot; }
  ! fr_is_on pkg_mgr || { echo '@pkg_mgr'; fr_pkg_mgr; }
  ! fr_is_on service_mgr || { echo '@service_mgr'; fr_service_mgr; }
  ! fr_is_on date_time || { echo '@date'; fr_date; echo '@utc'; date -u '+%Y-%m-%dT%H:%M:%S'; }
  ! fr_is_on env || { echo '@locale'; if [ -n "${fr__lc_set:-}" ]; then echo given; else echo ours; fi; }
  ! fr_is_on apparmor || [ ! -d "$fr_root/sys/kernel/security/apparmor" ] || { echo '@apparmor'; echo enabled; }
  ! fr_is_on caps || ! command -v capsh >/dev/null 2>&1 || { echo '@caps'; capsh --print 2>/dev/null; }
  ! fr_is_on lsb || ! command -v lsb_release >/dev/null 2>&1 || echo '@lsb'
  ! fr_is_on local || fr_local
  ! fr_is_on systemd || [ ! -d "$fr_root/run/systemd/system" ] || { echo '@systemd'; systemctl --version 2>/dev/null; }
}
# name part part …: the disks; then lines "kind link device" of /dev/disk and so on.
fr_disks() {
  echo '@disk'
  for fr_v in "$fr_root"/sys/block/*; do
    [ -d "$fr_v" ] || continue
    fr_line=${fr_v##*/}
    for fr_k in "$fr_v/${fr_v##*/}"*; do [ ! -e "$fr_k/start" ] || fr_line="$fr_line ${fr_k##*/}"; done
    printf '%s\n' "$fr_line"
  done
  echo '@link'
  for fr_k in id:ids uuid:uuids label:labels; do
    for fr_v in "$fr_root/dev/disk/by-${fr_k%:*}"/*; do
      [ ! -L "$fr_v" ] || { fr_s=$(readlink "$fr_v"); printf '%s %s %s\n' "${fr_k#*:}" "${fr_v##*/}" "${fr_s##*/}"; }
    done
  done
  for fr_v in "$fr_root"/sys/block/*/slaves/*; do
    [ ! -e "$fr_v" ] || { fr_s=${fr_v%/slaves/*}; printf 'masters %s %s\n' "${fr_s##*/}" "${fr_v##*/}"; }
  done
  for fr_v in "$fr_root"/sys/block/*/holders/dm-* "$fr_root"/sys/block/*/*/holders/dm-*; do
    [ -e "$fr_v" ] || continue
    fr_s='' fr_k=${fr_v%/holders/*}
    { read -r fr_s <"$fr_v/dm/name"; } 2>/dev/null
    printf 'holders %s %s\n' "${fr_s:-${fr_v##*/}}" "${fr_k##*/}"
  done
}
# Volumes, by the columns that are used, in GiB.
fr_lvm() {
  command -v vgs >/dev/null 2>&1 || return 0
  for fr_v in vgs:vg_name,pv_count,lv_count,vg_size,vg_free lvs:lv_name,vg_name,lv_size pvs:pv_name,vg_name,pv_size,pv_free; do
    printf '@%s\n' "${fr_v%%:*}"
    "${fr_v%%:*}" --noheadings --nosuffix --units g --separator , -o "${fr_v#*:}" 2>/dev/null
  done
}
fr_gather_hardware() {
  echo '@model'; fr_words_of "$fr_root/proc/device-tree/model"; echo
  echo '@serial'; fr_words_of "$fr_root/proc/device-tree/serial-number"; echo
  echo '@statfs'; fr_mounts
  echo '@df'; fr_timed df -Pk
  fr_disks
  fr_lvm
}
# One line: name|address|mtu|type|state|speed|flags|bridge or bond|members|device|module.
# A link that is down answers a read of its speed with an error, on which some awks stop.
fr_interface() {
  fr_line=${1##*/}
  for fr_k in address mtu type operstate speed flags; do
    fr_n=''
    { read -r fr_n <"$1/$fr_k"; } 2>/dev/null
    fr_line="$fr_line|$fr_n"
  done
  fr_n=''
  if [ -d "$1/bridge" ]; then
    for fr_k in "$1"/brif/*; do [ ! -e "$fr_k" ] || fr_n="$fr_n ${fr_k##*/}"; done
    fr_line="$fr_line|bridge|${fr_n# }"
  elif [ -d "$1/bonding" ]; then
    { read -r fr_n <"$1/bonding/slaves"; } 2>/dev/null
    fr_line="$fr_line|bonding|$fr_n"
  else fr_line="$fr_line||"
  fi
  for fr_k in device device/driver/module; do
    fr_n=''
    [ ! -d "$1/$fr_k" ] || fr_n=$(cd -P "$1/$fr_k" && printf %s "${PWD##*/}")
    fr_line="$fr_line|$fr_n"
  done
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
    echo '@here4'; ip -4 route show table local 2>/dev/null
    echo '@here6'; ip -6 route show table local 2>/dev/null
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
  printf '%s\n' "$fr_on" "[${fr_given_json#,}]"
  fr_gather_min
  ! fr_is_on fibre_channel_wwn || { echo '@fc'; cat "$fr_root"/sys/class/fc_host/*/port_name 2>/dev/null; }
  ! fr_is_on hardware || fr_gather_hardware
  ! fr_is_on network || fr_gather_network
  ! fr_is_on virtual || {
    echo '@container'; fr_container
    echo '@kvm'; [ ! -e "$fr_root/dev/kvm" ] || echo kvm
  }
}

fr_subsets
fr_facts=$(fr_gather | awk "$fr_awk") || fr_fail 'awk failed'
fr_put_json ansible_facts "$fr_facts"
