# Python's regular expressions over bytes, for awks that know only their own.
#
#   start = compile(re)         its first instruction; an error ends the program
#   search(start, text, from)   position of the leftmost match, or 0; `from` may be left out
#   expand(template)            \1, \g<1>, \g<name> by groups of the last match,
#                               which began at MS (set it from search)
#
# compile makes a tree, then code for a backtracking machine: the leftmost
# match, alternatives in order, greedy and lazy repetition, groups, look-ahead,
# look-behind of a fixed width, back-references, as Python has them. Set before
# compile: MULTI, ^ and $ match at each line; DOTALL, . matches a newline, too;
# UTF, characters of UTF-8 instead of bytes (all beyond ASCII are letters).
# Left out: conditions, possessive repetition, flags but for (?ims) at the start.
# Single quotes may stand in comments only, as the program becomes one sh word.

function fatal(text) { print "!" text; exit }

# -- parser: a tree of nodes ---------------------------------------------------
function node(kind, l, r) { N++; K[N] = kind; L[N] = l; R[N] = r; return N }
function bad(text) { fatal("cannot use the regular expression " RE ": " text) }
function p_alt(   n) {
  n = p_seq()
  while (substr(RE, P, 1) == "|") { P++; n = node("alt", n, p_seq()) }
  return n
}
function p_seq(   n, m, c) {
  n = node("empty")
  while (P <= length(RE)) {
    c = substr(RE, P, 1)
    if (c == "|" || c == ")") break
    m = p_piece()
    n = node("cat", n, m)
  }
  return n
}
function p_piece(   n, c, lo, hi, rest) {
  n = p_atom()
  while (1) {
    c = substr(RE, P, 1); rest = substr(RE, P)
    if (c == "*") { lo = 0; hi = -1; P++ }
    else if (c == "+") { lo = 1; hi = -1; P++ }
    else if (c == "?") { lo = 0; hi = 1; P++ }
    else if (match(rest, /^[{][0-9]*,?[0-9]*[}]/) && RLENGTH > 2) {
      c = substr(rest, 2, RLENGTH - 2); P += RLENGTH
      lo = c; sub(/,.*/, "", lo); lo += 0
      hi = c
      if (c ~ /,/) { sub(/.*,/, "", hi); if (hi == "") hi = -1 }
      hi += 0
      if (hi > 500 || lo > 500) bad("more than 500 repetitions")
      if (hi >= 0 && hi < lo) bad("a repetition whose most is below its least")
    } else break
    if (K[n] == "rep" || K[n] ~ /^m?bol$/) bad("nothing to repeat")
    n = node("rep", n); LO[n] = lo; HI[n] = hi; LAZY[n] = 0
    c = substr(RE, P, 1)
    if (c == "?") { LAZY[n] = 1; P++ }
    else if (c == "+") bad("possessive repetition is not supported")
  }
  return n
}
function p_atom(   c, n) {
  c = char(RE, P); P += length(c)
  if (c == "(") return p_group()
  if (c == "[") return p_class()
  if (c == ".") return node(DOTALL ? "all" : "any")
  if (c == "^") return node(MULTI ? "mbol" : "bol")
  if (c == "$") return node(MULTI ? "meol" : "eol")
  if (c == "*" || c == "+" || c == "?") bad("nothing to repeat")
  if (c == "\\") return p_escape()
  n = node("chr"); C[n] = fold(c)
  return n
}
function p_group(   n, name, look) {
  if (substr(RE, P, 1) == "?") {
    if (substr(RE, P, 2) == "?:") P += 2
    else if (substr(RE, P, 2) == "?=" || substr(RE, P, 2) == "?!") {
      look = substr(RE, P, 2) == "?!" ? "nla" : "la"; P += 2
    } else if (substr(RE, P, 3) == "?<=" || substr(RE, P, 3) == "?<!") {
      look = substr(RE, P, 3) == "?<!" ? "nlb" : "lb"; P += 3
    } else if (match(substr(RE, P), /^[?]P<[A-Za-z_][A-Za-z_0-9]*>/)) {
      name = substr(RE, P + 3, RLENGTH - 4); P += RLENGTH
    } else bad("(" substr(RE, P, 2) " is not supported")
    if (name == "") {
      n = p_alt(); p_close()
      n = node(look == "" ? "group" : look, n)
      if (look ~ /lb$/ && (W[n] = width(L[n])) < 0) bad("look-behind requires a fixed width")
      return n
    }
  }
  NAMED[name] = ++G
  look = G
  n = node("cap", p_alt()); GR[n] = look
  p_close()
  return n
}
# How many characters it takes; -1 when that is not fixed.
function width(n,   l, r, k) {
  k = K[n]
  if (k ~ /^(chr|set|any|all)$/) return 1
  if (k == "ref") return -1
  if (k == "cap" || k == "group") return width(L[n])
  if (k == "rep") { l = width(L[n]); return LO[n] == HI[n] && l >= 0 ? l * HI[n] : -1 }
  if (k != "cat" && k != "alt") return 0
  l = width(L[n]); r = width(R[n])
  if (l < 0 || r < 0 || (k == "alt" && l != r)) return -1
  return k == "cat" ? l + r : l
}
# The character of text at a position.
function char(text, at,   c) {
  c = substr(text, at, 1)
  if (!UTF || c < "\300") return c
  return substr(text, at, c < "\340" ? 2 : c < "\360" ? 3 : 4)
}
function p_close() {
  if (substr(RE, P, 1) != ")") bad("a ) is missing")
  P++
}
function p_escape(   c, n) {
  c = substr(RE, P++, 1)
  if (c == "") bad("it ends with a backslash")
  if (c ~ /[dDsSwW]/) { n = node("set"); add_kind(n, c); return n }
  if (c == "b") return node("wb")
  if (c == "B") return node("nwb")
  if (c == "A") return node("bos")
  if (c == "Z") return node("eos")
  if (c ~ /[1-9]/) {
    n = node("ref"); GR[n] = c
    if (c > G) bad("there is no group " c " before \\" c)
    return n
  }
  n = node("chr"); C[n] = fold(plain_escape(c))
  return n
}
function plain_escape(c,   h) {
  if (c == "n") return "\n"
  if (c == "t") return "\t"
  if (c == "r") return "\r"
  if (c == "f") return "\f"
  if (c == "v") return "\v"
  if (c == "a") return "\007"
  if (c == "x") {
    h = tolower(substr(RE, P, 2)); P += 2
    if (h !~ /^[0-9a-f][0-9a-f]$/ || h == "00") bad("\\x" h)
    return sprintf("%c", (index("0123456789abcdef", substr(h, 1, 1)) - 1) * 16 + \
      index("0123456789abcdef", substr(h, 2, 1)) - 1)
  }
  if (c ~ /[A-Za-z0-9]/) bad("\\" c " is not supported")
  return c
}
function p_class(   n, c, d, from, first, to) {
  n = node("set")
  if (substr(RE, P, 1) == "^") { NEG[n] = 1; P++ }
  for (first = 1; ; first = 0) {
    if (P > length(RE)) bad("a ] is missing")
    c = char(RE, P); P += length(c)
    if (c == "]" && !first) return n
    if (c == "\\") {
      c = substr(RE, P++, 1)
      if (c ~ /[dDsSwW]/) { add_kind(n, c); continue }
      c = c == "b" ? "\b" : plain_escape(c)
    }
    if (substr(RE, P, 1) != "-" || substr(RE, P + 1, 1) == "]") { add(n, c); continue }
    P++
    d = char(RE, P); P += length(d)
    if (d == "\\") d = plain_escape(substr(RE, P++, 1))
    if (length(c d) > 2) {
      if (d < c) bad("bad range " c "-" d)
      FROM[n, ++RANGES[n]] = c; TO[n, RANGES[n]] = d
      continue
    }
    ords()
    from = ORD[c]; to = ORD[d]
    if (to < from) bad("bad range " c "-" d)
    for (; from <= to; from++) add(n, CHR[from])
  }
}
function ords(   i) {
  if (CHR[255] != "") return
  for (i = 1; i < 256; i++) { CHR[i] = sprintf("%c", i); ORD[CHR[i]] = i }
}
function add(n, c) {
  SET[n, c] = 1
  if (NOCASE) { SET[n, tolower(c)] = 1; SET[n, toupper(c)] = 1 }
}
function add_kind(n, kind,   i, ok) {
  ords()
  for (i = 1; i < 256; i++) {
    if (kind ~ /[dD]/) ok = i >= 48 && i <= 57
    else if (kind ~ /[sS]/) ok = i == 32 || (i >= 9 && i <= 13)
    else ok = is_word(CHR[i])
    if (kind ~ /[DSW]/) ok = !ok
    if (ok && !(UTF && i > 127)) SET[n, CHR[i]] = 1
  }
  if (UTF && kind ~ /[DSw]/) { FROM[n, ++RANGES[n]] = "\200"; TO[n, RANGES[n]] = "\377" }
}
function is_word(c) { return c != "" && (c ~ /[A-Za-z0-9_]/ || (UTF && c > "\177")) }
function fold(c) { return NOCASE ? tolower(c) : c }

