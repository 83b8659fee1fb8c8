fr_pip=pip3
if [ -n "$a_umask" ]; then umask "$a_umask" || fr_fail "no umask: $a_umask" module/bad-arguments; fi
if [ -n "$a_chdir" ]; then
  fr_path "$a_chdir"
  cd "$fr_v" || fr_fail "cannot enter $a_chdir"
fi
fr_cmd='' fr_out_='' fr_error=''
# fr_do WORD…: a step; its output is kept.
fr_do() {
  fr_err=$(fr_tmp) || fr_fail 'cannot write a temporary file'
  fr_later "$fr_err"
  fr_v=$("$@" 2>"$fr_err" </dev/null)
  fr_rc=$?
  fr_out_=$fr_out_$fr_v
  fr_error=$fr_error$(cat "$fr_err")
  [ "$fr_rc" = 0 ] && return
  fr_put_cmd "$@"
  fr_put_int rc "$fr_rc"
  fr_fail "stdout: $fr_out_$fr_nl:stderr: $fr_error"
}
fr_put_cmd() {
  fr_cmd=''
  for fr_v; do fr_json "$fr_v"; fr_cmd="$fr_cmd,$fr_j"; done
  fr_put_json cmd "[${fr_cmd#,}]"
}
if [ -n "$a_virtualenv" ]; then
  fr_path "$a_virtualenv"
  fr_env=$fr_v
  if [ ! -e "$fr_env/bin/activate" ]; then
    fr_changed
    fr_is_check && exit 0
    # The operator's words; a ~ stands for HOME only at the start.
    set -f
    # shellcheck disable=SC2086
    set -- $a_virtualenv_command
    set +f
    fr_path "$1"
    shift
    fr_need "$fr_v"
    [ "$a_virtualenv_site_packages" = false ] || set -- "$@" --system-site-packages
    [ -z "$a_virtualenv_python" ] || set -- "$@" "-p$a_virtualenv_python"
    fr_do "$fr_v" "$@" "$fr_env"
  fi
  for fr_pip in "$fr_env/bin/pip3" "$fr_env/bin/pip" "$fr_env/bin/python3"; do [ ! -x "$fr_pip" ] || break; done
  case $fr_pip in */python3) fr_pip_args='-m pip' ;; *) fr_pip_args='' ;; esac
else
  fr_pip_args=''
  if [ -n "$a_executable" ]; then fr_path "$a_executable"; fr_pip=$fr_v; fr_need "$fr_pip"
  else
    for fr_pip in pip3 pip; do ! command -v "$fr_pip" >/dev/null 2>&1 || break; done
    if ! command -v "$fr_pip" >/dev/null 2>&1; then
      python3 -m pip --version >/dev/null 2>&1 || fr_fail 'missing: pip3' module/missing-tool
      fr_pip=python3 fr_pip_args='-m pip'
    fi
  fi
fi
case $a_state in
  absent) set -- uninstall -y ;;
  latest) set -- install -U ;;
  forcereinstall) set -- install -U --force-reinstall ;;
  *) set -- install ;;
esac
[ "$a_break_system_packages" = false ] || set -- "$@" --break-system-packages
if [ -n "$a_extra_args" ]; then
  set -f
  # shellcheck disable=SC2086
  set -- "$@" $a_extra_args
  set +f
fi
[ "$a_editable" = false ] || set -- "$@" -e
# "a>1,<2" came as two items, as a comma parts a list's items; they belong together.
fr_i=1 fr_name='' fr_names=''
while [ "$fr_i" -le "${a_name_n:-0}" ]; do
  fr_item name "$fr_i"
  fr_i=$((fr_i + 1))
  case $fr_v in
    -*) fr_fail "no name of a package: $fr_v" module/bad-arguments ;;
    [\<\>=!~]*) fr_name=$fr_name,$fr_v; continue ;;
  esac
  [ -z "$fr_name" ] || fr_names=$fr_names$fr_nl$fr_name
  fr_name=$fr_v
done
[ -z "$fr_name" ] || fr_names=$fr_names$fr_nl$fr_name
fr_names=${fr_names#"$fr_nl"}
if [ -n "$a_version" ]; then
  case $fr_names in
    '' | *"$fr_nl"*) fr_fail "'version' argument is ambiguous when installing multiple package distributions. Please specify version restrictions next to each package in 'name' argument." module/bad-arguments ;;
    *[\<\>=!~]*) fr_fail "The 'version' argument conflicts with any version specifier provided along with a package name. Please keep the version specifier, but remove the 'version' argument." module/bad-arguments ;;
  esac
  fr_names="$fr_names==$a_version"
fi
if [ -n "$a_requirements" ]; then set -- "$@" -r "$a_requirements"; fi
IFS=$fr_nl
set -f
# shellcheck disable=SC2086
[ -z "$fr_names" ] || set -- "$@" $fr_names
unset IFS
set +f
fr_tell() {
  fr_list='' fr_i=1
  while [ "$fr_i" -le "${a_name_n:-0}" ]; do
    fr_item name "$fr_i"
    fr_json "$fr_v"
    fr_list="$fr_list,$fr_j" fr_i=$((fr_i + 1))
  done
  if [ -n "$fr_list" ]; then fr_put_json name "[${fr_list#,}]"; else fr_put_json name null; fi
  for fr_k in version requirements virtualenv; do
    eval "fr_v=\$a_$fr_k"
    if [ -n "$fr_v" ]; then fr_put "$fr_k" "$fr_v"; else fr_put_json "$fr_k" null; fi
  done
  fr_put state "$a_state"
  fr_put stdout "$fr_out_"
  fr_put stderr "$fr_error"
}
if fr_is_check; then
  case $a_state:$a_extra_args$a_requirements in
    latest:* | forcereinstall:* | *:?*) fr_changed; exit 0 ;;
  esac
  # shellcheck disable=SC2086
  fr_do "$fr_pip" $fr_pip_args list --format=freeze
  fr_v=$(awk -v absent="$a_state" "$fr_awk" <<EOT
$fr_names
--
$fr_out_
EOT
  )
  [ "$fr_v" = same ] || fr_changed
  fr_tell
  exit 0
fi
# shellcheck disable=SC2086
set -- "$fr_pip" $fr_pip_args "$@"
fr_do "$@"
fr_put_cmd "$@"
case $a_state:$fr_out_ in
  absent:*'Successfully uninstalled'*) fr_changed ;;
  absent:*) ;;
  *'Successfully installed'*) fr_changed ;;
esac
fr_tell
