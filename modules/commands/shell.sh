# The text is run by sh (or `executable`), which reads it from a pipe.
fr_command_start
fr_text=$a_cmd
[ -n "$fr_text" ] || fr_text=${a__raw_params:-}
[ -n "$fr_text" ] || fr_fail 'no command given' module/bad-arguments
fr_changed
fr_exec_text "${a_executable:-sh}"