# -- code: one instruction per step --------------------------------------------
function code(op, x, y) { I++; OP[I] = op; X[I] = x; Y[I] = y; return I }
function emit(n,   at, jump, i, k) {
  k = K[n]
  if (k == "cat") { emit(L[n]); emit(R[n]) }
  else if (k == "group") emit(L[n])
  else if (k == "alt") {
    at = code("split"); X[at] = I + 1; emit(L[n])
    jump = code("jump"); Y[at] = I + 1; emit(R[n]); X[jump] = I + 1
  }
  else if (k == "cap") { code("save", 2 * GR[n]); emit(L[n]); code("save", 2 * GR[n] + 1) }
  else if (k ~ /l[ab]$/) {
    at = code(k, 0, W[n]); emit(L[n]); code("match"); X[at] = I + 1
  }
  else if (k == "rep") emit_rep(n, LO[n], HI[n], LAZY[n])
  else if (k != "empty") code(k, n)
}
function emit_rep(n, lo, hi, lazy,   child, i, at, jumps, slot) {
  child = L[n]
  if (K[child] ~ /^(chr|set|any|all)$/ && !UTF) { code("run", n, child); return }
  for (i = 0; i < lo; i++) emit(child)
  if (hi < 0) {
    slot = 1000 + n
    at = code("split"); code("save", slot); emit(child); code("moved", slot); code("jump", at)
    branch(at, at + 1, I + 1, lazy)
    return
  }
  for (i = lo; i < hi; i++) { jumps[i] = code("split"); emit(child) }
  for (i = lo; i < hi; i++) branch(jumps[i], jumps[i] + 1, I + 1, lazy)
}
function branch(at, go, skip, lazy) { X[at] = lazy ? skip : go; Y[at] = lazy ? go : skip }

