# A job's receipt is that of a detached step (modules/lib/40-worker.sh), in a
# folder of its own beside the run's: "<folder>:<name>" is the job's id.

fr_not_found() {
  fr_put ansible_job_id "$a_jid"
  fr_put_bool started true
  fr_put_bool finished true
  fr_fail 'could not find job'
}
case $a_jid in
  *[!A-Za-z0-9.:_+-]* | .* | *:.* | *:*:* | *..*) fr_not_found ;;
  *.a:?*) fr__r=$fr__base/r/${a_jid%%:*}/${a_jid#*:} ;;
  *) fr_not_found ;;
esac

if [ "$a_mode" = cleanup ]; then
  fr_put ansible_job_id "$a_jid"
  fr_put_bool started false
  fr_put_bool finished false
  if [ -e "$fr__r.s" ]; then
    rm -f -- "$fr__r".* || fr_fail "cannot remove $fr__r.s"
  fi
  fr_put erased "$fr__r.s"
  exit 0
fi

[ -e "$fr__r.s" ] || fr_not_found
fr_put ansible_job_id "$a_jid"
fr_put_bool started true
fr_put results_file "$fr__r.s"
if ! fr__has_result; then
  if fr__is_running; then
    fr_put_bool finished false
    exit 0
  fi
  # It may have ended between the two looks.
  if ! fr__has_result; then
    fr_put_bool finished true
    fr_fail 'the job was interrupted: its process is gone and left no result' module/interrupted
  fi
fi

# fr_job_text NAME FILE: what the job printed; the end of it where it was cut.
fr_job_text() {
  fr_v=''
  [ ! -s "$2" ] || fr_read "$2" || fr_fail "cannot read $2"
  fr_job_head=$fr_v fr_v=''
  if [ -s "$2.t" ]; then fr_read "$2.t"; fr_v="${fr_nl}[...]$fr_nl$fr_v"; fi
  fr_put "$1" "$fr_job_head$fr_v"
}
fr_put_bool finished true
fr_put_json job "$fr__json"
fr_put_int job_rc "$fr__xrc"
fr_put job_kind "$fr__xkind"
fr_put job_how "$fr__how"
fr_job_text job_stdout "$fr__r.o"
fr_job_text job_stderr "$fr__r.e"
