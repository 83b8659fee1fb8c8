set -f
fr_lists() {
  for fr_v in "$fr_root/var/lib/apt/periodic/update-success-stamp" "$fr_root/var/lib/apt/lists"; do
    if [ -e "$fr_v" ]; then fr_time=$(stat -c %Y -- "$fr_v"); return; fi
  done
  fr_time=0
}
fr_apt() {
  case $1 in -s | update | clean) ;; *) ! fr_has policy_rc_d || fr_policy_rc_d ;; esac
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical fr_run apt-get "$@" -q \
    -o "DPkg::Lock::Timeout=$((a_lock_timeout - fr_waited))" $fr_flags </dev/null
  set -- $?
  fr_restore
  return "$1"
}
fr_policy=/usr/sbin/policy-rc.d fr_policy_old='' fr_policy_set=''
fr_policy_rc_d() {
  fr_policy=$fr_root/usr/sbin/policy-rc.d fr_policy_set=1
  if [ -e "$fr_policy" ]; then
    { fr_policy_old=$(fr_tmp "${fr_policy%/*}") && mv -f -- "$fr_policy" "$fr_policy_old"; } || fr_fail "cannot move $fr_policy"
  fi
  { printf '#!/bin/sh\nexit %s\n' "$a_policy_rc_d" >"$fr_policy" && chmod 755 "$fr_policy"; } || fr_fail "cannot write $fr_policy"
}
fr_restore() {
  [ -n "$fr_policy_set" ] || return 0
  fr_policy_set=''
  rm -f -- "$fr_policy"
  [ -z "$fr_policy_old" ] || mv -f -- "$fr_policy_old" "$fr_policy"
}
# fr_act VERB WORD…: apt's own plan decides whether anything is changed.
fr_act() {
  fr_apt -s -o Dir::Log::Planner=/dev/null "$@" || fr_run_failed "apt-get $*"
  fr_plan=$(printf '%s\n' "$fr_stdout" | awk '/^(Inst|Remv|Purg) / { print ($1 == "Inst" ? "install " : "remove ") $2 }')
  [ -n "$fr_plan" ] || return 0
  fr_changed
  fr_diff '' "$fr_plan$fr_nl" 'packages now' 'packages to change'
  fr_is_check && return 0
  fr_apt -y "$@" || fr_run_failed "apt-get $*"
}
fr_end() {
  fr_lists
  fr_put_bool cache_updated "$fr_updated"
  fr_put_int cache_update_time "$fr_time"
  # Nothing was run where nothing was to be done.
  [ -z "$fr_stdout$fr_stderr" ] || { fr_put stdout "$fr_stdout$fr_nl"; fr_put stderr "$fr_stderr"; }
  exit 0
}
fr_update() {
  fr_updated=true
  fr_is_check && return
  fr_try=0 fr_nap=1
  until fr_apt update -o APT::Update::Error-Mode=any; do
    [ "$fr_try" -lt "$a_update_cache_retries" ] || {
      fr_put stderr "$fr_stderr"
      fr_fail "Failed to update apt cache: $(printf '%s\n' "$fr_stderr" | tail -n 5)"
    }
    fr_try=$((fr_try + 1))
    sleep "$fr_nap"
    fr_nap=$((fr_nap * 2))
    [ "$fr_nap" -le "$a_update_cache_retry_max_delay" ] || fr_nap=$a_update_cache_retry_max_delay
  done
  fr_stdout='' fr_stderr=''
}
# fr_version NAME OPERATOR PATTERN: the best version the lists have, in $fr_version.
fr_pick_version() {
  fr_version=''
  for fr_v in $(apt-cache madison "$1" | awk -F'|' '{ gsub(/ /, "", $2); print $2 }'); do
    case $2 in
      =) # shellcheck disable=SC2254
        case $fr_v in $3) ;; *) continue ;; esac ;;
      *) dpkg --compare-versions "$fr_v" "$2" "$3" || continue ;;
    esac
    [ -n "$fr_version" ] && dpkg --compare-versions "$fr_version" ge "$fr_v" || fr_version=$fr_v
  done
}
# The installed version of package $1 in $fr_has, or nothing.
fr_find() {
  case $fr_db in
    *"${fr_nl}i $1 "*) fr_has=${fr_db#*"${fr_nl}i $1 "} fr_has=${fr_has%%"$fr_nl"*} ;;
    *) fr_has='' ;;
  esac
}
fr_read_db() {
  # The dollars are dpkg's own.
  # shellcheck disable=SC2016
  fr_db=$fr_nl$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}
