"""Plain text: the characters that every store, screen and file can hold."""

from __future__ import annotations

import re

_UNKEEPABLE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff"  # controls but line feed; halves of pairs
    "\u202a-\u202e\u2066-\u2069\ufdd0-\ufdef"  # what turns the reading order; non-characters
    + "".join(chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
    + "]"
)


def unkeepable(text: str) -> str:
    """Return the first character that cannot be kept, as U+0000; "" when all can."""
    if text.isprintable():  # nearly every text
        return ""
    odd = _UNKEEPABLE.search(text)
    return f"U+{ord(odd[0]):04X}" if odd else ""


def unkeepable_in_note(text: str) -> str:
    """Return the same for a text of several lines, where tabs and any line ends are allowed."""
    return unkeepable(text.replace("\t", " ").replace("\r", "\n"))
