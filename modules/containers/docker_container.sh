# What is wanted becomes words for `create` and lines to compare with `inspect`,
# both by the same tables; a container that differs is made anew.
fr_want='' fr_actions=''
# fr_wish OPTION PATH VALUE…: JSON values of which the container must have one.
fr_wish() {
  fr_v=$fr_rules
  fr_rule "$1"
  [ "$fr_v" != ignore ] || return 0
  shift
  fr_line=$1
  shift
  for fr_j; do fr_line=$fr_line$fr_tab$fr_j; done
  fr_want=$fr_want$fr_line$fr_nl
}
# fr_rule OPTION: in $fr_v what comparisons say of it, else $fr_v as it was.
fr_rule() {
  fr_n=1 fr_said=$fr_v
  while [ "$fr_n" -le "${a_comparisons_n:-0}" ]; do
    fr_kept=${fr_k:-}
    fr_pair comparisons "$fr_n"
    [ "$fr_k" != "$1" ] || fr_said=$fr_v
    fr_k=$fr_kept fr_n=$((fr_n + 1))
  done
  fr_v=$fr_said
}
# fr_strict OPTION PATH: nothing else may be there when comparisons say strict.
fr_strict() {
  fr_v=$fr_rules
  fr_rule "$1"
  [ "$fr_v" != strict ] || fr_want="$fr_want=$2$fr_tab$fr_nl"
}
# fr_text_wish OPTION PATH TEXT…
fr_text_wish() {
  fr_opt=$1 fr_at=$2
  shift 2
  for fr_k; do fr_json "$fr_k"; set -- "$@" "$fr_j"; shift; done
  fr_wish "$fr_opt" "$fr_at" "$@"
}
# "64M" in bytes, in $fr_v.
fr_bytes() {
  fr_v=${1%[bB]} fr_v=${fr_v%i}
  case $fr_v in
    unlimited | -1) fr_v=-1 ;;
    *[kK]) fr_v=$((${fr_v%?} * 1024)) ;;
    *[mM]) fr_v=$((${fr_v%?} * 1048576)) ;;
    *[gG]) fr_v=$((${fr_v%?} * 1073741824)) ;;
    *[tT]) fr_v=$((${fr_v%?} * 1099511627776)) ;;
    *[!0-9]* | '') fr_fail "no size: $1" module/bad-arguments ;;
  esac
}
# "1m30s" in nanoseconds, in $fr_v.
fr_nanoseconds() {
  fr_v=$(printf '%s\n' "$1" | awk '{
    while (match($0, /^[0-9.]+(ms|us|ns|h|m|s)/)) {
      u = substr($0, 1, RLENGTH); x = u + 0; gsub(/[0-9.]/, "", u); $0 = substr($0, RLENGTH + 1)
      t += x * (u == "h" ? 3600e9 : u == "m" ? 60e9 : u == "s" ? 1e9 : u == "ms" ? 1e6 : u == "us" ? 1e3 : 1)
    }
    printf "%.0f", t }')
}
fr_key() { case $1 in *[./\[]*) fr_v="[$1]" ;; *) fr_v=.$1 ;; esac; }
# fr_split TEXT: its words, quotes taken off, one a line, in $fr_v.
fr_split() { fr_v=$(printf '%s\n' "$1" | xargs -n 1 printf '%s\n') || fr_fail "cannot split into words: $1" module/bad-arguments; }
fr_do() { # WHAT WORD…
  fr_changed
  fr_json "$a_name"
  fr_actions="$fr_actions,{\"$2\":$fr_j}"
  fr_is_check || fr_must "$@"
}
fr_look_at() {
  fr_state=absent fr_now='{}' fr_lines=''
  fr_is_there container inspect "$a_name" || return 0
  fr_one
  fr_now=$fr_v
  fr_flat "$fr_now"
  fr_lines=$(printf '%s\n' "$fr_v" | awk '/^\.(State|Id|Image|Config\.Image|ImageName|HostConfig.NetworkMode)/ || /^\.NetworkSettings\.Networks/')
  fr_get State.Status
  fr_state=$fr_v
}
fr_end() {
  fr_put_json actions "[${fr_actions#,}]"
  if [ "$a_state" = absent ]; then exit 0; fi
  fr_is_check || fr_look_at
  fr_put_json container "$(printf '%s' "$fr_now" | tr '\n' ' ')"
  exit 0
}
fr_stop() {
  if [ "$a_force_kill" = true ]; then fr_do 'cannot kill the container' kill ${a_kill_signal:+-s "$a_kill_signal"} "$a_name"
  else fr_do 'cannot stop the container' stop ${a_stop_timeout:+-t "$a_stop_timeout"} "$a_name"; fi
}
fr_remove() {
  [ "$fr_state" != running ] || fr_stop
  if [ "$a_keep_volumes" = true ]; then fr_do 'cannot remove the container' rm -f "$a_name"
  else fr_do 'cannot remove the container' rm -f -v "$a_name"; fi
  fr_state=absent
}