${db:Status-Status} ${Package}:${Architecture} ${Version}
' 2>/dev/null | sed -e 's/^installed /i /' -e 's/^config-files /c /')$fr_nl
}
# fr_expand PATTERN: names that match it, in $fr_names.
fr_expand() {
  if [ "$a_state" = absent ]; then fr_all=$(printf '%s' "$fr_db" | awk '/^i / { print $2 }')
  else fr_all=$(apt-cache pkgnames); fi
  fr_names=''
  # shellcheck disable=SC2254
  for fr_v in $fr_all; do case $fr_v in $1) fr_names="$fr_names $fr_v" ;; esac; done
  [ -n "$fr_names" ] || [ "$a_state" = absent ] || fr_fail "No package(s) matching '$1' available"
}
# fr_consider WORD: adds what is to be done for one name to $fr_todo.
fr_consider() {
  case $1 in
    *'>='*) fr_name=${1%%>*} fr_op=ge fr_want=${1#*>=} ;;
    *=*) fr_name=${1%%=*} fr_op='=' fr_want=${1#*=} ;;
    *) fr_name=$1 fr_op='' fr_want='' ;;
  esac
  fr_find "$fr_name"
  if [ "$a_state" = absent ]; then
    [ -z "$fr_has" ] || fr_todo="$fr_todo $fr_name"
    case $a_purge$fr_db in true*"${fr_nl}c $fr_name "*) fr_todo="$fr_todo $fr_name" ;; esac
    return
  fi
  [ -n "$fr_has" ] || [ "$a_only_upgrade" = false ] || return 0
  if [ -n "$fr_has" ]; then
    case $a_state$fr_op in
      present) return ;;
      *=) # shellcheck disable=SC2254
        case $fr_has in $fr_want) return ;; esac ;;
      presentge) ! dpkg --compare-versions "$fr_has" ge "$fr_want" || return 0 ;;
    esac
  fi
  case $1 in *"*"* | *'?'* | *'['* | *'>='*)
    fr_pick_version "$fr_name" "$fr_op" "$fr_want"
    [ -n "$fr_version" ] || fr_fail "no available installation candidate for $1"
    fr_todo="$fr_todo $fr_name=$fr_version"
    return ;;
  esac
  fr_ask="$fr_ask $fr_name" fr_todo="$fr_todo $1"
}
fr_deb() {
  fr_path=$a_deb
  case $a_deb in
    *://*)
      fr_path=$(fr_tmp) || fr_fail 'cannot write a temporary file'
      fr_later "$fr_path"
      # apt takes a path for a file by its ending only.
      mv -f -- "$fr_path" "$fr_path.deb" && fr_path=$fr_path.deb && fr_later "$fr_path"
      if command -v curl >/dev/null 2>&1; then fr_run curl -fsSL -o "$fr_path" -- "$a_deb"
      else fr_need wget; fr_run wget -q -O "$fr_path" -- "$a_deb"; fi || fr_run_failed "getting $a_deb"
      ;;
    /*) ;;
    *) fr_path=$PWD/$a_deb ;;
  esac
  [ -e "$fr_path" ] || fr_fail "Unable to install package: there is no file $a_deb"
  fr_run dpkg-deb -f "$fr_path" Package Version Architecture || fr_run_failed "reading $a_deb"
  fr_name=$(printf '%s\n' "$fr_stdout" | sed -n 's/^Package: //p') fr_stdout=${fr_stdout#*Version: }
  fr_want=${fr_stdout%%"$fr_nl"*} fr_stdout=''
  fr_find "$fr_name"
  [ "$fr_has" != "$fr_want" ] || return 0
  if [ -n "$fr_has" ] && [ "$a_allow_downgrade" = false ] && dpkg --compare-versions "$fr_has" gt "$fr_want"; then
    fr_fail "A later version is already installed: $fr_name $fr_has"
  fi
  fr_act install "$fr_path"
}

case $a_state in installed) a_state=present ;; removed) a_state=absent ;; esac
fr_flags='' fr_i=1
IFS=,
for fr_v in $a_dpkg_options; do fr_flags="$fr_flags -o Dpkg::Options::=--$fr_v"; done
unset IFS
case $fr_flags in *[!A-Za-z0-9\ :=_./-]*) fr_fail "no dpkg option: $a_dpkg_options" module/bad-arguments ;; esac
if [ "$a_force" = true ]; then
  a_allow_downgrade=true a_allow_unauthenticated=true fr_flags="$fr_flags --allow-change-held-packages --allow-remove-essential"
fi
[ "$a_allow_downgrade" = false ] || fr_flags="$fr_flags --allow-downgrades"
[ "$a_allow_unauthenticated" = false ] || fr_flags="$fr_flags --allow-unauthenticated"
[ "$a_allow_change_held_packages" = false ] || fr_flags="$fr_flags --allow-change-held-packages"
[ "$a_fail_on_autoremove" = false ] || [ "$a_state" = absent ] || fr_flags="$fr_flags --no-remove"
case $a_install_recommends in
  true) fr_flags="$fr_flags --install-recommends" ;;
  false) fr_flags="$fr_flags --no-install-recommends" ;;
esac
case $a_default_release in
  *[!A-Za-z0-9._=/:~+*-]*) fr_fail "no release: $a_default_release" module/bad-arguments ;;
  ?*) fr_flags="$fr_flags -t $a_default_release" ;;
esac
fr_auto=''
[ "$a_autoremove" = false ] || fr_auto=--auto-remove
fr_take_words name
fr_given_names=$fr_words fr_updated=false
fr_wait_for_locks /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock
if [ "$a_clean" = true ]; then
  if ! fr_is_check; then fr_apt clean || fr_run_failed 'apt-get clean'; fi
  case $fr_given_names$a_deb$a_upgrade$a_update_cache in no | nofalse) fr_changed; fr_end ;; esac
fi
case $a_update_cache:$a_cache_valid_time in
  true:* | :[1-9]*)
    fr_lists
    if [ "$a_cache_valid_time" = 0 ] || [ $((fr_time + a_cache_valid_time)) -lt "$(date +%s)" ]; then fr_update; fi
    ;;
esac
# shellcheck disable=SC2086
case $a_upgrade in
  no) ;;
  yes | safe) fr_act upgrade --with-new-pkgs $fr_auto; fr_put msg "$fr_stdout"; fr_end ;;
  *) fr_act dist-upgrade $fr_auto; fr_put msg "$fr_stdout"; fr_end ;;
esac
fr_db=''
case $fr_given_names$a_deb in ?*) fr_read_db ;; esac
if [ -n "$a_deb" ]; then fr_deb; fr_end; fi
# shellcheck disable=SC2086
case $a_state in
  fixed) fr_act install -f; fr_end ;;
  build-dep) [ -z "$fr_given_names" ] || fr_act build-dep $fr_given_names; fr_end ;;
esac
fr_todo='' fr_ask=''
for fr_word in $fr_given_names; do
  case $a_state$fr_word in
    latest'*') # shellcheck disable=SC2086
      fr_act upgrade --with-new-pkgs $fr_auto; fr_end ;;
  esac
  case $fr_word in
    *=*) fr_consider "$fr_word" ;;
    *'*'* | *'?'* | *'['*)
      fr_expand "$fr_word"
      for fr_other in $fr_names; do fr_consider "$fr_other"; done
      ;;
    *) fr_consider "$fr_word" ;;
  esac
done
if [ -n "$fr_ask" ]; then
  # Neither apt's guess by regular expression nor its own message is wanted.
  # shellcheck disable=SC2086
  fr_known=$fr_nl$(apt-cache policy $fr_ask 2>/dev/null | awk '/^[^ ]/')$fr_nl
  for fr_v in $fr_ask; do
    case $fr_known in *"$fr_nl$fr_v:$fr_nl"* | *"$fr_nl${fr_v%:*}:$fr_nl"*) ;; *) fr_fail "No package matching '$fr_v' is available" ;; esac
  done
fi
# shellcheck disable=SC2086
if [ -n "$fr_todo" ]; then
  case $a_state$a_purge in
    absenttrue) fr_act purge $fr_auto $fr_todo ;;
    absent*) fr_act remove $fr_auto $fr_todo ;;
    *)
      [ "$a_only_upgrade" = false ] || fr_auto="$fr_auto --only-upgrade"
      fr_act install $fr_auto $fr_todo
      ;;
  esac
elif [ -z "$fr_given_names" ]; then
  [ "$fr_updated" = false ] || fr_changed
  [ "$a_purge" = false ] || fr_auto=--purge
  [ "$a_autoremove" = false ] || fr_act autoremove ${fr_auto#--auto-remove}
  if [ "$a_autoclean" = true ]; then
    fr_apt -s autoclean || fr_run_failed 'apt-get autoclean'
    case $fr_nl$fr_stdout in *"${fr_nl}Del "*)
      fr_changed
      fr_is_check || fr_apt -y autoclean || fr_run_failed 'apt-get autoclean' ;;
    esac
  fi
fi
fr_end
