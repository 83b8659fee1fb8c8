# Each package manager is a few functions fr_<manager>_…: needs (its tools),
# locks (its lock files), update, todo (what install, upgrade or remove would
# act on, in $fr_todo, with what is printed as the plan in $fr_packages) and act.

fr_todo='' fr_new_ones='' fr_old_ones='' fr_packages=''

# fr_add NAME: to be installed or removed, or, when $fr_is is old, upgraded.
fr_add() {
  fr_todo="$fr_todo $1" fr_packages="$fr_packages$1$fr_nl"
  if [ "$fr_is" = old ]; then fr_old_ones="$fr_old_ones $1"; else fr_new_ones="$fr_new_ones $1"; fi
}
# The version in name=version, or nothing.
fr_version_of() { case $1 in *=*) fr_version=${1#*=} ;; *) fr_version='' ;; esac; }
# fr_do WHAT COMMAND…: an action; its output is the message when it fails.
fr_do() {
  fr_what=$1
  shift
  fr_stdout=$("$@" 2>&1) && return
  fr_put stdout "$fr_stdout"
  fr_fail "cannot $fr_what: $(printf '%s\n' "$fr_stdout" | tail -n 5)"
}

# -- apt ------------------------------------------------------------------------------
fr_apt_needs() { fr_need apt-get dpkg-query; }
fr_apt_locks() {
  echo /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock
}
fr_apt() {
  fr_left=$((a_lock_timeout - fr_waited))
  set -- "$@" -q -o "DPkg::Lock::Timeout=$fr_left" -o Dpkg::Options::=--force-confdef \
    -o Dpkg::Options::=--force-confold
  [ "$a_allow_downgrade" = false ] || set -- --allow-downgrades "$@"
  case $a_install_recommends in
    true) set -- --install-recommends "$@" ;;
    false) set -- --no-install-recommends "$@" ;;
  esac
  [ -z "$a_default_release" ] || set -- -t "$a_default_release" "$@"
  DEBIAN_FRONTEND=noninteractive apt-get "$@"
}
# Are the lists younger than cache_valid_time?
fr_apt_is_fresh() {
  [ "$a_cache_valid_time" -gt 0 ] || return 1
  for fr_v in "$fr_root/var/lib/apt/periodic/update-success-stamp" "$fr_root/var/lib/apt/lists"; do
    [ -e "$fr_v" ] || continue
    fr_v=$(stat -c %Y -- "$fr_v") || return 1
    [ $(($(date +%s) - fr_v)) -lt "$a_cache_valid_time" ]
    return
  done
  return 1
}
fr_apt_update() { fr_do 'read the package lists' fr_apt update; }
# fr_apt_plan VERB NAME…: apt's own plan: "Inst name …" and "Remv name …".
fr_apt_plan() {
  fr_v=$(fr_apt -s "$@" 2>&1) || {
    fr_put stdout "$fr_v"
    fr_fail "cannot $1: $(printf '%s\n' "$fr_v" | tail -n 1)"
  }
  fr_packages=$(printf '%s\n' "$fr_v" | awk '/^(Inst|Remv|Purg) / { print $2 }')
}
fr_apt_todo() {
  # The dollars are dpkg's own; names hold no spaces; a version may be a pattern.
  # shellcheck disable=SC2016,SC2086
  fr_has_=$fr_nl$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}
${db:Status-Status} ${Package}:${Architecture} ${Version}
' ${fr_bare} 2>/dev/null)$fr_nl
  for fr_name in $fr_names; do
    fr_version_of "$fr_name"
    # shellcheck disable=SC2027
    case $fr_has_ in
      *"${fr_nl}installed ${fr_name%%=*} "${fr_version:-*}"$fr_nl"*) fr_is=true ;;
      *"${fr_nl}config-files ${fr_name%%=*} "*) fr_is=$a_purge ;;
      *) fr_is=false ;;
    esac
    case $a_state$fr_is in
      absenttrue | presentfalse | latest*) fr_todo="$fr_todo $fr_name" ;;
    esac
  done
  [ -n "$fr_todo" ] || return 0
  # Virtual packages and patterns: apt says whether anything is to be done.
  # shellcheck disable=SC2046,SC2086
  fr_apt_plan $(fr_apt_verb) $fr_todo
  [ -n "$fr_packages" ] || fr_todo=''
}
fr_apt_verb() {
  case $a_state in
    absent) if [ "$a_purge" = true ]; then echo purge; else echo remove; fi ;;
    *) echo install ;;
  esac
  [ "$a_autoremove" = false ] || [ "$a_state" != absent ] || echo --auto-remove
}
# shellcheck disable=SC2046,SC2086
fr_apt_act() { fr_do "$a_verb$fr_todo" fr_apt -y $(fr_apt_verb) $fr_todo; }
fr_apt_autoremove_todo() { fr_apt_plan autoremove; [ -z "$fr_packages" ] || fr_todo=autoremove; }
fr_apt_autoremove() { fr_do 'remove what nothing needs' fr_apt -y autoremove; }

