# Flattens JSON into lines "path TAB value": .a.b for objects (a key that holds
# a dot or slash stands in brackets: .a[b.c]), .a[] for each element of a list,
# and of lists and objects as a whole their compact text. Strings stay quoted.
#
# Line 1 of the input is the task: "flat", or "compare". Compare reads wanted
# lines "path TAB value TAB other value…" up to "--", then JSON of the image up
# to "--", then that of what is there. It prints "path TAB is TAB wanted" for
# each wanted line that does not hold. "=path TAB" in place of a value asks that
# nothing be below the path but what is wanted or comes with the image.
function skip() { while (P <= length(J) && substr(J, P, 1) ~ /[ \t\r\n]/) P++ }
function text(   from, c) {
  from = P++
  while (P <= length(J) && (c = substr(J, P, 1)) != "\"") P += c == "\\" ? 2 : 1
  P++
  c = substr(J, from, P - from)
  if (c ~ /\\u00/) { gsub(/\\u003c/, "<", c); gsub(/\\u003e/, ">", c); gsub(/\\u0026/, "\\&", c) }
  gsub(/\\\//, "/", c)
  return c
}
function key(path, k) {
  k = substr(k, 2, length(k) - 2)
  return path (k ~ /[.\/\[]/ ? "[" k "]" : "." k)
}
function parse(path,   c, out, k, v, n, from) {
  skip(); c = substr(J, P, 1)
  if (c == "{") {
    P++; out = "{"
    while (1) {
      skip(); c = substr(J, P, 1)
      if (c == "}" || P > length(J)) { P++; break }
      if (c == ",") { P++; continue }
      k = text(); skip(); P++
      v = parse(key(path, k))
      out = out (n++ ? "," : "") k ":" v
    }
    v = out "}"
  } else if (c == "[") {
    P++; out = "["
    while (1) {
      skip(); c = substr(J, P, 1)
      if (c == "]" || P > length(J)) { P++; break }
      if (c == ",") { P++; continue }
      v = parse(path "[]")
      out = out (n++ ? "," : "") v
    }
    v = out "]"
  } else if (c == "\"") v = text()
  else {
    from = P
    while (P <= length(J) && substr(J, P, 1) !~ /[],} \t\r\n]/) P++
    v = substr(J, from, P - from)
  }
  found(path, v)
  return v
}
function bare(v) { return v ~ /^"/ ? substr(v, 2, length(v) - 2) : v }
# Mounts as "source:target:writable"; volumes go by their names.
function mounted(path, v) {
  if (path == ".Mounts[]") {
    found(".@mounts[]", "\"" (bare(M["Name"]) != "" ? bare(M["Name"]) : bare(M["Source"])) ":" bare(M["Destination"]) ":" M["RW"] "\"")
    split("", M)
  } else M[substr(path, 11)] = v
}
function found(path, v) {
  if (index(path, ".Mounts[]") == 1 && v !~ /^[[]/) mounted(path, v)
  if (task == "flat") { if (path != "") print path "\t" v; return }
  has[where SUBSEP path SUBSEP v] = 1
  if ((where SUBSEP path) in is) is[where SUBSEP path] = is[where SUBSEP path] " " v
  else is[where SUBSEP path] = v
  if (where == 2) { paths[++count] = path; values[count] = v }
}
function read(n) { where = n; J = text_of[n]; P = 1; parse("") }
function lone(path, v,   i) { # nothing asks for it, nor does the image bring it
  if ((1 SUBSEP path SUBSEP v) in has) return 0
  for (i = 1; i <= wants; i++)
    if (index(W[i], path "\t") == 1 && (index(W[i] "\t", "\t" v "\t") || W[i] ~ /\t[*]/)) return 0
  return 1
}
# An entry below base: elements count as a whole, not their parts.
function entry(path, v, base) {
  return index(path, base) == 1 && path != base && v !~ /^\[/ && index(path, "[].") == 0 && (v !~ /^[{]/ || path ~ /\[\]$/)
}
function compare(   i, j, n, f, ok, base) {
  for (i = 1; i <= wants; i++) {
    n = split(W[i], f, "\t"); ok = 0
    if (f[1] ~ /^=/) {
      base = substr(f[1], 2)
      for (j = 1; j <= count; j++)
        if (entry(paths[j], values[j], base) && lone(paths[j], values[j]))
          print paths[j] "\t" values[j] "\t"
      continue
    }
    for (j = 2; j <= n; j++) {
      if ((2 SUBSEP f[1] SUBSEP f[j]) in has) ok = 1
      # What an engine leaves out is empty.
      if (!((2 SUBSEP f[1]) in is) && (f[j] == "null" || f[j] == "?")) ok = 1
      if (f[j] == "*" && (2 SUBSEP f[1]) in is) ok = 1
    }
    if (!ok) print f[1] "\t" is[2 SUBSEP f[1]] "\t" f[2]
  }
}
NR == 1 { task = $0; part = task == "compare" ? 0 : 2; next }
$0 == "--" && task == "compare" { part++; next }
part == 0 { if ($0 != "") W[++wants] = $0; next }
{ text_of[part] = text_of[part] $0 "\n" }
END {
  if (task == "flat") { read(2); exit }
  read(1); read(2); compare()
}
