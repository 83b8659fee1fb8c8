fr_put_sha() { if [ -n "$2" ]; then fr_put "$1" "$2"; else fr_put_json "$1" null; fi; }
# fr_git WORD…: git in the repository; output in $fr_stdout; ends the module when it fails.
fr_err=$(fr_tmp) || fr_fail 'cannot write a temporary file'
fr_later "$fr_err"
fr_try() {
  fr_stdout=$("$fr_git" "$@" 2>"$fr_err" </dev/null)
  fr_rc=$?
  return "$fr_rc"
}
fr_in() { fr_what=$1; shift; fr_try -C "$fr_dest_" "$@" || fr_broken "$fr_what"; }
fr_broken() {
  fr_put_int rc "$fr_rc"
  fr_put stdout "$fr_stdout"
  fr_put stderr "$(cat "$fr_err")"
  fr_fail "$1: $(tail -n 5 "$fr_err")"
}
fr_ssh() {
  fr_v='ssh -o BatchMode=yes'
  case "$a_accept_hostkey$a_ssh_opts" in
    true*StrictHostKeyChecking*) ;;
    true*) fr_v="$fr_v -o StrictHostKeyChecking=no" ;;
    *) [ "$a_accept_newhostkey" = false ] || fr_v="$fr_v -o StrictHostKeyChecking=accept-new" ;;
  esac
  [ -z "$a_ssh_opts" ] || fr_v="$fr_v $a_ssh_opts"
  if [ -n "$a_key_file" ]; then
    fr_ssh_=$fr_v
    fr_path "$a_key_file"
    fr_v="$fr_ssh_ -i '$(printf %s "$fr_v" | sed "s/'/'\\\\''/g")' -o IdentitiesOnly=yes"
  fi
  case $fr_v in 'ssh -o BatchMode=yes') [ -z "${GIT_SSH_COMMAND:-}" ] || return 0 ;; esac
  export GIT_SSH_COMMAND="$fr_v"
}
fr_is_sha() { case $1 in *[!0-9a-f]*) return 1 ;; esac; [ ${#1} = 40 ] || [ ${#1} = 64 ]; }
# What the remote says of $a_version: its kind (sha, head, branch, tag, none) and its commit.
fr_ask_remote() {
  fr_kind_=sha fr_head=$a_version
  if fr_is_sha "$a_version"; then return; fi
  fr_try ls-remote -- "$fr_repo" HEAD "refs/heads/$a_version" "refs/tags/$a_version" "refs/tags/$a_version^{}" || fr_broken "cannot read $a_repo"
  fr_kind_=none fr_head=''
  while read -r fr_sha fr_ref; do
    case $fr_ref in
      HEAD) [ "$a_version" != HEAD ] || { fr_kind_=head fr_head=$fr_sha; } ;;
      "refs/heads/$a_version") fr_kind_=branch fr_head=$fr_sha ;;
      # A tag's own object comes first, then what it points to.
      "refs/tags/$a_version" | "refs/tags/$a_version^{}") [ "$fr_kind_" = branch ] || { fr_kind_=tag fr_head=$fr_sha; } ;;
    esac
  done <<EOT
