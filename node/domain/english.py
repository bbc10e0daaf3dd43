"""English texts with a number in them: one change, three changes. Chinese needs no such thing."""

from __future__ import annotations

import re

_FORMS = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with what it counts: `one` if it is 1, else `many` (by itself: with an s)."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def fitting(text: str, n: int) -> str:
    """Return a text with the form for `n` of each [one|many] in it."""
    return _FORMS.sub(lambda forms: forms[1 if n == 1 else 2], text)
