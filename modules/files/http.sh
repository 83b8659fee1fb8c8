# What get_url and uri share: one request by curl, GNU's or busybox's wget, or
# uclient-fetch. Secrets and headers reach curl and GNU's wget through private
# files, never as arguments; the others are given none that could be secret.

# fr_http_line TEXT WHAT: fails for a value that would begin another line.
fr_http_line() {
  case $1 in *"$fr_nl"* | *"$fr_cr"*) fr_fail "$2 cannot hold a line end" module/bad-arguments ;; esac
}
fr_cr=$(printf '\r') fr_http_headers=''
fr_http_header() {
  fr_http_line "$1$2" 'a header'
  fr_http_headers="$fr_http_headers$1: $2$fr_nl"
}
# True when the operator gave header $1 (in lower case).
fr_http_given() {
  fr_i=0
  while [ "$fr_i" -lt "$a_headers_n" ]; do
    fr_pair headers "$((fr_i += 1))"
    case $(printf %s "$fr_k" | tr '[:upper:]' '[:lower:]') in "$1") return 0 ;; esac
  done
  return 1
}

# Finds the program, splits user:password@ off the URL, makes the private files.
fr_http_open() {
  if command -v curl >/dev/null 2>&1; then fr_client=curl
  elif command -v wget >/dev/null 2>&1; then
    case $(wget --version 2>/dev/null) in *'GNU Wget'*) fr_client=gnu ;; *) fr_client=wget ;; esac
  elif command -v uclient-fetch >/dev/null 2>&1; then fr_client=uclient-fetch
  else fr_fail 'missing: curl or wget' module/missing-tool
  fi
  fr_user='' fr_password='' fr_url=$a_url
  fr_http_line "$a_url" url
  ! fr_has url_username || fr_user=$a_url_username
  ! fr_has url_password || fr_password=$a_url_password
  fr_v=${fr_url#*://} fr_v=${fr_v%%/*}
  case $fr_url in
    *://*)
      case $fr_v in
        *@*)
          fr_url=${fr_url%%://*}://${fr_v##*@}${fr_url#*://"$fr_v"}
          fr_v=${fr_v%@*}
          [ -n "$fr_user" ] || { fr_user=${fr_v%%:*}; case $fr_v in *:*) fr_password=${fr_v#*:} ;; esac; }
          ;;
      esac
      ;;
  esac
  fr_http_line "$fr_user$fr_password" 'user or password'
  fr_http_dir=$(umask 077; mktemp -d) || fr_fail 'cannot make a temporary folder'
  fr_later "$fr_http_dir"
  fr_i=0
  while [ "$fr_i" -lt "$a_headers_n" ]; do
    fr_pair headers "$((fr_i += 1))"
    fr_http_header "$fr_k" "$fr_v"
  done
  case $fr_client in wget | uclient-fetch) fr_http_plain ;; esac
}
# Everybody on the device can read arguments.
fr_http_plain() {
  [ -z "$fr_user" ] || fr_fail 'missing: curl (this wget would show the password to others)' module/missing-tool
  [ -z "$a_client_cert$a_client_key" ] || fr_fail 'missing: curl (for client_cert)' module/missing-tool
  fr_v=$fr_http_headers
  while [ -n "$fr_v" ]; do
    case $fr_v in
      [Aa]ccept* | [Uu]ser-[Aa]gent:* | [Cc]ontent-[Tt]ype:* | [Cc]ache-[Cc]ontrol:* | [Ii]f-* | [Rr]ange:*) ;;
      *) fr_fail "missing: curl (this wget would show the header ${fr_v%%:*} to others)" module/missing-tool ;;
    esac
    fr_v=${fr_v#*"$fr_nl"}
  done
}

# fr_http METHOD FOLLOW OUT [BODY]: one request; FOLLOW is how many redirects,
# OUT and BODY are files. Sets fr_status (-1: none came), fr_http_msg, fr_final
# (the last URL); the answer's headers are in $fr_http_dir/head.
fr_http() {
  fr_status=-1 fr_http_msg='' fr_final=$fr_url
  : >"$fr_http_dir/head"
  fr_http_start=$(date +%s)
  case $fr_client in
    curl) fr_http_curl "$@" ;;
    gnu) fr_http_gnu "$@" ;;
    *) fr_http_small "$@" ;;
  esac
  fr_elapsed=$(($(date +%s) - fr_http_start))
}

fr_cfg() { fr_json "$2"; fr_config="$fr_config$1 = $fr_j$fr_nl"; }
fr_http_curl() {
  fr_config="silent${fr_nl}show-error${fr_nl}globoff$fr_nl"
  fr_cfg url "$fr_url"; fr_cfg output "$3"; fr_cfg dump-header "$fr_http_dir/head"
  fr_cfg write-out '%{http_code} %{url_effective}'
  fr_cfg connect-timeout "$a_timeout"; fr_cfg speed-time "$a_timeout"; fr_cfg speed-limit 1
  fr_cfg user-agent "$a_http_agent"; fr_cfg proto '=http,https,ftp,ftps,file'
  fr_cfg proto-redir '=http,https'
  [ "$a_validate_certs" = true ] || fr_config="${fr_config}insecure$fr_nl"
  [ "$2" = 0 ] || { fr_config="${fr_config}location$fr_nl"; fr_cfg max-redirs "$2"; }
  [ "$a_use_proxy" = true ] || fr_cfg noproxy '*'
  [ -z "$fr_user" ] || fr_cfg user "$fr_user:$fr_password"
  [ -z "$a_client_cert" ] || fr_cfg cert "$a_client_cert"
  [ -z "$a_client_key" ] || fr_cfg key "$a_client_key"
  [ -z "${a_ca_path:-}" ] || fr_cfg cacert "$a_ca_path"
  [ -z "${a_unix_socket:-}" ] || fr_cfg unix-socket "$a_unix_socket"
  case $1${4:+body} in
    HEAD*) fr_config="${fr_config}head$fr_nl" ;;
    GET | POSTbody) ;;
    *) fr_cfg request "$1" ;;
  esac
  [ -z "${4:-}" ] || fr_cfg data-binary "@$4"
  fr_rest=$fr_http_headers
  while [ -n "$fr_rest" ]; do
    fr_cfg header "${fr_rest%%"$fr_nl"*}"
    fr_rest=${fr_rest#*"$fr_nl"}
  done
  if fr_v=$(curl -q -K - 2>"$fr_http_dir/err" <<EOF
$fr_config
EOF
  ); then :; else
    fr_read "$fr_http_dir/err"
    fr_http_msg=${fr_v%"$fr_nl"}
    return
  fi
  fr_status=${fr_v%% *} fr_final=${fr_v#* }
  case $fr_status in 000) fr_status=200 ;; esac
}

