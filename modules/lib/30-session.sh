# fleetrun's sh runtime, part 3: the persistent shell.
#
# It reads programs from stdin and answers on stdout. Every control line is
# "\n<nonce> <letter> …\n"; what stands between control lines is output.
#   r JSON            ready                    n SEQ          not run
#   f RC JSON         frame of a module        e SEQ STATUS   step over
#   o / x             stdout / stderr of a detached step follows
#   t                 its tail follows (the middle was dropped)
#   d SEQ RC KIND HOW OLEN OSHA XLEN XSHA JSON   detached step over
#   i SEQ             detached step was interrupted, its end is not known
#   v SEQ             settle: certainly not started, and now it never will be
#   g                 goodbye: another shell of this run took over
# Subshell statuses 97 and 96 mean "the EXIT trap printed a frame" (worked,
# failed); anything else means that no trap ran: exec, a kill, a syntax error.
# Session variables: fr__nonce (secret of this shell), fr__id (public name of it),
# fr__tag (identity), fr__folder (<run>.<device>), fr__dir, fr__boot, fr_lib.

fr__say() { printf '\n%s %s\n' "$fr__nonce" "$1"; }

# fr__open: finds the run folder, takes it over and says ready.
fr__open() {
  # Parsing needs it, and tools start faster; fr_exec gives commands theirs back.
  fr__lc_set=${LC_ALL+1} fr__lc=${LC_ALL-}
  case $fr__lc in *[!A-Za-z0-9_.@-]*) fr__lc=C ;; esac
  LC_ALL=C
  export LC_ALL
  fr__boot='' fr__dir='' fr__halt='' fr__fifo='' fr__fifo_n=0 fr__served=''
  { read -r fr__boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
  fr__uid_
  cd "${HOME:-/}" 2>/dev/null || cd /
  fr__find_dir
  [ -z "$fr__dir" ] || printf '%s\n' "$fr__id" >"$fr__dir/epoch.$fr__tag"
  fr__tools=''
  for fr__v in setsid dd mkfifo stat sha256sum openssl mktemp base64 readlink awk systemctl; do
    ! command -v "$fr__v" >/dev/null 2>&1 || fr__tools="$fr__tools,\"$fr__v\""
  done
  fr_json "$fr__boot"; fr__v="{\"boot_id\":$fr_j"
  fr_json "${HOME:-}"; fr__v="$fr__v,\"home\":$fr_j"
  fr_json "$fr__dir"; fr__v="$fr__v,\"folder\":$fr_j"
  fr__k=0
  { read -r fr__k fr__x </proc/uptime; } 2>/dev/null
  fr__v="$fr__v,\"uptime\":${fr__k:-0}"
  fr__say "r $fr__v,\"uid\":${fr__uid:-0},\"tools\":[${fr__tools#,}]}"
}

# The effective user id in $fr__uid, without a process when /proc is there.
fr__uid_() {
  fr__uid=''
  while read -r fr__k fr__v fr__uid fr_j; do
    [ "$fr__k" != Uid: ] || return 0
  done 2>/dev/null </proc/self/status
  fr__uid=$(id -u)
}

# $fr__dir: the run folder, private to us. One that exists comes first: a shell
# that came when HOME was full put it elsewhere, and the receipts are there.
fr__find_dir() {
  for fr__base in "/var/tmp/fleetrun-$fr__uid" "/tmp/fleetrun-$fr__uid" "${HOME:-/}/.fleetrun"; do
    ! fr__is_ours "$fr__base" || return 0
  done
  for fr__base in "${HOME:-/}/.fleetrun" "/var/tmp/fleetrun-$fr__uid" "/tmp/fleetrun-$fr__uid"; do
    # A link or somebody else's folder in its place is left alone.
    if [ -L "$fr__base" ]; then continue; fi
    if [ -e "$fr__base" ] && [ ! -O "$fr__base" ]; then continue; fi
    mkdir -m 700 "$fr__base" "$fr__base/r" "$fr__base/r/$fr__folder" 2>/dev/null
    ! fr__is_ours "$fr__base" || return 0
  done
}
fr__is_ours() {
  for fr__v in "$1" "$1/r" "$1/r/$fr__folder"; do
    [ -d "$fr__v" ] && [ ! -L "$fr__v" ] && [ -O "$fr__v" ] && [ -w "$fr__v" ] || return 1
  done
  fr__dir=$fr__v
}

