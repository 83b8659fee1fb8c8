# useradd and its like where they are; else the files themselves are edited.
# Passwords and passphrases go through stdin, never through an argument.

# The line of KEY in passwd or group, by the name service or the file, in $fr_v.
fr_entry() {
  if [ "$a_local" = false ] && command -v getent >/dev/null 2>&1; then
    fr_v=$(getent "$1" "$2" 2>/dev/null)
    # A number may be an id.
    case $fr_v in "$2:"* | *:*:"$2":*) return 0 ;; esac
    return 1
  fi
  while IFS= read -r fr_v || [ -n "$fr_v" ]; do
    case $fr_v in "$2:"*) return 0 ;; esac
    case $1$fr_v in group*:*:"$2":*) return 0 ;; esac
  done <"/etc/$1"
  return 1
}
fr_run() { fr_v=$("$@" 2>&1) || fr_fail "${fr_v:-$1 failed}"; }
# fr_field LINE N: in $fr_v.
fr_field() {
  fr_v=$1: fr_n=$2
  while [ "$fr_n" -gt 1 ]; do fr_v=${fr_v#*:} fr_n=$((fr_n - 1)); done
  fr_v=${fr_v%%:*}
}
# fr_with N VALUE: $fr_line with field N replaced.
fr_with() {
  fr_h='' fr_t=$fr_line: fr_n=$1
  while [ "$fr_n" -gt 1 ]; do fr_h=$fr_h${fr_t%%:*}: fr_t=${fr_t#*:} fr_n=$((fr_n - 1)); done
  fr_line=$fr_h$2:${fr_t#*:} fr_line=${fr_line%:}
}
# fr_set_line FILE NAME LINE: puts LINE in place of NAME's own ('' removes it).
fr_set_line() {
  fr_new=$(fr_tmp /etc) || fr_fail 'cannot write in /etc'
  fr_later "$fr_new"
  fr_found=''
  while IFS= read -r fr_l || [ -n "$fr_l" ]; do
    case $fr_l in
      "$2:"*) [ -z "$3" ] || printf '%s\n' "$3"; fr_found=1 ;;
      *) printf '%s\n' "$fr_l" ;;
    esac
  done <"$1" >"$fr_new" || fr_fail "cannot write $fr_new"
  [ -n "$fr_found" ] || [ -z "$3" ] || printf '%s\n' "$3" >>"$fr_new" || fr_fail "cannot write $fr_new"
  fr_install_file "$fr_new" "$1"
}

# -- what is there ---------------------------------------------------------------------
fr_look_up() {
  fr_there=false fr_uid0='' fr_gid0='' fr_gecos='' fr_home='' fr_shell='' fr_shadow=''
  fr_entry passwd "$a_name" || return 0
  case $fr_v in "$a_name:"*) ;; *) return 0 ;; esac
  fr_there=true fr_pw=$fr_v
  fr_field "$fr_pw" 3; fr_uid0=$fr_v
  fr_field "$fr_pw" 4; fr_gid0=$fr_v
  fr_field "$fr_pw" 5; fr_gecos=$fr_v
  fr_field "$fr_pw" 6; fr_home=$fr_v
  fr_field "$fr_pw" 7; fr_shell=$fr_v
  while IFS= read -r fr_v; do
    case $fr_v in "$a_name:"*) fr_shadow=$fr_v ;; esac
  done 2>/dev/null </etc/shadow
  fr_field "${fr_shadow:-$fr_pw}" 2; fr_hash=$fr_v
}
# The groups that list the user, but for the primary one, as " a b ".
fr_memberships() {
  fr_in=' '
  while IFS=: read -r fr_k fr_n fr_l fr_v; do
    case ,$fr_v, in *",$a_name,"*) [ "$fr_l" = "$fr_gid0" ] || fr_in="$fr_in$fr_k " ;; esac
  done </etc/group
}
# The wanted groups by name, as " a b " and "a,b".
fr_wanted_groups() {
  fr_want=' ' fr_list='' fr_i=1
  while [ "$fr_i" -le "${a_groups_n:-0}" ]; do
    fr_item groups "$fr_i"
    fr_i=$((fr_i + 1))
    [ -n "$fr_v" ] || continue
    fr_list=$fr_list${fr_list:+,}$fr_v fr_k=$fr_v
    fr_entry group "$fr_v" || fr_fail "Group $fr_k does not exist"
    fr_field "$fr_v" 3
    [ "$fr_v" = "$fr_gid0" ] || fr_want="$fr_want$fr_k "
  done
}
fr_commas() { fr_v=${1# } fr_v=${fr_v% }; fr_v=$(printf %s "$fr_v" | tr ' ' ,); }

# -- edits without tools ------------------------------------------------------------------
fr_free_id() { # FILE LOWEST: the first id from LOWEST on that no line has, in $fr_id
  fr_id=$2
  while :; do
    fr_s=$fr_id
    while IFS=: read -r fr_k fr_n fr_l fr_v; do [ "$fr_l" != "$fr_id" ] || fr_s=''; done <"$1"
    [ -z "$fr_s" ] || return 0
    fr_id=$((fr_id + 1))
    [ "$fr_id" -le "${a_uid_max:-60000}" ] || fr_fail 'no id is free'
  done
}
fr_edit_add() {
  fr_s=${a_uid_min:-1000}
  [ "$a_system" = false ] || fr_s=${a_uid_min:-100}
  fr_new_uid=$a_uid
  if [ -z "$fr_new_uid" ]; then fr_free_id /etc/passwd "$fr_s"; fr_new_uid=$fr_id
  elif [ "$a_non_unique" = false ]; then
    while IFS=: read -r fr_k fr_n fr_l fr_v; do
      [ "$fr_l" != "$fr_new_uid" ] || fr_fail "user id $fr_new_uid is taken by $fr_k"
    done </etc/passwd
  fi
  if [ -z "$fr_pg" ]; then
    if fr_entry group "$a_name"; then fr_field "$fr_v" 3; fr_pg=$fr_v
    else
      fr_free_id /etc/group "$fr_new_uid"; fr_pg=$fr_id
      fr_set_line /etc/group "$a_name" "$a_name:x:$fr_pg:"
      [ ! -e /etc/gshadow ] || fr_set_line /etc/gshadow "$a_name" "$a_name:!::"
    fi
  fi
  fr_home=${a_home:-/home/$a_name} fr_v=x
  [ -e /etc/shadow ] || fr_v='!'
  fr_set_line /etc/passwd "$a_name" \
    "$a_name:$fr_v:$fr_new_uid:$fr_pg:$a_comment:$fr_home:${a_shell:-/bin/sh}"
  fr_s=$(($(date +%s) / 86400))
  [ ! -e /etc/shadow ] || fr_set_line /etc/shadow "$a_name" "$a_name:!:$fr_s:0:99999:7:::"
  ! fr_has groups || fr_edit_groups
}
# Members: in the wanted groups, and with append in no other one less.
fr_edit_groups() {
  for fr_file in /etc/group /etc/gshadow; do
    [ -e "$fr_file" ] || continue
    fr_new=$(fr_tmp /etc) || fr_fail 'cannot write in /etc'
    fr_later "$fr_new"
    # Names hold no spaces or colons, so they may be awk's variables.
    printf '%s\n' "$a_name" "$fr_want" "$a_append" | cat - "$fr_file" | awk -F: '
      NR == 1 { me = $0; next } NR == 2 { want = $0; next } NR == 3 { append = $0; next }
      { n = split($4, m, ","); out = ""; had = 0; wanted = index(want, " " $1 " ")
        for (i = 1; i <= n; i++) {
          if (m[i] == me) { had = 1; if (!wanted && append != "true") continue }
          out = out (out == "" ? "" : ",") m[i]
        }
        if (wanted && !had) out = out (out == "" ? "" : ",") me
        print $1 ":" $2 ":" $3 ":" out }' >"$fr_new" || fr_fail "cannot write $fr_new"
    fr_install_file "$fr_new" "$fr_file"
  done
}
fr_edit_passwd() { # FIELD VALUE
  while IFS= read -r fr_line; do case $fr_line in "$a_name:"*) break ;; esac; done </etc/passwd
  fr_with "$1" "$2"
  fr_set_line /etc/passwd "$a_name" "$fr_line"
}
fr_edit_shadow() { # FIELD VALUE
  fr_line=$fr_shadow
  [ -n "$fr_line" ] || { [ "$1" != 2 ] || fr_edit_passwd 2 "$2"; return 0; }
  fr_with "$1" "$2"
  fr_shadow=$fr_line
  fr_set_line /etc/shadow "$a_name" "$fr_line"
}

# -- changes, by tool or by edit ------------------------------------------------------------
fr_set() { # FIELD VALUE OPTION…: usermod OPTION… VALUE, or field FIELD of passwd
  fr_changed
  fr_is_check && return 0
  if [ "$fr_tools" = false ]; then fr_edit_passwd "$1" "$2"; return; fi
  fr_s=$2
  shift 2
  fr_run usermod "$@" "$fr_s" "$a_name"
}
fr_set_hash() {
  fr_changed
  fr_is_check && return 0
  if [ "$fr_tools" = true ]; then
    fr_v=$(printf '%s:%s\n' "$a_name" "$1" | chpasswd -e 2>&1) || fr_fail "cannot set the password: $fr_v"
    # The line is new, and what follows compares with it.
    fr_look_up
    return
  fi
  fr_edit_shadow 3 $(($(date +%s) / 86400))
  fr_edit_shadow 2 "$1"
}
# fr_age FIELD WANTED OPTION: one of the days of shadow.
fr_age() {
  [ -n "$2" ] || return 0
  fr_field "$fr_shadow" "$1"
  case $2 in -*) [ -n "$fr_v" ] || return 0 ;; *) [ "$fr_v" != "$2" ] || return 0 ;; esac
  fr_changed
  fr_is_check && return 0
  if [ "$fr_tools" = true ]; then fr_run chage "$3" "$2" "$a_name"
  else case $2 in -*) fr_edit_shadow "$1" '' ;; *) fr_edit_shadow "$1" "$2" ;; esac
  fi
}
fr_ages() {
  fr_s=''
  if fr_has expires; then
    case $a_expires in -*) fr_s=-1 ;; *) fr_s=$((${a_expires%%.*} / 86400)) ;; esac
  fi
  fr_age 8 "$fr_s" -E
  fr_age 5 "$a_password_expire_max" -M
  fr_age 4 "$a_password_expire_min" -m
  fr_age 6 "$a_password_expire_warn" -W
  fr_age 7 "$a_password_expire_account_disable" -I
}
fr_password() {
  if fr_has password; then
    case $a_password in *[:$fr_nl]*) fr_fail 'password must be a hash' module/bad-arguments ;; esac
    fr_k=${fr_hash#!} fr_k=${fr_k#!} fr_v=${a_password#!}
    if [ "$fr_k" != "${fr_v#!}" ] && { [ "$fr_made" = true ] || [ "$a_update_password" = always ]; }; then
      if [ "$a_password_lock" = true ]; then fr_hash=!${a_password#!}; else fr_hash=$a_password; fi
      fr_set_hash "$fr_hash"
    fi
  fi
  case $a_password_lock$fr_hash in
    true!* | 'false'[!!]* | '' | "$fr_hash" | false) return 0 ;;
    true*) fr_hash=!$fr_hash fr_s=-L ;;
    *) fr_hash=${fr_hash#!} fr_s=-U ;;
  esac
  fr_changed
  fr_is_check && return 0
  if [ "$fr_tools" = true ]; then fr_run usermod "$fr_s" "$a_name"; else fr_edit_shadow 2 "$fr_hash"; fi
}

