"""A fair priority queue of writers: people first, then control, then bulk; none waits for ever."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sync.store.priority import Priority

PASSED_OVER_MAX = 4  # how often others may go first; then the waiting writer goes


class QueueTimeout(Exception):
    """The lock did not become free in time; nothing was begun."""


class WriteQueue:
    """A lock for one writer at a time; first come, first served within a priority."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy = False
        self._waiting: tuple[deque[threading.Event], ...] = tuple(deque() for _ in Priority)
        self._passed_over = [0] * len(Priority)

    def waiting(self, priority: Priority) -> int:
        """Return how many wait with the same priority."""
        with self._lock:
            return len(self._waiting[priority])

    @contextmanager
    def acquire(self, priority: Priority, timeout_s: float) -> Iterator[None]:
        """Wait for the lock and hold it. Raises: QueueTimeout."""
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
                    if event.is_set():  # at the same moment as the timeout
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
    """Return the next priority, by how many wait and how often each was passed over; None: none."""
    there = [priority for priority, count in enumerate(waiting) if count]
    overdue = [priority for priority in there if passed_over[priority] >= PASSED_OVER_MAX]
    return min(overdue or there, default=None)