case $a_pull in true | always) a_pull=always ;; never) ;; *) a_pull=missing ;; esac
case $a_name in -* | '') fr_fail "no name of a container: $a_name" module/bad-arguments ;; esac
fr_rules=allow_more_present fr_v=$fr_rules
fr_rule '*'
fr_rules=$fr_v
fr_look_at
if [ "$a_state" = absent ]; then
  [ "$fr_state" = absent ] || fr_remove
  fr_end
fi

# -- the words -----------------------------------------------------------------------
set -- --name "$a_name"
for fr_row in user:user:Config.User working_dir:workdir:Config.WorkingDir hostname:hostname:Config.Hostname \
  domainname:domainname:Config.Domainname ipc_mode:ipc:HostConfig.IpcMode pid_mode:pid:HostConfig.PidMode uts:uts:HostConfig.UTSMode \
  userns_mode:userns:HostConfig.UsernsMode cgroupns_mode:cgroupns: cgroup_parent:cgroup-parent:HostConfig.CgroupParent \
  cpuset_cpus:cpuset-cpus:HostConfig.CpusetCpus cpuset_mems:cpuset-mems:HostConfig.CpusetMems runtime:runtime:HostConfig.Runtime \
  log_driver:log-driver:HostConfig.LogConfig.Type volume_driver:volume-driver:HostConfig.VolumeDriver mac_address:mac-address:Config.MacAddress \
  stop_signal:stop-signal:Config.StopSignal platform:platform: env_file:env-file:; do
  fr_opt=${fr_row%%:*} fr_row=${fr_row#*:}
  fr_has "$fr_opt" || continue
  eval "fr_v=\$a_$fr_opt"
  set -- "$@" "--${fr_row%%:*}=$fr_v"
  fr_at=${fr_row#*:}
  # podman numbers signals and leaves some fields out.
  case $fr_at in
    '') ;;
    Config.StopSignal) [ "$fr_engine" = podman ] || fr_text_wish "$fr_opt" ".$fr_at" "$fr_v" ;;
    Config.MacAddress | HostConfig.Runtime | HostConfig.VolumeDriver) fr_json "$fr_v"; fr_wish "$fr_opt" ".$fr_at" "$fr_j" '?' '"oci"' ;;
    *) fr_text_wish "$fr_opt" ".$fr_at" "$fr_v" ;;
  esac
done
for fr_row in cpu_period:cpu-period:CpuPeriod cpu_quota:cpu-quota:CpuQuota cpu_shares:cpu-shares:CpuShares oom_score_adj:oom-score-adj:OomScoreAdj \
  pids_limit:pids-limit:PidsLimit blkio_weight:blkio-weight:BlkioWeight memory_swappiness:memory-swappiness:MemorySwappiness; do
  fr_opt=${fr_row%%:*} fr_row=${fr_row#*:}
  fr_has "$fr_opt" || continue
  eval "fr_v=\$a_$fr_opt"
  set -- "$@" "--${fr_row%%:*}=$fr_v"
  fr_num=$fr_v
  case $fr_num in 0 | -1) fr_wish "$fr_opt" ".HostConfig.${fr_row#*:}" "$fr_num" 0 null '?' ;; *) fr_wish "$fr_opt" ".HostConfig.${fr_row#*:}" "$fr_num" ;; esac
done
for fr_row in privileged:privileged:HostConfig.Privileged read_only:read-only:HostConfig.ReadonlyRootfs auto_remove:rm:HostConfig.AutoRemove \
  init:init:HostConfig.Init tty:tty:Config.Tty interactive:interactive:Config.OpenStdin; do
  fr_opt=${fr_row%%:*} fr_row=${fr_row#*:}
  fr_has "$fr_opt" || continue
  eval "fr_bool=\$a_$fr_opt"
  set -- "$@" "--${fr_row%%:*}=$fr_bool"
  # podman's inspect has no Init.
  case $fr_opt$fr_bool in
    *false) fr_wish "$fr_opt" ".${fr_row#*:}" false null '?' ;;
    init*) fr_wish "$fr_opt" ".${fr_row#*:}" true '?' ;;
    *) fr_wish "$fr_opt" ".${fr_row#*:}" true ;;
  esac