function fits(n, c) {
  if (c == "") return 0
  if (K[n] == "any") return c != "\n"
  if (K[n] == "all") return 1
  if (K[n] == "chr") return (NC ? tolower(c) : c) == C[n]
  return (((n, c) in SET) || (RANGES[n] && in_range(n, c))) != (NEG[n] == 1)
}
function in_range(n, c,   i) {
  for (i = 1; i <= RANGES[n]; i++) if (c >= FROM[n, i] && c <= TO[n, i]) return 1
  return 0
}
# The position a number of characters before sp; 0 when there are fewer.
function behind(sp, count) {
  if (!UTF) return sp > count ? sp - count : 0
  for (; count > 0 && sp > 1; count--)
    do sp--; while (sp > 1 && substr(S, sp, 1) ~ /[\200-\277]/)
  return count ? 0 : sp
}
# Runs from instruction pc at position sp of S; true on a match, EOM is set.
function run(pc, sp, base,   op, c, n, k, hi) {
  for (;;) {
    if (++STEPS > 3000000) fatal("the regular expression takes too long on a line of " length(S) " bytes")
    op = OP[pc]
    if (op == "match") { EOM = sp; return 1 }
    if (op == "chr" || op == "set" || op == "any" || op == "all") {
      if (fits(X[pc], c = char(S, sp))) { pc++; sp += length(c); continue }
    } else if (op == "run") {
      n = X[pc]; hi = HI[n]; k = 0
      if (LAZY[n]) {
        while (k < LO[n] && fits(Y[pc], substr(S, sp + k, 1))) k++
        if (k >= LO[n]) { push(base, "lazy", pc, sp, k); pc++; sp += k; continue }
      } else {
        while ((hi < 0 || k < hi) && fits(Y[pc], substr(S, sp + k, 1))) k++
        if (k >= LO[n]) { if (k > LO[n]) push(base, "greedy", pc, sp, k); pc++; sp += k; continue }
      }
    } else if (op == "split") { push(base, "go", Y[pc], sp); pc = X[pc]; continue }
    else if (op == "jump") { pc = X[pc]; continue }
    else if (op == "save") { push(base, "old", X[pc], CAP[X[pc]]); CAP[X[pc]] = sp; pc++; continue }
    else if (op == "moved") { pc += sp != CAP[X[pc]] ? 1 : 2; continue }
    else if (op == "bol" || op == "bos") { if (sp == 1) { pc++; continue } }
    else if (op == "eol") {
      if (sp > length(S) || (sp == length(S) && substr(S, sp, 1) == "\n")) { pc++; continue }
    } else if (op == "eos") { if (sp > length(S)) { pc++; continue } }
    else if (op == "mbol") { if (sp == 1 || substr(S, sp - 1, 1) == "\n") { pc++; continue } }
    else if (op == "meol") { if (sp > length(S) || substr(S, sp, 1) == "\n") { pc++; continue } }
    else if (op == "wb" || op == "nwb") {
      k = is_word(substr(S, sp - 1, sp > 1)) != is_word(substr(S, sp, 1))
      if (k == (op == "wb")) { pc++; continue }
    } else if (op == "ref") {
      c = group(GR[X[pc]])
      if (substr(S, sp, length(c)) == c && CAP[2 * GR[X[pc]] + 1]) { pc++; sp += length(c); continue }
    } else if (op ~ /l[ab]$/) {
      n = TOP
      k = behind(sp, Y[pc])
      if (k) k = run(pc + 1, k, TOP)
      if (op ~ /^n/) while (TOP > n) undo()
      TOP = n
      if (k == (op !~ /^n/)) { pc = X[pc]; continue }
    }
    # Back to the last choice.
    for (;;) {
      if (TOP <= base) return 0
      if (BK[TOP] == "old") { undo(); continue }
      if (BK[TOP] == "go") { pc = BA[TOP]; sp = BB[TOP]; TOP--; break }
      pc = BA[TOP]; sp = BB[TOP]; k = BC[TOP]; n = X[pc]
      if (BK[TOP] == "greedy") {
        k--
        if (k == LO[n]) TOP--; else BC[TOP] = k
        sp += k; pc++
        break
      }
      if ((HI[n] < 0 || k < HI[n]) && fits(Y[pc], substr(S, sp + k, 1))) {
        BC[TOP] = k + 1; sp += k + 1; pc++
        break
      }
      TOP--
    }
  }
}
function push(base, kind, x, y, z) { TOP++; BK[TOP] = kind; BA[TOP] = x; BB[TOP] = y; BC[TOP] = z }
function undo() { if (BK[TOP] == "old") CAP[BA[TOP]] = BB[TOP]; TOP-- }
function group(g) { return CAP[2 * g + 1] ? substr(S, CAP[2 * g], CAP[2 * g + 1] - CAP[2 * g]) : "" }

