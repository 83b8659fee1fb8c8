# The real nft, in the network namespace of the case: the first call brings the file "rules" in, and
# every call there that changes something prints all rules to $TMPDIR/now.
mkdir -p bin
cat >bin/nft <<EOT
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
here=\$(readlink /proc/self/ns/net)
if [ ! -e "\$TMPDIR/in" ]; then echo "\$here" >"\$TMPDIR/in"; [ ! -e "$PWD/rules" ] || nft -f "$PWD/rules"; fi
nft "\$@"
rc=\$?
case "\$here \$*" in *' list'*) ;; "\$(cat "\$TMPDIR/in") "*) nft -s list ruleset >"\$TMPDIR/now" ;; esac
exit \$rc
EOT
chmod +x bin/nft