done
if fr_has oom_killer; then
  if [ "$a_oom_killer" = false ]; then set -- "$@" --oom-kill-disable; fr_wish oom_killer .HostConfig.OomKillDisable true
  else fr_wish oom_killer .HostConfig.OomKillDisable false null '?'; fi
fi
for fr_row in memory:memory:Memory memory_reservation:memory-reservation:MemoryReservation memory_swap:memory-swap:MemorySwap \
  shm_size:shm-size:ShmSize kernel_memory:kernel-memory:KernelMemory; do
  fr_opt=${fr_row%%:*} fr_row=${fr_row#*:}
  fr_has "$fr_opt" || continue
  eval "fr_v=\$a_$fr_opt"
  fr_bytes "$fr_v"
  fr_num=$fr_v
  [ "$fr_num" = 0 ] || set -- "$@" "--${fr_row%%:*}=$fr_num"
  fr_wish "$fr_opt" ".HostConfig.${fr_row#*:}" "$fr_num"
done
if fr_has cpus; then
  set -- "$@" "--cpus=$a_cpus"
  fr_v=$(printf '%s\n' "$a_cpus" | awk '{ printf "%.0f", $1 * 1000000000 }')
  fr_num=$fr_v
  fr_wish cpus .HostConfig.NanoCpus "$fr_num"
fi
if fr_has restart_policy; then
  fr_v=$a_restart_policy
  [ "$fr_v" != on-failure ] || [ "$a_restart_retries" = 0 ] || fr_v=$fr_v:$a_restart_retries
  set -- "$@" "--restart=$fr_v"
  if [ "$a_restart_policy" = no ]; then fr_wish restart_policy .HostConfig.RestartPolicy.Name '"no"' '""'
  else fr_text_wish restart_policy .HostConfig.RestartPolicy.Name "$a_restart_policy"; fi
  [ "$a_restart_policy" != on-failure ] || fr_wish restart_policy .HostConfig.RestartPolicy.MaximumRetryCount "$a_restart_retries"
fi
for fr_row in capabilities:cap-add:CapAdd cap_drop:cap-drop:CapDrop dns_servers:dns:Dns dns_opts:dns-option:DnsOptions \
  dns_search_domains:dns-search:DnsSearch groups:group-add:GroupAdd security_opts:security-opt:SecurityOpt \
  volumes_from:volumes-from:VolumesFrom device_cgroup_rules:device-cgroup-rule:DeviceCgroupRules links:link:Links; do
  fr_opt=${fr_row%%:*} fr_row=${fr_row#*:}
  fr_has "$fr_opt" || continue
  fr_at=.HostConfig.${fr_row#*:}[] fr_i=1
  eval "fr_count=\$a_${fr_opt}_n"
  fr_strict "$fr_opt" ".HostConfig.${fr_row#*:}"
  while [ "$fr_i" -le "$fr_count" ]; do
    fr_item "$fr_opt" "$fr_i"
    fr_i=$((fr_i + 1))
    set -- "$@" "--${fr_row%%:*}=$fr_v"
    case $fr_opt in
      cap*) fr_v=$(printf %s "${fr_v#[Cc][Aa][Pp]_}" | tr '[:lower:]' '[:upper:]'); fr_text_wish "$fr_opt" "$fr_at" "$fr_v" "CAP_$fr_v" ;;
      links | device_cgroup_rules | volumes_from) ;; # each engine shows these in a form of its own
      *) fr_text_wish "$fr_opt" "$fr_at" "$fr_v" ;;
    esac
  done
done
fr_i=1
while [ "$fr_i" -le "${a_env_n:-0}" ]; do
  fr_pair env "$fr_i"
  fr_i=$((fr_i + 1))
  # Values go by the environment: arguments can be read by others on the device.
  case $fr_k in '' | *[!A-Za-z0-9_]* | [0-9]* | fr_* | a_* | PATH | IFS | HOME | TMPDIR | LC_ALL | LD_* | DOCKER_* | CONTAINER* | XDG_*) set -- "$@" "--env=$fr_k=$fr_v" ;;
    *) export "$fr_k=$fr_v"; set -- "$@" "--env=$fr_k" ;;
  esac
  fr_text_wish env '.Config.Env[]' "$fr_k=$fr_v"