# compile(re): its first instruction. NCS, HEAD and ANCHORED are kept per expression.
function compile(re,   n, start, m, multi, dotall) {
  RE = re; P = 1; NOCASE = 0; G = 0; multi = MULTI; dotall = DOTALL
  if (match(re, /^[(][?][ims]+[)]/)) {
    P = RLENGTH + 1; n = substr(re, 1, RLENGTH)
    if (n ~ /i/) NOCASE = 1
    if (n ~ /m/) MULTI = 1
    if (n ~ /s/) DOTALL = 1
  }
  n = p_alt()
  if (P <= length(RE)) bad("a ( is missing")
  start = I + 1
  emit(n); code("match")
  NCS[start] = NOCASE
  ANCHORED[start] = OP[start] ~ /^bo/ || \
    (OP[start] == "run" && K[Y[start]] == "any" && HI[X[start]] < 0 && LO[X[start]] == 0 && !MULTI)
  HEAD[start] = ""
  if (!NOCASE)
    for (m = start; OP[m] == "chr"; m++) HEAD[start] = HEAD[start] C[X[m]]
  MULTI = multi; DOTALL = dotall
  return start
}
function search(start, text, from,   i, at) {
  NC = NCS[start]; STEPS = 0; S = text
  if (!from) from = 1
  if (ANCHORED[start]) return from == 1 ? try(start, 1) : 0
  if (OP[start] == "mbol") {
    for (i = from; i; i = at ? i + at : 0) {
      if (try(start, i)) return i
      at = index(substr(S, i), "\n")
    }
    return 0
  }
  if (HEAD[start] == "") {
    for (i = from; i <= length(S) + 1; i++) if (try(start, i)) return i
    return 0
  }
  for (i = from; (at = index(substr(S, i), HEAD[start])) > 0; i++) {
    i += at - 1
    if (try(start, i)) return i
  }
  return 0
}
function try(start, i,   g) {
  TOP = 0
  if (UTF && substr(S, i, 1) ~ /[\200-\277]/) return 0
  for (g = 2; g <= 2 * GMAX + 1; g++) CAP[g] = ""
  return run(start, i, 0)
}
# The line with \1, \g<1> and \g<name> replaced by groups of the last match.
function expand(text,   out, c, g) {
  out = ""
  while ((c = index(text, "\\")) > 0) {
    out = out substr(text, 1, c - 1); text = substr(text, c + 1)
    if (match(text, /^g<[A-Za-z_0-9]+>/)) {
      g = substr(text, 3, RLENGTH - 3); text = substr(text, RLENGTH + 1)
      if (g !~ /^[0-9]+$/) {
        if (!(g in NAMED)) fatal("line names a group that regexp does not have: " g)
        g = NAMED[g]
      }
    } else if (match(text, /^[1-9][0-9]?/)) { g = substr(text, 1, RLENGTH); text = substr(text, RLENGTH + 1) }
    else {
      c = substr(text, 1, 1); text = substr(text, 2)
      if (c == "n") c = "\n"; else if (c == "t") c = "\t"; else if (c == "r") c = "\r"
      else if (c ~ /[A-Za-z0-9]/) fatal("line holds \\" c ", which stands for nothing")
      else if (c != "\\") c = "\\" c
      out = out c
      continue
    }
    if (g + 0 > GMAX) fatal("line names a group that regexp does not have: " g)
    out = out (g + 0 == 0 ? substr(S, MS, EOM - MS) : group(g + 0))
  }
  return out text
}
