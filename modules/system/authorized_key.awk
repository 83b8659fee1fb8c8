# Edits authorized_keys. In: state, exclusive, key_options, given|none, comment,
# number of lines of `key`, these, the file. Out: same|changed|bad …, the file.

# Cuts line into options, type, blob and comment; false when it holds no key.
function parse(line,   i, c, quoted) {
  options = ""; type = ""; blob = ""; comment = ""
  sub(/^[ \t]+/, "", line); sub(/[ \t\r]+$/, "", line)
  if (line == "" || line ~ /^#/) return 0
  if (line !~ TYPES) {
    for (i = 1; i <= length(line); i++) {
      c = substr(line, i, 1)
      if (c == "\\" && quoted) { i++; continue }
      if (c == "\"") quoted = !quoted
      if ((c == " " || c == "\t") && !quoted) break
    }
    options = substr(line, 1, i - 1); line = substr(line, i)
    sub(/^[ \t]+/, "", line)
    if (line !~ TYPES) return 0
  }
  match(line, /^[^ \t]+/); type = substr(line, 1, RLENGTH); line = substr(line, RLENGTH + 1)
  sub(/^[ \t]+/, "", line)
  if (!match(line, /^[A-Za-z0-9+\/=]+/)) return 0
  blob = substr(line, 1, RLENGTH); comment = substr(line, RLENGTH + 1)
  sub(/^[ \t]+/, "", comment)
  return 1
}
function render() { return (options == "" ? "" : options " ") type " " blob (comment == "" ? "" : " " comment) }
BEGIN { TYPES = "^(ssh-(rsa|dss|ed25519|ed448)|ecdsa-sha2-nistp[0-9]+|(sk-)?(ssh|ecdsa)-[a-z0-9-]+@openssh[.]com|sk-[a-z0-9-]+@openssh[.]com)[ \t]" }
NR == 1 { state = $0; next }
NR == 2 { exclusive = $0; next }
NR == 3 { own_options = $0; next }
NR == 4 { has_comment = $0; next }
NR == 5 { own_comment = $0; next }
NR == 6 { count = $0; next }
NR <= 6 + count {
  if ($0 ~ /^[ \t\r]*(#.*)?$/) next
  if (!parse($0)) { if (bad == "") bad = $0; next }
  if (own_options != "") options = own_options
  if (has_comment == "given") comment = own_comment
  if (!(blob in wanted)) order[++keys] = blob
  wanted[blob] = render()
  next
}
{ old[++lines] = $0 }
END {
  if (bad != "" || !keys) { print "bad " bad; exit }
  for (i = 1; i <= lines; i++) {
    keep = 1
    if (parse(old[i])) {
      if (blob in wanted) {
        if (state == "absent") keep = 0
        else if (render() == wanted[blob] && !(blob in found)) found[blob] = 1
        else keep = 0
      } else if (exclusive == "true" && state == "present") keep = 0
    }
    if (keep) new[++n] = old[i]; else changed = 1
  }
  if (state == "present")
    for (i = 1; i <= keys; i++) if (!(order[i] in found)) { new[++n] = wanted[order[i]]; changed = 1 }
  print changed ? "changed" : "same"
  for (i = 1; i <= n; i++) print new[i]
}
