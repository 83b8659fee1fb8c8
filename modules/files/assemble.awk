# Names that a regular expression matches; it is the first line.
NR == 1 { re = compile($0); GMAX = G; next }
$0 != "" && search(re, $0) { print }
