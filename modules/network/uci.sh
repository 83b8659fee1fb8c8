# Where a setting stands: key, or config, section and option; find picks a section by its options.
fr_key=$a_key
if [ -z "$fr_key" ]; then
  [ -n "$a_config" ] || fr_fail 'uci needs `key` or `config`' module/bad-arguments
  fr_key=$a_config${a_section:+.$a_section}${a_option:+.$a_option}
fi
case $fr_key in -* | *[!A-Za-z0-9_.@\[\]-]*) fr_fail "no key of uci: $fr_key" module/bad-arguments ;; esac
fr_config=${fr_key%%.*} fr_rest=${fr_key#"$fr_config"} fr_rest=${fr_rest#.}
fr_section=${fr_rest%%.*} fr_option=${fr_rest#"$fr_section"} fr_option=${fr_option#.}
set -- -q
[ -z "$a_confdir" ] || set -- -q -c "$a_confdir"
fr_uci() { fr_said=$(uci "$@" 2>&1); }
fr_before='' fr_after=''
# What is pending is kept in a folder of its own until all went well.
fr_save=$(mktemp -d) || fr_fail 'cannot make a temporary folder'
fr_later "$fr_save"
fr_words() { fr_args="$*"; }
fr_words "$@"
fr_must() {
  fr_changed
  fr_is_check && return 0
  # shellcheck disable=SC2086
  fr_said=$(uci $fr_args -P "$fr_save" "$@" 2>&1) || fr_fail "uci $*: ${fr_said:-failed}"
}
# shellcheck disable=SC2086
fr_get() { fr_v=$(uci $fr_args -P "$fr_save" -d "$fr_nl" get "$1" 2>/dev/null); }
# shellcheck disable=SC2086
uci $fr_args show "$fr_config" >/dev/null 2>&1 || {
  if [ "$a_state" = absent ]; then exit 0; fi
  fr_v=${a_confdir:-/etc/config}/$fr_config
  [ -e "$fr_v" ] || { fr_changed; fr_is_check || : >"$fr_v" || fr_fail "cannot make $fr_v"; }
}
fr_find_section() { # by type and the options of find; its own name, in $fr_section
  fr_section=''
  # shellcheck disable=SC2086
  for fr_line in $(uci $fr_args -X show "$fr_config" 2>/dev/null | sed -n "s/^$fr_config\\.\\([A-Za-z0-9_]*\\)=\\(.*\\)\$/\\1=\\2/p" | tr -d "'"); do
    [ -z "$a_type" ] || [ "${fr_line#*=}" = "$a_type" ] || continue
    fr_hit=1 fr_i=1
    while [ "$fr_i" -le "$a_find_n" ]; do
      fr_pair find "$fr_i"
      fr_wanted=$fr_v
      if ! fr_get "$fr_config.${fr_line%%=*}.$fr_k" || [ "$fr_v" != "$fr_wanted" ]; then fr_hit=""; break; fi
      fr_i=$((fr_i + 1))
    done
    [ -z "$fr_hit" ] || { fr_section=${fr_line%%=*}; return 0; }
  done
  return 1
}
fr_note() { fr_before=$fr_before$1$fr_nl; }
fr_noted() { fr_after=$fr_after$1$fr_nl; }
fr_set() { # OPTION VALUE
  if fr_get "$fr_config.$fr_section.$1"; then
    [ "$fr_v" != "$2" ] || return 0
    fr_note "$fr_config.$fr_section.$1='$fr_v'"
  fi
  fr_noted "$fr_config.$fr_section.$1='$2'"
  fr_must 'set' "$fr_config.$fr_section.$1=$2"
}
fr_end() {
  [ -z "$fr_before$fr_after" ] || fr_diff "$fr_before" "$fr_after" "$fr_config" "$fr_config"
  fr_put section "$fr_section"
  if [ "$fr_is_changed" = true ] && ! fr_is_check; then
    # Into the place where uci and LuCI keep what is pending, then into the file.
    if [ "$a_commit" = true ]; then
      # shellcheck disable=SC2086
      fr_said=$(uci $fr_args -P "$fr_save" commit "$fr_config" 2>&1) || fr_fail "uci commit: $fr_said"
    else
      fr_v=${a_savedir:-/tmp/.uci}
      [ -d "$fr_v" ] || mkdir -m 700 "$fr_v" || fr_fail "cannot make $fr_v"
      cat "$fr_save/$fr_config" >>"$fr_v/$fr_config" || fr_fail "cannot write $fr_v/$fr_config"
    fi
  fi
  exit 0
}
if [ "${a_find_n:-0}" -gt 0 ]; then
  if ! fr_find_section; then
    [ "$a_state" = present ] || fr_end
    [ -n "$a_type" ] || fr_fail 'a new section needs a type' module/bad-arguments
    fr_must add "$fr_config" "$a_type"
    fr_section=${fr_said:-new}
    fr_noted "$fr_config.$fr_section=$a_type"
    fr_i=1
    while [ "$fr_i" -le "$a_find_n" ]; do fr_pair find "$fr_i"; fr_i=$((fr_i + 1)) fr_wanted=$fr_v fr_name=$fr_k; fr_set "$fr_name" "$fr_wanted"; done
  fi
fi
[ -n "$fr_section" ] || fr_fail 'uci needs a section, or `find`' module/bad-arguments
if [ "$a_state" = absent ]; then
  fr_at=$fr_config.$fr_section${fr_option:+.$fr_option}
  fr_get "$fr_at" || fr_end
  if [ "${a_list_n:-0}" -gt 0 ]; then
    fr_i=1
    while [ "$fr_i" -le "$a_list_n" ]; do
      fr_item list "$fr_i"
      fr_i=$((fr_i + 1)) fr_wanted=$fr_v
      fr_get "$fr_at"
      case $fr_nl$fr_v$fr_nl in *"$fr_nl$fr_wanted$fr_nl"*) fr_note "$fr_at='$fr_wanted'"; fr_must del_list "$fr_at=$fr_wanted" ;; esac
    done
  else
    fr_note "$fr_at='$fr_v'"
    fr_must delete "$fr_at"
  fi
  fr_end
fi
if [ -n "$a_type" ] && [ "${a_find_n:-0}" = 0 ]; then
  if ! fr_get "$fr_config.$fr_section" || [ "$fr_v" != "$a_type" ]; then
    fr_noted "$fr_config.$fr_section=$a_type"
    fr_must 'set' "$fr_config.$fr_section=$a_type"
  fi
fi
fr_i=1
while [ "$fr_i" -le "${a_set_n:-0}" ]; do
  fr_pair set "$fr_i"
  fr_i=$((fr_i + 1)) fr_wanted=$fr_v fr_name=$fr_k
  case $fr_name in *[!A-Za-z0-9_]* | '') fr_fail "no option of uci: $fr_name" module/bad-arguments ;; esac
  fr_set "$fr_name" "$fr_wanted"
