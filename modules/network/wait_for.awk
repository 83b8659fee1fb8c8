# Line 1: the expression. The rest: the text, in which lines count one by one,
# as with Python's MULTILINE. Prints groups and named groups of the first match.
function json(s,   out, c, i) {
  gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); gsub(/\n/, "\\n", s); gsub(/\t/, "\\t", s); gsub(/[\001-\037]/, "?", s)
  return "\"" s "\""
}
function value(g) { return CAP[2 * g + 1] ? json(group(g)) : "null" }
function tell(   i, out, named, name) {
  for (i = 1; i <= G; i++) out = out "," value(i)
  for (name in NAMED) if (name != "") named = named "," json(name) ":" value(NAMED[name])
  print "[" substr(out, 2) "]"
  print "{" substr(named, 2) "}"
}
NR == 1 { start = compile($0); spans = $0 ~ /\\n|\\s|\\W|\\D|\[\^/; next }
found { next }
search(start, $0) { found = 1; tell(); next }
spans { text = text $0 "\n" }
END { if (!found && spans && search(start, text)) tell() }
