# Edits known_hosts. In: state, hashed|plain, the key's hosts, type and blob ("-"
# for none), the numbers of the lines that are the host's, the line to write, the
# file. Out: same|changed, the file.
NR == 1 { state = $0; next }
NR == 2 { how = $0; next }
NR == 3 { hosts = $0; next }
NR == 4 { type = $0; next }
NR == 5 { blob = $0; next }
NR == 6 { n = split($0, w, " "); for (i = 1; i <= n; i++) mine[w[i]] = 1; next }
NR == 7 { line = $0; next }
{ old[++lines] = $0 }
END {
  n = 0
  for (i = 1; i <= lines; i++) {
    if (!(i in mine)) { new[++n] = old[i]; continue }
    split(old[i], w, " ")
    at = w[1] ~ /^@/ ? 2 : 1
    if (state == "absent") {
      if (blob == "-" || (w[at + 1] == type && w[at + 2] == blob)) { changed = 1; continue }
      new[++n] = old[i]
      continue
    }
    if (w[at + 1] != type) { new[++n] = old[i]; continue }
    is_right = w[at + 2] == blob && (how == "hashed" ? w[at] ~ /^[|]1[|]/ : w[at] == hosts)
    if (is_right && !found) { found = 1; new[++n] = old[i]; continue }
    changed = 1
    if (!found) { found = 1; new[++n] = line }
  }
  if (state == "present" && !found) { changed = 1; new[++n] = line }
  print changed ? "changed" : "same"
  for (i = 1; i <= n; i++) print new[i]
}
