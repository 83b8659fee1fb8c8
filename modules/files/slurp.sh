fr_path "$a_src"
fr_p=$fr_v
[ -e "$fr_p" ] || fr_fail "File not found: $a_src"
[ ! -d "$fr_p" ] || fr_fail "Source is a directory and must be a file: $a_src"
[ -r "$fr_p" ] || fr_fail "File is not readable: $a_src"

# Where there is neither base64 nor openssl: od gives numbers, awk the letters.
fr_encode_awk() {
  od -An -v -tu1 <"$fr_p" | awk '
    BEGIN { abc = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" }
    function letter(n) { return substr(abc, n + 1, 1) }
    function put(a, b, c) {
      printf "%s%s%s%s", letter(int(a / 4)), letter(a % 4 * 16 + int(b / 16)),
        letter(b % 16 * 4 + int(c / 64)), letter(c % 64)
    }
    { for (i = 1; i <= NF; i++) { v[n++] = $i; if (n == 3) { put(v[0], v[1], v[2]); n = 0 } } }
    END {
      if (n == 1) printf "%s%s==", letter(int(v[0] / 4)), letter(v[0] % 4 * 16)
      if (n == 2) printf "%s%s%s=", letter(int(v[0] / 4)),
        letter(v[0] % 4 * 16 + int(v[1] / 16)), letter(v[1] % 16 * 4)
    }'
}

if command -v base64 >/dev/null 2>&1; then
  fr_v=$(base64 <"$fr_p" | tr -d '\n')
elif command -v openssl >/dev/null 2>&1; then
  fr_v=$(openssl base64 -A <"$fr_p")
else
  fr_need od awk
  fr_v=$(fr_encode_awk)
fi
fr_put content "$fr_v"
fr_put encoding base64
fr_put source "$a_src"