# -- state: present --------------------------------------------------------------------------
fr_useradd() {
  set -- useradd
  [ -z "$a_uid" ] || set -- "$@" -u "$a_uid"
  [ "$a_non_unique" = false ] || set -- "$@" -o
  if [ -n "$fr_pg" ]; then set -- "$@" -g "$fr_pg"
  elif fr_entry group "$a_name"; then set -- "$@" -N
  fi
  fr_commas "$fr_want"
  [ -z "$fr_v" ] || set -- "$@" -G "$fr_v"
  [ "$a_system" = false ] || set -- "$@" -r
  ! fr_has comment || set -- "$@" -c "$a_comment"
  ! fr_has home || set -- "$@" -d "$a_home"
  ! fr_has shell || set -- "$@" -s "$a_shell"
  ! fr_has seuser || set -- "$@" -Z "$a_seuser"
  [ -z "$a_uid_min" ] || set -- "$@" -K "UID_MIN=$a_uid_min"
  [ -z "$a_uid_max" ] || set -- "$@" -K "UID_MAX=$a_uid_max"
  [ -z "$a_umask" ] || set -- "$@" -K "UMASK=$a_umask"
  # The home is made below, as it is for users who lost theirs.
  fr_run "$@" -M "$a_name"
}
fr_create() {
  fr_made=true fr_hash=''
  fr_changed
  fr_put_bool system "$a_system"
  fr_put_bool create_home "$a_create_home"
  fr_is_check && return 0
  if [ "$fr_tools" = true ]; then fr_useradd; else fr_edit_add; fi
  fr_look_up
  [ "$fr_there" = true ] || fr_fail "user $a_name was not made"
}
fr_modify() {
  fr_put_bool append "$a_append"
  fr_put_bool move_home "$a_move_home"
  if [ -n "$a_uid" ] && [ "$a_uid" != "$fr_uid0" ]; then
    if [ "$a_non_unique" = true ]; then fr_set 3 "$a_uid" -o -u; else fr_set 3 "$a_uid" -u; fi
    fr_uid0=$a_uid
  fi
  if [ -n "$fr_pg" ] && [ "$fr_pg" != "$fr_gid0" ]; then fr_set 4 "$fr_pg" -g; fr_gid0=$fr_pg; fi
  ! fr_has groups || fr_modify_groups
  if fr_has comment && [ "$a_comment" != "$fr_gecos" ]; then fr_set 5 "$a_comment" -c; fr_gecos=$a_comment; fi
  if fr_has home && [ "$a_home" != "$fr_home" ]; then fr_modify_home; fi
  if fr_has shell && [ "$a_shell" != "$fr_shell" ]; then fr_set 7 "$a_shell" -s; fr_shell=$a_shell; fi
}
fr_modify_groups() {
  fr_memberships
  fr_s=''
  for fr_k in $fr_want; do case $fr_in in *" $fr_k "*) ;; *) fr_s=1 ;; esac; done
  [ "$a_append" = true ] || for fr_k in $fr_in; do case $fr_want in *" $fr_k "*) ;; *) fr_s=1 ;; esac; done
  [ -n "$fr_s" ] || return 0
  fr_changed
  fr_is_check && return 0
  if [ "$fr_tools" = false ]; then fr_edit_groups; return; fi
  fr_commas "$fr_want"
  if [ "$a_append" = true ]; then fr_run usermod -a -G "$fr_v" "$a_name"; else fr_run usermod -G "$fr_v" "$a_name"; fi
}
fr_modify_home() {
  fr_old=$fr_home
  fr_set 6 "$a_home" -d
  fr_home=$a_home
  if [ "$a_move_home" = true ] && ! fr_is_check && [ -d "$fr_old" ] && [ ! -e "$fr_home" ]; then
    mkdir -p -- "${fr_home%/*}/" && fr_run mv -- "$fr_old" "$fr_home"
  fi
}
fr_make_home() {
  [ "$a_create_home" = true ] && [ -n "$fr_home" ] && [ ! -e "$fr_home" ] || return 0
  fr_changed
  fr_is_check && return 0
  fr_skel=${a_skeleton:-/etc/skel}
  mkdir -p -- "$fr_home" || fr_fail "cannot make $fr_home"
  [ ! -d "$fr_skel" ] || fr_run cp -R -- "$fr_skel/." "$fr_home/"
  fr_run chown -R "$fr_uid0:$fr_gid0" "$fr_home"
  fr_s=''
  while read -r fr_k fr_v fr_l; do
    case $fr_k in HOME_MODE) fr_s=$fr_v ;; esac
  done 2>/dev/null </etc/login.defs
  if [ -n "$a_umask" ]; then fr_s=$(printf '%o' $((0777 & ~0${a_umask#0}))); fi
  chmod "${fr_s:-0755}" "$fr_home" || fr_fail "cannot set the mode of $fr_home"
}

# -- the key -----------------------------------------------------------------------------------
fr_keygen() {
  fr_key=${a_ssh_key_file:-.ssh/id_$a_ssh_key_type}
  case $fr_key in /*) ;; *) fr_key=$fr_home/$fr_key ;; esac
  if [ ! -e "$fr_key" ] || [ "$a_force" = true ]; then
    fr_changed
    fr_is_check && return 0
    [ -d "$fr_home" ] || fr_fail "User '$a_name' home directory does not exist"
    fr_dir=${fr_key%/*}
    if [ ! -d "$fr_dir" ]; then
      mkdir -p -- "$fr_dir" && chmod 700 "$fr_dir" && fr_run chown "$fr_uid0:$fr_gid0" "$fr_dir"
    fi
    rm -f -- "$fr_key" "$fr_key.pub"
    fr_s=$a_ssh_key_comment
    [ "$fr_s" != 'ansible-generated on $HOSTNAME' ] || fr_s="ansible-generated on $(uname -n)"
    set -- ssh-keygen -q -t "$a_ssh_key_type" -C "$fr_s" -f "$fr_key"
    [ -z "$a_ssh_key_bits" ] || set -- "$@" -b "$a_ssh_key_bits"
    fr_keygen_run "$@"
    fr_run chown "$fr_uid0:$fr_gid0" "$fr_key" "$fr_key.pub"
  fi
  [ -e "$fr_key" ] || return 0
  fr_put ssh_key_file "$fr_key"
  fr_put ssh_fingerprint "$(ssh-keygen -l -f "$fr_key" 2>&1)"
  if fr_read "$fr_key.pub"; then fr_put ssh_public_key "${fr_v%"$fr_nl"}"; fi
}
# The passphrase comes from a file by a program that ssh-keygen calls.
fr_keygen_run() {
  if [ -z "$a_ssh_key_passphrase" ]; then fr_run "$@" -N ''; return; fi
  fr_s=$(umask 077 && mktemp -d) || fr_fail 'cannot make a folder for the passphrase'
  fr_later "$fr_s"
  printf '%s\n' "$a_ssh_key_passphrase" >"$fr_s/p"
  printf '#!/bin/sh\ncat "${0%%/*}/p"\n' >"$fr_s/ask"
  chmod 700 "$fr_s/ask"
  SSH_ASKPASS=$fr_s/ask SSH_ASKPASS_REQUIRE=force DISPLAY=: fr_run "$@"
}

# -- state: absent ----------------------------------------------------------------------------
fr_absent() {
  [ "$fr_there" = true ] || return 0
  fr_changed
  fr_put_bool force "$a_force"
  fr_put_bool remove "$a_remove"
  fr_is_check && return 0
  if [ "$fr_tools" = true ]; then
    set -- userdel
    [ "$a_force" = false ] || set -- "$@" -f
    [ "$a_remove" = false ] || set -- "$@" -r
    # 12: its home could not be removed, which is not there.
    fr_v=$("$@" "$a_name" 2>&1) || { [ "$?" = 12 ] && [ ! -e "$fr_home" ]; } || fr_fail "$fr_v"
    return 0
  fi
  fr_want=' ' a_append=false
  fr_edit_groups
  fr_set_line /etc/passwd "$a_name" ''
  [ ! -e /etc/shadow ] || fr_set_line /etc/shadow "$a_name" ''
  if fr_entry group "$a_name" && case $fr_v in "$a_name:"*:"$fr_gid0":) ;; *) false ;; esac; then
    fr_set_line /etc/group "$a_name" ''
    [ ! -e /etc/gshadow ] || fr_set_line /etc/gshadow "$a_name" ''
  fi
  if [ "$a_remove" = true ]; then
    case $fr_home in /?*) rm -rf -- "$fr_home" ;; esac
    rm -f -- "/var/mail/$a_name" "/var/spool/cron/crontabs/$a_name"
  fi
}

fr_check_tools() {
  fr_need usermod userdel
  ! fr_has password || fr_need chpasswd
  case $a_expires$a_password_expire_max$a_password_expire_min in ?*) fr_need chage ;; esac
  case $a_password_expire_warn$a_password_expire_account_disable in ?*) fr_need chage ;; esac
}

# -- the task -----------------------------------------------------------------------------------
case $a_name in '' | -* | *[:,/$fr_nl\ ]*) fr_fail "no name of a user: $a_name" module/bad-arguments ;; esac
case $a_comment$a_shell$a_home in *[:$fr_nl]*) fr_fail 'a field of passwd holds no colon or newline' module/bad-arguments ;; esac
case $a_uid$a_uid_min$a_uid_max in *[!0-9]*) fr_fail 'an id is a number from 0' module/bad-arguments ;; esac
fr_tools=false fr_made=false
[ "$a_local" = true ] || ! command -v useradd >/dev/null 2>&1 || fr_tools=true
[ "$fr_tools" = false ] || fr_check_tools
[ "$a_generate_ssh_key" = false ] || fr_need ssh-keygen
fr_look_up
fr_put name "$a_name"
fr_put state "$a_state"
if [ "$a_state" = absent ]; then fr_absent; exit 0; fi
fr_pg=''
if [ -n "$a_group" ]; then
  fr_entry group "$a_group" || fr_fail "Group $a_group does not exist"
  fr_field "$fr_v" 3; fr_pg=$fr_v
fi
fr_wanted_groups
if [ "$fr_there" = true ]; then fr_modify; else fr_create; fi
if [ "$fr_there" = true ]; then
  fr_password
  fr_ages
  fr_make_home
  [ "$a_generate_ssh_key" = false ] || fr_keygen
  fr_put_int uid "$fr_uid0"
  fr_put_int group "$fr_gid0"
  fr_put comment "$fr_gecos"
  fr_put home "$fr_home"
  fr_put shell "$fr_shell"
fi
! fr_has groups || fr_put groups "$fr_list"
! fr_has password || fr_put password NOT_LOGGING_PASSWORD
