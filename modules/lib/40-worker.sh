# fleetrun's sh runtime, part 4: the worker of a detached step.
#
# A sh of its own (setsid: own session and process group) that outlives the
# link. Files of a receipt, all in the run folder (0700), KEY = the step's key:
#   KEY.s   line 1: "<boot_id> <worker pid> <its start>", made with O_EXCL, so
#           it is lock and idempotency key in one; or "void <shell>": never ran
#           line 2, when it is over: "<rc> <kind> <how> <len> <sha256> <len>
#           <sha256> .", line 3: the result's JSON
#   KEY.o KEY.e   stdout and stderr, at most 1 MiB; with .t = tail of 512 KiB
#   KEY.k   the watchdog fired
# Files that all steps of a shell share, so that few must be made: PIPE.f, the
# frame ("<rc> JSON" by the EXIT trap, "run JSON" by fr_exec), PIPE.[ox].n, what
# dd says, PIPE.g, readers were killed, g.<pid>, the step
# that a worker runs.
# Worker, pumps and watchdog ignore TERM, so TERM to the group hits the module's
# processes only. Every process beyond the module's own costs about half a
# millisecond of a small device, so files are read with the builtin `read`.

# fr_exec PROGRAM ARG…: ends a command-like module. The program takes the
# place of the module: its output is the result, its status is rc. Result
# fields and fr_changed must be set before. Its stdin is a_stdin when given.
fr_exec() {
  fr_result
  printf 'run %s\n' "$fr_v" >"$fr__f" || exit 1
  trap - EXIT
  fr__own_locale
  set +u
  fr_has stdin || exec "$@"
  if [ "${a_stdin_add_newline:-true}" = true ]; then
    exec "$@" <<EOT
$a_stdin
EOT
  fi
  printf %s "$a_stdin" | "$@"
  exit "$?"
}

# fr_exec_text INTERPRETER: as fr_exec, for a text in $fr_text. The text goes
# through a pipe on descriptor 9, so it shows in no process list.
fr_exec_text() {
  if [ -r /dev/fd/0 ]; then fr__k=/dev/fd/9; else fr__k=/proc/self/fd/9; fi
  exec 9<<EOT
$fr_text
EOT
  fr_exec "$1" "$fr__k"
}

# The locale that the login or the task's `environment` gives.
fr__own_locale() {
  if [ -n "$fr__lc_set" ]; then LC_ALL=$fr__lc; else unset LC_ALL; fi
}

# fr__begin_worker FOLDER SHELL LC_SET LC: LC_* are the login's own LC_ALL.
fr__begin_worker() {
  trap '' HUP INT TERM
  fr__lc_set=$3 fr__lc=$4 fr__dir=$1 fr__id=$2 fr__boot='' fr__start=0
  { read -r fr__boot </proc/sys/kernel/random/boot_id; } 2>/dev/null
  fr__stat_of "$$"
  # Kept apart: fr__stat_of is asked about other processes, too.
  fr__began=$fr__start
  trap fr__unguard EXIT
  trap 'fr__poked=1' USR1
}

# fr__work NAME TIMEOUT FIFO: runs fr_call; $fr__dirty is 0 when it is over, 93
# over but a process keeps the pipes, 94 no receipt could be made, 95 the key
# was taken.
fr__work() {
  fr__r=$fr__dir/$1 fr__fifo=$3 fr__kind=-
  if [ "$fr__fifo" = - ]; then fr__f=$fr__r.f; else fr__f=$fr__fifo.f; fi
  fr__receipt "$1" || return 0
  fr__dirty=0
  : >"$fr__f"
  fr__on_guard
  fr__start_module
  fr__watchdog=''
  if [ "$2" != 0 ]; then
    fr__watch "$2" &
    fr__watchdog=$!
  fi
  fr__await_module
  [ -z "$fr__watchdog" ] || fr__unwatch
  [ "$fr__fifo" = - ] || fr__drain
  fr__lengths
  fr__read_frame
  # A command may have filled the disk: its output must not cost its status.
  fr__finish || { : >"$fr__r.o"; fr__finish; }
}

# fr__receipt NAME: the receipt; or false and the reason in $fr__dirty. What the
# guard must know has its place on the disk first.
fr__receipt() {
  fr__dirty=94
  printf '%s\n' "$1" >"$fr__dir/g.$$" || return 1
  fr__claim "$fr__boot $$ $fr__began" && return 0
  fr__dirty=95 fr__k=''
  { read -r fr__k fr__v <"$fr__r.s"; } 2>/dev/null
  case $fr__k in
    void) [ "$fr__v" = "$fr__id" ] || return 1 ;;
    '') fr__dirty=94; rm -f -- "$fr__r.s"; return 1 ;;
    *) return 1 ;;
  esac
  fr__dirty=94
  printf '%s\n' "$fr__boot $$ $fr__began" >"$fr__r.s"
}

