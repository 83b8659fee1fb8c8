# Groups lines by name, in the order of their first appearance.
function q(s) {
  if (s ~ /[\\"\001-\037]/) { gsub(/\\/, "\\\\", s); gsub(/"/, "\\\"", s); gsub(/[\001-\037]/, "?", s) }
  return "\"" s "\""
}
function number(s) { return s ~ /^[0-9]+$/ ? s : "null" }
BEGIN { FS = "\t" }
/^@/ { source = substr($0, 2); next }
$1 == "" { next }
{
  entry = "{\"name\":" q($1) ",\"version\":" q($2)
  if (source == "apt") entry = entry ",\"arch\":" q($3) ",\"category\":" q($4) ",\"origin\":" q($5)
  else if (source == "rpm") entry = entry ",\"release\":" q($3) ",\"epoch\":" number($4) ",\"arch\":" ($5 == "(none)" ? "null" : q($5))
  else if (source == "apk") entry = entry ",\"release\":" q($3)
  entry = entry ",\"source\":" q(source) "}"
  if ($1 in found) found[$1] = found[$1] "," entry
  else { found[$1] = entry; names[++n] = $1 }
}
END { for (i = 1; i <= n; i++) printf "%s%s:[%s]", (i > 1 ? "," : ""), q(names[i]), found[names[i]] }
