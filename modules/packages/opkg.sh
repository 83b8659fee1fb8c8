set -f
fr_opkg=${a_executable:-opkg}
fr_need "$fr_opkg"
case $a_state in installed) a_state=present ;; removed) a_state=absent ;; esac
fr_take_words name
fr_wait_for_locks /var/lock/opkg.lock /tmp/lock/opkg.lock /run/opkg.lock
fr_run "$fr_opkg" --version
fr_v=${fr_stdout#opkg version }
fr_put version "${fr_v%% *}"
if [ "$a_update_cache" = true ] && ! fr_is_check; then
  fr_run "$fr_opkg" update || fr_run_failed 'could not update package db'
fi
fr_run "$fr_opkg" list-installed || fr_run_failed 'opkg list-installed'
fr_has_=$fr_nl$fr_stdout$fr_nl fr_stdout=''
fr_old=''
if [ "$a_state" = latest ]; then
  fr_run "$fr_opkg" list-upgradable || fr_run_failed 'opkg list-upgradable'
  fr_old=$fr_nl$fr_stdout$fr_nl fr_stdout=''
fi
fr_new='' fr_up=''
for fr_name in $fr_words; do
  fr_version=''
  case $fr_name in *=*) fr_version=${fr_name#*=} ;; esac
  # shellcheck disable=SC2027
  case $fr_has_ in *"$fr_nl${fr_name%%=*} - "${fr_version:-*}"$fr_nl"*) fr_is=true ;; *) fr_is=false ;; esac
  case $fr_old in *"$fr_nl$fr_name - "*) fr_is=old ;; esac
  case $a_state$fr_is in
    absenttrue | presentfalse | latestfalse) fr_new="$fr_new $fr_name" ;;
    presenttrue) [ "$a_force" != reinstall ] || fr_new="$fr_new $fr_name" ;;
    latestold) fr_up="$fr_up $fr_name" ;;
  esac
done
fr_list='' fr_lines=''
for fr_v in $fr_new $fr_up; do fr_json "$fr_v"; fr_list="$fr_list,$fr_j" fr_lines="$fr_lines$fr_v$fr_nl"; done
fr_put_json packages "[${fr_list#,}]"
if [ -z "$fr_list" ]; then
  fr_put msg "package(s) already $a_state"
  exit 0
fi
fr_changed
if [ "$a_state" = absent ]; then fr_diff "$fr_lines" ''; else fr_diff '' "$fr_lines"; fi
if ! fr_is_check; then
  fr_flags=''
  [ -z "$a_force" ] || fr_flags=--force-$a_force
  [ "$a_autoremove" = false ] || fr_flags="$fr_flags --autoremove"
  # shellcheck disable=SC2086
  case $a_state in
    absent) fr_run "$fr_opkg" $fr_flags remove $fr_new || fr_run_failed "failed to remove$fr_new" ;;
    *)
      [ -z "$fr_new" ] || fr_run "$fr_opkg" $fr_flags install $fr_new || fr_run_failed "failed to install$fr_new"
      [ -z "$fr_up" ] || fr_run "$fr_opkg" $fr_flags upgrade $fr_up || fr_run_failed "failed to upgrade$fr_up"
      ;;
  esac
  # opkg may say ok and have done nothing: what is there now decides.
  fr_log=$fr_stdout
  fr_run "$fr_opkg" list-installed || fr_run_failed 'opkg list-installed'
  fr_has_=$fr_nl$fr_stdout fr_stdout=$fr_log
  for fr_name in $fr_new; do
    case $a_state:$fr_has_ in
      absent:*"$fr_nl${fr_name%%=*} - "*) fr_run_failed "failed to remove $fr_name" ;;
      absent:* | *"$fr_nl${fr_name%%=*} - "*) ;;
      *) case $fr_name in */* | *.ipk) ;; *) fr_run_failed "failed to install $fr_name" ;; esac ;;
    esac
  done
fi
case $a_state in absent) fr_v=removed ;; *) fr_v=installed ;; esac
fr_put stdout "$fr_stdout"
fr_put msg "$fr_v$fr_new$fr_up"