done
! fr_has env || fr_strict env .Config.Env
for fr_row in labels:label:Config.Labels log_options:log-opt:HostConfig.LogConfig.Config sysctls:sysctl:HostConfig.Sysctls \
  storage_opts:storage-opt:HostConfig.StorageOpt etc_hosts:add-host:; do
  fr_opt=${fr_row%%:*} fr_row=${fr_row#*:}
  fr_has "$fr_opt" || continue
  eval "fr_count=\$a_${fr_opt}_n"
  fr_i=1 fr_at=${fr_row#*:}
  [ -z "$fr_at" ] || fr_strict "$fr_opt" ".$fr_at"
  while [ "$fr_i" -le "$fr_count" ]; do
    fr_pair "$fr_opt" "$fr_i"
    fr_i=$((fr_i + 1)) fr_pv=$fr_v
    case $fr_opt in etc_hosts) set -- "$@" "--add-host=$fr_k:$fr_pv"; fr_text_wish etc_hosts '.HostConfig.ExtraHosts[]' "$fr_k:$fr_pv"; continue ;; esac
    set -- "$@" "--${fr_row%%:*}=$fr_k=$fr_pv"
    fr_key "$fr_k"
    fr_path=.$fr_at$fr_v
    fr_json "$fr_pv"
    # podman shows neither the options of logs nor sysctls.
    case $fr_engine$fr_opt in
      podmanlabels | docker*) fr_wish "$fr_opt" "$fr_path" "$fr_j" ;;
    esac
  done
done
fr_i=1
while [ "$fr_i" -le "${a_tmpfs_n:-0}" ]; do
  fr_item tmpfs "$fr_i"
  fr_i=$((fr_i + 1))
  set -- "$@" "--tmpfs=$fr_v"
  fr_wish tmpfs ".HostConfig.Tmpfs[${fr_v%%:*}]" '*'
