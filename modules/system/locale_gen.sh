# "de_AT.UTF-8" and "de_AT.utf8" are one: lower case and no hyphens behind the dot.
fr_fold() {
  fr_v=$1
  case $fr_v in *.*) ;; *) return 0 ;; esac
  fr_k=${fr_v#*.} fr_mod=''
  case $fr_k in *@*) fr_mod=@${fr_k#*@} fr_k=${fr_k%%@*} ;; esac
  fr_v=${fr_v%%.*}.$(printf %s "$fr_k" | tr -d - | tr '[:upper:]' '[:lower:]')$fr_mod
}
# fr_has_locale NAME: is it in $fr_all, the folded names that `locale -a` gave?
fr_has_locale() {
  fr_fold "$1"
  case $fr_nl$fr_all$fr_nl in *"$fr_nl$fr_v$fr_nl"*) return 0 ;; esac
  return 1
}
fr_list() {
  fr_all=$(locale -a 2>/dev/null | awk 'match($0, /[.][^@]*/) {
    c = tolower(substr($0, RSTART, RLENGTH)); gsub(/-/, "", c)
    $0 = substr($0, 1, RSTART - 1) c substr($0, RSTART + RLENGTH)
  } { print }')
}
# The line of locale.gen or SUPPORTED for NAME, without a "#", in $fr_v.
fr_supported() { # NAME
  fr_fold "$1"
  fr_want=$fr_v
  while IFS= read -r fr_l; do
    fr_bare "$fr_l"
    [ -n "$fr_v" ] || continue
    fr_s=$fr_v
    fr_fold "${fr_s%%[ /]*}"
    [ "$fr_v" != "$fr_want" ] || { fr_v=$fr_s; return 0; }
  done <<EOT
$(grep -h -F -- "${1%%[.@]*}" /etc/locale.gen /usr/share/i18n/SUPPORTED 2>/dev/null)
EOT
  return 1
}
# A line that names a locale, in a comment or not; '' for any other.
fr_bare() {
  fr_v=$1
  while :; do case $fr_v in [\#\ $fr_tab]*) fr_v=${fr_v#?} ;; *) break ;; esac; done
  case $fr_v in [a-z][a-z]*_*' '* | C.*' '*) ;; *) fr_v='' ;; esac
}
# The lines of locale.gen with ours in or out, in $fr_text.
fr_edit() {
  fr_text=''
  while IFS= read -r fr_l || [ -n "$fr_l" ]; do
    fr_v=''
    # Hundreds of lines: only those of our languages are looked at closely.
    for fr_one in $fr_todo; do
      case $fr_l in *"${fr_one%%[.@]*}"*) fr_bare "$fr_l" ;; esac
    done
    if [ -n "$fr_v" ]; then
      fr_s=$fr_v
      fr_fold "${fr_s%% *}"
      case " $fr_folded " in *" $fr_v "*)
        if [ "$a_state" = present ]; then fr_l=$fr_s; else fr_l="# $fr_s"; fi
        fr_done="$fr_done$fr_v " ;;
      esac
    fi
    fr_text=$fr_text$fr_l$fr_nl
  done </etc/locale.gen
}

fr_need locale locale-gen awk grep
[ -e /etc/locale.gen ] || fr_fail "/etc/locale.gen is missing. Is the package \"locales\" installed?"
fr_list
fr_todo='' fr_folded='' fr_done=' ' fr_bad='' fr_names='' fr_i=1
while [ "$fr_i" -le "$a_name_n" ]; do
  fr_item name "$fr_i"
  fr_i=$((fr_i + 1)) fr_one=$fr_v
  fr_json "$fr_one"
  fr_names="$fr_names,$fr_j"
  case $fr_one in '' | *[!A-Za-z0-9_.@-]*) fr_fail "no name of a locale: $fr_one" module/bad-arguments ;; esac
  if ! fr_supported "$fr_one"; then fr_bad="$fr_bad${fr_bad:+, }$fr_one"; continue; fi
  if fr_has_locale "$fr_one"; then fr_now=present; else fr_now=absent; fi
  if [ "$fr_now" != "$a_state" ]; then
    fr_fold "$fr_one"
    fr_todo="$fr_todo $fr_one" fr_folded="$fr_folded $fr_v"
  fi
done
fr_put_json name "[${fr_names#,}]"
fr_put mechanism glibc
fr_put_bool ubuntu_mode false
[ -z "$fr_bad" ] || fr_fail "The following locales you have entered are not available on your system: $fr_bad"
[ -n "$fr_todo" ] || exit 0
fr_changed
fr_is_check && exit 0
fr_edit
for fr_one in $fr_todo; do
  fr_fold "$fr_one"
  case $fr_done in *" $fr_v "*) ;; *) [ "$a_state" = absent ] || { fr_supported "$fr_one"; fr_text=$fr_text$fr_v$fr_nl; } ;; esac
done
fr_new=$(fr_tmp /etc) || fr_fail 'cannot write in /etc'
fr_later "$fr_new"
printf '%s' "$fr_text" >"$fr_new" || fr_fail "cannot write $fr_new"
fr_install_file "$fr_new" /etc/locale.gen
fr_v=$(locale-gen 2>&1) || fr_fail "cannot make the locales: $fr_v"
fr_list
for fr_one in $fr_todo; do
  if fr_has_locale "$fr_one"; then fr_now=present; else fr_now=absent; fi
  [ "$fr_now" = "$a_state" ] || fr_fail "locale-gen ran, but $fr_one is $fr_now"
done
