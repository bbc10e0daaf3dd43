"""Readings: each office is read in the background, and whoever asks waits for a bounded time.

An office that hangs (a database that does not answer) keeps one worker busy and nobody else: those
who ask get what was last known of it while that is not too old, and after that nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Generic, TypeVar

from node.trouble import refusal_of

T = TypeVar("T")

FRESH_S = 5.0  # an office is not read again within this time, however often somebody asks
STALE_S = 120.0  # a reading counts for so long while a newer one cannot be had
WAIT_S = 3.0  # so long one that asks waits, for all offices together
WORKERS = 4


class _Source(Generic[T]):
    """One office: how it is read, its last reading, and the one under way."""

    def __init__(self, read: Callable[[], T]) -> None:
        self.read = read
        self.found: T | None = None
        self.at_s = float("-inf")  # when `found` was read, or could not be
        self.failing = False
        self.under_way: Future[None] | None = None


class Readings(Generic[T]):
    """The last reading of each office. Thread-safe."""

    def __init__(
        self, sources: Mapping[str, Callable[[], T]], *, log: Any,
        now_s: Callable[[], float] = time.monotonic, wait_s: float = WAIT_S,
    ) -> None:  # fmt: skip
        """`sources`: each office's code, and what reads it in another thread."""
        self._sources = {code: _Source(read) for code, read in sources.items()}
        self._log = log
        self._now_s = now_s
        self._wait_s = wait_s
        self._closed = False
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="readings")

    def latest(self) -> list[tuple[str, T | None]]:
        """Return each office's reading; None where it cannot be read. Waits `wait_s` at most."""
        with self._lock:
            under_way = [self._begin(*each) for each in self._due()]
        wait(under_way, self._wait_s)
        with self._lock:
            oldest_s = self._now_s() - STALE_S
            return [
                (code, source.found if source.at_s >= oldest_s else None)
                for code, source in self._sources.items()
            ]

    def _due(self) -> list[tuple[str, _Source[T]]]:
        """Return what is to be read, or is being read."""
        due_s = self._now_s() - FRESH_S
        return [
            (code, source)
            for code, source in self._sources.items()
            if not self._closed and (source.under_way is not None or source.at_s <= due_s)
        ]

    def close(self) -> None:
        """Read no more; nobody waits for a reading that is under way."""
        with self._lock:
            self._closed = True  # a store that closes now is no trouble
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _begin(self, code: str, source: _Source[T]) -> Future[None]:
        if source.under_way is None:
            source.under_way = self._workers.submit(self._read, code, source)
        return source.under_way

    def _read(self, code: str, source: _Source[T]) -> None:
        found: T | None = None
        error: Exception | None = None
        try:
            found = source.read()
        except Exception as raised:  # one office's trouble must not hide the others
            error = raised
        with self._lock:
            source.found, source.at_s, source.under_way = found, self._now_s(), None
            again, source.failing = source.failing, error is not None
        if error is not None and not again and not self._closed:
            refusal = refusal_of(error)
            if refusal is None:
                self._log.error("reading_failed", office=code, exc_info=error)
            else:
                self._log.warning(
                    "reading_failed", office=code, code=refusal.code, reason=refusal.en
                )
