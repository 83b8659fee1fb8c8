# V: text, new (yes when there is no file), block, begin and end marker, where
# and near, append and prepend.
function put(i, text,   k) {
  for (k = n; k >= i; k--) T[k + 1] = T[k]
  T[i] = text; n++
}
function blank(i) { return T[i] == "" }
# The place of the old block, which is taken out; or where a new one belongs.
function place(   i, k, first, last) {
  for (i = 1; i <= n; i++) {
    if (i == n && NONL) break
    if (T[i] == V[4]) first = i
    if (T[i] == V[5]) last = i
  }
  if (first && last) {
    if (last < first) { i = first; first = last; last = i }
    for (i = last + 1; i <= n; i++) T[first + i - last - 1] = T[i]
    if (last == n) NONL = 0
    n -= last - first + 1
    return first
  }
  if (V[7] == "BOF") return 1
  if (V[7] == "EOF") return n + 1
  return near()
}
# After or before the last line that matches; with (?m), the first match of all the text.
function near(   re, i, at, text) {
  GMAX = 0; re = compile(V[7]); GMAX = G
  if (V[7] ~ /^[(][?][is]*m/) {
    at = search(re, V[1])
    if (!at) return n + 1
    text = substr(V[1], 1, (V[6] == "after" ? EOM : at) - 1)
    i = gsub(/\n/, "", text)
    return V[6] == "after" ? i + 1 + (substr(V[1], EOM - 1, 1) != "\n") : i + 1
  }
  for (i = 1; i <= n; i++) if (search(re, T[i] (i == n && NONL ? "" : "\n"))) at = i
  return !at ? n + 1 : V[6] == "after" ? at + 1 : at
}
END {
  n = lines_of(V[1])
  at = place()
  if (at > n) NONL = 0
  if (V[9] == "true" && at > 1 && !blank(at - 1)) put(at++, "")
  after = at
  if (V[3] != "") {
    block = V[3]
    sub(/\n$/, "", block)
    put(after++, V[4])
    size = split(block, B, "\n")
    if (size == 0) size = 1
    for (i = 1; i <= size; i++) put(after++, B[i])
    put(after++, V[5])
  }
  if (V[8] == "true" && after <= n && !blank(after)) put(after, "")
  for (i = 1; i <= n; i++) text = text T[i] (i == n && NONL ? "" : "\n")
  msg = V[2] == "true" ? "File created" : V[3] == "" ? "Block removed" : "Block inserted"
  if (text == V[1] && V[2] != "true") answer(0, text, "")
  answer(1, text, msg)
}