# -- opkg -------------------------------------------------------------------------------
fr_opkg_needs() { fr_need opkg; }
fr_opkg_locks() { echo /var/lock/opkg.lock /tmp/lock/opkg.lock /run/opkg.lock; }
fr_opkg_update() { fr_do 'read the package lists' opkg update; }
fr_opkg_todo() {
  fr_has_=$fr_nl$(opkg list-installed)$fr_nl || fr_fail 'opkg list-installed failed'
  fr_old=''
  [ "$a_state" != latest ] || fr_old=$fr_nl$(opkg list-upgradable)$fr_nl
  for fr_name in $fr_names; do
    fr_version_of "$fr_name"
    # shellcheck disable=SC2027
    case $fr_has_ in
      *"$fr_nl${fr_name%%=*} - "${fr_version:-*}"$fr_nl"*) fr_is=true ;;
      *) fr_is=false ;;
    esac
    case $fr_old in *"$fr_nl$fr_name - "*) fr_is=old ;; esac
    case $a_state$fr_is in
      absenttrue | presentfalse | latestfalse | latestold) fr_add "$fr_name" ;;
    esac
  done
}
fr_opkg_act() {
  set --
  [ "$a_allow_downgrade" = false ] || set -- --force-downgrade
  [ "$a_autoremove" = false ] || set -- "$@" --autoremove
  if [ "$a_state" = absent ]; then
    # shellcheck disable=SC2086
    fr_do "remove$fr_todo" opkg "$@" remove $fr_todo
    return
  fi
  # shellcheck disable=SC2086
  [ -z "$fr_new_ones" ] || fr_do "install$fr_new_ones" opkg "$@" install $fr_new_ones
  # shellcheck disable=SC2086
  [ -z "$fr_old_ones" ] || fr_do "upgrade$fr_old_ones" opkg "$@" upgrade $fr_old_ones
}

# -- apk ----------------------------------------------------------------------------------
fr_apk_needs() { fr_need apk; }
fr_apk_locks() { echo /lib/apk/db/lock /usr/lib/apk/db/lock; }
fr_apk() { apk --no-progress --wait "$((a_lock_timeout - fr_waited))" "$@"; }
fr_apk_update() { fr_do 'read the package lists' fr_apk update; }
fr_apk_todo() {
  # shellcheck disable=SC2086
  fr_has_=$fr_nl$(apk info -e $fr_names 2>/dev/null)$fr_nl
  fr_old=''
  # shellcheck disable=SC2086  # "name-1.0 < 1.1"
  [ "$a_state" != latest ] || fr_old=$fr_nl$(apk version -l '<' $fr_bare 2>/dev/null)$fr_nl
  for fr_name in $fr_names; do
    case $fr_has_ in *"$fr_nl${fr_name%%=*}$fr_nl"*) fr_is=true ;; *) fr_is=false ;; esac
    case $fr_is:$fr_name in
      true:*=*) apk info -e "$fr_name" >/dev/null 2>&1 || fr_is=false ;;
    esac
    case $fr_old in *"$fr_nl$fr_name-"[0-9]*' < '*) fr_is=old ;; esac
    case $a_state$fr_is in
      absenttrue | presentfalse | latestfalse | latestold) fr_add "$fr_name" ;;
    esac
  done
}
fr_apk_act() {
  # shellcheck disable=SC2086
  case $a_state in
    absent) fr_do "remove$fr_todo" fr_apk del $fr_todo ;;
    latest) fr_do "upgrade$fr_todo" fr_apk add --upgrade $fr_todo ;;
    *) fr_do "install$fr_todo" fr_apk add $fr_todo ;;
  esac
}

