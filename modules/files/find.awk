# Picks from what find and stat say. Input: a separator line; options and, from
# the 16th, paths, each followed by it (O[1] …); then for each path a line
# "<separator> root <number>" and records "<separator> <what stat says> <name>",
# where a name may hold newlines. Output: matched, examined and whether the limit
# was reached, then one JSON object per line, unclosed, with "<tab><path>" behind
# it where a checksum is wanted.

# Not every awk agrees on backslashes in what gsub puts in.
function json(text,   n, i, c, out) {
  gsub(/\\/, "&&", text)
  n = split(text, Q, "\"")
  for (i = 1; i <= n; i++) out = out (i > 1 ? "\\\"" : "") Q[i]
  text = out; out = ""
  if (text !~ /[\001-\037\177]/) return "\"" text "\""
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if (c ~ /[\001-\037\177]/) { ords(); c = sprintf("\\u%04x", ORD[c]) }
    out = out c
  }
  return "\"" out "\""
}
function hex(text,   i, n) {
  for (i = 1; i <= length(text); i++) n = n * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
  return n
}
function bit(mode, value) { return int(mode / value) % 2 ? "true" : "false" }
# A number with a unit, as in "-3d", "10k".
function amount(text, units, name,   unit) {
  if (text == "") return ""
  text = tolower(text)
  if (text !~ /^-?[0-9]+[a-z]?$/) fatal("failed to process " name)
  unit = text; gsub(/[-0-9]/, "", unit)
  if (unit == "") return text + 0
  if (index(units, unit " ") == 0) fatal("failed to process " name)
  units = substr(units, index(units, unit " ") + 2); sub(/ .*/, "", units)
  return (text + 0) * units
}
# The regular expression of a shell pattern.
function glob(text,   i, c, out, end) {
  for (i = 1; i <= length(text); i++) {
    c = substr(text, i, 1)
    if (c == "*") out = out ".*"
    else if (c == "?") out = out "."
    else if (c == "[" && (end = index(substr(text, i + 2), "]")) > 0) {
      if (substr(text, i + 1, 2) == "!]") end += index(substr(text, i + 2 + end), "]")
      c = substr(text, i + 1, end)
      gsub(/\\/, "&&", c)
      if (c ~ /^!/) c = "^" substr(c, 2); else if (c ~ /^\^/) c = "\\" c
      out = out "[" c "]"; i += end + 1
    }
    else out = out (c ~ /[A-Za-z0-9_\200-\377]/ ? c : "\\" c)
  }
  return out "\\Z"
}
# Compiles the patterns of an option, one per line, each with its length before.
function patterns(text, list,   n, size) {
  while (text != "") {
    size = text + 0
    text = substr(text, index(text, " ") + 1)
    GMAX = 0
    list[++n] = compile(O[3] == "true" ? substr(text, 1, size) : glob(substr(text, 1, size)))
    if (G > MOST) MOST = G
    text = substr(text, size + 1)
  }
  return n
}
function at_start(re, text) { S = text; NC = NCS[re]; STEPS = 0; return try(re, 1) }
function named(name,   i, k) {
  for (i = 1; i <= wanted; i++)
    if (at_start(WANTED[i], name)) {
      for (k = 1; k <= unwanted; k++) if (at_start(UNWANTED[k], name)) return 0
      return 1
    }
  return 0
}
function old_enough(stamp) {
  if (age == "") return 1
  return O[4] !~ /^-/ ? now - stamp >= age : now - stamp <= -age
}
function large_enough(bytes) { return size == "" || (O[6] !~ /^-/ ? bytes >= size : bytes <= -size) }
function fits_mode(mode,   i) {
  if (O[13] == "") return 1
  if (O[14] == "true") return mode == want_mode
  for (i = 1; i < 4096; i *= 2) if (int(mode / i) % 2 && int(want_mode / i) % 2) return 1
  return 0
}
function contains(path,   line, all, found, got) {
  if (!content) return 1
  UTF = 1
  while ((got = (getline line < path)) > 0) {
    if (O[8] == "true") all = all line "\n"
    else if (at_start(content, line "\n")) { found = 1; break }
  }
  close(path)
  return O[8] == "true" && got == 0 ? search(content, all) > 0 : found
}
# One entry: R is what stat said of it.
function entry(path, name, text,   r, type, mode, ok, out) {
  split(text, r, " ")
  mode = hex(r[1]); type = int(mode / 4096); mode %= 4096
  if (substr(name, 1, 1) == "." && O[9] != "true") return
  if (O[10] == "file" ? type != 8 : O[10] == "directory" ? type != 4 : O[10] == "link" ? type != 10 : 0) return
  if (!named(name) || !old_enough(r[O[5] == "atime" ? 8 : O[5] == "ctime" ? 10 : 9])) return
  if (type == 8 && !large_enough(r[4])) return
  if (!fits_mode(mode)) return
  if (O[10] == "file" && !contains(path)) return
  out = "{\"path\":" json(path) sprintf(",\"mode\":\"%04o\"", mode)
  out = out ",\"isdir\":" yes(type == 4) ",\"ischr\":" yes(type == 2) ",\"isblk\":" yes(type == 6)
  out = out ",\"isreg\":" yes(type == 8) ",\"isfifo\":" yes(type == 1) ",\"islnk\":" yes(type == 10)
  out = out ",\"issock\":" yes(type == 12) ",\"uid\":" r[2] ",\"gid\":" r[3] ",\"size\":" r[4]
  out = out ",\"inode\":" r[5] ",\"dev\":" r[6] ",\"nlink\":" r[7] ",\"atime\":" r[8]
  out = out ",\"mtime\":" r[9] ",\"ctime\":" r[10]
  out = out ",\"pw_name\":" json(known(r[11])) ",\"gr_name\":" json(known(r[12]))
  out = out ",\"rusr\":" bit(mode, 256) ",\"wusr\":" bit(mode, 128) ",\"xusr\":" bit(mode, 64)
  out = out ",\"rgrp\":" bit(mode, 32) ",\"wgrp\":" bit(mode, 16) ",\"xgrp\":" bit(mode, 8)
  out = out ",\"roth\":" bit(mode, 4) ",\"woth\":" bit(mode, 2) ",\"xoth\":" bit(mode, 1)
  out = out ",\"isuid\":" bit(mode, 2048) ",\"isgid\":" bit(mode, 1024)
  if (O[11] == "true" && type == 8 && path !~ /[\001]/) { gsub(/\n/, "\001", path); out = out "\t" path }
  FOUND[++found] = out
  if (limit && found == limit) full = 1
}
function yes(truth) { return truth ? "true" : "false" }
function known(name) { return name == "UNKNOWN" ? "" : name }
# The entries of a folder, then those of its folders: what is shallow comes first.
function walk(folder, path, level,   i, n, name, way) {
  n = KIDS[folder]
  examined += n
  for (way = 0; way < 2; way++)
    for (i = 1; i <= n && !full; i++) {
      name = KID[folder, i]
      if ((way == 1) != IS_DIR[folder, i]) continue
      if (depth && level > depth) return
      entry(path name, name, STAT[folder, i])
    }
  for (i = 1; i <= n && !full; i++)
    if ((folder KID[folder, i] "/") in KIDS) walk(folder KID[folder, i] "/", path KID[folder, i] "/", level + 1)
}
# The path as Python's normpath has it, with a slash behind.
function normal(path,   n, i, p, top, out, root) {
  root = path ~ /^\// ? "/" : ""
  n = split(path, p, "/")
  for (i = 1; i <= n; i++) {
    if (p[i] == "" || p[i] == ".") continue
    if (p[i] == ".." && ((top && out[top] != "..") || (!top && root != ""))) { if (top) top--; continue }
    out[++top] = p[i]
  }
  path = root
  for (i = 1; i <= top; i++) path = path out[i] "/"
  return path
}
# Keeps a record: what stat said, and the name below the path.
function keep(record,   at, i, root, name, folder, n) {
  if (record ~ /^root /) { current = substr(record, 6) + 0; return }
  for (i = 1; i <= 12; i++) at += index(substr(record, at + 1), " ")
  root = O[15 + current] "/"
  name = substr(record, at + 1 + length(root))
  if (name == "") return
  folder = current ":"
  if (match(name, /.*\//)) {
    folder = folder substr(name, 1, RLENGTH)
    name = substr(name, RLENGTH + 1)
  }
  n = ++KIDS[folder]
  KID[folder, n] = name; STAT[folder, n] = substr(record, 1, at); IS_DIR[folder, n] = record ~ /^4/
}
NR == 1 { SEP = $0; F = 1; next }
index($0, SEP " ") == 1 { if (listed++) keep(record); record = substr($0, length(SEP) + 2); next }
listed { record = record "\n" $0; next }
$0 == SEP { F++; MORE = 0; next }
{ O[F] = MORE++ ? O[F] "\n" $0 : $0 }
END {
  keep(record)
  UTF = DOTALL = 1
  wanted = patterns(O[1], WANTED); unwanted = patterns(O[2], UNWANTED)
  DOTALL = 0
  if (O[15] == "true") { content = compile(O[7]); if (G > MOST) MOST = G }
  GMAX = MOST
  age = amount(O[4], "s 1 m 60 h 3600 d 86400 w 604800 ", "age")
  size = amount(O[6], "b 1 k 1024 m 1048576 g 1073741824 t 1099511627776 ", "size")
  split(O[12], numbers, " "); depth = numbers[1]; limit = numbers[2]; now = numbers[3]
  for (i = 1; i <= length(O[13]); i++) want_mode = want_mode * 8 + substr(O[13], i, 1)
  for (i = 16; i < F; i++) if (!full) walk((i - 15) ":", normal(O[i]), 1)
  print found + 0, examined + 0, full + 0
  for (i = 1; i <= found; i++) print FOUND[i]
}
