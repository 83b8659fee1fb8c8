# Reads the headers of the last answer (of several, when it was redirected), then
# says them as JSON fields; or, with file "json" on the first line, whether the
# rest is one JSON text, and that in one line.

# Not every awk agrees on backslashes in what gsub puts in.
function json(text,   n, i, out) {
  gsub(/\\/, "&&", text); gsub(/[\001-\037\177]/, " ", text)
  n = split(text, Q, "\"")
  for (i = 1; i <= n; i++) out = out (i > 1 ? "\\\"" : "") Q[i]
  return "\"" out "\""
}
function header(line,   at, name, value, pair) {
  at = index(line, ":")
  if (at < 2) return
  name = tolower(substr(line, 1, at - 1)); value = substr(line, at + 1)
  gsub(/-/, "_", name); gsub(/^[ \t]+|[ \t]+$/, "", value)
  if (name !~ /^[a-z0-9][a-z0-9_]*$/ || index(TAKEN, " " name " ") || name ~ /^ansible|^discovered/) return
  if (name == "set_cookie") {
    pair = value; sub(/;.*/, "", pair); at = index(pair, "=")
    if (at > 1) {
      cookies = cookies (cookies == "" ? "" : ",") json(substr(pair, 1, at - 1)) ":" json(substr(pair, at + 1))
      jar = jar (jar == "" ? "" : "; ") pair
    }
  }
  if (!(name in VALUE)) { NAME[++names] = name; VALUE[name] = value }
  else VALUE[name] = VALUE[name] ", " value
}
# Strings and numbers become marks; then lists and mappings, from inside out.
function is_json(text,   n, was) {
  if (text ~ /[\001\002]/) return 0
  gsub(/"([^"\\\001-\037]|\\["\\\/bfnrt]|\\u[0-9a-fA-F][0-9a-fA-F][0-9a-fA-F][0-9a-fA-F])*"/, "\001", text)
  gsub(/true|false|null|-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?/, "\002", text)
  # A mark beside a mark, with a space or not, is none of JSON.
  gsub(/[ \t\r\n]+/, " ", text)
  if (text ~ /[\001\002] ?[\001\002]/) return 0
  gsub(/ /, "", text)
  for (n = 0; n < 200 && text != was; n++) {
    was = text
    gsub(/\[([\001\002](,[\001\002])*)?\]/, "\002", text)
    gsub(/\{(\001:[\001\002](,\001:[\001\002])*)?\}/, "\002", text)
  }
  return text ~ /^[\001\002]$/
}
BEGIN {
  TAKEN = " changed failed msg rc skipped skip_reason diff error_kind stdout stderr stdout_lines stderr_lines"
  TAKEN = TAKEN " status url redirected elapsed content json path dest src cookies cookies_string warnings"
  TAKEN = TAKEN " deprecations exception invocation results item attempts retries finished started mode owner"
  TAKEN = TAKEN " group uid gid size state module_stdout module_stderr "
}
NR == 1 { body = $0 == "json"; next }
body { text = text $0 "\n"; next }
{ sub(/\r$/, "") }
/^HTTP\// { names = 0; split("", VALUE); cookies = jar = ""; next }
{ header($0) }
END {
  if (body) {
    if (!is_json(text)) exit
    gsub(/[\r\n]/, " ", text)
    print text
    exit
  }
  for (i = 1; i <= names; i++) out = out ",\"" NAME[i] "\":" json(VALUE[NAME[i]])
  print out ",\"cookies\":{" cookies "},\"cookies_string\":" json(jar)
}