# How the module ended in $fr__how, the frame's JSON in $fr__json.
fr__read_frame() {
  fr__how=- fr__json='{}'
  { read -r fr__k fr__v; } <"$fr__f" || return 0
  case $fr__k in
    run) fr__how='exec' ;;
    "$fr__rc") fr__how=frame ;;
    *) return 0 ;;
  esac
  fr__json=$fr__v
}
fr__finish() {
  printf '%s\n%s\n' "$fr__rc $fr__kind $fr__how $fr__olen $fr__osha $fr__xlen $fr__xsha ." \
    "$fr__json" >>"$fr__r.s"
}

# The module in a subshell of its own; without pipes its output is not capped.
# A pipe holds 64 KiB, so most modules are over before anybody needs to read; the
# guard tells when one is not. Both ends are opened here: nobody waits for an open.
fr__start_module() {
  if [ "$fr__fifo" = - ]; then
    fr__body >"$fr__r.o" 2>"$fr__r.e" 9>&- &
    fr__module=$!
    return
  fi
  # shellcheck disable=SC2094  # a pipe is what it is
  exec 7<>"$fr__fifo.o" 3<"$fr__fifo.o" 4>"$fr__fifo.o" 7>&-
  # shellcheck disable=SC2094
  exec 7<>"$fr__fifo.x" 5<"$fr__fifo.x" 6>"$fr__fifo.x" 7>&-
  fr__pump_o='' fr__poked=''
  # exec, since a shell keeps copies of what a redirected function is to close.
  { exec >&4 2>&6 3<&- 4>&- 5<&- 6>&- 9>&-; fr__body; } &
  fr__module=$!
  exec 4>&- 6>&-
  printf '%s\n' "$fr__module" "$fr__fifo" >>"$fr__dir/g.$$"
}
# A wait that was broken off by the guard has a status above 128, too.
fr__await_module() {
  while wait "$fr__module"; fr__rc=$?; [ -n "$fr__poked" ] && [ "$fr__rc" -gt 128 ]; do
    fr__poked=''
    fr__pumps
  done
}
fr__pumps() {
  if [ -n "$fr__pump_o" ] || [ "$fr__fifo" = - ]; then return; fi
  { exec <&3 3<&- 5<&- 9>&-; fr__pump "$fr__fifo.o" "$fr__r.o"; } &
  fr__pump_o=$!
  { exec <&5 3<&- 5<&- 9>&-; fr__pump "$fr__fifo.x" "$fr__r.e"; } &
  fr__pump_x=$!
  printf '%s\n' "$fr__pump_o" "$fr__pump_x" >>"$fr__dir/g.$$"
}
fr__body() {
  trap - HUP INT TERM
  trap fr__body_end EXIT
  set -u
  fr_call
}
fr__body_end() {
  fr__rc=$?
  set +eu
  fr_clean
  fr_result
  printf '%s %s\n' "$fr__rc" "$fr_v" >"$fr__f"
  exit "$fr__rc"
}

