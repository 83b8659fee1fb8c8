# Local facts: what a *.fact file holds or prints, JSON or else INI.

# The JSON text J is checked token by token; what is left of it stays in J.
function ws() { sub(/^[ \t\r\n]+/, "", J) }
function json_text() {
  return sub(/^"([^"\\[:cntrl:]]|\\["\\\/bfnrt]|\\u[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f])*"/, "", J)
}
function json_value(depth) {
  ws()
  if (depth > 100) return 0
  if (J ~ /^"/) return json_text()
  if (sub(/^(true|false|null)/, "", J)) return 1
  if (sub(/^-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?/, "", J)) return 1
  if (sub(/^[{]/, "", J)) return json_items("}", 1, depth)
  if (sub(/^[[]/, "", J)) return json_items("]", 0, depth)
  return 0
}
function json_items(end, named, depth) {
  ws()
  if (substr(J, 1, 1) == end) { J = substr(J, 2); return 1 }
  while (1) {
    if (named) {
      ws()
      if (!json_text()) return 0
      ws()
      if (!sub(/^:/, "", J)) return 0
    }
    if (!json_value(depth + 1)) return 0
    ws()
    if (sub(/^,/, "", J)) continue
    if (substr(J, 1, 1) != end) return 0
    J = substr(J, 2)
    return 1
  }
}

# An INI text as {section: {key: value}}; "" when it is none.
function ini(body,   n, lines, i, l, at, section_, key, keys, out, one, names, k, s, had) {
  split("", INI); split("", INI_KEYS); split("", INI_SEEN)
  n = split(body, lines, "\n"); names = 0; section_ = ""; key = ""
  for (i = 1; i <= n; i++) {
    l = lines[i]; sub(/\r$/, "", l)
    if (l ~ /^[ \t]*([#;].*)?$/) continue
    if (l ~ /^[ \t]/ && key != "") {
      sub(/^[ \t]+/, "", l); sub(/[ \t]+$/, "", l)
      INI[section_, key] = INI[section_, key] "\n" l
      continue
    }
    sub(/^[ \t]+/, "", l)
    if (l ~ /^\[.+\]/) {
      section_ = l; sub(/^\[/, "", section_); sub(/][^]]*$/, "", section_); key = ""
      if (section_ in INI_SEEN) return ""
      INI_SEEN[section_] = 1
      if (section_ != "DEFAULT") INI_NAME[++names] = section_
      continue
    }
    if (section_ == "" || !match(l, /[=:]/) || RSTART == 1) return ""
    key = tolower(substr(l, 1, RSTART - 1)); l = substr(l, RSTART + 1)
    sub(/[ \t]+$/, "", key); sub(/^[ \t]+/, "", l); sub(/[ \t]+$/, "", l)
    if ((section_, key) in INI) return ""
    gsub(/%%/, "%", l)
    INI[section_, key] = l
    INI_KEYS[section_] = INI_KEYS[section_] key "\n"
  }
  for (s = 1; s <= names; s++) {
    one = ""
    n = split(INI_KEYS[INI_NAME[s]], keys, "\n")
    for (k = 1; k < n; k++) one = join(one, pair(keys[k], str(INI[INI_NAME[s], keys[k]])))
    n = split(INI_KEYS["DEFAULT"], keys, "\n")
    for (k = 1; k < n; k++)
      if (!((INI_NAME[s], keys[k]) in INI)) one = join(one, pair(keys[k], str(INI["DEFAULT", keys[k]])))
    out = join(out, pair(INI_NAME[s], "{" one "}"))
  }
  return "{" out "}"
}
function local_fact(name, path, status, body,   value) {
  if (status != 0) {
    sub(/\.$/, "", body)
    return pair(name, str("Failure executing fact script (" path "), rc: " status ", err: " body))
  }
  J = body
  if (json_value(0)) { ws(); if (J == "") { gsub(/[\r\n]/, " ", body); return pair(name, body) } }
  value = ini(body)
  if (value == "") value = str("error loading facts as JSON or ini - please check content: " path)
  return pair(name, value)
}
function local_facts(   i, out) {
  for (i = 1; i <= locals; i++) {
    sub(/\n$/, "", local_text[i])
    out = join(out, local_fact(local_name[i], local_path[i], local_status[i], local_text[i]))
  }
  fact("local", "{" out "}")
}

section == "@local" {
  l = substr($0, 2)
  if (++local_line == 1) local_name[++locals] = l
  else if (local_line == 2) local_path[locals] = l
  else if (local_line == 3) local_status[locals] = l
  else local_text[locals] = local_text[locals] l "\n"
}
