# Checks of diagnostics.sh: disks, file systems and flash memory.

# Mount points that can fill up, one per line, in $fr_list. Those that are full by nature
# (squashfs), have no end (proc) or can hang (nfs) are left out.
fr_mounts() {
  fr_list='' fr_n=1
  while [ "$fr_n" -le "${a_mounts_n:-0}" ]; do
    fr_item mounts "$fr_n"
    fr_list="$fr_list$fr_v$fr_nl"
    fr_n=$((fr_n + 1))
  done
  [ -z "$fr_list" ] || return 0
  while read -r fr_l fr_v fr_k fr_o; do
    case $fr_k in
      ext[234] | xfs | btrfs | f2fs | vfat | exfat | ntfs* | jffs2 | ubifs | zfs | bcachefs | tmpfs | jfs | reiserfs) ;;
      overlay) [ "$fr_v" = / ] || continue ;;
      *) continue ;;
    esac
    case $fr_v in /dev | /dev/* | /sys/* | /proc/* | /run/user/* | /run/credentials/*) continue ;; esac
    # Read-only ones do not fill up any more than they are.
    case ,${fr_o%% *}, in *,ro,*) continue ;; esac
    fr_list="$fr_list$(printf '%b' "$fr_v")$fr_nl"
  done 2>/dev/null <"$fr_root/proc/mounts"
  [ -n "$fr_list" ] || { fr_d='/proc/mounts names no file system'; return 1; }
}
# fr_df FLAG WARN FAIL WORD: what df says of each, worst first in $fr_val.
fr_df() {
  fr_tool df || { fr_d='there is no df'; return 0; }
  fr_mounts || return 0
  fr_w=$2 fr_x=$3 fr_word=$4 fr_seen=' '
  set -f
  IFS=$fr_nl
  # shellcheck disable=SC2086  # one word per line
  set -- "$1" $fr_list
  unset IFS
  set +f
  fr_o=$1
  shift
  fr_v=$(df "$fr_o" -- "$@" 2>/dev/null) || [ -n "$fr_v" ] || { fr_d="df $fr_o does not work here"; return 0; }
  fr_u=%
  fr_lines fr_df_line "$fr_v"
  fr_df_absent
  if [ -z "$fr_val" ] && [ -z "$fr_d" ]; then fr_u='' fr_d='no file system has a size'; fi
}
# Device, size, used, available, capacity, mount point.
fr_df_line() {
  case ${3:-x}${4:-x} in *[!0-9]*) return 0 ;; esac
  [ $(($3 + $4)) -gt 0 ] || return 0
  case $fr_seen in *" $1:$2:$4 "*) return 0 ;; esac
  fr_seen="$fr_seen$1:$2:$4 "
  fr_c=$(($4 * 100 / ($3 + $4)))
  shift 5
  if [ -z "$fr_val" ] || [ "$fr_c" -lt "$fr_val" ]; then
    fr_val=$fr_c
    fr_low "$fr_c" "$fr_w" "$fr_x"
  fi
  if [ "$fr_c" -lt "$fr_w" ]; then fr_add "$fr_c % $fr_word on $*"; fi
}
# Mount points that were asked for by name must be mounted.
fr_df_absent() {
  fr_n=1
  while [ "$fr_n" -le "${a_mounts_n:-0}" ]; do
    fr_item mounts "$fr_n"
    fr_is_mounted "$fr_v" || { fr_worse fail; fr_add "$fr_q is not mounted"; }
    fr_n=$((fr_n + 1))
  done
}
# fr_is_mounted PATH: the path is in $fr_q, its options in $fr_o; the last mount counts.
fr_is_mounted() {
  fr_q=$1 fr_o=''
  while read -r fr_l fr_k fr_v fr_j; do
    case $fr_k in *\\*) fr_k=$(printf '%b' "$fr_k") ;; esac
    [ "$fr_k" != "$fr_q" ] || fr_o=${fr_j%% *}
  done 2>/dev/null <"$fr_root/proc/mounts"
  [ -n "$fr_o" ]
}
fr_ck_disk() { fr_df -P "$t_disk_warn" "$t_disk_fail" free; }
fr_ck_inodes() { fr_df -iP "$t_inodes_warn" "$t_inodes_fail" 'of inodes free'; }

# What fstab mounts for writing, what every system must write to, what the operator names.
fr_ck_ro_remount() {
  [ -r "$fr_root/proc/mounts" ] || { fr_d='/proc/mounts is not there'; return 0; }
  fr_worse ok
  fr_list="/tmp$fr_nl/var$fr_nl/var/tmp$fr_nl/var/log$fr_nl/run" fr_val=0
  while read -r fr_l fr_k fr_v fr_o fr_j; do
    case $fr_l in '#'* | '') continue ;; esac
    case $fr_v in swap | squashfs | iso9660 | erofs | udf | '') continue ;; esac
    case ,$fr_o, in *,ro,* | *,noauto,*) continue ;; esac
    fr_list="$fr_list$fr_nl$fr_k"
  done 2>/dev/null <"$fr_root/etc/fstab"
  fr_n=1
  while [ "$fr_n" -le "${a_mounts_n:-0}" ]; do
    fr_item mounts "$fr_n"
    fr_list="$fr_list$fr_nl$fr_v" fr_n=$((fr_n + 1))
  done
  fr_df_absent
  fr_seen=' '
  fr_lines fr_is_writable "$fr_list"
}
fr_is_writable() {
  fr_k=$(printf '%b' "$*")
  case $fr_seen in *" $fr_k "*) return 0 ;; esac
  fr_seen="$fr_seen$fr_k "
  fr_is_mounted "$fr_k" || return 0
  case ,$fr_o, in
    *,ro,*) fr_worse fail; fr_val=$((fr_val + 1)); fr_add "$fr_q is read-only" ;;
  esac
}
# Errors that an ext4 has counted since its last check, across boots.
fr_ck_fs_errors() {
  for fr_z in "$fr_root"/sys/fs/ext4/*; do
    fr_get "${fr_z#"$fr_root"}/errors_count" || continue
    fr_worse ok
    fr_val=$((${fr_val:-0} + fr_v))
    [ "$fr_v" = 0 ] || { fr_worse warn; fr_add "${fr_z##*/} has counted $fr_v errors"; }
  done
  [ "$fr_s" != skip ] || fr_d='there is no ext4'
}

