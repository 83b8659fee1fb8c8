# Process 1 of a lab device: makes its root and sleeps. Runs inside
# `unshare --user --map-root-user --mount --uts --pid --fork`.
# usage: init.sh DEVICE_FOLDER HOSTNAME
set -eu
R=$1
NAME=$2
M=$R/mnt
mount --rbind / "$M"
mount --make-rprivate "$M"
# All of the host below the new root becomes read-only; flags that the kernel
# locked for us (nosuid, nodev ...) must be repeated or the remount is refused.
while read -r _ _ _ _ target options _; do
    case $target in "$M" | "$M"/*) ;; *) continue ;; esac
    case $options in ro | ro,*) continue ;; esac
    case $target in "$M"/dev | "$M"/dev/* | "$M"/proc | "$M"/proc/*) continue ;; esac
    flags=
    for flag in nosuid nodev noexec noatime nodiratime relatime; do
        case ,$options, in *,"$flag",*) flags=$flags,$flag ;; esac
    done
    mount -o "remount,bind,ro$flags" "$(printf '%b' "$target")" ||
        { echo "cannot make $target read-only" >&2; exit 1; }
done </proc/self/mountinfo
for dir in etc var run home tmp root opt usr/local; do
    if [ -d "$M/$dir" ] && [ ! -L "$M/$dir" ]; then mount --bind "$R/fs/$dir" "$M/$dir"; fi
done
if [ -f "$R/disk-full" ]; then
    mount -t tmpfs -o size=64k,mode=1777 tmpfs "$M/tmp"
    mount -t tmpfs -o size=64k tmpfs "$M/var"
    mount -t tmpfs -o size=64k tmpfs "$M/root"
fi
if [ -f "$R/read-only" ]; then
    for dir in etc var home tmp root opt usr/local; do
        mount -o remount,bind,ro "$M/$dir"
    done
fi
mount -t proc proc "$M/proc"
mount --bind "$R/boot_id" "$M/proc/sys/kernel/random/boot_id"
hostname "$NAME"
# The old root goes away: nobody in the device can see the host's tree, not even
# for a moment. The device counts as up only afterwards.
cd "$M"
pivot_root . mnt
cd /
umount -l /mnt
: >/run/lab-up
# Process 1 must reap what its orphans leave.
exec /bin/sh -c 'sleep infinity & while :; do wait; done'
