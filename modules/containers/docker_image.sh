case $a_name in -* | '') fr_fail "no name of an image: $a_name" module/bad-arguments ;; esac
fr_image=$a_name
case ${a_name##*/} in *:* | *@*) ;; *) fr_image=$a_name:$a_tag ;; esac
fr_actions=''
fr_note() { fr_json "$1"; fr_actions="$fr_actions,$fr_j"; }
fr_id=''
fr_ask() {
  fr_id='' fr_v='{}'
  fr_is_there image inspect "$1" || return 1
  fr_one
  fr_found=$fr_v
  fr_flat "$fr_found"
  fr_lines=$fr_v
  fr_get Id
  fr_id=$fr_v
}
fr_found='{}'
fr_end() {
  fr_put_json actions "[${fr_actions#,}]"
  if fr_ask "$fr_image"; then fr_put_json image "$(printf '%s' "$fr_found" | tr '\n' ' ')"; else fr_put_json image '{}'; fi
  exit 0
}
fr_keep() { # $a_archive_path holds the image; the id inside tells whether it is the same
  [ -n "$a_archive_path" ] || return 0
  fr_path "$a_archive_path"
  fr_file=$fr_v
  if [ -e "$fr_file" ] && [ "$a_force_source" = false ] && [ -n "$fr_id" ]; then
    fr_hex=${fr_id#sha256:}
    ! tar -xOf "$fr_file" manifest.json 2>/dev/null | grep -q "$fr_hex" || return 0
  fi
  fr_changed
  fr_note "Archived image $fr_image to $fr_file"
  fr_is_check && return 0
  fr_new=$(fr_tmp "${fr_file%/*}") || fr_fail "cannot write beside $fr_file"
  fr_later "$fr_new"
  rm -f -- "$fr_new"
  fr_must "cannot archive $fr_image" image save -o "$fr_new" "$fr_image"
  mv -f -- "$fr_new" "$fr_file" || fr_fail "cannot write $fr_file"
}
fr_tag() { # $a_repository is one more name of the image
  [ -n "$a_repository" ] || return 0
  fr_name=$a_repository
  case ${a_repository##*/} in *:*) ;; *) fr_name=$a_repository:$a_tag ;; esac
  fr_was=$fr_id
  if fr_ask "$fr_name" && { [ "$fr_id" = "$fr_was" ] || [ "$a_force_tag" = false ]; }; then fr_id=$fr_was; return 0; fi
  fr_id=$fr_was
  fr_changed
  fr_note "Tagged image $fr_image to $fr_name"
  fr_is_check || fr_must "cannot tag $fr_image" image tag "$fr_image" "$fr_name"
}
fr_build() {
  fr_lines='' fr_path_='' fr_i=1
  set -- build -q -t "$fr_image"
  while [ "$fr_i" -le "${a_build_n:-0}" ]; do
    fr_pair build "$fr_i"
    fr_i=$((fr_i + 1)) fr_bk=$fr_k fr_bv=$fr_v
    case $fr_bk in
      path) fr_path "$fr_bv"; fr_path_=$fr_v ;;
      dockerfile) set -- "$@" -f "$fr_bv" ;;
      target | platform | network) set -- "$@" "--$fr_bk=$fr_bv" ;;
      nocache) [ "$fr_bv" != true ] || set -- "$@" --no-cache ;;
      pull) [ "$fr_bv" != true ] || set -- "$@" --pull ;;
      rm) set -- "$@" "--rm=$fr_bv" ;;
      args | labels)
        case $fr_bk in args) fr_word=--build-arg ;; *) fr_word=--label ;; esac
        fr_flat "$fr_bv"
        fr_list=$fr_v
        while IFS=$fr_tab read -r fr_k fr_v; do
          case $fr_k in .*) fr_k=${fr_k#.} ;; *) fr_k=${fr_k#\[} fr_k=${fr_k%\]} ;; esac
          fr_unquote
          set -- "$@" "$fr_word=$fr_k=$fr_v"
        done <<EOT
$fr_list
EOT
        ;;
      cache_from | container_limits | etc_hosts | extra_config_file | http_timeout | shm_size | use_config_proxy) ;;
      *) fr_fail "build has no $fr_bk" module/bad-arguments ;;
    esac
  done
  [ -n "$fr_path_" ] || fr_fail 'build needs a path' module/bad-arguments
  case $* in *' -f '*) ;; *) set -- "$@" ;; esac
  fr_must "cannot build $fr_image" "$@" "$fr_path_"
  fr_put stdout "$fr_stdout"
}
if [ "$a_state" = absent ]; then
  if fr_ask "$fr_image"; then
    fr_changed
    fr_note "Removed image $fr_image"
    set -- image rm "$fr_image"
    [ "$a_force_absent" = false ] || set -- image rm -f "$fr_image"
    fr_is_check || fr_must "cannot remove $fr_image" "$@"
  fi
  fr_end
fi
if ! fr_ask "$fr_image" || { [ "$a_force_source" = true ] && [ "$a_source" != local ]; }; then
  fr_was=$fr_id
  fr_source=$a_source
  [ -n "$fr_source" ] || { if [ -n "$a_load_path" ]; then fr_source=load; elif [ "${a_build_n:-0}" -gt 0 ]; then fr_source=build; else fr_source=pull; fi; }
  case $fr_source in
    local) fr_fail "Cannot find the image $fr_image locally." ;;
    load)
      fr_path "$a_load_path"
      [ -r "$fr_v" ] || fr_fail "Error loading image $fr_image - no file $a_load_path"
      fr_note "Loaded image $fr_image from $a_load_path"
      if fr_is_check; then fr_changed
      else
        fr_must "Error loading image $fr_image" image load -i "$fr_v"
        fr_said=$fr_stdout
        fr_ask "$fr_image" || fr_fail "$a_load_path does not hold $fr_image: $fr_said"
      fi
      ;;
    build)
      fr_note "Built image $fr_image"
      if fr_is_check; then fr_changed; else fr_build; fr_ask "$fr_image" || fr_fail "no image $fr_image after it was built"; fi
      ;;
    *)
      fr_note "Pulled image $fr_image"
      if fr_is_check; then fr_changed
      else
        fr_v=''
        [ "${a_pull_n:-0}" = 0 ] || { fr_pair pull 1; [ "$fr_k" = platform ] || fr_v=''; }
        if [ -n "$fr_v" ]; then fr_must "cannot pull $fr_image" pull --platform "$fr_v" "$fr_image"; else fr_must "cannot pull $fr_image" pull "$fr_image"; fi
        fr_ask "$fr_image" || fr_fail "no image $fr_image after it was pulled"
      fi
      ;;
  esac
  [ "$fr_was" = "$fr_id" ] || fr_changed
fi
fr_tag
fr_keep
if [ "$a_push" = true ]; then
  fr_changed
  fr_name=$fr_image
  [ -z "$a_repository" ] || case ${a_repository##*/} in *:*) fr_name=$a_repository ;; *) fr_name=$a_repository:$a_tag ;; esac
  fr_note "Pushed image $fr_name"
  fr_is_check || fr_must "cannot push $fr_name" push "$fr_name"
fi
fr_end
