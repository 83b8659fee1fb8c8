# rpm says what is there without reading any list; dnf's own --assumeno is the plan.
set -f
fr_dnf=$a_use_backend
case $fr_dnf in
  auto) for fr_dnf in dnf5 dnf yum; do ! command -v "$fr_dnf" >/dev/null 2>&1 || break; done ;;
  dnf4) fr_dnf=dnf ;;
  yum4) fr_dnf=yum ;;
esac
fr_need "$fr_dnf" rpm
case $a_state in installed) a_state=present ;; removed) a_state=absent ;; esac
if [ -z "$a_state" ]; then if [ "$a_autoremove" = true ]; then a_state=absent; else a_state=present; fi; fi
[ "$a_list" = '' ] || a_state=list
fr_take_words name
fr_wait_for_locks /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock
set -- -y
fr_i=1
for fr_opt in enablerepo disablerepo exclude enable_plugin disable_plugin; do
  eval "fr_n=\${a_${fr_opt}_n:-0}"
  fr_i=1 fr_flag=--$(printf %s "$fr_opt" | tr -d _)
  while [ "$fr_i" -le "$fr_n" ]; do fr_item "$fr_opt" "$fr_i"; set -- "$@" "$fr_flag=$fr_v"; fr_i=$((fr_i + 1)); done
done
for fr_row in conf_file:--config disable_excludes:--disableexcludes releasever:--releasever download_dir:--downloaddir; do
  eval "fr_v=\$a_${fr_row%%:*}"
  [ -z "$fr_v" ] || set -- "$@" "${fr_row#*:}=$fr_v"
done
[ "$a_installroot" = / ] || set -- "$@" "--installroot=$a_installroot"
[ "$a_disable_gpg_check" = false ] || set -- "$@" --nogpgcheck
{ [ "$a_sslverify" = true ] && [ "$a_validate_certs" = true ]; } || set -- "$@" --setopt=sslverify=False
[ "$a_install_weak_deps" = true ] || set -- "$@" --setopt=install_weak_deps=False
[ "$a_cacheonly" = false ] || set -- "$@" -C
[ "$a_download_only" = false ] || set -- "$@" --downloadonly
case $a_nobest$a_best in true* | *false) set -- "$@" --nobest ;; false* | *true) set -- "$@" --best ;; esac
fr_dnf_() { fr_run "$fr_dnf" "$@" </dev/null; }
fr_updated=false
if [ "$a_update_cache" = true ]; then
  fr_updated=true
  fr_is_check || fr_dnf_ -q "$@" makecache || fr_run_failed "$fr_dnf makecache"
  if [ -z "$fr_words" ] && [ -z "$a_list" ] && [ "$a_autoremove" = false ]; then
    fr_put_json results '[]'
    fr_put msg 'Cache updated'
    fr_put_int rc 0
    exit 0
  fi
fi
if [ -n "$a_list" ]; then
  case $a_list in
    installed | available | updates | upgrades) fr_v=$a_list ;;
    repos) fr_v='' ;;
    *) fr_v="$a_list" ;;
  esac
  if [ "$a_list" = repos ]; then fr_dnf_ -q "$@" repolist || fr_run_failed "$fr_dnf repolist"
  else case $a_list in installed | available | updates | upgrades) fr_dnf_ -q "$@" list "--$fr_v" ;; *) fr_dnf_ -q "$@" list -- "$fr_v" ;; esac; fi
  fr_v=$(printf '%s\n' "$fr_stdout" | awk 'NF == 3 && $1 ~ /\./ { n = $1; a = n; sub(/\.[^.]*$/, "", n); sub(/.*\./, "", a); v = $2; r = v; sub(/-[^-]*$/, "", v); sub(/.*-/, "", r)
    gsub(/"/, "", $3); printf ",{\"name\":\"%s\",\"arch\":\"%s\",\"version\":\"%s\",\"release\":\"%s\",\"repo\":\"%s\"}", n, a, v, r, $3 }')
  fr_put_json results "[${fr_v#,}]"
  exit 0
fi
# What rpm does not know: files, addresses, groups, patterns and comparisons are dnf's business.
fr_rpm() {
  if [ "$a_installroot" = / ]; then rpm "$@" >/dev/null 2>&1; else rpm --root "$a_installroot" "$@" >/dev/null 2>&1; fi
}
fr_todo='' fr_all=''
for fr_name in $fr_words; do
  case $a_state$fr_name in
    latest'*') fr_all=1; continue ;;
    present@* | present*[\*\?\[\<\>]* | present*://* | latest* | absent@* | absent*[\*\?\[]*) fr_is=unknown ;;
    present*.rpm) fr_is=unknown ;;
    *) fr_is=false; if fr_rpm -q --whatprovides "$fr_name" || fr_rpm -q "$fr_name"; then fr_is=true; fi ;;
  esac
  case $a_state$fr_is in
    presenttrue | absentfalse) ;;
    *) fr_todo="$fr_todo $fr_name" ;;
  esac
