# firewall-cmd without its daemon: both configurations are kept by the real firewall-offline-cmd.
mkdir -p bin permanent runtime
for folder in permanent runtime; do mkdir -p $folder/zones $folder/services $folder/icmptypes $folder/helpers $folder/ipsets $folder/policies; cp /etc/firewalld/firewalld.conf $folder/; done
offline() { printf 'PATH=/usr/sbin:/usr/bin:/sbin:/bin; export PATH PYTHONDONTWRITEBYTECODE=1\nexec firewall-offline-cmd --system-config %s "$@"\n' "$PWD/$1"; }
{ echo '#!/bin/sh'; offline permanent; } >bin/firewall-offline-cmd
{
  echo '#!/bin/sh'
  [ -z "${RUNNING-}" ] || echo '[ "$1" != --state ] || { echo running; exit 0; }'
  echo '[ "$1" != --state ] || { echo "not running"; exit 252; }'
  echo 'for w; do shift; case $w in --permanent) p=1 ;; --timeout=*) : ;; *) set -- "$@" "$w" ;; esac; done'
  printf 'if [ -n "${p-}" ]; then exec "%s/bin/firewall-offline-cmd" "$@"; fi\n' "$PWD"
  offline runtime
} >bin/firewall-cmd
chmod +x bin/firewall-cmd bin/firewall-offline-cmd