# fr__pump FIFO FILE: keeps at most 1 MiB of what comes. dd writes each block at
# once, so it can be killed without loss when a background process keeps the
# pipe open; it stops after 128 reads, short ones too.
fr__pump() {
  [ ! -e "$1.p" ] || : >"$1.p"
  fr__n=0
  dd bs=4096 count=128 >"$2" 2>"$1.n" || { fr__no_room "$?" "$1" "$2"; return; }
  fr__is_all "$1.n" && return
  while [ "$fr__n" -le 524288 ]; do
    dd bs=4096 count=128 >>"$2" 2>"$1.n" || { fr__no_room "$?" "$1" "$2"; return; }
    # What dd says now is not the whole length.
    fr__is_all "$1.n" && { printf '%s bytes\n' "$fr__n" >"$1.n"; return; }
  done
  : >"$1.n"
  fr__overflow "$1" "$2"
}
# True when dd came to the end; its bytes are added to $fr__n.
fr__is_all() {
  fr__dd "$1"
  fr__n=$((fr__n + ${fr__len:-524288}))
  [ "$fr__reads" -lt 128 ]
}
# What dd said: "<full>+<short> records in", "<n> bytes copied, …", in any
# place, since GNU's warns of short reads.
fr__dd() {
  fr__reads=128 fr__len=''
  while read -r fr__v fr__k fr__j; do
    case "$fr__k $fr__j" in
      'records in') fr__reads=$((${fr__v%+*} + ${fr__v#*+})) ;;
      byte*) fr__len=$fr__v ;;
    esac
  done 2>/dev/null <"$1"
}
# dd failed: there is none, or the disk is full. The command must not feel it.
fr__no_room() {
  : >"$2.n"
  [ "$1" -le 128 ] || return 0
  if [ "$1" = 127 ]; then cat >"$3"; fi
  cat >/dev/null
}

# fr__overflow FIFO FILE: the rest; keeps its last 512 KiB, counts and
# hashes the whole.
fr__overflow() {
  # Until the reader is known, and after it, there is none to be killed.
  printf '0\n' >"$1.p"
  mkfifo "$2.c" "$2.h" || { : >"$1.p"; cat >/dev/null; return; }
  wc -c <"$2.c" >"$2.len" &
  fr_sha256 "$2.h" >"$2.sha" &
  {
    cat "$2"
    fr__reader_is_me "$1.p"
    exec cat
  } | tee "$2.c" "$2.h" | tail -c 524288 >"$2.t"
  wait
  printf '0\n' >"$1.p"
  rm -f -- "$2.c" "$2.h"
  read -r fr__v <"$2.len"
  if [ "$fr__v" -le 1048576 ]; then
    tail -c $((fr__v - fr__n)) "$2.t" >>"$2"
    rm -f -- "$2.t" "$2.len" "$2.sha"
  fi
}
fr__reader_is_me() {
  read -r fr__v fr__k </proc/self/stat
  printf '%s\n' "$fr__v" >"$1"
}

# The module has ended; reads what it wrote. Only a background process that keeps
# a pipe can hold that up: the guard ends it.
fr__drain() {
  if [ -n "$fr__pump_o" ]; then
    wait "$fr__pump_o"
    wait "$fr__pump_x"
  else
    { fr__pump "$fr__fifo.o" "$fr__r.o"; } <&3
    fr__take_x
  fi
  exec 3<&- 5<&-
  [ ! -e "$fr__fifo.g" ] || fr__dirty=93
}
# Stderr is short when it comes to this, and mostly empty: no process is needed.
# NULs in it are lost.
fr__take_x() {
  fr__t=''
  while IFS= read -r fr__v <&5; do
    case $fr__v in
      "$fr__id.guard.$fr__module") fr__v='' fr__t=${fr__t%"$fr_nl"}; break ;;
      # Meant for the step before, and just too late.
      "$fr__id.guard."*) fr__t=${fr__t%"$fr_nl"} ;;
      *) fr__t=$fr__t$fr__v$fr_nl ;;
    esac
    fr__v=''
  done
  fr__t=$fr__t$fr__v
  [ -z "$fr__t" ] || printf %s "$fr__t" >"$fr__r.e"
}
# Looks now and then: has a step that takes long read out while it runs, and
# kills readers that go on waiting when it is over. It lives from a batch's first
# step to its end, since one for each step would cost a process.
fr__guard() {
  trap - HUP INT TERM
  fr__stat_of self
  fr__me=${fr__v%% *} fr__j='' fr__c=0 fr__poked='' fr__module=''
  while fr__stat_of self && [ "$fr__ppid" = "$$" ]; do
    fr__c=$((fr__c + 1)) fr__x=''
    if [ "$fr__c" -lt 20 ]; then sleep 0.2 || sleep 1; else sleep 0.5 || sleep 1; fi
    fr__look_at_step || continue
    if [ "$fr__x" != "$fr__j" ]; then
      fr__j=$fr__x
    elif fr__stat_of "$fr__x" && [ "$fr__ppid" = "$$" ]; then
      # Once: it is a race with the module's own end.
      [ "$fr__poked" = "$fr__x" ] || kill -USR1 "$$"
      fr__poked=$fr__x
    else
      fr__j=
      fr__free
    fi
  done
}
# The step that runs: its module's pid in $fr__x, its pipes, its pumps if it has
# them. False when there is none.
fr__look_at_step() {
  fr__pump_o='' fr__pump_x=''
  {
    read -r fr__p && read -r fr__x && read -r fr__fifo || return 1
    read -r fr__pump_o
    read -r fr__pump_x
  } <"$fr__dir/g.$$"
  ! { read -r fr__k && read -r fr__k; } <"$fr__dir/$fr__p.s"
}
# Frees the worker: a reader that sleeps has emptied its pipe.
fr__free() {
  if [ -n "$fr__pump_o" ]; then
    fr__free_pump "$fr__pump_o" o
    fr__free_pump "$fr__pump_x" x
    return
  fi
  fr__free_pump "$$" o
  # The end of stderr is awaited by the worker itself.
  : >"$fr__fifo.g"
  printf '\n%s.guard.%s\n' "$fr__id" "$fr__x" >"$fr__fifo.x"
}
fr__free_pump() {
  fr__reader "$1" "$fr__fifo.$2" && fr__stat_of "$fr__reader" && [ "$fr__st" = S ] || return 0
  : >"$fr__fifo.g"
  kill -9 "$fr__reader"
}
fr__on_guard() {
  [ -z "${fr__guarded:-}" ] || return 0
  { exec 9>&-; fr__guard; } &
  fr__guarded=$!
}
fr__unguard() {
  [ -n "${fr__guarded:-}" ] || return 0
  kill -9 "$fr__guarded"
  wait "$fr__guarded"
  fr__guarded=''
} 2>/dev/null
# The process that reads the pipe: as noted by fr__overflow, else the only
# child of the pump; false when there is none just now.
fr__reader() {
  fr__reader=''
  { read -r fr__reader <"$2.p"; } 2>/dev/null
  [ -z "$fr__reader" ] || return 0
  for fr__k in /proc/[0-9]*; do
    fr__p=${fr__k#/proc/}
    if fr__stat_of "$fr__p" && [ "$fr__ppid" = "$1" ]; then
      case " $fr__me $fr__module " in *" $fr__p "*) continue ;; esac
      fr__reader=$fr__p
      return 0
    fi
  done
  return 1
}

