"""Words of a call that must be one of a few: the member meant, or a refusal with the nearest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from hub.api.desk import BadRequest

W = TypeVar("W", bound=StrEnum)


def member(kind: type[W], text: str, what: str, known: Iterable[str] = ()) -> W:
    """Return the member that a word names; `known`: all that may be said, if more than members.

    Raises: BadRequest with the nearest.
    """
    try:
        return kind(text)
    except ValueError:
        words = [str(word) for word in known] or [each.value for each in kind]
        listed = ", ".join(difflib.get_close_matches(text, words, 3, 0.5) or words)
        raise BadRequest(
            f"{text[:40]!r} is no {what}",
            f"“{text[:40]}”不是有效的 {what}",
            f"Take one of: {listed}.",
            f"可用: {listed}。",
        ) from None
