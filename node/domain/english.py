"""English texts with a number in them: one change, three changes; lengths of time in both."""

from __future__ import annotations

import re

_SPANS = ((86_400_000, "天", "day"), (3_600_000, "小时", "hour"))
_FORMS = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with what it counts: `one` if it is 1, else `many` (by itself: with an s)."""
    return f"{n} {one if n == 1 else many or one + 's'}"


def fitting(text: str, n: int) -> str:
    """Return a text with the form for `n` of each [one|many] in it."""
    return _FORMS.sub(lambda forms: forms[1 if n == 1 else 2], text)


def span(ms: int) -> tuple[str, str]:
    """Return a length of time in Chinese and English: in days from two days on, else in hours from
    two hours on, else in minutes.
    """
    for size_ms, zh, en in _SPANS:
        if ms >= 2 * size_ms:
            return f"{ms // size_ms} {zh}", counted(ms // size_ms, en)
    return f"{ms // 60_000} 分钟", counted(ms // 60_000, "minute")
