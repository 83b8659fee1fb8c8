fr_etc=${FLEETRUN_ROOT:-}/etc/apt
fr_slug=$(printf '%s' "$a_name" | tr '[:upper:]' '[:lower:]' | sed -e 's/[^a-z0-9]/-/g' -e 's/--*/-/g' -e 's/^-//' -e 's/-$//')
[ -n "$fr_slug" ] || fr_fail "no name: $a_name" module/bad-arguments
fr_target=$fr_etc/sources.list.d/$fr_slug.sources
fr_put dest "$fr_target"
fr_text=''
# fr_field NAME ARGUMENT: adds a field to $fr_text; lists in one line.
fr_field() {
  fr_has "$2" || return 0
  eval "fr_n=\${a_$2_n:--1}"
  if [ "$fr_n" -lt 0 ]; then
    eval "fr_list=\$a_$2"
    case $fr_list in true) fr_list=yes ;; false) fr_list=no ;; esac
  else
    fr_list='' fr_i=1
    while [ "$fr_i" -le "$fr_n" ]; do
      fr_item "$2" "$fr_i"
      fr_list="$fr_list${fr_list:+ }$fr_v" fr_i=$((fr_i + 1))
    done
  fi
  case $fr_list in *"$fr_nl"*) fr_fail "$2 must be one line" module/bad-arguments ;; esac
  [ -z "$fr_list" ] || fr_text="$fr_text$1: $fr_list$fr_nl"
}
# fr_key TEXT: what Signed-By says; a key that is fetched goes to /etc/apt/keyrings.
fr_fetch_key() {
  fr_keys=$fr_etc/keyrings
  fr_new=$(fr_tmp) || fr_fail 'cannot write a temporary file'
  fr_later "$fr_new"
  if command -v curl >/dev/null 2>&1; then fr_v=$(curl -fsSL -o "$fr_new" -- "$a_signed_by" 2>&1)
  else
    fr_need wget
    fr_v=$(wget -q -O "$fr_new" -- "$a_signed_by" 2>&1)
  fi || fr_fail "cannot get $a_signed_by: $fr_v"
  fr_ending=gpg
  ! grep -q 'BEGIN PGP PUBLIC KEY BLOCK' "$fr_new" || fr_ending=asc
  fr_key=$fr_keys/$fr_slug.$fr_ending
  fr_put key_filename "$fr_key"
  if ! [ -e "$fr_key" ] || [ "$(cksum <"$fr_new")" != "$(cksum <"$fr_key")" ]; then
    fr_changed
    if ! fr_is_check; then
      [ -d "$fr_keys" ] || mkdir -p -- "$fr_keys" || fr_fail "cannot make $fr_keys"
      { fr_v=$(fr_tmp "$fr_keys") && cat "$fr_new" >"$fr_v"; } || fr_fail "cannot write in $fr_keys"
      fr_install_file "$fr_v" "$fr_key"
      chmod 644 "$fr_key"
    fi
  fi
}
if [ "$a_state" = absent ]; then
  for fr_v in "$fr_target" "$fr_etc/keyrings/$fr_slug.gpg" "$fr_etc/keyrings/$fr_slug.asc"; do
    [ -e "$fr_v" ] || continue
    fr_file=$fr_v
    fr_changed
    [ "$fr_file" != "$fr_target" ] || { fr_read "$fr_file"; fr_diff "$fr_v" '' "$fr_file" "$fr_file"; }
    fr_is_check || rm -f -- "$fr_file" || fr_fail "cannot remove $fr_file"
  done
  exit 0
fi
{ [ "${a_uris_n:-0}" -gt 0 ] && [ "${a_suites_n:-0}" -gt 0 ]; } || fr_fail 'deb822_repository needs `uris` and `suites`' module/bad-arguments
# In the order that Ansible writes them: by name, which apt does not mind.
fr_field Allow-Downgrade-To-Insecure allow_downgrade_to_insecure
fr_field Allow-Insecure allow_insecure
fr_field Allow-Weak allow_weak
fr_field Architectures architectures
fr_field By-Hash by_hash
fr_field Check-Date check_date
fr_field Check-Valid-Until check_valid_until
fr_field Components components
fr_field Date-Max-Future date_max_future
fr_field Enabled enabled
fr_field InRelease-Path inrelease_path
fr_field Languages languages
fr_text="${fr_text}X-Repolib-Name: $a_name$fr_nl"
fr_field PDiffs pdiffs
case $a_signed_by in
  '') ;;
  *://*) fr_fetch_key; fr_text="${fr_text}Signed-By: $fr_key$fr_nl" ;;
  *"$fr_nl"*)
    # A line of a field's text starts with a space; an empty one is a dot.
    fr_v=$(printf '%s\n' "${a_signed_by%"$fr_nl"}" | sed -e 's/[[:space:]]*$//' -e 's/^$/./' -e 's/^/ /')
    fr_text="${fr_text}Signed-By:$fr_nl$fr_v$fr_nl"
    ;;
  *) fr_text="${fr_text}Signed-By: $a_signed_by$fr_nl" ;;
esac
fr_field Suites suites
fr_field Targets targets
fr_field Trusted trusted
fr_field Types types
fr_field URIs uris
fr_put repo "$fr_text"
fr_read "$fr_target" || fr_v=''
if [ "$fr_v" != "$fr_text" ]; then
  fr_changed
  fr_diff "$fr_v" "$fr_text" "$fr_target" "$fr_target"
  if ! fr_is_check; then
    [ -d "${fr_target%/*}" ] || mkdir -p -- "${fr_target%/*}" || fr_fail "cannot make ${fr_target%/*}"
    { fr_v=$(fr_tmp "${fr_target%/*}") && printf %s "$fr_text" >"$fr_v"; } || fr_fail "cannot write beside $fr_target"
    fr_install_file "$fr_v" "$fr_target"
  fi
fi
if fr_look "$fr_target"; then fr_attrs "$fr_target"; fi
