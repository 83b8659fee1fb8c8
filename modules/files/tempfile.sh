# The name is made here, since not every mktemp takes a suffix; what makes the
# path fails when it is there already.
case $a_prefix in */*) fr_fail "prefix must be a valid file name component, got '$a_prefix'" module/bad-arguments ;; esac
case $a_suffix in */*) fr_fail "suffix must be a valid file name component, got '$a_suffix'" module/bad-arguments ;; esac
fr_path "${a_path:-${TMPDIR:-/tmp}}"
fr_dir=$fr_v
[ -d "$fr_dir" ] || fr_fail "No such folder: $fr_dir"
umask 077
fr_i=0 fr_p=''
while [ "$((fr_i += 1))" -le 20 ]; do
  fr_v=$(tr -dc 'a-z0-9_' </dev/urandom 2>/dev/null | head -c 8)
  [ -n "$fr_v" ] || fr_fail 'missing: head, tr or /dev/urandom' module/missing-tool
  fr_v=$fr_dir/$a_prefix$fr_v$a_suffix
  if [ "$a_state" = directory ]; then mkdir -- "$fr_v" 2>/dev/null; else (set -C && : >"$fr_v") 2>/dev/null; fi || continue
  fr_p=$fr_v
  break
done
[ -n "$fr_p" ] || fr_fail "cannot make a temporary $a_state in $fr_dir"
fr_changed
fr_put path "$fr_p"
fr_kind "$fr_p"
if fr_look "$fr_p"; then fr_put_look; fi
