# fleetrun's sh runtime, part 2b: what the modules of modules/files share.
# One `stat` tells a path's attributes; everything else is builtins.

# fr_path PATH: the path with a leading ~ replaced, without slashes at its end,
# and safe as a tool's argument (never starts with "-"); in $fr_v.
fr_path() {
  fr_v=$1
  case $fr_v in
    \~ | \~/*) fr_v=${HOME:-/}${fr_v#?} ;;
    -*) fr_v=./$fr_v ;;
  esac
  while :; do
    case $fr_v in ?*/) fr_v=${fr_v%/} ;; *) break ;; esac
  done
}

# fr_real PATH: the path with all links followed, in $fr_v.
fr_real() {
  fr_v=$(readlink -f -- "$1" && printf x) && fr_v=${fr_v%"$fr_nl"x} && return
  fr_fail "cannot follow the link $1"
}

# fr_kind PATH: absent, link, directory or file, in $fr_kind. Nothing is run.
fr_kind() {
  if [ -L "$1" ]; then fr_kind='link'
  elif [ -d "$1" ]; then fr_kind=directory
  elif [ -e "$1" ]; then fr_kind='file'
  else fr_kind=absent
  fi
}

# fr_look PATH: sets fr_mode (0644), fr_uid, fr_gid, fr_owner, fr_group,
# fr_size, fr_inode (device:number) and fr_links of the path itself; status 1
# when it does not exist.
fr_look() {
  if fr_v=$(stat -c '%a %u %g %s %d:%i %h %U %G' -- "$1" 2>/dev/null); then
    fr_mode=${fr_v%% *} fr_v=${fr_v#* }
    case ${#fr_mode} in 1) fr_mode=000$fr_mode ;; 2) fr_mode=00$fr_mode ;; 3) fr_mode=0$fr_mode ;; esac
    fr_uid=${fr_v%% *} fr_v=${fr_v#* }
    fr_gid=${fr_v%% *} fr_v=${fr_v#* }
    fr_size=${fr_v%% *} fr_v=${fr_v#* }
    fr_inode=${fr_v%% *} fr_v=${fr_v#* }
    fr_links=${fr_v%% *} fr_v=${fr_v#* }
    fr_owner=${fr_v%% *} fr_group=${fr_v#* }
    return 0
  fi
  fr_stat "$1" || return 1
  # No stat(1): the columns of ls tell the rest.
  # shellcheck disable=SC2046,SC2012  # the columns are wanted
  fr_look_columns $(LC_ALL=C ls -ldin -- "$1" | head -n 1)
}
fr_look_columns() { fr_inode=0:$1 fr_links=$3 fr_size=$6; }

# fr_attrs PATH: as fr_apply_attrs, but runs nothing when the attributes that
# fr_look found are the wanted ones; looks again after a change.
fr_attrs() {
  case ${a_mode:-} in
    '' | "$fr_mode")
      case ${a_owner:-} in
        '' | "$fr_owner" | "$fr_uid")
          case ${a_group:-} in '' | "$fr_group" | "$fr_gid") return 0 ;; esac
          ;;
      esac
      ;;
  esac
  if [ -z "$fr_d_bh" ]; then
    fr_apply_attrs "$1"
  else
    # A diff of contents stays one: attributes do not belong between its lines.
    fr_keep_before=$fr_d_before fr_keep_after=$fr_d_after
    fr_apply_attrs "$1"
    fr_d_before=$fr_keep_before fr_d_after=$fr_keep_after
  fi
  fr_is_check || fr_look "$1"
}

# Puts what fr_look found, and the kind of the path as `state`.
fr_put_look() {
  fr_put mode "$fr_mode"
  fr_put owner "$fr_owner"
  fr_put group "$fr_group"
  fr_put_int uid "$fr_uid"
  fr_put_int gid "$fr_gid"
  fr_put_int size "$fr_size"
  [ "$fr_kind" != file ] || [ "$fr_links" = 1 ] || fr_kind=hard
  fr_put state "$fr_kind"
}

# fr_validate FILE COMMAND: runs the operator's COMMAND with %s as FILE; fails
# the module when it does not succeed. No COMMAND, no check.
fr_validate() {
  [ -n "$2" ] || return 0
  case $2 in *%s*) ;; *) fr_fail "validate must contain %s: $2" module/bad-arguments ;; esac
  # A plain path may stand inside the operator's own quotes; any other is
  # handed over as a parameter.
  case $1 in *[!A-Za-z0-9/._-]*) fr_word=\"\$1\" ;; *) fr_word=$1 ;; esac
  fr_rest=$2 fr_line=''
  while :; do
    case $fr_rest in *%s*) ;; *) break ;; esac
    fr_line=$fr_line${fr_rest%%\%s*}$fr_word
    fr_rest=${fr_rest#*%s}
  done
  fr_v=$(sh -c "$fr_line$fr_rest" sh "$1" 2>&1) && return
  fr_k=$? fr_is_changed=false
  fr_put_int exit_status "$fr_k"
  fr_fail "failed to validate: rc:$fr_k error:$fr_v"
}