done
[ "$a_skip_broken" = false ] || case $a_state in absent) ;; *) set -- "$@" --skip-broken ;; esac
[ "$a_allowerasing" = false ] || case $a_state in absent) ;; *) set -- "$@" --allowerasing ;; esac
fr_only=''
[ "$a_security" = false ] || fr_only="$fr_only --security"
[ "$a_bugfix" = false ] || fr_only="$fr_only --bugfix"
case $fr_only in ?*) [ "$a_state" = latest ] || fr_only='' ;; esac
fr_list=''
# fr_act VERB NAME…
fr_act() {
  fr_run "$fr_dnf" "$@" $fr_flags --assumeno </dev/null
  case $fr_stdout$fr_stderr in
    *'Nothing to do'*) return 0 ;;
    *'Operation aborted'* | *'Is this ok'* | *'Transaction Summary'*) ;;
    *)
      [ "$fr_rc" != 0 ] || return 0
      fr_lines=$(printf '%s\n%s\n' "$fr_stdout" "$fr_stderr" | sed -n -e 's/^No match for argument: *\(.*\)/No package \1 available./p')
      fr_list=''
      IFS=$fr_nl
      for fr_v in $fr_lines; do fr_json "$fr_v"; fr_list="$fr_list,$fr_j"; done
      unset IFS
      fr_put_json failures "[${fr_list#,}]"
      fr_put_json results '[]'
      fr_run_failed "Failed to install some of the specified packages: ${fr_lines:-$fr_dnf}"
      ;;
  esac
  fr_plan=$(printf '%s\n' "$fr_stdout" | awk '
    /^[A-Z][A-Za-z ]*:$/ { kind = $0; next }
    /^$/ || /^Transaction/ { kind = "" }
    kind != "" && /^ [^ ]/ && NF >= 4 {
      w = kind ~ /^(Remov|Replac)/ ? "Removed" : "Installed"
      print w ": " $1 "-" $3 "." $2
    }')
  fr_changed
  fr_diff '' "$fr_plan$fr_nl" 'packages now' 'packages to change'
  IFS=$fr_nl
  for fr_v in $fr_plan; do fr_json "$fr_v"; fr_list="$fr_list,$fr_j"; done
  unset IFS
  fr_is_check && return 0
  fr_run "$fr_dnf" "$@" $fr_flags </dev/null || fr_run_failed "$fr_dnf"
}
fr_flags=''
# shellcheck disable=SC2086
case $a_state in
  absent)
    set -- "$@" "--setopt=clean_requirements_on_remove=$([ "$a_autoremove" = true ] && printf True || printf False)"
    if [ -n "$fr_todo" ]; then fr_act "$@" remove $fr_todo
    elif [ -z "$fr_words" ] && [ "$a_autoremove" = true ]; then fr_act "$@" autoremove; fi
    ;;
  latest)
    [ -z "$fr_all" ] || fr_act "$@" $fr_only upgrade
    if [ -n "$fr_todo" ]; then
      fr_new='' fr_up=''
      for fr_name in $fr_todo; do
        if fr_rpm -q "$fr_name"; then fr_up="$fr_up $fr_name"
        elif [ "$a_update_only" = false ]; then fr_new="$fr_new $fr_name"; fi
      done
      [ -z "$fr_up" ] || fr_act "$@" $fr_only upgrade $fr_up
      [ -z "$fr_new" ] || fr_act "$@" install $fr_new
    fi
    ;;
  *)
    if [ -n "$fr_todo" ]; then
      [ "$a_allow_downgrade" = false ] || fr_flags=--allow-downgrade
      case $fr_dnf in dnf5) ;; *) fr_flags='' ;; esac
      fr_act "$@" install $fr_todo
    fi
    ;;
esac
fr_put_json results "[${fr_list#,}]"
fr_put_bool cache_updated "$fr_updated"
fr_put_int rc 0
[ -n "$fr_list" ] || fr_put msg 'Nothing to do'
[ -z "$fr_list" ] || fr_put msg ''
