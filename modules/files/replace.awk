# V: text, regexp, replacement, after, before.
# The part between after and before, in FROM_ and UPTO (just behind it).
function section(   pattern, re) {
  FROM_ = 1; UPTO = length(V[1]) + 1
  if (V[4] == "" && V[5] == "") return 1
  pattern = "(?P<subsection>.*" (V[4] != "" && V[5] != "" ? "?" : "") ")"
  pattern = V[4] pattern V[5]
  DOTALL = 1; GMAX = 0
  re = compile(pattern)
  GMAX = G; DOTALL = 0
  if (!search(re, V[1])) answer(0, "", "Pattern for before/after params did not match the given file: " pattern)
  FROM_ = CAP[2 * NAMED["subsection"]]; UPTO = CAP[2 * NAMED["subsection"] + 1]
  return 1
}
END {
  UTF = 1
  section()
  text = substr(V[1], FROM_, UPTO - FROM_)
  MULTI = 1; GMAX = 0
  re = compile(V[2])
  GMAX = G
  len = length(text); from = 1; last = 0
  while (from <= len + 1 && (at = search(re, text, from)) > 0) {
    # An empty match right behind another is one in Python, but not where that was empty.
    MS = at; size = EOM - at; next_ = EOM
    out = out substr(text, from, at - from) expand(V[3])
    count++
    if (!size) { out = out char(text, at); next_ = at + (at > len ? 1 : length(char(text, at))) }
    from = next_
  }
  out = out substr(text, from)
  if (!count || out == text) answer(0, "", "")
  answer(1, substr(V[1], 1, FROM_ - 1) out substr(V[1], UPTO), count " replacements made")
}
