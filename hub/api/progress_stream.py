"""A stream of progress: a function that calls back becomes an iterator of updates and a result."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

R = TypeVar("R")
UPDATES_MAX = (
    64  # unread updates; the work does not wait for a slow reader, further ones are dropped
)


def stream_progress(
    work: Callable[[Callable[[Any, int], None]], R],
) -> Iterator[tuple[Any, int, R | None]]:
    """Run `work(report)` in a thread; yield each update as (what, number, None), then its result.

    The work goes on to its end even if nobody reads any more.
    Raises: whatever `work` raised, where the result would have come.
    """
    updates: queue.SimpleQueue[tuple[Any, int] | None] = queue.SimpleQueue()  # None: it has ended
    over: list[R] = []
    failed: list[BaseException] = []

    def report(what: Any, number: int) -> None:
        if updates.qsize() < UPDATES_MAX:
            updates.put((what, number))

    def run() -> None:
        try:
            over.append(work(report))
        except BaseException as error:  # raised again by the reader
            failed.append(error)
        finally:
            updates.put(None)

    threading.Thread(target=run, name="narrated").start()
    while (update := updates.get()) is not None:
        yield (*update, None)
    if failed:
        raise failed[0]
    yield None, 0, over[0]
