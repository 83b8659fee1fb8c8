# Reads what fr_text_ask sends, a separator line and each value followed by it,
# into V[1], V[2] …, and says the answer: changed, length and message, then the
# new text. An error is a line that begins with "!".
NR == 1 { SEP = $0; F = 1; next }
$0 == SEP { F++; MORE = 0; next }
{ V[F] = MORE++ ? V[F] "\n" $0 : $0 }
function answer(changed, text, msg) {
  print (changed ? "true" : "false"), length(text), msg
  printf "%s", text
  print "."
  exit
}
# The lines of text in T[1] to T[n]; the number is returned, NONL says that the
# last one has no newline.
function lines_of(text,   n) {
  NONL = 0
  if (text == "") return 0
  n = split(text, T, "\n")
  if (T[n] == "") n--; else NONL = 1
  return n
}
