# The script goes into the run's private folder and is run by what its first
# line names, so that it needs no right to be executed where it lies.

if fr_has chdir; then
  fr_command_home "$a_chdir"
  cd "$fr_v" 2>/dev/null || fr_fail "cannot enter $a_chdir"
fi
# Unlike command, a script that need not run counts as skipped.
fr_put_bool skipped true
fr_script_guard=true
fr_command_guard creates
fr_command_guard removes
fr_out=''

fr_first=${a__script_text%%"$fr_nl"*}
fr_cr=$(printf '\r')
fr_first=${fr_first%"$fr_cr"}
set --
if fr_has executable; then
  set -- "$a_executable"
else
  case $fr_first in
    '#!'*)
      fr_v=${fr_first#??}
      fr_v=${fr_v#"${fr_v%%[! ]*}"}
      fr_v=${fr_v%"${fr_v##*[! ]}"}
      # As the kernel does it: the program, and the rest of the line as one word.
      case $fr_v in
        *' '*) set -- "${fr_v%% *}" "${fr_v#* }" ;;
        ?*) set -- "$fr_v" ;;
      esac
      ;;
  esac
fi
[ $# -gt 0 ] || set -- sh
case $1 in /*) [ -x "$1" ] || fr_fail "missing: $1, which the script names" module/missing-tool ;; esac

fr_script=$(fr_tmp "${fr__dir:-}") || fr_fail 'cannot write the script'
{ printf %s "$a__script_text" >"$fr_script"; } 2>/dev/null || {
  rm -f -- "$fr_script"
  fr_fail 'cannot write the script: the disk may be full'
}
fr_changed
# The words are the operator's and go through a shell, as in Ansible; the
# newline after them ends even a comment.
# shellcheck disable=SC2016
fr_exec sh -c 'fr_script=$1; shift
"$@" '"$a__script_args"'
fr_status=$?; rm -f -- "$fr_script"; exit "$fr_status"' sh "$fr_script" "$@" "$fr_script"
