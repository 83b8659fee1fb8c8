# Decides what becomes of a file's lines, and prints the new text.
#
# Input: a separator line, then each value followed by it. Output: "!message"
# (an error), or "changed found tail bytes lines size message" and, when changed, the
# new text and a last line ".". tail is 1 when the last line is the old last
# line; bytes and size are the lengths of the old and the new text, lines is how
# many lines the old one has.

function bare(text) { sub(/[\r\n]+$/, "", text); return text }
function hit(i) {
  if (by == "regexp") return search(main_re, T[i] "\n")
  if (by == "search") return index(T[i], V["re"]) > 0
  return bare(T[i]) == V["line"]
}
function absent(   i, found) {
  for (i = 1; i <= n; i++) {
    if (hit(i)) found++; else keep[++kept] = T[i]
    tail = kept + found == n && i == n && kept && keep[kept] == T[n]
  }
  finish(found > 0, found, found " line(s) removed")
}
function present(   i, at, spot, line) {
  line = V["line"]
  if (by != "line")
    for (i = 1; i <= n; i++) if (hit(i)) { at = i; if (V["first"] == "true") break }
  if (at && V["backrefs"] == "true") { MS = hit(at); line = expand(line); sub(/\n$/, "", line) }
  if (!at)
    for (i = 1; i <= n; i++) {
      if (bare(T[i]) == line) at = i
      else if (near_re && search(near_re, T[i] "\n")) {
        spot = V["where"] == "after" ? i + 1 : i
        if (V["first"] == "true") break
      }
    }
  if (at) replace(at, line)
  else if (V["backrefs"] == "true") finish(0)
  else insert(spot, line)
}
function replace(at, line,   i) {
  if (T[at] == line) { finish(0); return }
  T[at] = line
  for (i = 1; i <= n; i++) keep[i] = T[i]
  kept = n; tail = at < n
  finish(1, 0, "line replaced")
}
# Inserts before line number spot; without one, where insertbefore or insertafter say.
function insert(spot, line,   i) {
  if (V["near"] == "BOF") spot = 1
  if (!spot) spot = n + 1
  else if (V["where"] == "after" && spot <= n && bare(T[spot]) == line) { finish(0); return }
  for (i = 1; i < spot; i++) keep[++kept] = T[i]
  keep[++kept] = line
  for (; i <= n; i++) keep[++kept] = T[i]
  tail = spot <= n
  finish(1, 0, "line added")
}
function finish(changed, found, msg,   i, size) {
  for (i = 1; i <= kept; i++) size += length(keep[i]) + 1
  print (changed ? "true" : "false"), found + 0, tail + 0, bytes, n, size + 0, msg
  if (!changed) return
  for (i = 1; i <= kept; i++) print keep[i]
  print "."
}
NR == 1 { sep = $0; split("file state line by re where near first backrefs", names, " "); field = 1; next }
$0 == sep { field++; more = 0; next }
{ V[names[field]] = more++ ? V[names[field]] "\n" $0 : $0 }
END {
  by = V["by"]
  sub(/\n$/, "", V["line"])
  if (V["where"] != "" && V["near"] != "EOF" && V["near"] != "BOF") near_re = compile(V["near"])
  GMAX = G
  if (by == "regexp") { main_re = compile(V["re"]); if (G > GMAX) GMAX = G }
  n = 0; bytes = 0
  if (V["file"] != "") {
    while ((got = (getline text < V["file"])) > 0) { T[++n] = text; bytes += length(text) + 1 }
    if (got < 0) fatal("cannot read the file")
  }
  if (V["state"] == "absent") absent(); else present()
}
