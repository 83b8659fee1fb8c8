# Lines of a database as JSON: name -> list of the other fields, or a list of
# such lists where a name comes twice. First line: the separator, '' for blanks.
function str(s,   out, i, c) {
  if (s !~ /[\\"[:cntrl:]]/) return "\"" s "\""
  for (i = 1; i <= length(s); i++) {
    c = substr(s, i, 1)
    if (c == "\\" || c == "\"") c = "\\" c
    else if (c == "\t") c = "\\t"
    else if (c ~ /[[:cntrl:]]/) c = " "
    out = out c
  }
  return "\"" out "\""
}
function fields(line,   n, i, w, out, at) {
  if (separator == "") {
    n = split(line, w, /[ \t]+/)
    for (i = (w[1] == "" ? 2 : 1); i <= n; i++) take(w[i])
    return
  }
  while ((at = index(line, separator)) > 0) {
    take(substr(line, 1, at - 1))
    line = substr(line, at + length(separator))
  }
  take(line)
}
function take(field) {
  if (!has_name) { name = field; has_name = 1; return }
  list = list (list == "" ? "" : ",") str(field)
}
NR == 1 { separator = $0; next }
{
  has_name = 0; list = ""; name = ""
  fields($0)
  if (!(name in count)) order[++names] = name
  lists[name, ++count[name]] = "[" list "]"
}
END {
  for (i = 1; i <= names; i++) {
    name = order[i]; value = lists[name, 1]
    if (count[name] > 1) {
      for (j = 2; j <= count[name]; j++) value = value "," lists[name, j]
      value = "[" value "]"
    }
    out = out (i > 1 ? "," : "") str(name) ":" value
  }
  print "{" out "}"
}
