# The real iptables, in the network namespace of the case: the first call brings the rules of
# file "rules" in, and every call that changes something prints all of them to $TMPDIR/now.
mkdir -p bin
for tool in iptables ip6tables; do
  cat >bin/$tool <<EOT
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ ! -e "\$TMPDIR/$tool.in" ]; then : >"\$TMPDIR/$tool.in"; [ ! -e "$PWD/rules" ] || $tool-restore <"$PWD/rules"; fi
exec 3>&1
$tool "\$@"
rc=\$?
$tool-save 2>/dev/null | grep -v '^#' >"\$TMPDIR/$tool"
exit \$rc
EOT
  chmod +x bin/$tool
done