$fr_stdout
EOT
}
fr_clone() {
  case $fr_dest_ in */*) [ -d "${fr_dest_%/*}/" ] || mkdir -p -- "${fr_dest_%/*}" || fr_fail "cannot make ${fr_dest_%/*}" ;; esac
  set -- clone --origin "$a_remote"
  [ "$a_bare" = false ] || set -- "$@" --bare
  case $fr_kind_ in branch | tag) set -- "$@" --branch "$a_version" ;; esac
  if [ -n "$a_depth" ] && { [ "$fr_kind_" != sha ] || [ -n "$a_refspec" ]; }; then set -- "$@" --depth "$a_depth"; fi
  [ "$a_single_branch" = false ] || set -- "$@" --single-branch
  [ -z "$a_reference" ] || set -- "$@" --reference "$a_reference"
  [ -z "$a_separate_git_dir" ] || set -- "$@" --separate-git-dir="$a_separate_git_dir"
  fr_try "$@" -- "$fr_repo" "$fr_dest_" || fr_broken "cannot clone $a_repo"
  if [ "$a_bare" = true ] && [ "$a_remote" != origin ]; then fr_in 'cannot add the remote' remote add "$a_remote" "$fr_repo"; fi
  [ -z "$a_refspec" ] || fr_in 'Failed to fetch' fetch "$a_remote" "$a_refspec"
}
fr_fetch() {
  set -- fetch --tags --force
  [ -z "$a_depth" ] || [ "$fr_kind_" = sha ] || set -- "$@" --depth "$a_depth"
  if [ "$a_bare" = true ]; then
    fr_in 'Failed to download remote objects and refs' "$@" "$a_remote" '+refs/heads/*:refs/heads/*'
  elif [ -n "$a_depth" ] && [ "$fr_kind_" = branch ]; then
    fr_in 'Failed to download remote objects and refs' "$@" "$a_remote" "+refs/heads/$a_version:refs/remotes/$a_remote/$a_version"
  else
    fr_in 'Failed to download remote objects and refs' "$@" "$a_remote"
  fi
  [ -z "$a_refspec" ] || fr_in 'Failed to download remote objects and refs' "$@" "$a_remote" "$a_refspec"
}
# The wanted version into the work tree.
fr_switch() {
  [ "$a_bare" = false ] || return 0
  fr_branch=$a_version
  if [ "$fr_kind_" = head ]; then
    fr_try -C "$fr_dest_" symbolic-ref --short "refs/remotes/$a_remote/HEAD" || fr_stdout=$a_remote/$("$fr_git" -C "$fr_dest_" symbolic-ref --short HEAD 2>/dev/null)
    fr_branch=${fr_stdout#"$a_remote/"}
    [ -n "$fr_branch" ] || fr_kind_=sha fr_branch=${fr_branch:-$fr_head}
  fi
  case $fr_kind_ in
    head | branch)
      if "$fr_git" -C "$fr_dest_" rev-parse -q --verify "refs/heads/$fr_branch" >/dev/null; then
        fr_in "Failed to checkout branch $fr_branch" checkout --force "$fr_branch" --
      else
        fr_in "Failed to checkout branch $fr_branch" checkout --track -b "$fr_branch" "$a_remote/$fr_branch"
      fi
      fr_in "Failed to checkout branch $fr_branch" reset --hard "$a_remote/$fr_branch" --
      ;;
    *) fr_in "Failed to checkout $fr_branch" checkout --force "$fr_branch" -- ;;
  esac
}
fr_modules() {
  [ "$a_recursive" = true ] && [ "$a_bare" = false ] && [ -e "$fr_dest_/.gitmodules" ] || return 0
  fr_in 'Failed to init/update submodules' submodule status --recursive
  fr_was=$fr_stdout
  fr_in 'Failed to init/update submodules' submodule sync
  set -- submodule update --init --recursive
  [ "$a_track_submodules" = false ] || set -- "$@" --remote
  [ "$a_force" = false ] || set -- "$@" --force
  fr_in 'Failed to init/update submodules' "$@"
  fr_in 'Failed to init/update submodules' submodule status --recursive
  [ "$fr_was" = "$fr_stdout" ] || { fr_changed; fr_put_bool submodules_changed true; }
}
fr_verify() {
  [ "$a_verify_commit" = true ] || return 0
  fr_v=verify-commit
  [ "$("$fr_git" -C "$fr_dest_" cat-file -t "$a_version" 2>/dev/null)" != tag ] || fr_v=verify-tag
  fr_try -C "$fr_dest_" "$fr_v" --raw "$a_version" || fr_broken "Failed to verify GPG signature of commit/tag \"$a_version\""
  [ "$a_gpg_allowlist_n" -gt 0 ] || return 0
  fr_signer=$(sed -n 's/.*VALIDSIG \([0-9A-F]*\).*/\1/p' "$fr_err") fr_i=1
  while [ "$fr_i" -le "$a_gpg_allowlist_n" ]; do
    fr_item gpg_allowlist "$fr_i"
    [ "$fr_v" != "$fr_signer" ] || return 0
    fr_i=$((fr_i + 1))
  done
  fr_fail "The gpg_allowlist does not include the public key \"$fr_signer\" for this commit"
}
fr_archive() {
  [ -n "$a_archive" ] || return 0
  fr_path "$a_archive"
  fr_file=$fr_v
  case $fr_file in
    *.zip) fr_v=zip ;; *.tar) fr_v='tar' ;; *.tar.gz | *.tgz) fr_v=tar.gz ;;
    *) fr_fail "Unable to get file extension from archive file name : $a_archive" module/bad-arguments ;;
  esac
  fr_format=$fr_v
  if fr_is_check; then [ -e "$fr_file" ] || fr_changed; return 0; fi
  fr_new=$(fr_tmp "${fr_file%/*}") || fr_fail "cannot write beside $fr_file"
  fr_later "$fr_new"
  set -- archive --format="$fr_format" --output="$fr_new"
  [ -z "$a_archive_prefix" ] || set -- "$@" --prefix="$a_archive_prefix/"
  fr_in 'Failed to perform archive operation' "$@" "$a_version"
  if [ -e "$fr_file" ] && [ "$(cksum <"$fr_new")" = "$(cksum <"$fr_file")" ]; then return 0; fi
  fr_changed
  fr_install_file "$fr_new" "$fr_file"
}
fr_end() {
  fr_archive
  [ "${fr_before:-$fr_after}" = "$fr_after" ] || fr_changed
  if fr_is_diff && [ -n "$fr_before" ] && [ "$fr_before" != "$fr_after" ] && fr_v=$("$fr_git" -C "$fr_dest_" diff --no-color "$fr_before" "$fr_after" 2>/dev/null); then
    fr_json "$fr_v$fr_nl"
    fr_put_json diff "{\"prepared\":$fr_j}"
  fi
  fr_put_sha before "$fr_before"
  fr_put_sha after "$fr_after"
  exit 0
}
fr_git=${a_executable:-git}
fr_need "$fr_git"
[ -z "$a_umask" ] || umask "$a_umask" || fr_fail "no umask: $a_umask" module/bad-arguments
case $a_version$a_remote$a_repo in -* | *"$fr_nl"*) fr_fail 'version, remote and repo may not start with a dash' module/bad-arguments ;; esac
# Looking at a work tree must not write its index.
export GIT_TERMINAL_PROMPT="${GIT_TERMINAL_PROMPT:-0}" GIT_OPTIONAL_LOCKS=0
fr_ssh
fr_repo=$a_repo fr_before='' fr_after=''
case $a_repo in /* | \~/*) fr_path "$a_repo"; fr_repo=file://$fr_v ;; esac
if [ -z "$a_dest" ]; then
  [ "$a_clone" = false ] || fr_fail 'the destination directory must be specified unless clone=no' module/bad-arguments
  fr_ask_remote
  fr_changed
  fr_put_sha before ''
  fr_put_sha after "$fr_head"
  exit 0
fi
fr_path "$a_dest"
fr_dest_=$fr_v
if [ "$a_bare" = true ]; then fr_conf=$fr_dest_/config; else fr_conf=$fr_dest_/.git; fi
if [ ! -e "$fr_conf" ]; then
  fr_ask_remote
  fr_changed
  fr_after=$fr_head
  if fr_is_check || [ "$a_clone" = false ]; then fr_put_sha before ''; fr_put_sha after "$fr_after"; exit 0; fi
  fr_clone
  fr_switch
  fr_verify
  fr_modules
  fr_in 'cannot read the commit' rev-parse "$([ "$a_bare" = true ] && [ "$fr_kind_" != none ] && printf %s "$a_version" || printf HEAD)^{commit}"
  fr_after=$fr_stdout
  fr_end
fi
# git refuses folders of others unless told; who runs this has been told to.
fr_try -C "$fr_dest_" rev-parse HEAD || fr_broken "$a_dest is no repository"
fr_before=$fr_stdout
if [ -n "$a_separate_git_dir" ] && [ -d "$fr_conf" ] && [ "$a_bare" = false ]; then
  fr_changed
  fr_put git_dir_before "$fr_conf"
  fr_put git_dir_now "$a_separate_git_dir"
  fr_is_check || fr_in 'cannot move the git folder' init --separate-git-dir="$a_separate_git_dir"
fi
if [ "$a_update" = false ]; then fr_after=$fr_before; fr_end; fi
if [ "$a_bare" = false ]; then
  fr_in 'cannot see what was modified' status --porcelain
  case $fr_nl$fr_stdout in
    *"$fr_nl"[!?]*)
      if [ "$a_force" = false ]; then
        fr_put before "$fr_before"
        fr_fail "Local modifications exist in the destination: $a_dest (force=no)."
      fi
      fr_put msg "Local modifications exist in the destination: $a_dest"
      fr_changed
      fr_is_check || fr_in 'Failed to reset' reset --hard HEAD --
      ;;
  esac
fi
fr_try -C "$fr_dest_" remote get-url "$a_remote" || fr_stdout=''
fr_url=${fr_stdout#file://} fr_v=${fr_repo#file://}
if [ "${fr_url%/}" != "${fr_v%/}" ]; then
  fr_changed
  fr_put_bool remote_url_changed true
  if ! fr_is_check; then
    if [ -n "$fr_url" ]; then fr_in 'Failed to set a new url' remote set-url "$a_remote" "$fr_repo"
    else fr_in 'Failed to set a new url' remote add "$a_remote" "$fr_repo"; fi
  fi
else
  fr_put_bool remote_url_changed false
fi
fr_ask_remote
fr_after=$fr_head
if fr_is_check; then
  [ -n "$fr_head" ] || fr_after=$fr_before
  fr_end
fi
if [ "$fr_before" != "$fr_head" ] || [ "$a_bare" = true ]; then
  if [ "$fr_kind_" != sha ] || ! fr_try -C "$fr_dest_" cat-file -e "$a_version^{commit}"; then fr_fetch; fi
fi
fr_switch
fr_verify
fr_modules
fr_in 'cannot read the commit' rev-parse HEAD
fr_after=$fr_stdout
fr_end
