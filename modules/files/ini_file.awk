# V: text, section, option, state, exclusive, no_extra_spaces, allow_no_value,
# modify_inactive_option, ignore_spaces, values (a newline before each), what the
# section must hold (the same of: option, count, that many values, option …).

function trim(text) { gsub(/^[ \t]+|[ \t]+$/, "", text); return text }
# Whether a line sets the option; its value is left in VALUE. inactive: # and ; count, too.
function sets(line, option, inactive,   rest) {
  sub(/^[ \t]*/, "", line)
  if (inactive && line ~ /^[#;]/) sub(/^[#;][ \t]*/, "", line)
  if (substr(line, 1, length(option)) != option) return 0
  rest = substr(line, length(option) + 1)
  VALUE = ""
  if (rest ~ /^[ \t]*$/) return 1
  if (rest !~ /^[ \t]*=/) return 0
  sub(/^[ \t]*=[ \t]*/, "", rest)
  VALUE = rest
  return 1
}
function written(option, value) { return option (V[6] == "true" ? "=" : " = ") value }
# Whether line i opens the section.
function opens(i,   text) {
  if (T[i] !~ /^\[/) return 0
  text = substr(T[i], 2)
  sub(/^[ \t]*/, "", text)
  if (substr(text, 1, length(name)) != name) return 0
  return substr(text, length(name) + 1) ~ /^[ \t]*\]/
}
# Whether all wanted options with one of their values are in lines from..to.
function has_wanted(from, to,   i, k, ok, any) {
  for (k = 1; k <= conditions; k++) {
    ok = 0
    for (i = from; i <= to && !ok; i++)
      if (sets(T[i], COND[k], 0)) ok = !CONDS[k] || ((k, VALUE) in CONDV)
    if (!ok) return 0
  }
  return 1
}
# The section in FIRST (its first line behind the heading) to LAST.
function find_section(   i) {
  if (name == "") {
    FIRST = 1
    for (LAST = 0; LAST < n && T[LAST + 1] !~ /^\[/; ) LAST++
    return 1
  }
  for (i = 1; i <= n; i++)
    if (opens(i)) {
      FIRST = i + 1
      for (LAST = i; LAST < n && T[LAST + 1] !~ /^\[/; ) LAST++
      if (has_wanted(FIRST, LAST)) return 1
      i = LAST
    }
  return 0
}
function say(text) { msg = text; changed = 1 }
function update(i, new,   old) {
  DONE[i] = 1
  if (T[i] == new) return
  if (V[9] == "true") {
    sets(T[i], V[3], 1); old = VALUE
    sets(new, V[3], 0)
    if (old == VALUE && T[i] !~ /^[ \t]*[#;]/) return
  }
  T[i] = new
  say("option changed")
}
function take(value) { delete WANT[value]; left-- }
function present(   i, k, at, bare) {
  bare = !left && allow
  for (i = FIRST; i <= LAST; i++) {
    if (!sets(T[i], V[3], inactive)) continue
    if (VALUE in WANT) { k = VALUE; update(i, VALUE == "" && allow ? V[3] : written(V[3], VALUE)); take(k) }
    else if (bare) { update(i, V[3]); had_bare = 1; break }
  }
  if (V[5] == "true" && !allow) override()
  # Behind the last line that is neither empty nor a comment.
  for (at = LAST; at >= FIRST && (T[at] ~ /^[ \t]*([#;].*)?$/ || T[at] == GONE); ) at--
  for (i = 1; i <= values; i++) if (VALS[i] in WANT) {
    if (VALS[i] in ADDED) continue
    ADDED[VALS[i]] = 1
    MORE_[at] = MORE_[at] written(V[3], VALS[i]) "\n"
    say("option added")
  }
  if (bare && !had_bare) { MORE_[at] = V[3] "\n"; say("option added") }
}
# Other lines of the option take the values that are left; the rest goes.
function override(   i, k, gone) {
  k = 1
  for (i = FIRST; i <= LAST; i++) {
    if (DONE[i] || !sets(T[i], V[3], inactive)) continue
    while (k <= values && !(VALS[k] in WANT)) k++
    if (k <= values) { update(i, written(V[3], VALS[k])); take(VALS[k]) }
    else { T[i] = GONE; say("option changed") }
  }
}
function absent(   i) {
  if (V[3] == "") {
    if (name == "" && FIRST > LAST) return
    for (i = name == "" ? FIRST : FIRST - 1; i <= LAST; i++) T[i] = GONE
    say("section removed")
    return
  }
  for (i = FIRST; i <= LAST; i++)
    if (sets(T[i], V[3], 0) && (V[5] == "true" || (VALUE in WANT))) { T[i] = GONE; say("option changed") }
}
function new_section(   i, k, v) {
  say("section and option added")
  tail = "[" V[2] "]\n"
  for (k = 1; k <= conditions; k++) {
    if (!CONDS[k]) tail = tail COND[k] "\n"
    for (v = 1; v <= CONDS[k]; v++) tail = tail written(COND[k], CONDX[k, v]) "\n"
  }
  if (V[3] != "" && values) for (i = 1; i <= values; i++) tail = tail written(V[3], VALS[i]) "\n"
  else if (V[3] != "" && allow) tail = tail V[3] "\n"
  else msg = "only section added"
}
function read_values(   k, i, m, v) {
  m = split(V[10], P, "\n")
  for (i = 2; i <= m; i++) if (!(P[i] in WANT)) { VALS[++values] = P[i]; WANT[P[i]] = 1; left++ }
  m = split(V[11], P, "\n")
  for (i = 2; i <= m; ) {
    COND[++conditions] = P[i++]
    CONDS[conditions] = P[i++] + 0
    for (v = 1; v <= CONDS[conditions]; v++) { CONDX[conditions, v] = P[i]; CONDV[conditions, P[i++]] = 1 }
  }
}
END {
  GONE = "\001"
  name = trim(V[2]); allow = V[7] == "true"; inactive = V[8] == "true"; msg = "OK"
  n = lines_of(V[1])
  # As Ansible's module: an empty file begins with an empty line.
  if (!n) { n = 1; T[1] = "" }
  if (NONL) changed = 1
  read_values()
  found = find_section()
  if (!found && V[4] == "present") new_section()
  else if (found && V[4] == "absent") absent()
  else if (found && V[3] != "") present()
  text = MORE_[0]
  for (i = 1; i <= n; i++) text = text (T[i] == GONE ? "" : T[i] "\n") MORE_[i]
  if (!changed) answer(0, "", msg)
  answer(1, text tail, msg)
}
