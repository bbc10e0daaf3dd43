"""Lists as a whole: one page after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

P = TypeVar("P")
PAGE_SIZE = 500  # the most that an office gives at once


def every_page(call: Callable[..., P], **fields: Any) -> Iterator[P]:
    """Yield the pages of a list call, such as `office.list_records`, to the last one."""
    token = ""
    while True:
        page: Any = call(page_size=PAGE_SIZE, page_token=token, **fields)
        yield page
        token = page.next_page_token
        if not token:
            return
