# blkid tells what is there; each type has its tools.

# Type and UUID of what is on the device, in $fr_fs and $fr_id.
fr_look_at() {
  fr_v=$(blkid -c /dev/null "$a_dev" 2>/dev/null) || fr_v=$(blkid "$a_dev" 2>/dev/null) || fr_v=''
  # Words that only start like these are names of partitions.
  fr_fs='' fr_id=''
  case $fr_v in *' TYPE="'*) fr_fs=${fr_v#*' TYPE="'} fr_fs=${fr_fs%%\"*} ;; esac
  case $fr_v in *' UUID="'*) fr_id=${fr_v#*' UUID="'} fr_id=${fr_id%%\"*} ;; esac
  [ "$fr_fs" != LVM2_member ] || fr_fs=lvm
}
fr_tool() { # sets fr_mk, the words that make a filesystem, less options
  case $a_fstype in
    ext2 | ext3 | ext4 | ext4dev)
      fr_mk="mkfs.$a_fstype -F -q"
      # mke2fs is all that busybox has.
      if ! command -v "mkfs.$a_fstype" >/dev/null 2>&1 && command -v mke2fs >/dev/null 2>&1; then
        case $a_fstype in ext2) fr_mk='mke2fs -F' ;; *) fr_mk="mke2fs -F -q -t $a_fstype" ;; esac
      fi
      ;;
    vfat) fr_mk=mkfs.vfat; command -v mkfs.vfat >/dev/null 2>&1 || fr_mk=mkdosfs ;;
    xfs | btrfs | f2fs) fr_mk="mkfs.$a_fstype -f" ;;
    bcachefs) fr_mk='mkfs.bcachefs --force' ;;
    ocfs2) fr_mk='mkfs.ocfs2 -Fx' ;;
    reiserfs) fr_mk='mkfs.reiserfs -q' ;;
    swap) fr_mk=mkswap ;;
    lvm) fr_mk='pvcreate -f' ;;
    *) fr_fail "cannot make a filesystem of type $a_fstype here" module/bad-arguments ;;
  esac
  fr_need "${fr_mk%% *}"
}
fr_uuid_words() { # the option that sets the UUID, in $fr_v
  fr_v=''
  [ -n "$a_uuid" ] || return 0
  case $a_fstype in
    ext* | swap | btrfs | f2fs | bcachefs | ocfs2) fr_v="-U $a_uuid" ;;
    xfs) fr_v="-m uuid=$a_uuid" ;;
    vfat) fr_v="-i $(printf %s "$a_uuid" | tr -d -)" ;;
    reiserfs) fr_v="-u $a_uuid" ;;
  esac
}
fr_make() {
  fr_tool
  fr_uuid_words
  fr_changed
  fr_is_check && return 0
  set -f
  # shellcheck disable=SC2086  # the tool's words and the operator's options
  fr_s=$($fr_mk $fr_v $a_opts "$a_dev" 2>&1) || fr_fail "cannot make $a_fstype on $a_dev: $fr_s"
}
# Another UUID for what is there.
fr_change_uuid() {
  case $a_uuid in "$fr_id" | clear) [ "$a_uuid" = clear ] && [ -n "$fr_id" ] || return 0 ;; esac
  case $a_fstype in
    ext*) set -- tune2fs -U "$a_uuid" ;;
    swap) set -- swaplabel -U "$a_uuid" ;;
    xfs) set -- xfs_admin -U "$a_uuid" ;;
    btrfs) set -- btrfstune -f -U "$a_uuid" ;;
    lvm) set -- pvchange -u ;;
    *) fr_fail "cannot change the UUID of $a_fstype" module/bad-arguments ;;
  esac
  fr_need "$1"
  fr_changed
  fr_is_check && return 0
  fr_v=$("$@" "$a_dev" 2>&1) || fr_fail "cannot change the UUID of $a_dev: $fr_v"
}
fr_device_bytes() {
  if [ -b "$a_dev" ]; then fr_bytes=$(blockdev --getsize64 "$a_dev" 2>/dev/null) || fr_bytes=0
  else fr_look "$a_dev"; fr_bytes=$fr_size
  fi
}
fr_mount_point() { # where the device is mounted, in $fr_at
  fr_at=''
  while read -r fr_k fr_v fr_l; do [ "$fr_k" != "$a_dev" ] || fr_at=$fr_v; done </proc/self/mounts
  [ -n "$fr_at" ] || fr_fail "$a_dev needs to be mounted for $a_fstype operations"
}
# Bytes that the filesystem uses, in $fr_used; the words that grow it, in "$@" of the caller.
fr_used_bytes() {
  fr_used=''
  case $a_fstype in
    ext*)
      fr_need dumpe2fs resize2fs
      fr_v=$(dumpe2fs -h "$a_dev" 2>/dev/null) || fr_fail "cannot read $a_dev"
      fr_k=${fr_v#*"Block count:"} fr_l=${fr_v#*"Block size:"}
      fr_k=${fr_k%%"$fr_nl"*} fr_l=${fr_l%%"$fr_nl"*}
      fr_used=$((fr_k * fr_l)) fr_block=$((fr_l))
      ;;
    xfs | btrfs) fr_mount_point; fr_v=$(df -Pk "$fr_at" | tail -n 1); fr_v=${fr_v#* }; set -f
      # shellcheck disable=SC2086  # the columns are wanted
      set -- $fr_v; fr_used=$(($1 * 1024)) fr_block=$((16 * 1024 * 1024)) ;;
    lvm) fr_need pvs pvresize; fr_used=$(pvs --noheadings --units b --nosuffix -o pv_size "$a_dev") || fr_fail "cannot read $a_dev"
      fr_used=${fr_used##* } fr_block=$((8 * 1024 * 1024)) ;;
    f2fs | vfat | bcachefs) ;;
    *) fr_fail "module does not support resizing $a_fstype filesystem yet" module/bad-arguments ;;
  esac
}
fr_grow() {
  fr_device_bytes
  fr_used_bytes
  fr_v=$a_fstype
  case $fr_v in ext*) fr_v=E${fr_v#e} ;; esac
  # Less than a block more is nothing to grow into.
  if [ -n "$fr_used" ] && [ $((fr_bytes - fr_used)) -lt "$fr_block" ]; then
    fr_put msg "$fr_v filesystem is using the whole device $a_dev"
    return 0
  fi
  case $a_fstype in
    ext*) set -- resize2fs "$a_dev" ;;
    xfs) set -- xfs_growfs "$fr_at" ;;
    btrfs) set -- btrfs filesystem resize max "$fr_at" ;;
    f2fs) set -- resize.f2fs "$a_dev" ;;
    vfat) set -- fatresize --size=max "$a_dev" ;;
    bcachefs) set -- bcachefs device resize "$a_dev" ;;
    lvm) set -- pvresize "$a_dev" ;;
  esac
  fr_need "$1"
  fr_changed
  if fr_is_check; then fr_put msg "May resize filesystem on $a_dev"; return 0; fi
  case $a_fstype in ext*)
    # resize2fs wants a check of what is not mounted.
    ! command -v e2fsck >/dev/null 2>&1 || e2fsck -f -p "$a_dev" >/dev/null 2>&1 || : ;;
  esac
  fr_v=$("$@" 2>&1) || fr_fail "cannot grow $a_dev: $fr_v"
  fr_put msg "$fr_v"
}
fr_wipe() {
  [ -n "$fr_fs" ] || return 0
  if [ "$fr_fs" = lvm ]; then set -- pvremove -f; else set -- wipefs -a -q; fi
  fr_need "$1"
  fr_changed
  fr_is_check && return 0
  fr_v=$("$@" "$a_dev" 2>&1) || fr_fail "cannot wipe $a_dev: $fr_v"
}

case $a_uuid in -* | *[!A-Za-z0-9-]*) fr_fail "no UUID: $a_uuid" module/bad-arguments ;; esac
fr_path "$a_dev"
a_dev=$fr_v
fr_fs=''
if [ "$a_state" = absent ]; then
  if [ ! -e "$a_dev" ]; then fr_put msg "$a_dev not found"; exit 0; fi
  fr_need blkid
  fr_look_at
  fr_wipe
  exit 0
fi
fr_has fstype || fr_fail 'state is present but all of the following are missing: fstype' module/bad-arguments
[ -e "$a_dev" ] || fr_fail "Device $a_dev not found."
fr_need blkid
fr_look_at
case $a_fstype$fr_fs in ext4devext4) a_fstype=ext4 ;; esac
if [ "$fr_fs" = "$a_fstype" ] && [ "$a_force" = false ]; then
  if [ -n "$a_uuid" ]; then fr_change_uuid; fi
  if [ "$a_resizefs" = true ]; then fr_grow; fi
elif [ -n "$fr_fs" ] && [ "$a_force" = false ]; then
  fr_put_int rc 0
  fr_put err ''
  fr_fail "'$a_dev' is already used as $fr_fs, use force=true to overwrite"
else fr_make
fi
