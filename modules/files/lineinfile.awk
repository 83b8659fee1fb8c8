# Decides what becomes of a file's lines. V: text state line by re where near
# first backrefs. The message begins with how many lines matched.

function bare(text) { sub(/[\r\n]+$/, "", text); return text }
function hit(i) {
  if (by == "regexp") return search(main_re, T[i] "\n")
  if (by == "search") return index(T[i], V[5]) > 0
  return bare(T[i]) == line
}
function absent(   i, found) {
  for (i = 1; i <= n; i++) {
    if (hit(i)) found++; else keep[++kept] = T[i]
    tail = kept + found == n && i == n && kept && keep[kept] == T[n]
  }
  finish(found > 0, found, found " line(s) removed")
}
function present(   i, at, spot) {
  if (by != "line")
    for (i = 1; i <= n; i++) if (hit(i)) { at = i; if (first) break }
  if (at && backrefs) { MS = hit(at); line = expand(line); sub(/\n$/, "", line) }
  if (!at)
    for (i = 1; i <= n; i++) {
      if (bare(T[i]) == line) at = i
      else if (near_re && search(near_re, T[i] "\n")) {
        spot = V[6] == "after" ? i + 1 : i
        if (first) break
      }
    }
  if (at) replace(at)
  else if (backrefs) finish(0)
  else insert(spot)
}
function replace(at,   i) {
  if (T[at] == line) { finish(0); return }
  T[at] = line
  for (i = 1; i <= n; i++) keep[i] = T[i]
  kept = n; tail = at < n
  finish(1, 0, "line replaced")
}
# Inserts before line number spot; without one, where insertbefore or insertafter say.
function insert(spot,   i) {
  if (V[7] == "BOF") spot = 1
  if (!spot) spot = n + 1
  else if (V[6] == "after" && spot <= n && bare(T[spot]) == line) { finish(0); return }
  for (i = 1; i < spot; i++) keep[++kept] = T[i]
  keep[++kept] = line
  for (; i <= n; i++) keep[++kept] = T[i]
  tail = spot <= n
  finish(1, 0, "line added")
}
# Without a newline at the end it stays so, unless the last line is ours.
function finish(changed, found, msg,   i, text) {
  if (changed)
    for (i = 1; i <= kept; i++) text = text keep[i] (i == kept && tail && NONL ? "" : "\n")
  answer(changed, text, (found + 0) " " (changed ? msg : ""))
}
END {
  line = V[3]; by = V[4]; first = V[8] == "true"; backrefs = V[9] == "true"
  sub(/\n$/, "", line)
  if (V[6] != "" && V[7] != "EOF" && V[7] != "BOF") near_re = compile(V[7])
  GMAX = G
  if (by == "regexp") { main_re = compile(V[5]); if (G > GMAX) GMAX = G }
  n = lines_of(V[1])
  if (V[2] == "absent") absent(); else present()
}