done
if [ -n "$fr_option" ] && fr_has value; then fr_set "$fr_option" "$a_value"; fi
if fr_has list; then
  [ -n "$fr_option" ] || fr_fail 'list needs an option' module/bad-arguments
  fr_at=$fr_config.$fr_section.$fr_option fr_i=1 fr_all=''
  while [ "$fr_i" -le "$a_list_n" ]; do
    fr_item list "$fr_i"
    fr_all=$fr_all$fr_nl$fr_v fr_i=$((fr_i + 1))
  done
  fr_get "$fr_at" || fr_v=''
  fr_now=$fr_v
  if [ "$a_exclusive" = true ] && [ -n "$fr_now" ] && [ "$fr_nl$fr_now" != "$fr_all" ]; then
    fr_note "$fr_at='$fr_now'"
    fr_must delete "$fr_at"
    fr_now=''
  fi
  fr_i=1
  while [ "$fr_i" -le "$a_list_n" ]; do
    fr_item list "$fr_i"
    fr_i=$((fr_i + 1))
    case $fr_nl$fr_now$fr_nl in *"$fr_nl$fr_v$fr_nl"*) continue ;; esac
    fr_noted "$fr_at='$fr_v'"
    fr_must add_list "$fr_at=$fr_v"
  done
fi
fr_end
