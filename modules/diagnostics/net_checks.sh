# Checks of diagnostics.sh: network, and what a device proves about itself.

# "Destination 00000000" with the flag of a way that is up (RTF_UP) is a default route.
fr_ck_route() {
  [ -r "$fr_root/proc/net/route" ] || { fr_d='/proc/net/route is not there'; return 0; }
  fr_val=0 fr_h=1
  while read -r fr_l fr_k fr_v fr_f fr_j; do
    case $fr_k$fr_f in 00000000*[13579bBdDfF]) fr_val=$((fr_val + 1)); fr_add "by $fr_l" ;; esac
  done 2>/dev/null <"$fr_root/proc/net/route"
  if [ "$fr_val" -gt 0 ]; then fr_worse ok; else fr_worse fail; fr_d='there is no default route'; fi
}
# Signal in dBm, as the kernel itself tells it: " wlan0: 0000   54.  -56.  -256 …".
fr_ck_wifi() {
  while read -r fr_l fr_k fr_n fr_v fr_j; do
    case $fr_l in *:) ;; *) continue ;; esac
    fr_v=${fr_v%.}
    case $fr_v in -[1-9] | -[1-9][0-9] | -1[0-9][0-9]) ;; *) continue ;; esac
    [ -z "$fr_val" ] || [ "$fr_v" -lt "$fr_val" ] || continue
    fr_val=$fr_v fr_u=dBm
    fr_low "$fr_v" "$t_wifi_warn" "$t_wifi_fail"
    fr_d="${fr_l%:} has $fr_v dBm"
  done 2>/dev/null <"$fr_root/proc/net/wireless"
  [ -n "$fr_val" ] || fr_d='there is no wireless link'
}
# Lost packets, from the number before the "%" wherever it stands.
fr_ck_ping() {
  fr_tool ping || { fr_d='there is no ping'; return 0; }
  [ "${a_ping_n:-0}" -gt 0 ] || { fr_d='no target is given'; return 0; }
  fr_n=1
  while [ "$fr_n" -le "$a_ping_n" ]; do
    fr_item ping "$fr_n"
    fr_n=$((fr_n + 1))
    fr_lost "$fr_v"
  done
}
fr_lost() {
  # iputils says that it cannot resolve on stderr alone, and nothing of losses then.
  fr_v=$(ping -c 3 -W 2 -- "$1" 2>/dev/null)
  case $fr_v in
    *'% packet loss'*) fr_v=${fr_v%%'% packet loss'*} fr_v=${fr_v##*[!0-9.]} fr_v=${fr_v%%.*} ;;
    *) fr_v=100 ;;
  esac
  fr_c=${fr_v:-100}
  if [ -z "$fr_val" ] || [ "$fr_c" -gt "$fr_val" ]; then
    fr_val=$fr_c fr_u=%
    fr_over "$fr_c" "$t_ping_warn" "$t_ping_fail"
  fi
  [ "$fr_c" = 0 ] || fr_add "$1 loses $fr_c % of pings"
}
fr_ck_dns() {
  [ "${a_dns_n:-0}" -gt 0 ] || { fr_d='no name is given'; return 0; }
  if ! fr_tool getent && ! fr_tool nslookup; then fr_d='there is neither getent nor nslookup'; return 0; fi
  fr_n=1 fr_val=0
  while [ "$fr_n" -le "$a_dns_n" ]; do
    fr_item dns "$fr_n"
    fr_n=$((fr_n + 1))
    if fr_resolve "$fr_v" >/dev/null 2>&1; then fr_worse ok; continue; fi
    fr_worse fail
    fr_val=$((fr_val + 1))
    fr_add "$fr_v does not resolve"
  done
}
fr_resolve() { if fr_tool getent; then getent hosts "$1"; else nslookup "$1"; fi; }

# Asked for by name, so it must be on. Byte 5 of an EFI variable is its value.
fr_ck_secure_boot() {
  fr_p=$fr_root/sys/firmware/efi/efivars
  [ -d "$fr_p" ] || { fr_d='no EFI variables'; return 0; }
  fr_efi SecureBoot
  fr_val=${fr_v:-0}
  if [ "$fr_v" != 1 ]; then fr_worse fail; fr_d='secure boot is off'; return 0; fi
  fr_efi SetupMode
  if [ "$fr_v" = 1 ]; then fr_worse fail; fr_d='keys can still be set'; else fr_worse ok; fi
}
# Value of a variable of EFI_GLOBAL_VARIABLE, in $fr_v.
fr_efi() {
  fr_v=$(od -An -tu1 -j4 -N1 "$fr_p/$1-8be4df61-93ca-11d2-aa0d-00e098032b8c" 2>/dev/null)
  fr_v=${fr_v##* }
}
fr_ck_tpm() {
  for fr_z in "$fr_root"/sys/class/tpm/tpm[0-9]*; do
    [ -d "$fr_z" ] || continue
    fr_worse ok
    fr_d=${fr_z##*/}
    ! fr_get "${fr_z#"$fr_root"}/tpm_version_major" || { fr_val=$fr_v; fr_d="$fr_d of version $fr_v"; }
  done
  [ "$fr_s" != skip ] || { fr_worse fail; fr_d='there is no TPM'; }
}
