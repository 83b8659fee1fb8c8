# The lines of the checks as JSON: "id status value unit threshold ms detail", by tabs.
function str(s,   out, i, c) {
  if (s !~ /[\\"[:cntrl:]]/) return "\"" s "\""
  for (i = 1; i <= length(s); i++) {
    c = substr(s, i, 1)
    if (c == "\\" || c == "\"") c = "\\" c
    else if (c ~ /[[:cntrl:]]/) c = " "
    out = out c
  }
  return "\"" out "\""
}
function value(s) {
  if (s == "") return "null"
  return s ~ /^-?(0|[1-9][0-9]*)([.][0-9]+)?$/ ? s : str(s)
}
# What a URL or a flag says of passwords stays on the device.
function hide(s,   out) {
  while (match(s, /:\/\/[^\/@ ]+@/)) {
    out = out substr(s, 1, RSTART + 2) "***@"
    s = substr(s, RSTART + RLENGTH)
  }
  s = out s; out = ""
  while (match(s, /[Pp][Aa][Ss][Ss]([Ww][Oo][Rr][Dd]|[Ww][Dd])?[=:] *[^ ,]+|[Tt][Oo][Kk][Ee][Nn][=:] *[^ ,]+|[Ss][Ee][Cc][Rr][Ee][Tt][=:] *[^ ,]+|[Kk][Ee][Yy][=:] *[^ ,]+/)) {
    c = substr(s, RSTART, RLENGTH); sub(/[=:].*/, "=***", c)
    out = out substr(s, 1, RSTART - 1) c
    s = substr(s, RSTART + RLENGTH)
  }
  return out s
}
BEGIN { FS = "\t"; rank["skip"] = 0; rank["ok"] = 0; rank["warn"] = 1; rank["fail"] = 2; rank["error"] = 3; worst = "ok" }
/^@ids / { n = split(substr($0, 6), ids, " "); next }
!($1 in line) { line[$1] = $0 }
END {
  for (i = 1; i <= n; i++) {
    id = ids[i]
    if (!(id in line)) line[id] = id "\terror\t\t\t\t0\tended without an answer"
    split(line[id], f, "\t")
    d = line[id]; for (k = 1; k < 7; k++) d = substr(d, index(d, "\t") + 1)
    d = hide(d); s = f[2]; count[s]++
    out = out (i > 1 ? "," : "") "{\"id\":" str(id) ",\"status\":" str(s) ",\"value\":" value(f[3]) \
      ",\"unit\":" str(f[4]) ",\"threshold\":" value(f[5]) ",\"detail\":" str(d) ",\"ms\":" f[6] + 0 "}"
    if (rank[s] > rank[worst]) worst = s
    if (rank[s]) said[s] = said[s] (said[s] == "" ? "" : ", ") id " " s (d == "" ? "" : " " d)
  }
  print "[" out "]"
  printf "{\"ok\":%d,\"warn\":%d,\"fail\":%d,\"skip\":%d,\"error\":%d}\n", count["ok"], count["warn"], count["fail"], count["skip"], count["error"]
  print worst
  t = said["fail"]
  if (said["error"] != "") t = t (t == "" ? "" : ", ") said["error"]
  if (said["warn"] != "") t = t (t == "" ? "" : ", ") said["warn"]
  if (t == "") t = count["ok"] ? "ok" : "nothing to check"
  gsub(/[[:cntrl:]]/, " ", t)
  print t
}
