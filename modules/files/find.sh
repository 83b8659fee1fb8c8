# find and stat list what is there; awk (find.awk) picks. No name can pass for
# another: records begin with a word that was not there when names were given.

{ read -r fr_sep </proc/sys/kernel/random/uuid; } 2>/dev/null || fr_sep=fr.$$.$(date +%s)
# fr_give VALUE: one value for awk.
fr_give() { fr_in=$fr_in$fr_nl$1$fr_nl$fr_sep; }
# fr_lengths NAME: the items of a list, each with its length before.
fr_lengths() {
  fr_i=0 fr_list=''
  eval "fr_n=\$a_$1_n"
  while [ "$fr_i" -lt "$fr_n" ]; do
    fr_item "$1" "$((fr_i += 1))"
    fr_list="$fr_list${#fr_v} $fr_v"
  done
  [ -n "$fr_list" ] || fr_list=$2
  fr_give "$fr_list"
}

case $a_mode in
  '' | *[!0-7]*)
    if [ -n "$a_mode" ]; then
      fr_new=$(fr_tmp) || fr_fail 'cannot make a temporary file'
      fr_later "$fr_new"
      chmod 0 "$fr_new"
      fr_v=$(chmod -- "$a_mode" "$fr_new" 2>&1) || fr_fail "bad mode $a_mode: $fr_v"
      fr_stat "$fr_new"
      a_mode=$fr_mode
    fi
    ;;
esac
case $a_limit in '' | [1-9]*) ;; *) fr_fail "limit cannot be $a_limit (use None for unlimited)" ;; esac
fr_in=$fr_sep fr_all='1 *'
[ "$a_use_regex" = false ] || fr_all='2 .*'
fr_lengths patterns "$fr_all"
fr_lengths excludes ''
fr_has_content=false
! fr_has contains || fr_has_content=true
for fr_v in "$a_use_regex" "$a_age" "$a_age_stamp" "$a_size" "$a_contains" "$a_read_whole_file" "$a_hidden" \
  "$a_file_type" "$a_get_checksum" "${a_depth:-0} ${a_limit:-0} $(date +%s)" "$a_mode" "$a_exact_mode" "$fr_has_content"
do fr_give "$fr_v"; done
fr_i=0
while [ "$fr_i" -lt "$a_paths_n" ]; do
  fr_item paths "$((fr_i += 1))"
  fr_path "$fr_v"
  fr_give "$fr_v"
done
fr_walk='-maxdepth 1' fr_links=''
if [ "$a_recurse" = true ]; then
  fr_walk=''
  case $a_depth in '' | 0) ;; *) fr_walk="-maxdepth $((a_depth + 1))" ;; esac
fi
[ "$a_follow" = false ] || fr_links=-L

# Every path with its records; what could not be read is left to fr_skipped.
fr_list() {
  printf '%s\n' "$fr_in"
  fr_i=0
  while [ "$fr_i" -lt "$a_paths_n" ]; do
    fr_item paths "$((fr_i += 1))"
    fr_path "$fr_v"
    printf '%s root %s\n' "$fr_sep" "$fr_i"
    [ -d "$fr_v" ] || continue
    # shellcheck disable=SC2086  # these are a few constant words
    find $fr_links "$fr_v/" $fr_walk -exec stat -c "$fr_sep %f %u %g %s %i %d %h %X %Y %Z %U %G %n" {} + 2>/dev/null
  done
}
fr_found=$(fr_list | awk "$fr_awk") || fr_fail 'awk failed'
case $fr_found in !*) fr_fail "${fr_found#!}" ;; esac

fr_sum_tool=''
if [ "$a_get_checksum" = true ]; then
  if command -v "${a_checksum_algorithm}sum" >/dev/null 2>&1; then fr_sum_tool=${a_checksum_algorithm}sum
  elif command -v openssl >/dev/null 2>&1; then fr_sum_tool=openssl
  else fr_fail "missing: ${a_checksum_algorithm}sum" module/missing-tool
  fi
fi
# fr_sum PATH: adds its checksum to the record in fr_r.
fr_sum() {
  [ -r "$1" ] || return 0
  if [ "$fr_sum_tool" = openssl ]; then
    fr_v=$(openssl dgst "-$a_checksum_algorithm" <"$1") && fr_r="$fr_r,\"checksum\":\"${fr_v##* }\""
  else
    fr_v=$("$fr_sum_tool" <"$1") && fr_r="$fr_r,\"checksum\":\"${fr_v%% *}\""
  fi
}
fr_soh=$(printf '\001')
# One line of awk's answer: a record, perhaps with the path for a checksum.
fr_record() {
  fr_r=${1%%"$fr_tab"*}
  case $1 in
    *"$fr_tab"*)
      fr_rest=${1#*"$fr_tab"} fr_v=''
      while :; do
        case $fr_rest in *"$fr_soh"*) ;; *) break ;; esac
        fr_v=$fr_v${fr_rest%%"$fr_soh"*}$fr_nl fr_rest=${fr_rest#*"$fr_soh"}
      done
      fr_sum "$fr_v$fr_rest"
      ;;
  esac
  fr_files="$fr_files$fr_comma$fr_r}" fr_comma=,
}
fr_counts() { fr_put_int matched "$1"; fr_put_int examined "$2"; fr_full=$3; }
# shellcheck disable=SC2086  # the words are wanted
fr_counts ${fr_found%%"$fr_nl"*}
fr_files='' fr_comma=''
while :; do
  case $fr_found in *"$fr_nl"*) fr_found=${fr_found#*"$fr_nl"} ;; *) break ;; esac
  fr_record "${fr_found%%"$fr_nl"*}"
done
fr_put_json files "[$fr_files]"

fr_msg='All paths examined' fr_skipped='' fr_i=0
[ "$fr_full" = 0 ] || fr_msg='Limit of matches reached'
while [ "$fr_i" -lt "$a_paths_n" ]; do
  fr_item paths "$((fr_i += 1))"
  fr_path "$fr_v"
  [ ! -d "$fr_v" ] || continue
  fr_json "$fr_v"
  fr_skipped="$fr_skipped${fr_skipped:+,}$fr_j"
  fr_json "'$fr_v' is not a directory"
  fr_skipped="$fr_skipped:$fr_j"
  fr_msg='Not all paths examined, check warnings for details'
done
fr_put_json skipped_paths "{$fr_skipped}"
fr_put msg "$fr_msg"
