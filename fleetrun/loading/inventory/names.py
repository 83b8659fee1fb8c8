"""Names of devices and groups: what may be one, and why another may not.

A device's name is its identity: a host-key alias, a file name of host_vars, a
column of every report. So a name must be harmless in all of these, and two
names that look alike to a person must not be two devices.
"""

from __future__ import annotations

import re
import unicodedata

MAX_NAME_CHARS = 253
_PLAIN = re.compile(r"(?:[A-Za-z0-9_]|:(?=:))[A-Za-z0-9._:@-]*\Z")
_PLAIN_GROUP = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SIGNS = frozenset("._-:@")

#: Cyrillic, Greek and Armenian letters that look like a Latin one. A name made
#: of nothing else reads as a Latin word. Source: Unicode UTS #39, confusables.
_LOOKALIKES = frozenset(
    "\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0456\u0458\u0455\u0501\u04bb\u051b\u051d"
    "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u0423"
    "\u03bf\u03c1\u03b1\u03bd\u03b9\u03ba\u03c5\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c"
    "\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0578\u057d\u0585\u0566\u0570\u0581"
)
#: Latin letters that look like an ASCII letter and are no ligature or accent.
_LATIN_LOOKALIKES = frozenset("\u0131\u0237\u0251\u0261\u01c0\u01c3\u0269\u026a\u028f\u0280")
#: First words of character names that are not the name of their script.
_SCRIPT_ALIASES = {"KATAKANA-HIRAGANA": "KATAKANA", "IDEOGRAPHIC": "CJK"}
#: Scripts that one language writes together.
_TOGETHER = (
    frozenset({"CJK", "HIRAGANA", "KATAKANA"}), frozenset({"CJK", "HANGUL"}),
    frozenset({"CJK", "BOPOMOFO"}),
)


def device_name_fault(name: str) -> str:
    """What is wrong with a device's name, as the end of a sentence; "" if nothing."""
    if _PLAIN.match(name) and ".." not in name and len(name) <= MAX_NAME_CHARS:
        return ""
    fault = _common_fault(name)
    if fault:
        return fault
    if name[0] in "-.@" or (name[0] == ":" and not name.startswith("::")):
        return f"it starts with `{name[0]}`"
    for char in name:
        if char.isascii() and not char.isalnum() and char not in _SIGNS:
            return f"it holds `{char}`; allowed are letters, digits and `. _ - : @`"
    return "" if name.isascii() else _unicode_fault(name)


def group_name_fault(name: str) -> str:
    """What is wrong with a group's name, as the end of a sentence; "" if nothing."""
    if _PLAIN_GROUP.match(name) and len(name) <= MAX_NAME_CHARS:
        return ""
    if name != name.strip():
        return "it starts or ends with a space"
    return _common_fault(name)


def is_plain_group_name(name: str) -> bool:
    """True when patterns and templates can use the name without quoting tricks."""
    return _PLAIN_GROUP.match(name) is not None


def _common_fault(name: str) -> str:
    if not name:
        return "it is empty"
    if len(name) > MAX_NAME_CHARS:
        return f"it has more than {MAX_NAME_CHARS} characters"
    if ".." in name:
        return "it holds `..`"
    if "/" in name:
        return "it holds `/`"
    for char in name:
        category = unicodedata.category(char)
        if category in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
            return f"it holds the invisible character U+{ord(char):04X}"
    return ""


def _unicode_fault(name: str) -> str:
    if unicodedata.normalize("NFKC", name) != name:
        return "it is not in Unicode form NFKC, so that two spellings would look the same"
    scripts: set[str] = set()
    for char in name:
        if char in _SIGNS or (char.isascii() and char.isdigit()):
            continue
        if unicodedata.category(char)[0] not in "LM":
            return f"it holds U+{ord(char):04X}, which is no letter"
        if char in _LATIN_LOOKALIKES:
            return f"it holds U+{ord(char):04X}, which looks like a plain letter"
        if unicodedata.category(char)[0] == "L":
            script = unicodedata.name(char, "UNKNOWN").split()[0]
            scripts.add(_SCRIPT_ALIASES.get(script, script))
    if len(scripts) > 1 and not any(scripts <= group for group in _TOGETHER):
        return f"it mixes letters of {' and '.join(sorted(scripts))}, which look alike"
    letters = [char for char in name if char.isalpha()]
    if letters and all(char in _LOOKALIKES for char in letters):
        return f"it is written in {min(scripts)} letters that look like Latin ones"
    return ""


def shown(name: str) -> str:
    """A name for a message: short, and with nothing that acts on a terminal."""
    text = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in name[:60])
    return text + ("..." if len(name) > 60 else "")