# True while no other shell of this run and identity took over.
fr__is_newest() {
  [ -n "$fr__dir" ] || return 0
  { read -r fr__v <"$fr__dir/epoch.$fr__tag"; } 2>/dev/null || return 0
  [ "$fr__v" = "$fr__id" ]
}

# fr__go SEQ GROUP: true when the step may run.
fr__go() {
  case $fr__halt in
    '' | "$2") ;;
    *) fr__say "n $1"; return 1 ;;
  esac
  fr__is_newest && return 0
  fr__say g
  exit 0
}

# fr__failed POLICY GROUP: what a failure does to the rest of the batch.
fr__failed() {
  case $1 in
    go) ;;
    defer) fr__halt=$2 ;;
    *) fr__halt=all ;;
  esac
}

# fr__define NAME [GUARD]: makes the program text $fr_t_NAME the function
# fr_m_NAME. With GUARD=1 (a user's module) a text that does not parse becomes
# a module that fails, instead of the end of this shell.
fr__define() {
  eval "fr__t=\$fr_t_$1"
  if [ "${2:-}" = 1 ] && ! fr__v=$(eval "fr__x() {$fr_nl$fr__t$fr_nl}" 2>&1); then
    eval "fr__why_$1=\$fr__v"
    fr__t="fr_fail \"the module is no sh program: \$fr__why_$1\" module/bad-output"
  fi
  eval "fr_m_$1() {$fr_nl$fr__t$fr_nl}"
}

# fr__step SEQ POLICY GROUP: runs fr_call in a subshell.
fr__step() {
  (trap fr__frame EXIT; set -u; fr_call) </dev/null 2>&1 8>&- 9<&-
  fr__v=$?
  fr__say "e $1 $fr__v"
  [ "$fr__v" = 97 ] || fr__failed "$2" "$3"
}
fr__frame() {
  fr__rc=$?
  set +eu
  fr_clean
  fr_result
  fr__say "f $fr__rc $fr_v"
  [ "$fr__rc" = 0 ] && exit 97
  exit 96
}

# fr__detach SEQ POLICY GROUP NAME TIMEOUT MODULE: runs $fr_src under a receipt.
fr__detach() {
  fr__r=$fr__dir/$4 fr__worked=0
  if [ -z "$fr__dir" ] || ! fr__worker "$4" "$5" "$6"; then
    fr__say "d $1 1 no-receipt - - - - - {}"
  else
    fr__attach "$1" "$fr__status"
  fi
  [ "$fr__worked" = 1 ] || fr__failed "$2" "$3"
}

# fr__worker NAME TIMEOUT MODULE: has a worker (40-worker.sh) run $fr_src and
# waits for it; its status in $fr__status. False when nothing was started.
# One worker serves all steps of this shell, since to start a sh costs more
# than most commands; a step with a timeout gets its own, whose process group
# can be killed. Program and arguments go through pipes, argv has names only.
fr__worker() {
  fr__status=0
  if [ -e "$fr__r.s" ]; then
    { read -r fr__k fr__v <"$fr__r.s"; } 2>/dev/null
    [ "$fr__k $fr__v" = "void $fr__id" ] || return 0
  fi
  eval "fr__t=\$fr_t_$3"
  [ -n "$fr__fifo" ] || fr__new_fifos
  if [ "$2" = 0 ] && fr__serve; then
    fr__order "$1" "$3"
    if ! read -r fr__status <&9; then
      fr__served=''
      wait "$fr__server"
      fr__status=$?
      [ "$fr__status" != 0 ] || fr__status=137
    fi
  else
    fr__worker_of_its_own "$@"
  fi
  case $fr__status in
    0) ;;
    94) return 1 ;;
    *) fr__fifo='' ;;
  esac
  return 0
}

