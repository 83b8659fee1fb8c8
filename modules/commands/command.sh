# The words are run directly, without a shell. Free text comes split into "$@".

# fr_expand WORD: ~ and the environment's $NAME and ${NAME} replaced, in $fr_w.
fr_expand() {
  fr_command_home "$1"
  fr_w='' fr_rest=$fr_v
  while :; do
    case $fr_rest in *\$*) ;; *) break ;; esac
    fr_w=$fr_w${fr_rest%%\$*} fr_rest=${fr_rest#*\$}
    case $fr_rest in
      \{*\}*) fr_k=${fr_rest#\{} fr_k=${fr_k%%\}*} fr_after=${fr_rest#*\}} ;;
      *) fr_k=${fr_rest%%[!A-Za-z0-9_]*} fr_after=${fr_rest#"${fr_rest%%[!A-Za-z0-9_]*}"} ;;
    esac
    case $fr_k in
      '' | [0-9]* | *[!A-Za-z0-9_]* | fr_* | a_*) fr_w=$fr_w\$ ;;
      *) if eval "[ -n \"\${$fr_k+1}\" ]"; then
        eval "fr_w=\$fr_w\$$fr_k"
        fr_rest=$fr_after
      else
        fr_w=$fr_w\$
      fi ;;
    esac
  done
  fr_w=$fr_w$fr_rest
}

fr_command_start
! fr_is_check || {
  fr_changed
  fr_put msg 'Command would have run if not in check mode'
  fr_put_int rc 0
  exit 0
}
[ $# -gt 0 ] || fr_fail 'no command given' module/bad-arguments
case $a_expand_argument_vars$* in
  true*[\$~]*)
    for fr_word; do
      fr_expand "$fr_word"
      set -- "$@" "$fr_w"
      shift
    done
    ;;
esac
if ! command -v "$1" >/dev/null 2>&1; then
  fr_put_int rc 2
  fr_fail 'Error executing command.'
fi
command -v "$1" >/dev/null || {
  fr_put_int rc 2
  fr_fail "[Errno 2] No such file or directory: b'$1'"
}
fr_changed
fr_exec "$@"
