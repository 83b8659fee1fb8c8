# The text is run by sh (or `executable`), which reads it from a pipe.
fr_command_start
! fr_is_check || {
  fr_changed
  fr_put msg 'Command would have run if not in check mode'
  fr_put_int rc 0
  exit 0
}
fr_text=$a_cmd
[ -n "$fr_text" ] || fr_text=${a__raw_params:-}
[ -n "$fr_text" ] || fr_fail 'no command given' module/bad-arguments
fr_changed
fr_exec_text "${a_executable:-sh}"
