"""Words of a call that must be one of a few: the member meant, or a refusal with the nearest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from hub.api.call_context import BadRequest

W = TypeVar("W", bound=StrEnum)


def parse_choice(kind: type[W], text: str, what: str, known: Iterable[str] = ()) -> W:
    """Return the member that a word names; `known`: all that may be said, if more than members.

    Raises: BadRequest with the nearest.
    """
    try:
        return kind(text)
    except ValueError:
        choices = [str(choice) for choice in known] or [each.value for each in kind]
        listed = ", ".join(difflib.get_close_matches(text, choices, 3, 0.5) or choices)
        raise BadRequest(
            f"{text[:40]!r} is no {what}",
            f"“{text[:40]}”不是有效的 {what}",
            f"Take one of: {listed}.",
            f"可用: {listed}。",
        ) from None
