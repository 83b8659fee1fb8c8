# A root for apt and dpkg in the current folder, over a repository of small packages.
repo=$SHELF/debs
if [ ! -e "$repo" ]; then
  work=$SHELF/debs.new
  mkdir -p "$work"
  deb() { # NAME VERSION DEPENDS
    rm -rf "$work/x"
    mkdir -p "$work/x/DEBIAN" "$work/x/opt/$1"
    echo "$2" >"$work/x/opt/$1/version"
    {
      printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: T <t@example.org>\n' "$1" "$2"
      [ -z "${3-}" ] || printf 'Depends: %s\n' "$3"
      printf 'Description: for tests\n'
    } >"$work/x/DEBIAN/control"
    file=$1_$2_all.deb
    dpkg-deb -Zgzip -b "$work/x" "$work/$file" >/dev/null
    {
      cat "$work/x/DEBIAN/control"
      printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$file" "$(wc -c <"$work/$file")" \
        "$(sha256sum "$work/$file" | cut -d' ' -f1)"
    } >>"$work/Packages"
    rm -rf "$work/x"
  }
  deb tool 1.0; deb tool 1.1; deb tool 2.0; deb app 1.0 tool; deb libfoo1 1.0; deb libfoo2 1.0
  mv "$work" "$repo"
fi
mkdir -p etc/apt/apt.conf.d etc/apt/preferences.d etc/apt/sources.list.d var/lib/dpkg/info var/lib/dpkg/updates \
  var/lib/apt/lists/partial var/cache/apt/archives/partial var/log/apt tmp bin usr/sbin
: >var/lib/dpkg/status
echo "deb [trusted=yes] file:$repo ./" >etc/apt/sources.list
cat >apt.conf <<EOT
Dir "$PWD/";
Dir::Bin::methods "/usr/lib/apt/methods";
Dir::Bin::solvers "/usr/lib/apt/solvers";
Dir::Bin::planners "/usr/lib/apt/planners";
Dir::Bin::dpkg "/usr/bin/dpkg";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Sandbox::User "root";
APT::Architecture "$(dpkg --print-architecture)";
DPkg::Options { "--root=$PWD"; "--force-not-root"; "--log=$PWD/var/log/dpkg.log"; };
EOT
for name in apt-get apt-cache apt-config dpkg dpkg-query dpkg-deb; do
  printf '#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin APT_CONFIG=%s DPKG_ADMINDIR=%s exec /usr/bin/%s "$@"\n' \
    "$PWD/apt.conf" "$PWD/var/lib/dpkg" "$name" >"bin/$name"
  chmod +x "bin/$name"
done
PATH=$PWD/bin:$PATH
apt-get update -qq
for name in ${INSTALLED-}; do apt-get install -yqq --allow-downgrades "$name" </dev/null >/dev/null 2>&1; done
