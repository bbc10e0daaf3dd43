"""Pages of a list: how long one may be, and the token that names where the next one begins.

A list is in the order of a whole number and an id; the token names the last entry of a page.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from sync.model.errors import ErrorKind, SilianError

PAGE_MAX = 500
_NUMBER_MAX = 2**63 - 1  # what a column of a store can be compared with


class BadToken(SilianError):
    """This program did not write this token, or wrote it for another page."""

    code = "bad_token"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self) -> None:
        super().__init__(
            "this list did not give that page token",
            "翻页标记不是本列表给出的标记",
            remedy_en="Ask for the list from its beginning, without a page token (on the command "
            "line: without --after), or copy the token of the last page unchanged.",
            remedy_zh="请不带翻页标记（命令行中为 --after），从头查询该列表，或原样使用上一页给出的"
            "标记。",
        )


def page_size(limit: int) -> int:
    """Return how many entries to show when `limit` are requested: one at least."""
    return max(1, min(limit, PAGE_MAX))


def page_token(number: int, id_: bytes) -> str:
    """Return the token of a page whose last entry is at (number, id)."""
    return f"{number:x}.{id_.hex()}"


def parse_page_token(token: str) -> tuple[int, bytes]:
    """Return the (number, id) after which a page begins. Raises: BadToken."""
    number_text, _, id_text = token.partition(".")
    try:
        number, id_ = int(number_text, 16), bytes.fromhex(id_text)
    except ValueError:
        raise BadToken from None
    if not 0 <= number <= _NUMBER_MAX:
        raise BadToken
    return number, id_


def beyond(token: str, number: ColumnElement[Any], id_: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition on the rows of the page that `token` opens. Raises: BadToken."""
    last_number, last_id = parse_page_token(token)
    return or_(number > last_number, and_(number == last_number, id_ > last_id))


def before(token: str, number: ColumnElement[Any], id_: ColumnElement[Any]) -> ColumnElement[bool]:
    """Return `beyond` for a list in falling order. Raises: BadToken."""
    last_number, last_id = parse_page_token(token)
    return or_(number < last_number, and_(number == last_number, id_ < last_id))