# Starts the worker: fr__order writes to descriptor 8, its statuses come on 9.
fr__serve() {
  [ -z "$fr__served" ] || return 0
  [ "$fr__fifo" != - ] || return 1
  fr__v=$fr__fifo
  $fr__setsid sh -s -- "$fr__dir" "$fr__id" "$fr__lc_set" "$fr__lc" <"$fr__v.i" >"$fr__v.s" &
  fr__server=$!
  exec 8>"$fr__v.i" 9<"$fr__v.s"
  fr__served=' '
  # shellcheck disable=SC2016  # it is the worker that expands this
  printf '%s\n' "$fr_lib" '{ exec 9>&1 >/dev/null; fr__begin_worker "$1" "$2" "$3" "$4"; }' >&8
}
fr__order() {
  trap '' PIPE
  case $fr__served in
    *" $2 "*) ;;
    *) printf '%s\n' "fr_m_$2() {" "$fr__t" '}' >&8; fr__served="$fr__served$2 " ;;
  esac
  printf '%s\n' 'fr_call() {' "$fr_src" '}' "{ fr__work $1 0 $fr__fifo 2>/dev/null; printf '%s\\n' \"\$fr__dirty\" >&9; }" >&8
  trap - PIPE
}
# The end of a batch.
fr__rest() {
  [ -n "$fr__served" ] || return 0
  trap '' PIPE
  printf '%s\n' fr__unguard >&8
  trap - PIPE
}
fr__worker_of_its_own() {
  fr__spawn "$fr__dir" "$1" "$2" "$fr__fifo" "$3"
  wait "$!"
  fr__status=$?
}
# fr__spawn FOLDER NAME TIMEOUT FIFO MODULE
fr__spawn() {
  $fr__setsid sh -s -- "$1" "$fr__id" "$fr__lc_set" "$fr__lc" "$2" "$3" "$4" <<EOT &
$fr_lib
fr_m_$5() {
$fr__t
}
fr_call() {
$fr_src
}
{ exec >/dev/null 2>&1 8>&- 9<&-; fr__begin_worker "\$@"; fr__work "\$5" "\$6" "\$7"; exit "\$fr__dirty"; }
EOT
}
# fr__launch SEQ POLICY GROUP NAME TIMEOUT MODULE: starts $fr_src as a job that
# outlives the run; its receipt is beside the run's folder, and stays.
fr__launch() {
  fr__r=$fr__dir.a/$4
  if [ -n "$fr__dir" ] && fr__start_job "$4" "$5" "$6"; then
    fr__say_job "$1" "$4"
  else
    fr__say "d $1 1 no-receipt - - - - - {}"
    fr__failed "$2" "$3"
  fi
}
fr__start_job() {
  mkdir -m 700 "$fr__dir.a" 2>/dev/null
  fr__v=$fr__r.p
  mkfifo -m 600 "$fr__v.o" "$fr__v.x" 2>/dev/null || fr__v=-
  eval "fr__t=\$fr_t_$3"
  fr__spawn "$fr__dir.a" "$1" "$2" "$fr__v" "$3"
  while ! fr__is_claimed; do
    kill -0 "$!" 2>/dev/null || { fr__is_claimed; return; }
    sleep 0.05 2>/dev/null || sleep 1
  done
}
fr__is_claimed() {
  { read -r fr__k fr__v <"$fr__r.s"; } 2>/dev/null && [ "$fr__k" != void ]
}
fr__say_job() {
  fr__say o
  fr__say x
  fr_json "$fr__r.s"
  fr__say "d $1 0 - frame 0 - 0 - {\"changed\":true,\"ansible_job_id\":\"${fr__dir##*/}.a:$2\",\"started\":true,\"finished\":false,\"results_file\":$fr_j}"
}
if command -v setsid >/dev/null 2>&1; then fr__setsid=setsid; else fr__setsid=''; fi

# Pipes for output, used again until a background process keeps one open; the
# first pair comes with the worker's own.
fr__new_fifos() {
  fr__fifo_n=$((fr__fifo_n + 1))
  fr__fifo=$fr__dir/p.$fr__id.$fr__fifo_n
  set -- "$fr__fifo.o" "$fr__fifo.x"
  [ -n "$fr__served" ] || set -- "$@" "$fr__fifo.i" "$fr__fifo.s"
  mkfifo -m 600 "$@" 2>/dev/null || fr__fifo=-
}

# fr__attach SEQ STATUS: waits for the receipt's end and sends the result.
# STATUS is that of our own worker, for when it was killed.
fr__attach() {
  fr__worked=0 fr__nap=0.1
  until fr__has_result; do
    if ! fr__is_running; then
      # A worker that only just claims its key has not written its name yet.
      sleep 0.2 2>/dev/null || sleep 1
      if fr__has_result || fr__is_running; then continue; fi
      if [ "$2" != 0 ] && [ "$2" != 95 ]; then
        fr__say "d $1 $2 worker - - - - - {}"
      else
        fr__say "i $1"
        fr__halt=all
      fi
      return
    fi
    sleep "$fr__nap" 2>/dev/null || sleep 1
    fr__nap=0.5
  done
  fr__send "$1"
}

# True when the receipt has its end; its words in fr__x*, the frame's JSON in
# $fr__json.
fr__has_result() {
  fr__dot='' fr__json=''
  {
    read -r fr__v && read -r fr__xrc fr__xkind fr__how fr__xo fr__xos fr__xx fr__xxs fr__dot &&
      [ "$fr__dot" = . ] && read -r fr__json
  } 2>/dev/null <"$fr__r.s"
}