fr_http_gnu() {
  {
    printf 'timeout = %s\ntries = 1\nuser_agent = %s\nmax_redirect = %s\nmethod = %s\n' \
      "$a_timeout" "$a_http_agent" "$2" "$1"
    printf 'content_on_error = on\nserver_response = on\nverbose = off\nhsts = off\nnetrc = off\n'
    [ "$a_validate_certs" = true ] || echo 'check_certificate = off'
    [ "$a_use_proxy" = true ] || echo 'use_proxy = off'
    [ -z "$fr_user" ] || printf 'user = %s\npassword = %s\nauth_no_challenge = on\n' "$fr_user" "$fr_password"
    [ -z "$a_client_cert" ] || printf 'certificate = %s\n' "$a_client_cert"
    [ -z "$a_client_key" ] || printf 'private_key = %s\n' "$a_client_key"
    [ -z "${a_ca_path:-}" ] || printf 'ca_certificate = %s\n' "$a_ca_path"
    [ -z "${4:-}" ] || printf 'body_file = %s\n' "$4"
    [ -z "$fr_http_headers" ] || printf %s "$fr_http_headers" | sed 's/^/header = /'
  } >"$fr_http_dir/rc"
  printf '%s\n' "$fr_url" >"$fr_http_dir/url"
  : >"$3"
  WGETRC='' wget --config="$fr_http_dir/rc" -i "$fr_http_dir/url" -O "$3" -o "$fr_http_dir/err" >/dev/null 2>&1
  fr_http_log
}
fr_http_small() {
  [ -z "${a_unix_socket:-}${a_ca_path:-}" ] || fr_fail 'missing: curl (for unix_socket or ca_path)' module/missing-tool
  fr_help=$("$fr_client" --help 2>&1)
  fr_rest=$fr_http_headers fr_method=$1 fr_out_file=$3 fr_body_file=${4:-}
  set -- -O "$fr_out_file"
  case $fr_help in *-T\ * | *--timeout*) set -- "$@" -T "$a_timeout" ;; esac
  case $fr_help in *-[qc]*S*) set -- "$@" -S ;; esac
  case $fr_help in *-U\ STR* | *--user-agent*) set -- "$@" -U "$a_http_agent" ;; esac
  [ "$a_validate_certs" = true ] || set -- "$@" --no-check-certificate
  case $fr_method$fr_body_file in
    GET) ;;
    HEAD) set -- "$@" --spider ;;
    POST/*) set -- "$@" --post-file "$fr_body_file" ;;
    *) fr_fail "missing: curl (this $fr_client cannot do $fr_method)" module/missing-tool ;;
  esac
  while [ -n "$fr_rest" ]; do
    set -- "$@" --header "${fr_rest%%"$fr_nl"*}"
    fr_rest=${fr_rest#*"$fr_nl"}
  done
  : >"$fr_out_file"
  "$fr_client" "$@" "$fr_url" >/dev/null 2>"$fr_http_dir/err" && fr_status=200
  fr_http_log
}
# What a wget said: headers and status.
fr_http_log() {
  sed -n 's/^  *\(HTTP\/[0-9.]* [0-9]\)/\1/p; s/^  *\([A-Za-z0-9_-]*:.*\)/\1/p; s/^wget: server returned error: \(HTTP\)/\1/p' \
    "$fr_http_dir/err" >"$fr_http_dir/head"
  fr_v=$(sed -n 's/^HTTP\/[0-9.]* *\([0-9][0-9][0-9]\).*/\1/p' "$fr_http_dir/head" | tail -n 1)
  [ -z "$fr_v" ] || fr_status=$fr_v
  fr_v=$(sed -n 's/^[Ll]ocation: *\([a-z]*:[^ ]*\).*/\1/p' "$fr_http_dir/head" | tail -n 1)
  case $fr_status in 3??) ;; *) [ -z "$fr_v" ] || fr_final=$fr_v ;; esac
  [ "$fr_status" != -1 ] || { fr_read "$fr_http_dir/err"; fr_http_msg=${fr_v%"$fr_nl"}; }
}
# A header of the last answer, by its name in lower case, in $fr_v.
fr_http_answer() {
  fr_v=$(tr -d '\r' <"$fr_http_dir/head" | awk -v name="$1:" '
    /^HTTP\// { value = "" }
    tolower(substr($0, 1, length(name))) == name { value = substr($0, length(name) + 1); sub(/^ */, "", value) }
    END { print value }')
}
