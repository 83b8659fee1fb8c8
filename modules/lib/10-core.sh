# fleetrun's sh runtime, part 1: what every module may use.
#
# A module is a file `modules/<family>/<name>.sh`: POSIX sh, the body of a
# function that runs in a subshell of its own with stdin </dev/null, `set -u`,
# LC_ALL=C and umask as the login gives it. It ends by `return 0`/`exit 0` (it
# worked) or through `fr_fail`; any other status means failed, whatever it put.
# When the subshell ends an EXIT trap prints one frame with the result fields.
# Do not set an EXIT trap and do not `exec` (detached modules: `fr_exec`).
#
# In:  a_<name>             scalar; bools are `true`/`false`; omitted = ''
#      a_<name>_n, _1, _2   list: count and items            (fr_item)
#      a_<name>_n, _k1, _v1 dict: count, keys and values     (fr_pair)
#      "$@"                 the words of a list argument named argv
#      fr_check fr_diffmode true|false                       (fr_is_check, fr_is_diff)
# Out: fr_changed, fr_put*, fr_diff, fr_fail.
# Functions that give a value either print it or set $fr_v, as said at each.
# Nothing here may be called in a way that loses its variables: fr_put, fr_diff,
# fr_changed and fr_fail work in the module's own shell, not inside `$( )` or
# after a pipe.
#
# Detached modules (idempotent: false, long: true, or a task with a timeout)
# run the same way in a session of their own, with stdout and stderr apart;
# see 40-worker.sh. For command-like ones the program's output is the result
# and the module's exit status is `rc`: they end with `fr_exec program args…`.

fr_out='' fr_is_changed=false fr_given=' ' fr_check=false fr_diffmode=false
fr_d_set='' fr_d_before='' fr_d_after='' fr_d_bh='' fr_d_ah='' fr_trash=''
fr_nl='
'
fr_tab='	'

# True when the caller gave the argument or its spec has a default.
fr_has() { case $fr_given in *" $1 "*) return 0 ;; esac; return 1; }

# Item number $2 (from 1) of list argument $1, in $fr_v.
fr_item() { eval "fr_v=\$a_$1_$2"; }

# Pair number $2 (from 1) of dict argument $1, in $fr_k and $fr_v.
fr_pair() { eval "fr_k=\$a_$1_k$2 fr_v=\$a_$1_v$2"; }

fr_is_check() { [ "$fr_check" = true ]; }
fr_is_diff() { [ "$fr_diffmode" = true ]; }
fr_changed() { fr_is_changed=true; }

# Result fields: string, integer, true|false, and ready JSON.
fr_put() { fr_json "$2"; fr_out="$fr_out,\"$1\":$fr_j"; }
fr_put_int() { fr_out="$fr_out,\"$1\":$2"; }
fr_put_bool() { fr_out="$fr_out,\"$1\":$2"; }
fr_put_json() { fr_out="$fr_out,\"$1\":$2"; }

# fr_fail MESSAGE [KIND]: ends the module as failed.
fr_fail() {
  fr_put msg "$1"
  [ -z "${2:-}" ] || fr_put error_kind "$2"
  exit 1
}

# fr_need TOOL…: fails before any change when a tool is missing.
fr_need() {
  for fr_v; do
    command -v "$fr_v" >/dev/null 2>&1 || fr_fail "missing: $fr_v" module/missing-tool
  done
}

# fr_diff BEFORE AFTER [BEFORE_HEADER AFTER_HEADER]: texts for --diff.
fr_diff() {
  fr_d_set=1 fr_d_before=$1 fr_d_after=$2 fr_d_bh=${3:-} fr_d_ah=${4:-}
}

# The JSON string of $1, in $fr_j. Bytes that are no UTF-8 pass through.
fr_json() {
  case $1 in
    *[\\\"[:cntrl:]]*) ;;
    *) fr_j="\"$1\""; return ;;
  esac
  if [ ${#1} -gt 2000 ]; then
    fr_json_long "$1"
    return
  fi
  fr_j='' fr_js=$1
  while :; do
    case $fr_js in *[\\\"[:cntrl:]]*) ;; *) break ;; esac
    fr_jh=${fr_js%%[\\\"[:cntrl:]]*}
    fr_js=${fr_js#"$fr_jh"}
    fr_jc=${fr_js%"${fr_js#?}"}
    fr_js=${fr_js#?}
    case $fr_jc in
      \\ | \") fr_j="$fr_j$fr_jh\\$fr_jc" ;;
      "$fr_nl") fr_j="$fr_j$fr_jh\\n" ;;
      "$fr_tab") fr_j="$fr_j$fr_jh\\t" ;;
      *) fr_j="$fr_j$fr_jh$(printf '\\u%04x' "'$fr_jc")" ;;
    esac
  done
  fr_j="\"$fr_j$fr_js\""
}

# Long texts: two seds instead of a copy per escaped character. Newlines pass
# the first as \001, which by then stands for nothing else.
fr_json_long() {
  [ -n "${fr_json_sed:-}" ] || fr_json_script
  fr_j=$(printf '%s\n.\n' "$1" | sed -e "$fr_json_sed" | tr '\n' '\001' |
    sed -e "$fr_json_join")
  fr_j="\"${fr_j%\\n.\\n}\""
}
fr_json_script() {
  fr_json_sed='s/\\/\\\\/g
s/"/\\"/g'
  for fr_jc in 01 02 03 04 05 06 07 10 11 13 14 15 16 17 20 21 22 23 24 25 26 27 \
    30 31 32 33 34 35 36 37; do
    fr_json_sed=$fr_json_sed$fr_nl$(printf 's/\0'"$fr_jc"'/\\\\u%04x/g' "0$fr_jc")
  done
  fr_json_join=$(printf 's/\001/\\\\n/g')
}

# Files to remove when the module ends.
fr_later() { fr_trash="$fr_trash$fr_nl$1"; }

# The frame's JSON object, in $fr_v.
fr_result() {
  if [ -n "$fr_d_set" ]; then
    fr_json "$fr_d_before"; fr_v="{\"before\":$fr_j"
    fr_json "$fr_d_after"; fr_v="$fr_v,\"after\":$fr_j"
    fr_json "$fr_d_bh"; fr_v="$fr_v,\"before_header\":$fr_j"
    fr_json "$fr_d_ah"
    fr_out="$fr_out,\"diff\":$fr_v,\"after_header\":$fr_j}"
  fi
  fr_v="{\"changed\":$fr_is_changed$fr_out}"
}

fr_clean() {
  [ -n "$fr_trash" ] || return 0
  set -f
  IFS=$fr_nl fr_j=''
  # Most were moved to their place: then no process is needed.
  for fr_v in $fr_trash; do
    { [ ! -e "$fr_v" ] && [ ! -L "$fr_v" ]; } || fr_j=1
  done
  # shellcheck disable=SC2086  # one word per line is what is wanted
  [ -z "$fr_j" ] || rm -rf -- $fr_trash
  unset IFS
  set +f
}