# True when the receipt's worker lives.
fr__is_running() {
  { read -r fr__k fr__p fr__b <"$fr__r.s"; } 2>/dev/null || return 1
  [ "$fr__k" = "$fr__boot" ] && fr__stat_of "$fr__p" && [ "$fr__st" != Z ] && [ "$fr__start" = "$fr__b" ]
}

# fr__stat_of PID: state, parent, group and start of a process; false when gone.
fr__stat_of() {
  { read -r fr__v <"/proc/$1/stat"; } 2>/dev/null || return 1
  # shellcheck disable=SC2086  # the columns are wanted; the name may hold ")"
  fr__stat_words ${fr__v##*) }
}
fr__stat_words() {
  fr__st=$1 fr__ppid=$2 fr__pgrp=$3
  shift 19
  fr__start=$1
}

# fr__send SEQ: output and result of a finished receipt.
fr__send() {
  [ "$fr__xrc" != 0 ] || [ "$fr__how" = - ] || fr__worked=1
  fr__send_file o "$fr__r.o" "$fr__xo"
  fr__send_file x "$fr__r.e" "$fr__xx"
  fr__say "d $1 $fr__xrc $fr__xkind $fr__how $fr__xo $fr__xos $fr__xx $fr__xxs $fr__json"
}

# fr__send_file LETTER FILE LENGTH: a short text without NULs needs no process.
fr__send_file() {
  fr__say "$1"
  case $3 in
    0) return ;;
    [1-9] | [1-9]? | [1-9]??) fr__send_text "$2" "$3" && return ;;
  esac
  if [ -e "$2.t" ]; then
    head -c 524288 <"$2"
    fr__say t
    cat "$2.t"
  elif [ -s "$2" ]; then
    cat "$2"
  fi
}
fr__send_text() {
  fr__t='' fr__v=''
  while IFS= read -r fr__v; do fr__t=$fr__t$fr__v$fr_nl; done 2>/dev/null <"$1"
  fr__t=$fr__t$fr__v
  [ ${#fr__t} = "$2" ] && printf %s "$fr__t"
}

# fr__settle SEQ NAME [.a]: what became of a step that an earlier shell was sent;
# of a job only whether it was started.
fr__settle() {
  fr__r=$fr__dir${3:-}/$2 fr__k=void
  if [ -z "$fr__dir" ]; then
    fr__say "i $1"
    return
  fi
  [ -z "${3:-}" ] || mkdir -m 700 "$fr__dir$3" 2>/dev/null
  { read -r fr__k fr__v <"$fr__r.s"; } 2>/dev/null || [ -e "$fr__r.s" ] || fr__k=none
  case $fr__k in
    none) fr__claim "void $fr__id" && { fr__say "v $1"; return; } ;;
    # The epoch is ours, so nobody else may write over it.
    void) printf 'void %s\n' "$fr__id" >"$fr__r.s" && { fr__say "v $1"; return; } ;;
  esac
  if [ -n "${3:-}" ]; then fr__say_job "$1" "$2"; else fr__attach "$1" 0; fi
}

# fr__claim TEXT: makes the receipt $fr__r.s unless it exists; the lock of a step.
fr__claim() {
  set -C
  { printf '%s\n' "$1" >"$fr__r.s"; } 2>/dev/null
  fr__v=$?
  set +C
  return "$fr__v"
}

# fr__forget NAME…: receipts that the controller's journal made superfluous.
fr__forget() {
  for fr__v; do
    set -- "$@" "$fr__dir/$fr__v".*
    shift
  done
  [ -z "$fr__dir" ] || rm -f -- "$@"
}

# fr__close WHOLE: ends the shell; sweeps folders of runs a week old, and with
# WHOLE=1 this run's too.
fr__close() {
  [ -n "$fr__dir" ] || exit 0
  fr__is_newest || exit 0
  if [ "$1" = 1 ]; then rm -rf -- "$fr__dir"; fi
  # Once a day of the runs' own calendar: their names begin with month and day.
  fr__v=$fr__base/r/swept.${fr__folder%%-*}
  { [ ! -e "$fr__v" ] && : >"$fr__v"; } 2>/dev/null || exit 0
  (find "$fr__base/r" ! -name r -prune -mtime +7 -exec rm -rf {} + &) </dev/null >/dev/null 2>&1
  exit 0
}
