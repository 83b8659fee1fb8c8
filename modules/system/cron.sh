# cron.awk decides what the crontab becomes; jobs reach it through stdin.

fr_crontab() { # -l or -
  if [ -n "$a_user" ] && [ "$a_user" != "$(id -un)" ]; then crontab -u "$a_user" "$1"; else crontab "$1"; fi
}
fr_load() {
  if [ -n "$fr_file" ]; then
    fr_read "$fr_file" || fr_v=''
  elif ! fr_v=$(fr_crontab -l 2>&1 && printf x); then
    # No crontab yet is no trouble, an unknown user is.
    case $fr_v in *'no crontab'* | *"can't open"*) fr_v='' ;; *) fr_fail "cannot read the crontab: $fr_v" ;; esac
  else fr_v=${fr_v%x}
  fi
  fr_old=$fr_v
}
# The line of the job, with the user where the file needs one.
fr_job_line() {
  fr_line="$a_minute $a_hour $a_day $a_month $a_weekday"
  ! fr_has special_time || fr_line="@$a_special_time"
  [ -z "$fr_file" ] || fr_line="$fr_line $a_user"
  fr_line="$fr_line $a_job"
  [ "$a_disabled" = false ] || fr_line="#$fr_line"
}
# The old crontab, in a file that stays and that nobody else may read.
fr_keep_old() {
  fr_n=0 fr_s=${TMPDIR:-/tmp}/crontab.$(date +%s).$$
  until (umask 077 && set -C && printf '%s' "$fr_old" >"$fr_s.$fr_n") 2>/dev/null; do
    fr_n=$((fr_n + 1))
    [ "$fr_n" -lt 20 ] || fr_fail 'cannot back up the crontab'
  done
  fr_put backup_file "$fr_s.$fr_n"
}
fr_save() {
  if [ -z "$fr_file" ]; then
    fr_v=$(printf '%s' "$fr_text" | fr_crontab - 2>&1) || fr_fail "cannot install the crontab: $fr_v"
    return
  fi
  fr_new=$(fr_tmp "${fr_file%/*}/") || fr_fail "cannot write beside $fr_file"
  fr_later "$fr_new"
  printf '%s' "$fr_text" >"$fr_new" || fr_fail "cannot write $fr_new"
  fr_kind "$fr_file"
  fr_install_file "$fr_new" "$fr_file"
  [ "$fr_kind" != absent ] || chmod 0644 "$fr_file"
}
fr_check_arguments() {
  case $a_name$a_job$a_user$a_minute$a_hour$a_day$a_month$a_weekday in
    *"$fr_nl"*) fr_fail 'a crontab has one line for each job: remove the newline' module/bad-arguments ;;
  esac
  case $a_insertafter$a_insertbefore in
    ?*) [ "$a_env$a_state" = truepresent ] ||
      fr_fail 'Insertafter and insertbefore parameters are valid only with env=yes' module/bad-arguments ;;
  esac
  if fr_has special_time; then
    case $a_minute$a_hour$a_day$a_month$a_weekday in
      '*****') ;;
      *) fr_fail 'You cannot combine special_time with any of the time or day/date parameters.' module/bad-arguments ;;
    esac
  fi
  [ -z "$a_cron_file$a_user" ] || [ -n "$a_user" ] || [ "$a_state" = absent ] ||
    fr_fail 'To use cron_file=... parameter you must specify user=... as well' module/bad-arguments
  [ "$a_state" = absent ] || fr_has job ||
    fr_fail "You must specify 'job' to install a new cron job or variable" module/bad-arguments
}

fr_check_arguments
fr_file=''
if [ -n "$a_cron_file" ]; then
  fr_path "$a_cron_file"
  fr_file=$fr_v
  case $fr_file in /*) ;; *) fr_file=/etc/cron.d/$fr_file ;; esac
  fr_put cron_file "$a_cron_file"
else
  fr_need crontab
fi
fr_load
if [ "$a_env" = true ]; then fr_what=env fr_line="$a_name=\"$a_job\""; else fr_what=job; fr_job_line; fi
fr_v=$(printf '%s\n' "$fr_what" "$a_state" "$a_name" "$fr_line" "$a_insertafter" "$a_insertbefore" \
  ${fr_old:+"${fr_old%"$fr_nl"}"} | awk "$fr_awk" && printf x) || fr_fail 'awk failed'
case $fr_v in missing*) fr_fail "Variable named '${a_insertafter:-$a_insertbefore}' not found." ;; esac
fr_jobs=${fr_v%%"$fr_nl"*} fr_v=${fr_v#*"$fr_nl"}
fr_envs=${fr_v%%"$fr_nl"*} fr_v=${fr_v#*"$fr_nl"}
fr_how=${fr_v%%"$fr_nl"*} fr_text=${fr_v#*"$fr_nl"}
fr_text=${fr_text%x}
case $fr_how in
  changed*)
    fr_changed
    fr_v=${fr_file:-crontab}
    fr_diff "$fr_old" "$fr_text" "$fr_v" "$fr_v"
    ;;
esac
if [ "$fr_is_changed" = true ] && ! fr_is_check; then
  if [ "$a_backup" = true ]; then
    fr_keep_old
  fi
  case $fr_file$fr_how in
    /*empty)
      rm -f -- "$fr_file" || fr_fail "cannot remove $fr_file"
      fr_put state absent
      exit 0
      ;;
    *) fr_save ;;
  esac
fi
fr_put_json jobs "$fr_jobs"
fr_put_json envs "$fr_envs"
