# What is wanted, "--", then what is there as name==version. Prints "same" when
# nothing is to be done.
function plain(s) { s = tolower(s); gsub(/[-_.]+/, "-", s); return s }
# -1, 0 or 1: numbers one by one; a, b, rc and dev stand before the release.
function compare(x, y,   a, b, n, m, i, p, r) {
  sub(/^v/, "", x); sub(/^v/, "", y); sub(/\+.*/, "", x); sub(/\+.*/, "", y)
  gsub(/[-_]/, ".", x); gsub(/[-_]/, ".", y)
  gsub(/[a-z]+/, ".&.", x); gsub(/[a-z]+/, ".&.", y); gsub(/\.\.+/, ".", x); gsub(/\.\.+/, ".", y)
  n = split(tolower(x), a, "."); m = split(tolower(y), b, ".")
  for (i = 1; i <= n || i <= m; i++) {
    p = rank(i <= n ? a[i] : "0"); r = rank(i <= m ? b[i] : "0")
    if (p != r) return p < r ? -1 : 1
  }
  return 0
}
function rank(s) {
  if (s ~ /^[0-9]+$/) return s + 0
  if (s == "dev") return -4
  if (s == "a" || s == "alpha") return -3
  if (s == "b" || s == "beta") return -2
  if (s == "rc" || s == "c") return -1
  return 0.5
}
function holds(have, op, want,   c, stem) {
  if (op == "==" || op == "!=") {
    if (want ~ /\.\*$/) { stem = substr(want, 1, length(want) - 1); c = index(have ".", stem) == 1 }
    else c = compare(have, want) == 0
    return op == "==" ? c : !c
  }
  if (op == "===") return have == want
  c = compare(have, want)
  if (op == "~=") {
    stem = want; sub(/\.[^.]*$/, ".", stem)
    return c >= 0 && index(have ".", stem) == 1
  }
  if (op == ">=") return c >= 0
  if (op == "<=") return c <= 0
  if (op == ">") return c > 0
  return c < 0
}
function met(text,   name, rest, n, parts, i, op) {
  if (text ~ /[;:@\/]/) return 0
  match(text, /^[A-Za-z0-9._-]+/); name = plain(substr(text, 1, RLENGTH)); rest = substr(text, RLENGTH + 1)
  sub(/^\[[^]]*\]/, "", rest); gsub(/ /, "", rest)
  if (!(name in has)) return 0
  if (rest == "") return 1
  n = split(rest, parts, ",")
  for (i = 1; i <= n; i++) {
    match(parts[i], /^[<>=!~]+/); op = substr(parts[i], 1, RLENGTH)
    if (!holds(has[name], op, substr(parts[i], RLENGTH + 1))) return 0
  }
  return 1
}
$0 == "--" && !there { there = 1; next }
!there { wanted[++n] = $0; next }
{ at = index($0, "=="); if (at) has[plain(substr($0, 1, at - 1))] = substr($0, at + 2) }
END {
  for (i = 1; i <= n; i++) if (wanted[i] != "" && met(wanted[i]) == (absent == "absent")) differs = 1
  print differs ? "differs" : "same"
}