# "0x02 0x03": two estimates of wear in steps of 10 %; 0 is unknown, 11 is past the end.
fr_ck_emmc_life() {
  for fr_z in "$fr_root"/sys/block/mmcblk*/device/life_time; do
    fr_get "${fr_z#"$fr_root"}" || continue
    # shellcheck disable=SC2086  # the words are wanted
    fr_wear $fr_v
  done
  [ "$fr_s" != skip ] || fr_d=${fr_d:-no eMMC tells its age}
}
fr_wear() {
  for fr_k; do
    case $fr_k in 0x[0-9a-fA-F] | 0x[0-9a-fA-F][0-9a-fA-F]) ;; *) continue ;; esac
    fr_n=$((fr_k))
    [ "$fr_n" -gt 0 ] || { [ "$fr_s" != skip ] || fr_d='the age is not defined'; continue; }
    [ "$fr_n" -gt "${fr_val:-0}" ] || continue
    fr_val=$fr_n fr_u='tenths'
    fr_high "$fr_n" "$t_emmc_life_warn" "$t_emmc_life_fail"
    if [ "$fr_n" -gt 10 ]; then fr_d='its life is over'; else fr_d="$((fr_n * 10 - 10))-$((fr_n * 10)) % of its life is used"; fi
  done
}
fr_ck_emmc_eol() {
  for fr_z in "$fr_root"/sys/block/mmcblk*/device/pre_eol_info; do
    fr_get "${fr_z#"$fr_root"}" || continue
    fr_eol "$fr_v"
  done
  [ "$fr_s" != skip ] || fr_d=${fr_d:-no eMMC tells its reserve}
}
fr_eol() {
  case $1 in
    0x01 | 0x1) fr_worse ok ;;
    0x02 | 0x2) fr_worse warn; fr_add '80 % of the reserved blocks are used' ;;
    0x03 | 0x3) fr_worse fail; fr_add '90 % of the reserved blocks are used' ;;
    *) fr_d='the reserve is not defined'; return 0 ;;
  esac
  fr_val=$1
}
fr_ck_ufs_health() {
  for fr_z in "$fr_root"/sys/bus/ufs/devices/*/health_descriptor; do
    fr_p=${fr_z#"$fr_root"}
    for fr_f in a b; do
      # shellcheck disable=SC2086  # one word
      ! fr_get "$fr_p/life_time_estimation_$fr_f" || fr_wear $fr_v
    done
    ! fr_get "$fr_p/eol_info" || fr_eol_of_ufs "$fr_v"
  done
  [ "$fr_s" != skip ] || fr_d=${fr_d:-there is no UFS}
}
fr_eol_of_ufs() {
  fr_k=$fr_val
  fr_eol "$1"
  fr_val=${fr_k:-$fr_val}
}

# Is / or a data partition on an SD card? Partitions by name: mmcblk0p2 is of mmcblk0.
fr_ck_sd_card() {
  [ -r "$fr_root/proc/mounts" ] || { fr_d='/proc/mounts is not there'; return 0; }
  while read -r fr_l fr_k fr_v fr_o; do
    case $fr_l:${fr_o%% *} in
      /dev/mmcblk*:ro | /dev/mmcblk*:ro,*) continue ;;
      /dev/mmcblk*) ;;
      *) continue ;;
    esac
    fr_n=${fr_l#/dev/} fr_n=${fr_n%%p*}
    fr_get "/sys/block/$fr_n/device/type" || continue
    fr_worse ok
    fr_val=$fr_v
    [ "$fr_v" != SD ] || { fr_worse warn; fr_add "$fr_k is on an SD card"; }
  done 2>/dev/null <"$fr_root/proc/mounts"
  [ "$fr_s" != skip ] || fr_d='nothing is on an SD card or eMMC'
}
fr_ck_mmc_errors() {
  fr_tool dmesg || { fr_d='there is no dmesg'; return 0; }
  fr_v=$(dmesg 2>/dev/null) || { fr_s=error fr_d='the kernel log may not be read'; return 0; }
  fr_v=$(printf '%s\n' "$fr_v" | awk '
    /mmc[0-9].*(error|timeout|timed out|-110|-84)/ || /I\/O error, dev/ || /EXT4-fs error/ { n++; last = $0 }
    /Remounting filesystem read-only/ { n++; bad = last = $0 }
    END { print n + 0, (bad == "" ? 0 : 1); print last }')
  fr_l=${fr_v%%"$fr_nl"*}
  fr_val=${fr_l% *}
  if [ "${fr_l#* }" = 1 ]; then fr_worse fail; elif [ "$fr_val" -gt 0 ]; then fr_worse warn; else fr_worse ok; fi
  [ "$fr_val" = 0 ] || fr_d="$fr_val messages, the last: ${fr_v#*"$fr_nl"}"
}

# Time per write: of a sample where it is asked for, else since boot.
fr_ck_write_lat() {
  fr_writes
  [ -n "$fr_io" ] || { fr_d='/proc/diskstats names no disk'; return 0; }
  fr_a=$fr_io
  if [ "$a_sample" -gt 0 ]; then
    sleep "$a_sample"
    fr_writes
  fi
  fr_b=$fr_io fr_u=ms
  fr_lines fr_latency "$fr_b"
  [ "$fr_s" != skip ] || fr_d='nothing was written'
}
# Lines "name writes milliseconds", in $fr_io.
fr_writes() {
  fr_io=''
  while read -r fr_k fr_k fr_l fr_k fr_k fr_k fr_k fr_n fr_k fr_k fr_v fr_j; do
    case $fr_l in loop* | ram* | zram* | dm-* | sr[0-9]*) continue ;; esac
    fr_io="$fr_io$fr_l $fr_n $fr_v$fr_nl"
  done 2>/dev/null <"$fr_root/proc/diskstats"
}
fr_latency() {
  fr_n=$2 fr_t=$3
  if [ "$a_sample" -gt 0 ]; then
    case $fr_nl$fr_a in *"$fr_nl$1 "*) ;; *) return 0 ;; esac
    fr_k=${fr_nl}$fr_a
    fr_k=${fr_k#*"$fr_nl$1 "} fr_k=${fr_k%%"$fr_nl"*}
    fr_n=$((fr_n - ${fr_k% *})) fr_t=$((fr_t - ${fr_k#* }))
  fi
  [ "$fr_n" -gt 0 ] || return 0
  fr_c=$((fr_t / fr_n))
  if [ -z "$fr_val" ] || [ "$fr_c" -gt "$fr_val" ]; then
    fr_val=$fr_c
    fr_over "$fr_c" "$t_write_lat_warn" "$t_write_lat_fail"
    fr_d="$1 takes $fr_c ms a write, of $fr_n"
  fi
}
# Asked for by name, so it must be so: data or the root lie on an encrypted device.
fr_ck_luks() {
  fr_tool lsblk || { fr_d='there is no lsblk'; return 0; }
  fr_v=$(lsblk -rno TYPE,MOUNTPOINT 2>/dev/null) || { fr_s=error fr_d='lsblk failed'; return 0; }
  fr_val=0
  fr_lines fr_crypt "$fr_v"
  if [ "$fr_val" -gt 0 ]; then fr_worse ok; else fr_worse fail; fr_d='nothing that is mounted is encrypted'; fi
}
fr_crypt() { [ "$1" != crypt ] || [ -z "${2:-}" ] || fr_val=$((fr_val + 1)); }
