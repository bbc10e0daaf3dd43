"""Whose turn it is to write: people first, then control, then bulk; nobody waits for ever."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sync.store.priority import Priority

PASSED_OVER_MAX = 4  # so often others go first; then whoever has waited goes


class QueueTimeout(Exception):
    """The turn did not come in time; nothing was begun."""


class WriteQueue:
    """A lock for one writer at a time. First come, first served among those equally urgent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy = False
        self._waiting: tuple[deque[threading.Event], ...] = tuple(deque() for _ in Priority)
        self._passed_over = [0] * len(Priority)

    def waiting(self, priority: Priority) -> int:
        """Return how many wait who are just as urgent."""
        with self._lock:
            return len(self._waiting[priority])

    @contextmanager
    def acquire(self, priority: Priority, timeout_s: float) -> Iterator[None]:
        """Wait for the turn and hold it. Raises: TurnTimeout."""
        with self._lock:
            event = None
            if self._busy:
                event = threading.Event()
                self._waiting[priority].append(event)
            self._busy = True
        if event is not None:
            self._wait(priority, event, timeout_s)
        try:
            yield
        finally:
            with self._lock:
                self._release()

    def _wait(self, priority: Priority, event: threading.Event, timeout_s: float) -> None:
        granted = False
        try:
            granted = event.wait(timeout_s)
        finally:
            if not granted:
                with self._lock:
                    if event.is_set():  # in the very moment in which we gave up
                        self._release()
                    else:
                        self._waiting[priority].remove(event)
        if not granted:
            raise QueueTimeout

    def _release(self) -> None:
        chosen = next_writer([len(queue) for queue in self._waiting], self._passed_over)
        if chosen is None:
            self._busy = False
            return
        for priority, queue in enumerate(self._waiting):
            late = priority > chosen and bool(queue)
            self._passed_over[priority] = self._passed_over[priority] + 1 if late else 0
        self._waiting[chosen].popleft().set()


def next_writer(waiting: Sequence[int], passed_over: Sequence[int]) -> int | None:
    """Return who is next by how many wait and how often each was passed over; None: nobody."""
    there = [priority for priority, count in enumerate(waiting) if count]
    overdue = [priority for priority in there if passed_over[priority] >= PASSED_OVER_MAX]
    return min(overdue or there, default=None)
