fr_etc=${FLEETRUN_ROOT:-}/etc/apt
# fr_source LINE: the line with single spaces, less comments, in $fr_v; false when it is no source.
fr_source() {
  fr_v=${1%%#*}
  set -f
  # shellcheck disable=SC2086  # the words are wanted
  set -- $fr_v
  set +f
  case ${1-} in deb | deb-src) ;; *) return 1 ;; esac
  [ $# -ge 3 ] || return 1
  fr_v=$*
}
# The name that Ansible gives a file: the address, its scheme and user left out.
fr_name() {
  set -f
  # shellcheck disable=SC2086
  set -- $fr_repo
  set +f
  shift
  case $1 in \[*) while :; do case $1 in *\]) shift; break ;; esac; shift; done ;; esac
  fr_v=${fr_ppa:-$1}
  fr_v=${fr_v#*://} fr_v=${fr_v#*@}
  fr_v=$(printf '%s' "$fr_v" | sed -e 's/[^A-Za-z0-9]/_/g' -e 's/__*/_/g' -e 's/^_//' -e 's/_$//')
}
fr_ppa=''
case $a_repo in
  ppa:*) # the PPA's own line; its key must be in place, since apt-key is gone
    fr_v=${a_repo#ppa:} fr_owner_=${fr_v%%/*} fr_what=ppa
    case $fr_v in */*) fr_what=${fr_v#*/} ;; esac
    if [ -z "$a_codename" ]; then
      a_codename=$(sed -n 's/^VERSION_CODENAME=//p' "${FLEETRUN_ROOT:-}/etc/os-release")
    fi
    fr_ppa=$a_repo"_"$a_codename
    a_repo="deb http://ppa.launchpad.net/$fr_owner_/$fr_what/ubuntu $a_codename main"
    ;;
esac
case $a_repo in *"$fr_nl"*) fr_fail "a repository is one line: $a_repo" module/bad-arguments ;; esac
fr_source "$a_repo" || fr_fail "Invalid repository string: $a_repo" module/bad-arguments
fr_repo=$fr_v
fr_put repo "$a_repo"
fr_put state "$a_state"
if fr_has filename; then fr_v=${a_filename##*/} fr_v=${fr_v%.list}; else fr_name; fi
fr_target=$fr_etc/sources.list.d/$fr_v.list
case $a_filename in /*) fr_target=${a_filename%.list}.list ;; esac
fr_added='' fr_removed='' fr_found=''
for fr_file in "$fr_etc/sources.list" "$fr_etc"/sources.list.d/*.list; do
  fr_read "$fr_file" || continue
  fr_old=$fr_v fr_new='' fr_rest=$fr_v fr_hit=''
  case $fr_rest in *deb*) ;; *) continue ;; esac
  while [ -n "$fr_rest" ]; do
    fr_line=${fr_rest%%"$fr_nl"*} fr_rest=${fr_rest#"$fr_line"} fr_rest=${fr_rest#"$fr_nl"}
    fr_is_off='' fr_bare=$fr_line
    case $fr_line in \#*) fr_is_off=1 fr_bare=${fr_line#\#} ;; esac
    if fr_source "$fr_bare" && [ "$fr_v" = "$fr_repo" ]; then
      case $a_state$fr_is_off in
        present) fr_found=1 ;;
        present1) [ -n "$fr_found" ] || { fr_line=$fr_repo fr_hit=1 fr_found=1; } ;;
        absent) fr_hit=1; continue ;;
      esac
    fi
    fr_new=$fr_new$fr_line$fr_nl
  done
  [ -n "$fr_hit" ] || continue
  fr_changed
  fr_diff "$fr_old" "$fr_new" "$fr_file" "$fr_file"
  fr_json "$fr_file"
  if [ -z "$fr_new" ] && [ "$fr_file" != "$fr_etc/sources.list" ]; then fr_removed="$fr_removed,$fr_j"; fi
  if fr_is_check; then continue; fi
  if [ -z "$fr_new" ] && [ "$fr_file" != "$fr_etc/sources.list" ]; then
    rm -f -- "$fr_file" || fr_fail "cannot remove $fr_file"
    continue
  fi
  { fr_tmp_=$(fr_tmp "${fr_file%/*}") && printf %s "$fr_new" >"$fr_tmp_"; } || fr_fail "cannot write beside $fr_file"
  fr_install_file "$fr_tmp_" "$fr_file"
done
if [ "$a_state" = present ] && [ -z "$fr_found" ]; then
  fr_changed
  fr_read "$fr_target" || { fr_v=''; fr_json "$fr_target"; fr_added="$fr_added,$fr_j"; }
  case $fr_v in '' | *"$fr_nl") ;; *) fr_v=$fr_v$fr_nl ;; esac
  fr_diff "$fr_v" "$fr_v$fr_repo$fr_nl" "$fr_target" "$fr_target"
  if ! fr_is_check; then
    [ -d "${fr_target%/*}" ] || mkdir -p -- "${fr_target%/*}" || fr_fail "cannot make ${fr_target%/*}"
    { fr_tmp_=$(fr_tmp "${fr_target%/*}") && printf '%s' "$fr_v$fr_repo$fr_nl" >"$fr_tmp_"; } || fr_fail "cannot write beside $fr_target"
    [ -e "$fr_target" ] || chmod "${a_mode:-0644}" "$fr_tmp_" || fr_fail "cannot set the mode of $fr_target"
    fr_is_new=''; [ -e "$fr_target" ] || fr_is_new=1
    fr_install_file "$fr_tmp_" "$fr_target"
    [ -z "$fr_is_new" ] || chmod "${a_mode:-0644}" "$fr_target" || fr_fail "cannot set the mode of $fr_target"
  fi
fi
fr_put_json sources_added "[${fr_added#,}]"
fr_put_json sources_removed "[${fr_removed#,}]"
if [ "$fr_is_changed" = false ] || [ "$a_update_cache" = false ] || fr_is_check; then exit 0; fi
fr_try=0 fr_nap=1
set -- -q update
[ "$a_validate_certs" = true ] || set -- -o Acquire::https::Verify-Peer=false -o Acquire::https::Verify-Host=false "$@"
until fr_v=$(apt-get -o APT::Update::Error-Mode=any "$@" 2>&1); do
  [ "$fr_try" -lt "$a_update_cache_retries" ] ||
    fr_fail "Failed to update apt cache: $(printf '%s\n' "$fr_v" | tail -n 5)"
  fr_try=$((fr_try + 1))
  sleep "$fr_nap"
  fr_nap=$((fr_nap * 2))
  [ "$fr_nap" -le "$a_update_cache_retry_max_delay" ] || fr_nap=$a_update_cache_retry_max_delay
done
