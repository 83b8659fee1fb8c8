# The real dnf and rpm, with a root of their own, over a repository of small packages.
repo=$SHELF/rpms
if [ ! -e "$repo" ]; then
  work=$SHELF/rpms.new
  mkdir -p "$work"
  for spec in tool-1.0 tool-2.0 app-1.0 other-1.0; do
    name=${spec%-*}
    {
      printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: test\nLicense: none\nBuildArch: noarch\n' "$name" "${spec#*-}"
      [ "$name" != app ] || echo 'Requires: tool'
      printf '%%description\ntest\n%%install\nmkdir -p %%{buildroot}/opt/%s\necho %s >%%{buildroot}/opt/%s/version\n%%files\n/opt/%s\n' "$name" "${spec#*-}" "$name" "$name"
    } >"$work/$spec.spec"
    rpmbuild --quiet -bb --define "_topdir $work/top" --define "_rpmdir $work" "$work/$spec.spec" >/dev/null 2>&1
  done
  rm -rf "$work/top"
  createrepo_c -q "$work"
  mv "$work" "$repo"
fi
store=$(mktemp -d "$SHELF/d.XXXXXX")
mkdir -p bin "$store/repos" "$store/root"
printf '[test]\nname=test\nbaseurl=file://%s\nenabled=1\ngpgcheck=0\n' "$repo" >"$store/repos/test.repo"
printf '#!/bin/sh\nexport PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=%s LC_ALL=C\nexec dnf --installroot=%s --setopt=reposdir=%s --setopt=cachedir=%s --setopt=logdir=%s --releasever=1 "$@"\n' \
  "$store" "$store/root" "$store/repos" "$store/cache" "$store" >bin/dnf
printf '#!/bin/sh\nPATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=%s exec rpm --root %s "$@"\n' "$store" "$store/root" >bin/rpm
chmod +x bin/dnf bin/rpm
for name in ${INSTALLED-}; do bin/dnf -qy install "$name" >/dev/null 2>&1; done