done
fr_i=1
while [ "$fr_i" -le "${a_ulimits_n:-0}" ]; do
  fr_item ulimits "$fr_i"
  fr_i=$((fr_i + 1))
  fr_name=${fr_v%%:*} fr_v=${fr_v#*:}
  fr_soft=${fr_v%%:*} fr_hard=${fr_v#*:}
  set -- "$@" "--ulimit=$fr_name=$fr_soft:$fr_hard"
  fr_up=$(printf %s "$fr_name" | tr '[:lower:]' '[:upper:]')
  fr_wish ulimits '.HostConfig.Ulimits[]' "{\"Name\":\"$fr_name\",\"Hard\":$fr_hard,\"Soft\":$fr_soft}" "{\"Name\":\"RLIMIT_$fr_up\",\"Soft\":$fr_soft,\"Hard\":$fr_hard}"
done
fr_i=1
while [ "$fr_i" -le "${a_devices_n:-0}" ]; do
  fr_item devices "$fr_i"
  fr_i=$((fr_i + 1))
  set -- "$@" "--device=$fr_v"
  fr_from=${fr_v%%:*} fr_rest=${fr_v#"$fr_from"} fr_rest=${fr_rest#:}
  fr_to=${fr_rest%%:*} fr_perm=${fr_rest#"$fr_to"} fr_perm=${fr_perm#:}
  [ -n "$fr_to" ] || fr_to=$fr_from
  fr_v="{\"PathOnHost\":\"$fr_from\",\"PathInContainer\":\"$fr_to\",\"CgroupPermissions\":\""
  fr_dev=$fr_v
  fr_wish devices '.HostConfig.Devices[]' "$fr_dev${fr_perm:-rwm}\"}" "$fr_dev\"}"
done
! fr_has devices || fr_strict devices .HostConfig.Devices
for fr_row in device_read_bps:device-read-bps device_write_bps:device-write-bps device_read_iops:device-read-iops device_write_iops:device-write-iops; do
  fr_opt=${fr_row%%:*} fr_i=1
  eval "fr_count=\${a_${fr_opt}_n:-0}"
  while [ "$fr_i" -le "$fr_count" ]; do
    fr_item "$fr_opt" "$fr_i"
    fr_i=$((fr_i + 1)) fr_keep=$fr_lines
    fr_flat "$fr_v"
    fr_lines=$fr_v
    fr_get path && fr_from=$fr_v && fr_get rate && set -- "$@" "--${fr_row#*:}=$fr_from:$fr_v"
    fr_lines=$fr_keep
  done
done
# fr_mount_wish OPTION SOURCE TARGET RW: Mounts tells volumes by name and binds by path.
fr_mount_wish() {
  fr_json "$3"
  fr_wish "$1" '.Mounts[].Destination' "$fr_j"
  [ -n "$2" ] || return 0
  case $2 in
    /*) fr_json "$2"; fr_wish "$1" '.Mounts[].Source' "$fr_j" ;;
    *) fr_json "$2"; fr_wish "$1" '.Mounts[].Name' "$fr_j" ;;
  esac
  fr_json "$2:$3:$4"
  fr_wish "$1" '.@mounts[]' "$fr_j"
}
fr_i=1
while [ "$fr_i" -le "${a_volumes_n:-0}" ]; do
  fr_item volumes "$fr_i"
  fr_i=$((fr_i + 1))
  case $fr_v in \~*) fr_rest=:${fr_v#*:}; fr_path "${fr_v%%:*}"; fr_v=$fr_v$fr_rest ;; esac
  set -- "$@" "--volume=$fr_v"
  case $fr_v in
    *:*)
      fr_from=${fr_v%%:*} fr_rest=${fr_v#*:} fr_to=${fr_rest%%:*} fr_rw=true
      case ,${fr_rest#"$fr_to"}, in *[:,]ro,*) fr_rw=false ;; esac
      fr_mount_wish volumes "${fr_from%/}" "${fr_to%/}" "$fr_rw"
      ;;
    *) fr_mount_wish volumes '' "$fr_v" true ;;
  esac
done
fr_i=1
while [ "$fr_i" -le "${a_mounts_n:-0}" ]; do
  fr_item mounts "$fr_i"
  fr_i=$((fr_i + 1)) fr_keep=$fr_lines
  fr_flat "$fr_v"
  fr_lines=$fr_v
  fr_get type || fr_v=volume
  fr_word=type=$fr_v fr_type=$fr_v fr_from='' fr_rw=true
  if fr_get source; then fr_from=$fr_v fr_word=$fr_word,source=$fr_v; fi
  fr_get target || fr_fail 'a mount needs a target' module/bad-arguments
  fr_to=$fr_v fr_word=$fr_word,target=$fr_v
  if fr_get read_only && [ "$fr_v" = true ]; then fr_rw=false fr_word=$fr_word,readonly; fi
  ! fr_get propagation || fr_word=$fr_word,bind-propagation=$fr_v
  ! fr_get no_copy || [ "$fr_v" != true ] || fr_word=$fr_word,volume-nocopy
  ! fr_get tmpfs_size || { fr_bytes "$fr_v"; fr_word=$fr_word,tmpfs-size=$fr_v; }
  ! fr_get tmpfs_mode || fr_word=$fr_word,tmpfs-mode=$fr_v
  fr_lines=$fr_keep
  set -- "$@" "--mount=$fr_word"
  [ "$fr_type" = tmpfs ] || fr_mount_wish mounts "$fr_from" "$fr_to" "$fr_rw"
done
fr_i=1
while [ "$fr_i" -le "${a_published_ports_n:-0}" ]; do
  fr_item published_ports "$fr_i"
  fr_i=$((fr_i + 1))
  if [ "$fr_v" = all ]; then set -- "$@" --publish-all=true; fr_wish published_ports .HostConfig.PublishAllPorts true; continue; fi
  set -- "$@" "--publish=$fr_v"
  # podman forgets ports where there is no network of its own.
  case $fr_engine:$a_network_mode in podman:none | podman:host | podman:container:*) continue ;; esac
  fr_proto=tcp
  case $fr_v in */*) fr_proto=${fr_v#*/} fr_v=${fr_v%/*} ;; esac
  fr_port=${fr_v##*:} fr_rest=${fr_v%"$fr_port"} fr_rest=${fr_rest%:} fr_host=${fr_rest##*:} fr_ip=${fr_rest%"$fr_host"} fr_ip=${fr_ip%:}
  fr_last=${fr_port#*-} fr_port=${fr_port%-*} fr_host=${fr_host%-*}
  while [ "$fr_port" -le "$fr_last" ]; do
    fr_at=".HostConfig.PortBindings[$fr_port/$fr_proto]"
    if [ -z "$fr_host" ]; then fr_wish published_ports "$fr_at" '*'
    elif [ -n "$fr_ip" ]; then fr_wish published_ports "${fr_at}[]" "{\"HostIp\":\"$fr_ip\",\"HostPort\":\"$fr_host\"}"
    else fr_wish published_ports "${fr_at}[]" "{\"HostIp\":\"\",\"HostPort\":\"$fr_host\"}" "{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"$fr_host\"}"; fi
    fr_port=$((fr_port + 1))
    [ -z "$fr_host" ] || fr_host=$((fr_host + 1))
  done
done
! fr_has published_ports || fr_strict published_ports .HostConfig.PortBindings
fr_i=1
while [ "$fr_i" -le "${a_exposed_ports_n:-0}" ]; do
  fr_item exposed_ports "$fr_i"
  fr_i=$((fr_i + 1))
  set -- "$@" "--expose=$fr_v"
  case $fr_v in */*) ;; *) fr_v=$fr_v/tcp ;; esac
  # podman keeps exposed ports out of Config.
  [ "$fr_engine" = podman ] || fr_wish exposed_ports ".Config.ExposedPorts[$fr_v]" '*'
done
if [ "${a_healthcheck_n:-0}" -gt 0 ]; then
  fr_i=1
  while [ "$fr_i" -le "$a_healthcheck_n" ]; do
    fr_pair healthcheck "$fr_i"
    fr_i=$((fr_i + 1)) fr_pv=$fr_v
    case $fr_k in
      test)
        case $fr_pv in
          \[*)
            fr_keep=$fr_lines
            fr_flat "{\"t\":$fr_pv}"
            fr_lines=$fr_v
            fr_many 't[]'
            fr_lines=$fr_keep
            fr_kind=${fr_v%%"$fr_nl"*} fr_pv=${fr_v#*"$fr_nl"}
            case $fr_kind in
              NONE) set -- "$@" --no-healthcheck; continue ;;
              # The command line knows texts for a shell only.
              CMD) fr_pv=$(printf '%s\n' "$fr_pv" | sed -e "s/'/'\\\\''/g" -e "s/^/'/" -e "s/\$/'/" | tr '\n' ' ') fr_pv=${fr_pv% } ;;
            esac
            ;;
        esac
        set -- "$@" "--health-cmd=$fr_pv"
        fr_json "$fr_pv"
        fr_wish healthcheck .Config.Healthcheck.Test "[\"CMD-SHELL\",$fr_j]"
        ;;
      retries) set -- "$@" "--health-retries=$fr_pv"; fr_wish healthcheck .Config.Healthcheck.Retries "$fr_pv" ;;
      interval | timeout | start_period)
        fr_word=$(printf %s "$fr_k" | tr _ -)
        set -- "$@" "--health-$fr_word=$fr_pv"
        fr_nanoseconds "$fr_pv"
        case $fr_k in interval) fr_at=Interval ;; timeout) fr_at=Timeout ;; *) fr_at=StartPeriod ;; esac
        fr_num=$fr_v
        fr_wish healthcheck ".Config.Healthcheck.$fr_at" "$fr_num"
        ;;
    esac
  done
fi
# The first network comes with the container, the others are connected to it.
fr_networks='' fr_all_networks='' fr_i=1
while [ "$fr_i" -le "${a_networks_n:-0}" ]; do
  fr_item networks "$fr_i"
  fr_i=$((fr_i + 1)) fr_keep=$fr_lines
  case $fr_v in
    \{*) fr_flat "$fr_v"; fr_lines=$fr_v ;;
    *) fr_lines=.name$fr_tab$fr_v ;;
  esac
  fr_get name || fr_fail 'a network needs a name' module/bad-arguments
  fr_net=$fr_v fr_words=''
  ! fr_get ipv4_address || fr_words="$fr_words --ip=$fr_v"
  ! fr_get ipv6_address || fr_words="$fr_words --ip6=$fr_v"
  fr_many 'aliases[]'
  for fr_v in $fr_v; do fr_words="$fr_words --alias=$fr_v"; done
  fr_lines=$fr_keep
  case $fr_net$fr_words in *[!A-Za-z0-9_.:=\ -]*) fr_fail "no network: $fr_net$fr_words" module/bad-arguments ;; esac
  if [ "$fr_i" = 2 ] && [ -z "$a_network_mode" ]; then
    set -- "$@" "--network=$fr_net"
    for fr_v in $fr_words; do
      case $fr_v in --alias*) fr_v=--network-${fr_v#--} ;; esac
      set -- "$@" "$fr_v"
    done
  else
    fr_networks="$fr_networks$fr_net$fr_words$fr_nl"
  fi
  fr_all_networks="$fr_all_networks$fr_net$fr_words$fr_nl"
done
if fr_has network_mode; then
  set -- "$@" "--network=$a_network_mode"
  case $a_network_mode in
    default | bridge) fr_wish network_mode .HostConfig.NetworkMode '"default"' '"bridge"' '"slirp4netns"' ;;
    container:*) fr_wish network_mode .HostConfig.NetworkMode '*' ;;
    *) fr_json "$a_network_mode"; fr_wish network_mode .HostConfig.NetworkMode "$fr_j" '"bridge"' ;;
  esac
fi

# -- command and image ----------------------------------------------------------------
# fr_list_of OPTION: the words of a list or of a text, in lines.
fr_list_of() {
  eval "fr_count=\${a_$1_n:-0} fr_v=\$a_$1"
  if [ "$fr_count" = 0 ]; then
    case $fr_v in '' | \[\]) fr_v='' ;; *) fr_split "$fr_v" ;; esac
    return
  fi
  fr_i=1 fr_list=''
  while [ "$fr_i" -le "$fr_count" ]; do
    fr_item "$1" "$fr_i"
    fr_list=$fr_list$fr_nl$fr_v fr_i=$((fr_i + 1))
  done
  fr_v=${fr_list#"$fr_nl"}
}
fr_json_list() {
  fr_list=''
  for fr_v; do fr_json "$fr_v"; fr_list="$fr_list,$fr_j"; done
  fr_v="[${fr_list#,}]"
}
fr_more='' fr_command=''
if fr_has entrypoint; then
  fr_list_of entrypoint
  # The command line takes one word as entrypoint; the others come before the command.
  fr_first=${fr_v%%"$fr_nl"*} fr_more=${fr_v#"$fr_first"} fr_more=${fr_more#"$fr_nl"}
  set -- "$@" "--entrypoint=$fr_first"
  if [ -n "$fr_first" ]; then
    fr_json "$fr_first"
    fr_wish entrypoint .Config.Entrypoint "[$fr_j]" "$fr_j"
  else
    fr_wish entrypoint .Config.Entrypoint null '[]' '""' '[""]' '?'
  fi
fi
if fr_has command; then fr_list_of command; fr_command=$fr_v; fi
case $fr_more:$fr_command in ?*:?*) fr_command=$fr_more$fr_nl$fr_command ;; *) fr_command=$fr_more$fr_command ;; esac
fr_image_json='{}' fr_image_id=''
if [ -z "$a_image" ]; then
  if [ "$fr_state" = absent ]; then fr_fail 'Cannot create container when image is not specified!' module/bad-arguments; fi
  fr_get Config.Image
  a_image=$fr_v
else
  if [ "$a_pull" = always ]; then
    fr_is_there image inspect -f '{{.Id}}' -- "$a_image" || fr_stdout=''
    fr_was=$fr_stdout
    fr_is_check || fr_must "cannot pull $a_image" pull "$a_image"
    fr_is_there image inspect -f '{{.Id}}' -- "$a_image" || fr_stdout=''
    [ "$fr_was" = "$fr_stdout" ] || { fr_changed; fr_json "$a_image"; fr_actions="$fr_actions,{\"pulled_image\":$fr_j}"; }
  fi
  if ! fr_is_there image inspect "$a_image"; then
    [ "$a_pull" != never ] || fr_fail "Cannot find image $a_image, and pull=never"
    if fr_is_check; then fr_changed; fr_json "$a_image"; fr_actions="$fr_actions,{\"pulled_image\":$fr_j}"; fr_stdout=''
    else fr_do "cannot pull $a_image" pull "$a_image"; fr_is_there image inspect "$a_image" || fr_fail "no image $a_image after it was pulled"; fi
  fi
  fr_one
  fr_image_json=$fr_v
  fr_v=$(printf '%s' "$fr_image_json" | sed -n 's/^ *"Id": *"\(sha256:\)\{0,1\}\([0-9a-f]*\)".*/\2/p' | head -n 1)
  fr_image_id=$fr_v
  [ -z "$fr_image_id" ] || fr_wish image .Image "\"sha256:$fr_image_id\"" "\"$fr_image_id\""
  if [ "$a_image_name_mismatch" = recreate ]; then
    fr_text_wish image .Config.Image "$a_image" "$a_image:latest" "localhost/$a_image" "localhost/$a_image:latest" \
      "docker.io/library/$a_image" "docker.io/library/$a_image:latest" "docker.io/$a_image" "docker.io/$a_image:latest"
  fi
fi
set -- "$@" "$a_image"
if [ -n "$fr_command" ]; then
  IFS=$fr_nl
  set -f
  # shellcheck disable=SC2086
  set -- "$@" $fr_command
  # shellcheck disable=SC2086
  fr_json_list $fr_command
  unset IFS
  set +f
  fr_list=$fr_v
  fr_wish command .Config.Cmd "$fr_list"
elif fr_has command && [ "$a_command_handling" = correct ]; then
  # An empty command is none at all: the image's own.
  fr_v=$(awk "$fr_awk" <<EOT
flat
$fr_image_json
EOT
  )
  fr_lines=$fr_lines$fr_nl$fr_v
  fr_v=$(printf '%s\n' "$fr_v" | sed -n "s/^\.Config\.Cmd$fr_tab//p")
  fr_list=${fr_v:-null}
  fr_wish command .Config.Cmd "$fr_list" '?'
fi

# -- what is there, and what is to be done ------------------------------------------------
fr_create() {
  fr_changed
  fr_json "$a_name"
  fr_actions="$fr_actions,{\"create\":$fr_j}"
  if fr_is_check; then fr_state=created; return; fi
  fr_must 'cannot create the container' container create "$@"
  while read -r fr_net fr_words; do
    # shellcheck disable=SC2086
    [ -z "$fr_net" ] || fr_must "cannot connect to network $fr_net" network connect $fr_words "$fr_net" "$a_name"
  done <<EOT
$fr_networks
EOT
  fr_state=created
}
fr_start() {
  fr_json "$a_name"
  fr_actions="$fr_actions,{\"start\":$fr_j}"
  fr_changed
  fr_is_check || fr_must 'cannot start the container' start "$a_name"
  fr_state=running
}
fr_is_new=''
if [ "$fr_state" = absent ]; then
  fr_diff 'exists: false' 'exists: true'
  fr_create "$@"
  fr_is_new=1
else
  fr_differs=$(awk "$fr_awk" <<EOT
compare
$fr_want
--
$fr_image_json
--
$fr_now
EOT
  ) || fr_fail 'awk failed'
  if [ -n "$fr_differs" ] || [ "$a_recreate" = true ]; then
    fr_diff "$(printf '%s\n' "$fr_differs" | awk -F '\t' '{ print substr($1, 2) ": " $2 }')$fr_nl" \
      "$(printf '%s\n' "$fr_differs" | awk -F '\t' '{ print substr($1, 2) ": " $3 }')$fr_nl"
    # The new one must be possible before the old one goes.
    fr_was=$fr_state
    fr_remove
    fr_create "$@"
    fr_is_new=1
    if [ "$fr_was" = running ] && [ "$a_state" = present ]; then fr_start; fi
  else
    while read -r fr_net fr_words; do
      [ -n "$fr_net" ] || continue
      case $fr_nl$fr_lines in *"$fr_nl.NetworkSettings.Networks.$fr_net$fr_tab"* | *"$fr_nl.NetworkSettings.Networks[$fr_net]$fr_tab"*) continue ;; esac
      # shellcheck disable=SC2086
      fr_do "cannot connect to network $fr_net" network connect $fr_words "$fr_net" "$a_name"
    done <<EOT
$fr_all_networks
EOT
    fr_v=$fr_rules
    fr_rule networks
    if [ "$a_purge_networks" = true ] || [ "$fr_v" = strict ]; then
      for fr_net in $(printf '%s\n' "$fr_lines" | sed -n -e "s/^\.NetworkSettings\.Networks\.\([^.$fr_tab]*\)$fr_tab.*/\1/p" -e "s/^\.NetworkSettings\.Networks\[\([^]]*\)\]$fr_tab.*/\1/p"); do
        case $fr_nl$fr_all_networks in *"$fr_nl$fr_net$fr_nl"* | *"$fr_nl$fr_net "*) continue ;; esac
        fr_do "cannot disconnect from network $fr_net" network disconnect "$fr_net" "$a_name"
      done
    fi
  fi
fi
case $a_state in
  started | healthy)
    if [ "$a_detach" = false ] && [ "$fr_state" != running ]; then
      fr_changed
      fr_is_check && fr_end
      fr_d start -a "$a_name"
      fr_put output "$fr_stdout"
      fr_must 'cannot ask how it ended' container inspect -f '{{.State.ExitCode}}' "$a_name"
      fr_rc=$fr_stdout
      fr_put_int status "$fr_rc"
      [ "$a_cleanup" = false ] || fr_must 'cannot remove the container' rm -f "$a_name"
      [ "$fr_rc" = 0 ] || fr_fail "the command ended with $fr_rc"
      fr_end
    fi
    case $fr_state in
      running)
        if [ "$a_restart" = true ] && [ -z "$fr_is_new" ]; then
          fr_do 'cannot restart the container' restart ${a_stop_timeout:+-t "$a_stop_timeout"} "$a_name"
        fi
        ;;
      paused) ;;
      *) fr_start ;;
    esac
    ;;
  stopped) case $fr_state in running | paused | restarting) fr_stop ;; esac ;;
esac
case $a_paused:$fr_state in
  true:running) fr_do 'cannot pause the container' pause "$a_name" ;;
  false:paused) fr_do 'cannot go on with the container' unpause "$a_name" ;;
esac
if [ "$a_state" = healthy ] && ! fr_is_check; then
  fr_n=0
  while :; do
    fr_must 'cannot ask for health' container inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' "$a_name"
    case $fr_stdout in healthy) break ;; esac
    fr_n=$((fr_n + 1))
    [ "$fr_n" -lt "${a_healthy_wait_timeout%.*}" ] || fr_fail "Timeout of $a_healthy_wait_timeout seconds exceeded while waiting for container; it is $fr_stdout"
    sleep 1
  done
fi
fr_end
