# Each manager prints lines of "name TAB version TAB …"; awk makes Ansible's mapping of them.
fr_list() {
  # The dollars are dpkg's own.
  case $1 in
    apt) dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${Section}\t${Origin}\n' 2>/dev/null |
      awk -F '\t' -v OFS='\t' '$1 == "installed" { print $2, $3, $4, $5, $6 }' ;;
    # "name-1.2.3-r0"; the version starts with the last but one dash.
    apk) apk info -v 2>/dev/null | sed -n 's/^\(.*\)-\([^-]*\)-r\([0-9][0-9]*\)$/\1	\2	\3/p' ;;
    opkg) opkg list-installed | awk -v OFS='\t' '$2 == "-" { print $1, $3 }' ;;
    rpm) rpm -qa --qf '%{NAME}\t%{VERSION}\t%{RELEASE}\t%{EPOCH}\t%{ARCH}\n' ;;
    pacman) pacman -Q | awk -v OFS='\t' '{ print $1, $2 }' ;;
  esac
}
fr_tool_of() { case $1 in apt) fr_tool=dpkg-query ;; *) fr_tool=$1 ;; esac; }
fr_lines='' fr_i=1 fr_found=''
while [ "$fr_i" -le "$a_manager_n" ]; do
  fr_item manager "$fr_i"
  fr_i=$((fr_i + 1))
  case $fr_v in
    auto) fr_tries='apt rpm apk opkg pacman' ;;
    dnf | dnf5 | yum | zypper) fr_tries=rpm ;;
    *) fr_tries=$fr_v ;;
  esac
  for fr_mgr in $fr_tries; do
    fr_tool_of "$fr_mgr"
    command -v "$fr_tool" >/dev/null 2>&1 || continue
    # An rpm that came as a tool onto a Debian has no packages of its own.
    fr_more=$(fr_list "$fr_mgr")
    [ -n "$fr_more" ] || continue
    fr_found="$fr_found $fr_mgr" fr_lines="$fr_lines@$fr_mgr$fr_nl$fr_more$fr_nl"
    [ "$a_strategy" = all ] || break 2
  done
done
[ -n "$fr_found" ] || fr_fail "Could not detect a supported package manager from the following list: ${fr_tries:-}" module/missing-tool
fr_v=$(awk "$fr_awk" <<EOT
$fr_lines
EOT
) || fr_fail 'awk failed'
fr_put_json ansible_facts "{\"packages\":{$fr_v}}"
