"""Long work told while it goes on: a function that calls back becomes a stream of news."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

R = TypeVar("R")
NEWS_MAX = 64  # unread news; the work does not wait for a slow reader, what is too much is dropped


def narrated(
    work: Callable[[Callable[[Any, int], None]], R],
) -> Iterator[tuple[Any, int, R | None]]:
    """Run `work(say)` in a thread; yield what it says as (what, number, None), then its result.

    The work goes on to its end even if nobody listens any more.
    Raises: whatever `work` raised, where the result would have come.
    """
    news: queue.SimpleQueue[tuple[Any, int] | None] = queue.SimpleQueue()  # None: it has ended
    over: list[R] = []
    failed: list[BaseException] = []

    def say(what: Any, number: int) -> None:
        if news.qsize() < NEWS_MAX:
            news.put((what, number))

    def run() -> None:
        try:
            over.append(work(say))
        except BaseException as error:  # raised again by the reader
            failed.append(error)
        finally:
            news.put(None)

    threading.Thread(target=run, name="narrated").start()
    while (said := news.get()) is not None:
        yield (*said, None)
    if failed:
        raise failed[0]
    yield None, 0, over[0]