# Length of both outputs where it is known; with sha256 where they were cut.
fr__lengths() {
  fr__osha=- fr__xsha=- fr__olen=- fr__xlen=-
  [ "$fr__fifo" != - ] || return 0
  fr__length "$fr__r.o" "$fr__fifo.o.n"
  fr__olen=$fr__len fr__osha=$fr__sha fr__xlen=${#fr__t}
  [ -n "$fr__pump_o" ] || return 0
  fr__length "$fr__r.e" "$fr__fifo.x.n"
  fr__xlen=$fr__len fr__xsha=$fr__sha
}
fr__length() {
  fr__len=- fr__sha=-
  if [ -e "$1.t" ]; then
    read -r fr__len <"$1.len"
    read -r fr__sha <"$1.sha"
  else
    fr__dd "$2"
    fr__len=${fr__len:--}
  fi
}

# fr__watch SECONDS: TERM to the module's processes, KILL after 5 s.
fr__watch() {
  fr__sleep='' fr__stop=''
  trap 'fr__stop=1; [ -z "$fr__sleep" ] || { kill -9 "$fr__sleep"; exit 0; }' USR2
  sleep "$1" &
  fr__sleep=$!
  [ -z "$fr__stop" ] || { kill -9 "$fr__sleep"; exit 0; }
  wait "$fr__sleep" || { sleep "$((${1%.*} + 1))" & fr__sleep=$!; wait "$fr__sleep"; }
  trap '' USR2
  printf 'timeout\n' >"$fr__r.k"
  fr__signal TERM
  fr__n=0
  while [ "$fr__n" -lt 50 ] && fr__others; do
    sleep 0.1 || { sleep 1; fr__n=$((fr__n + 9)); }
    fr__n=$((fr__n + 1))
  done
  while fr__others; do
    fr__signal KILL
    sleep 0.1 || sleep 1
  done
}
# Not USR1, the worker's own: bash loses it in a child that is only just there.
fr__unwatch() {
  [ -e "$fr__r.k" ] || kill -USR2 "$fr__watchdog" 2>/dev/null
  fr__poked=''
  while wait "$fr__watchdog"; [ -n "$fr__poked" ]; do fr__poked=''; done
  [ ! -e "$fr__r.k" ] || [ "$fr__rc" = 0 ] || fr__kind=timeout
}
fr__signal() {
  fr__others || return 0
  # shellcheck disable=SC2086  # a list of pids
  kill -"$1" $fr__pids 2>/dev/null
}
# The module's live processes in $fr__pids: our group (without setsid: whatever
# descends from the module) less worker, pumps, watchdog and their children.
fr__others() {
  fr__look_at_step
  fr__pids='' fr__keep=" $$ $fr__guarded $fr__pump_o $fr__pump_x"
  fr__stat_of self && fr__me=${fr__v%% *}
  fr__family=" $fr__module "
  # Twice: a child may be listed before its parent.
  for fr__k in /proc/[0-9]* /proc/[0-9]*; do
    fr__p=${fr__k#/proc/}
    fr__stat_of "$fr__p" || continue
    case "$fr__keep $fr__me $fr__pids " in *" $fr__p "*) continue ;; esac
    case " $fr__pump_o $fr__pump_x $fr__me $fr__guarded " in *" $fr__ppid "*) continue ;; esac
    [ "$fr__st" != Z ] || continue
    case $fr__family in
      *" $fr__p "*) ;;
      *" $fr__ppid "*) fr__family="$fr__family$fr__p " ;;
      *) [ "$fr__pgrp" = "$$" ] || continue ;;
    esac
    fr__pids="$fr__pids $fr__p"
  done
  [ -n "$fr__pids" ]
}
