"""Pages of a list that is read whole: where one begins, and the token of the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from node.services.common.pages import BadToken

T = TypeVar("T")
_DIGITS_MAX = 9


def start_of(token: str) -> int:
    """Return how many entries lie before the page that `token` opens. Raises: BadToken."""
    if not token:
        return 0
    if not (token.isascii() and token.isdecimal() and len(token) <= _DIGITS_MAX):
        raise BadToken
    return int(token)


def place_of(start: int, shown: int, total: int) -> dict[str, Any]:
    """Return the reply's fields about its page."""
    end = start + shown
    return {"total_size": total, "next_page_token": str(end) if shown and end < total else ""}


def page_of(
    found: Sequence[T], request: Any, default: int = 0, most: int = 0
) -> tuple[Sequence[T], dict[str, Any]]:
    """Return a page of a list, and what the reply says of it.

    `default`: entries of a page if the request names no number; 0: all. `most`: of any page; 0: no
    limit.

    Raises: BadToken.
    """
    start = start_of(request.page_token)
    size = request.page_size or default or len(found)
    size = min(size, most) if most else size
    shown = found[start : start + size]
    return shown, place_of(start, len(shown), len(found))
