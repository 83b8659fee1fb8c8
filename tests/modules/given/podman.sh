# The real podman, with a store of its own (a short path, as podman wants), and the image "tiny:1".
# What is made here: cgroups of version 2 only (in a mount namespace), no limits, no bridges.
store=$(mktemp -d "$SHELF/p.XXXXXX")
if [ ! -e "$SHELF/tiny.tar" ]; then
  root=$SHELF/tiny
  mkdir -p "$root/bin" "$root/data" "$root/etc"
  cp "$(command -v busybox)" "$root/bin/busybox"
  for name in sh sleep cat echo true false; do ln -s busybox "$root/bin/$name"; done
  # A busybox that is not static brings its libraries.
  for lib in $(ldd "$root/bin/busybox" 2>/dev/null | grep -o '/[^ ]*'); do
    mkdir -p "$root${lib%/*}"
    cp "$lib" "$root$lib"
  done
  tar -C "$root" -cf "$SHELF/tiny.tar" .
fi
mkdir -p bin "$store"
cat >"$store/containers.conf" <<'EOT'
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
EOT
cat >bin/podman <<EOT
#!/bin/sh
export CONTAINERS_CONF="$store/containers.conf" XDG_RUNTIME_DIR="$store" HOME="$store" TMPDIR=/var/tmp
PATH=/usr/sbin:/usr/bin:/sbin:/bin
exec unshare -m sh -c 'umount -R /sys/fs/cgroup 2>/dev/null; mount -t cgroup2 none /sys/fs/cgroup 2>/dev/null
  store=\$1; shift; exec /usr/bin/podman --root "\$store/root" --runroot "\$store/run" --tmpdir "\$store/tmp" --network-config-dir "\$store/net" --storage-driver vfs "\$@"' sh "$store" "\$@"
EOT
chmod +x bin/podman
bin/podman import -q -c 'CMD ["/bin/sleep","30"]' -c 'ENV FROM=image' -c 'LABEL made=here' "$SHELF/tiny.tar" tiny:1 >/dev/null
