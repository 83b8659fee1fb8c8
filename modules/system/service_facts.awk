# Services as JSON from what the managers print: sections after a line "@name".
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
function add(name, state_, status_, source_) {
  if (!(name in state)) order[++n] = name
  state[name] = state_; status[name] = status_; source[name] = source_
}
/^@/ { section = $1; level = $2; next }
# UNIT LOAD ACTIVE SUB; a unit in trouble has a mark before it.
section == "@units" && /[.]service/ {
  i = $1 ~ /[.]service$/ ? 1 : 2
  add($i, $(i + 3) == "running" ? "running" : "stopped", $(i + 2), "systemd")
  if ($(i + 1) == "not-found" || $(i + 1) == "masked") { status[$i] = $(i + 1); bad[$i] = 1 }
  else if ($(i + 2) == "failed") { status[$i] = "failed"; bad[$i] = 1 }
}
section == "@files" && /[.]service/ {
  if (!($1 in state)) { add($1, "unknown", $2, "systemd"); is_new[$1] = 1 }
  else if (!($1 in bad)) status[$1] = $2
}
section == "@states" && /^Id=/ { id = substr($0, 4) }
section == "@states" && /^ActiveState=/ { active[id] = substr($0, 13) }
section == "@openrc" && /\[ .* \]/ {
  add($1, $0 ~ /\[ *started *\]/ ? "running" : "stopped", "", "openrc")
}
section == "@runlevels" && /[|]/ {
  name = $1; sub(/^[^|]*[|][ \t]*/, ""); sub(/[ \t]+$/, "")
  if (name in state) runlevels[name] = $0
}
section == "@sysv" && /^ *\[ [-+?] \]/ {
  add($4, $2 == "+" ? "running" : "stopped", "", "sysv")
}
section == "@scripts" { add($1, $2, $3, level) }
END {
  for (i = 1; i <= n; i++) {
    name = order[i]
    if ((name in is_new) && (name in active)) state[name] = active[name]
    one = "\"name\":" str(name) ",\"state\":" str(state[name])
    if (status[name] != "") one = one ",\"status\":" str(status[name])
    if (name in runlevels) one = one ",\"runlevel\":" str(runlevels[name])
    out = out (i > 1 ? "," : "") str(name) ":{" one ",\"source\":" str(source[name]) "}"
  }
  print "{" out "}"
}