# -- dnf and yum ------------------------------------------------------------------------------
fr_dnf_needs() { fr_need "$fr_dnf" rpm; }
fr_dnf_locks() { echo /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock; }
fr_dnf_update() { fr_do 'read the package lists' "$fr_dnf" -q -y makecache; }
fr_dnf_todo() {
  fr_old=''
  if [ "$a_state" = latest ]; then
    # shellcheck disable=SC2086
    fr_old=$("$fr_dnf" -q check-update $fr_names 2>&1)
    fr_n=$?
    case $fr_n in 0) fr_old='' ;; 100) ;; *) fr_fail "$fr_dnf check-update failed: $fr_old" ;; esac
    fr_old=$fr_nl$fr_old
  fi
  for fr_name in $fr_names; do
    fr_is=false
    if rpm -q "$fr_name" >/dev/null 2>&1 || rpm -q --whatprovides "$fr_name" >/dev/null 2>&1; then
      fr_is=true
    fi
    case $fr_is$fr_old in true*"$fr_nl$fr_name."*) fr_is=old ;; esac
    case $a_state$fr_is in
      absenttrue | presentfalse | latestfalse | latestold) fr_add "$fr_name" ;;
    esac
  done
}
fr_dnf_act() {
  # shellcheck disable=SC2086
  if [ "$a_state" = absent ]; then
    fr_do "remove$fr_todo" "$fr_dnf" -q -y remove $fr_todo
    return
  fi
  # shellcheck disable=SC2086
  [ -z "$fr_new_ones" ] || fr_do "install$fr_new_ones" "$fr_dnf" -q -y install $fr_new_ones
  # shellcheck disable=SC2086
  [ -z "$fr_old_ones" ] || fr_do "upgrade$fr_old_ones" "$fr_dnf" -q -y upgrade $fr_old_ones
}
fr_dnf_autoremove_todo() { fr_todo=autoremove fr_packages=''; }
fr_dnf_autoremove() {
  fr_do 'remove what nothing needs' "$fr_dnf" -y autoremove
  case $fr_stdout in *'Nothing to do'*) fr_is_changed=false ;; esac
}

# -- the task ---------------------------------------------------------------------------------
fr_detect() {
  fr_mgr=$a_use
  [ "$fr_mgr" = auto ] || return 0
  for fr_mgr in apt-get opkg apk dnf5 dnf yum; do
    ! command -v "$fr_mgr" >/dev/null 2>&1 || { fr_mgr=${fr_mgr%-get}; return; }
  done
  fr_fail 'no package manager found: apt, opkg, apk, dnf5, dnf or yum' module/missing-tool
}
fr_take_names() {
  fr_take_words name
  fr_names=$fr_words fr_bare=''
  for fr_v in $fr_names; do fr_bare="$fr_bare ${fr_v%%=*}"; done
}
fr_set_cache() {
  fr_updated=false
  case $a_update_cache:$a_cache_valid_time in
    false:0) return ;;
  esac
  if [ "$fr_mgr" != apt ] || ! fr_apt_is_fresh; then
    fr_updated=true
    fr_is_check || "fr_${fr_mgr}_update"
  fi
}

set -f
case $a_state in
  installed) a_state=present ;;
  removed) a_state=absent ;;
esac
fr_detect
fr_put pkg_mgr "$fr_mgr"
fr_dnf=$fr_mgr
case $fr_mgr in yum | dnf5) fr_mgr=dnf ;; esac
"fr_${fr_mgr}_needs"
fr_take_names
a_verb=install
[ "$a_state" != absent ] || a_verb=remove
# shellcheck disable=SC2046
fr_wait_for_locks $("fr_${fr_mgr}_locks")
fr_set_cache
fr_put_bool cache_updated "$fr_updated"
if [ -n "$fr_names" ]; then "fr_${fr_mgr}_todo"
else
  [ "$fr_updated" = false ] || fr_changed
  if [ "$a_autoremove" = true ]; then
    case $fr_mgr in
      apt | dnf) "fr_${fr_mgr}_autoremove_todo" ;;
      *) fr_fail "autoremove without name is for apt and dnf; this is $fr_mgr" module/bad-arguments ;;
    esac
  fi
fi
fr_packages=${fr_packages%"$fr_nl"}
if [ -z "$fr_todo" ]; then
  fr_put_json packages '[]'
  fr_put msg 'nothing to do'
  exit 0
fi
fr_changed
fr_list='' fr_lines=''
for fr_v in $fr_packages; do
  fr_json "$fr_v"
  fr_list="$fr_list,$fr_j" fr_lines="$fr_lines$a_verb $fr_v$fr_nl"
done
fr_put_json packages "[${fr_list#,}]"
fr_diff '' "$fr_lines" 'packages now' 'packages to change'
if fr_is_check; then
  fr_put msg "would $a_verb:$fr_todo"
  exit 0
fi
if [ -n "$fr_names" ]; then "fr_${fr_mgr}_act"; else "fr_${fr_mgr}_autoremove"; fi
fr_put stdout "$fr_stdout"
fr_put msg "done: $a_verb$fr_todo"
