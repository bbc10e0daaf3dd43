"""The comparison form of a text: equal for two spellings of one key, one number or one heading.

Stored is what was typed first; this form is for comparing only. A Chinese input method types a key
in full width, Excel adds spaces, people mix cases and dashes: none of that makes another record.
"""

from __future__ import annotations

import re
import unicodedata

from node.domain.quotation import without_quotes
from sync.model.change import Value

Key = tuple[Value, ...]

_LONG_DASHES = re.compile("[\u2014\u2015]+")  # a Chinese input method types two for one
_WAVES = "\u301c\u3030"  # dashes to Unicode, a range to people
_MINUS = "\u2212"


def comparison_form(value: Value) -> str:
    """Return a value as it is compared: without width, case, spaces, dashes' kinds, Unicode form,
    and without quotation marks around the whole, which older programs stored with a code.

    Two values with one form are the same to a person. The form of a form is itself.
    """
    text = "" if value is None else str(value)
    if text.isascii():
        return without_quotes("".join(text.casefold().split()))
    text = _LONG_DASHES.sub("-", unicodedata.normalize("NFKC", text))
    text = "".join("".join(map(_plain, text)).split())
    return without_quotes(unicodedata.normalize("NFKC", text.casefold()))


def key_form(key: Key) -> Key:
    """Return a key as it is compared; numbers and empty parts as they are."""
    return tuple(comparison_form(part) if isinstance(part, str) else part for part in key)


def _plain(character: str) -> str:
    category = unicodedata.category(character)
    if category == "Cf":
        return ""  # marks of width none, as U+200B and a byte order mark
    if (category == "Pd" and character not in _WAVES) or character == _MINUS:
        return "-"
    return character
