# What the container modules share: the engine's command line and its JSON.
# fr_d WORD…: docker or podman; output in $fr_stdout; its status.
fr_pick_engine() {
  fr_docker=$a_docker_cli
  if [ -z "$fr_docker" ]; then
    for fr_docker in docker podman; do ! command -v "$fr_docker" >/dev/null 2>&1 || break; done
  fi
  command -v "$fr_docker" >/dev/null 2>&1 || fr_fail 'missing: docker or podman' module/missing-tool
  case ${fr_docker##*/} in podman*) fr_engine=podman ;; *) fr_engine=docker ;; esac
  [ "$a_api_version" = auto ] || export DOCKER_API_VERSION="$a_api_version"
  fr_err=$(fr_tmp) || fr_fail 'cannot write a temporary file'
  fr_later "$fr_err"
}
fr_d() {
  if [ "$fr_engine" = docker ]; then
    [ -z "$a_tls_hostname$a_ca_path" ] || set -- --tlscacert "$a_ca_path" "$@"
    [ -z "$a_client_cert" ] || set -- --tlscert "$a_client_cert" --tlskey "$a_client_key" "$@"
    case $a_tls$a_validate_certs in *true) set -- --tlsverify "$@" ;; true*) set -- --tls "$@" ;; esac
    [ -z "$a_docker_host" ] || set -- --host "$a_docker_host" "$@"
  else
    [ -z "$a_docker_host" ] || set -- --url "$a_docker_host" "$@"
  fi
  fr_stdout=$("$fr_docker" "$@" 2>"$fr_err" </dev/null)
}
# fr_must WHAT WORD…: the same; ends the module when it fails.
fr_must() {
  fr_what=$1
  shift
  fr_d "$@" && return
  fr_rc=$?
  fr_put_int rc "$fr_rc"
  fr_fail "$fr_what: $(tail -n 5 "$fr_err")"
}
# An engine that does not answer is told apart from a thing that is not there.
fr_is_there() {
  fr_d "$@" && return
  fr_v=$(cat "$fr_err")
  case $fr_v in
    *[Nn]'o such '* | *'not found'* | *'no container with'* | *'not known'*) return 1 ;;
  esac
  fr_fail "cannot ask $fr_docker: $fr_v"
}
# "[ … ]", as inspect prints it: the object, in $fr_v; {} when there is none.
fr_one() {
  fr_v=${fr_stdout#"${fr_stdout%%[![:space:]]*}"}
  fr_v=${fr_v#\[} fr_v=${fr_v%\]}
  case $fr_v in *\{*) ;; *) fr_v='{}' ;; esac
}
# fr_flat JSON: "path TAB value" lines, see json.awk; in $fr_v.
fr_flat() {
  fr_v=$(awk "$fr_awk" <<EOT
flat
$1
EOT
  ) || fr_fail 'awk failed'
}
# fr_get KEY: the value of a key in the lines of $fr_lines, unquoted, in $fr_v; false when it is not there.
fr_get() {
  case $fr_nl$fr_lines$fr_nl in
    *"$fr_nl.$1$fr_tab"*) fr_v=${fr_lines#*".$1$fr_tab"} fr_v=${fr_v%%"$fr_nl"*} ;;
    *) fr_v=''; return 1 ;;
  esac
  case $fr_v in null) fr_v=''; return 1 ;; \"*\") fr_unquote ;; esac
}
fr_unquote() {
  fr_v=${fr_v#\"} fr_v=${fr_v%\"}
  case $fr_v in *\\*) fr_v=$(printf '%b' "$(printf '%s' "$fr_v" | sed 's/\\"/"/g')") ;; esac
}
# fr_many PREFIX: all values whose path is PREFIX, one a line, in $fr_v.
fr_many() {
  fr_v=$(printf '%s\n' "$fr_lines" | awk -F '\t' -v p=".$1" '$1 == p { v = $2; if (v ~ /^"/) v = substr(v, 2, length(v) - 2); print v }')
}
fr_pick_engine
