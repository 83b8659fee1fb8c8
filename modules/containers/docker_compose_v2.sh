# Compose tells what it does on stderr, one event a line: " Container app-web-1  Started".
fr_what=''
if fr_d compose version; then fr_compose=compose
elif command -v docker-compose >/dev/null 2>&1; then fr_docker=docker-compose fr_compose=''
else fr_fail 'missing: docker compose' module/missing-tool; fi
if [ -n "$a_definition" ]; then
  [ -n "$a_project_name" ] || fr_fail 'definition needs project_name' module/bad-arguments
  fr_dir=$(mktemp -d) || fr_fail 'cannot make a temporary folder'
  fr_later "$fr_dir"
  # JSON is YAML, too.
  printf '%s\n' "$a_definition" >"$fr_dir/compose.yaml" || fr_fail "cannot write in $fr_dir"
else
  fr_path "$a_project_src"
  fr_dir=$fr_v
  [ -d "$fr_dir" ] || fr_fail "there is no folder $a_project_src"
  if [ "$a_check_files_existing" = true ] && [ "${a_files_n:-0}" = 0 ]; then
    fr_v=''
    for fr_name in compose.yaml compose.yml docker-compose.yaml docker-compose.yml; do [ ! -e "$fr_dir/$fr_name" ] || fr_v=$fr_name; done
    [ -n "$fr_v" ] || fr_fail "there is no compose.yaml in $a_project_src"
  fi
fi
[ -z "$a_cli_context" ] || export DOCKER_CONTEXT="$a_cli_context"
# fr_do VERB WORD…: with the project's own words before it.
fr_do() {
  fr_verb=$1
  fr_i=${a_profiles_n:-0}
  while [ "$fr_i" -gt 0 ]; do fr_item profiles "$fr_i"; set -- --profile "$fr_v" "$@"; fr_i=$((fr_i - 1)); done
  fr_i=${a_env_files_n:-0}
  while [ "$fr_i" -gt 0 ]; do fr_item env_files "$fr_i"; set -- --env-file "$fr_v" "$@"; fr_i=$((fr_i - 1)); done
  fr_i=${a_files_n:-0}
  while [ "$fr_i" -gt 0 ]; do
    fr_item files "$fr_i"
    case $fr_v in /*) ;; *) fr_v=$fr_dir/$fr_v ;; esac
    set -- -f "$fr_v" "$@"
    fr_i=$((fr_i - 1))
  done
  [ -z "$a_project_name" ] || set -- --project-name "$a_project_name" "$@"
  set -- --project-directory "$fr_dir" "$@"
  case $fr_verb in
    ps | images) ;;
    *) if fr_is_check; then set -- --dry-run "$@"; fi ;;
  esac
  if [ -n "$fr_compose" ]; then set -- compose --ansi never --progress plain "$@"; fi
  if ! fr_d "$@"; then
    fr_put_int rc 1
    fr_put stdout "$fr_stdout"
    fr_put stderr "$(cat "$fr_err")"
    fr_fail "cannot bring the project to $a_state: $(grep -v '^ \(Container\|Network\|Volume\|Image\|DRY\)' "$fr_err" | tail -n 3)"
  fi
  case $fr_verb in ps | images) return ;; esac
  fr_events="$fr_events$(cat "$fr_err")$fr_nl" fr_all="$fr_all$fr_stdout"
}
fr_events='' fr_all=''
set --
if [ -n "$a_timeout" ]; then fr_time="--timeout $a_timeout"; else fr_time=''; fi
case $a_state in
  present | stopped)
    set -- up --detach --no-color --quiet-pull
    [ "$a_pull" = policy ] || set -- "$@" --pull "$a_pull"
    [ "$a_remove_orphans" = false ] || set -- "$@" --remove-orphans
    case $a_recreate in always) set -- "$@" --force-recreate ;; never) set -- "$@" --no-recreate ;; esac
    [ "$a_renew_anon_volumes" = false ] || set -- "$@" --renew-anon-volumes
    [ "$a_dependencies" = true ] || set -- "$@" --no-deps
    [ -z "$a_timeout" ] || set -- "$@" --timeout "$a_timeout"
    case $a_build in always) set -- "$@" --build ;; never) set -- "$@" --no-build ;; esac
    fr_i=1
    while [ "$fr_i" -le "${a_scale_n:-0}" ]; do fr_pair scale "$fr_i"; set -- "$@" --scale "$fr_k=$fr_v"; fr_i=$((fr_i + 1)); done
    [ "$a_assume_yes" = false ] || set -- "$@" -y
    if [ "$a_state" = stopped ]; then set -- "$@" --no-start
    elif [ "$a_wait" = true ]; then
      set -- "$@" --wait
      [ -z "$a_wait_timeout" ] || set -- "$@" --wait-timeout "$a_wait_timeout"
    fi
    ;;
  restarted)
    set -- restart
    [ "$a_dependencies" = true ] || set -- "$@" --no-deps
    [ -z "$a_timeout" ] || set -- "$@" --timeout "$a_timeout"
    ;;
  absent)
    set -- down
    [ "$a_remove_orphans" = false ] || set -- "$@" --remove-orphans
    [ -z "$a_remove_images" ] || set -- "$@" --rmi "$a_remove_images"
    [ "$a_remove_volumes" = false ] || set -- "$@" --volumes
    [ -z "$a_timeout" ] || set -- "$@" --timeout "$a_timeout"
    ;;
esac
set -- "$@" --
fr_i=1
while [ "$fr_i" -le "${a_services_n:-0}" ]; do fr_item services "$fr_i"; set -- "$@" "$fr_v"; fr_i=$((fr_i + 1)); done
fr_do "$@"
if [ "$a_state" = stopped ]; then
  # shellcheck disable=SC2086
  set -- stop $fr_time --
  fr_i=1
  while [ "$fr_i" -le "${a_services_n:-0}" ]; do fr_item services "$fr_i"; set -- "$@" "$fr_v"; fr_i=$((fr_i + 1)); done
  fr_do "$@"
fi
# Only what is under way counts: "Running" and "Created" alone change nothing.
fr_v=$(printf '%s' "$fr_events" | awk -v builds="$a_ignore_build_events" '
  { sub(/^ *DRY-RUN MODE - */, ""); sub(/^ +/, "") }
  $1 ~ /^(Container|Network|Volume|Image|Service)$/ && NF >= 3 {
    status = $3
    if (status !~ /^(Creating|Starting|Restarting|Stopping|Killing|Removing|Recreate|Pulling|Building)$/) next
    if (status == "Building" && builds == "true") next
    gsub(/["\\]/, "", $2)
    printf ",{\"what\":\"%s\",\"id\":\"%s\",\"status\":\"%s\"}", tolower($1), $2, status
  }')
fr_put_json actions "[${fr_v#,}]"
[ -z "$fr_v" ] || fr_changed
fr_put stdout "$fr_all"
fr_put stderr "$fr_events"
# Lists of JSON objects, one a line or as one list.
fr_list() {
  case $fr_stdout in
    \[*) fr_v=$fr_stdout ;;
    *) fr_v="[$(printf '%s' "$fr_stdout" | tr '\n' ',')]" ;;
  esac
  fr_v=$(printf '%s' "$fr_v" | tr '\n' ' ')
}
if [ "$a_state" != absent ] && ! fr_is_check; then
  fr_do ps --all --format json
  fr_list
  fr_put_json containers "$fr_v"
  fr_do images --format json
  fr_list
  fr_put_json images "$fr_v"
else
  fr_put_json containers '[]'
  fr_put_json images '[]'
fi
