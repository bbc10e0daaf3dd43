"""Whose turn it is to write: people first, then control, then bulk; nobody waits for ever."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sync.urgency import Urgency

PASSED_OVER_MAX = 4  # so often others go first; then whoever has waited goes


class TurnTimeout(Exception):
    """The turn did not come in time; nothing was begun."""


class Turn:
    """A lock for one writer at a time. First come, first served among those equally urgent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held = False
        self._waiting: tuple[deque[threading.Event], ...] = tuple(deque() for _ in Urgency)
        self._passed_over = [0] * len(Urgency)

    def waiting(self, urgency: Urgency) -> int:
        """Return how many wait who are just as urgent."""
        with self._lock:
            return len(self._waiting[urgency])

    @contextmanager
    def taken(self, urgency: Urgency, timeout_s: float) -> Iterator[None]:
        """Wait for the turn and hold it. Raises: TurnTimeout."""
        with self._lock:
            called = None
            if self._held:
                called = threading.Event()
                self._waiting[urgency].append(called)
            self._held = True
        if called is not None:
            self._wait(urgency, called, timeout_s)
        try:
            yield
        finally:
            with self._lock:
                self._pass_on()

    def _wait(self, urgency: Urgency, called: threading.Event, timeout_s: float) -> None:
        came = False
        try:
            came = called.wait(timeout_s)
        finally:
            if not came:
                with self._lock:
                    if called.is_set():  # in the very moment in which we gave up
                        self._pass_on()
                    else:
                        self._waiting[urgency].remove(called)
        if not came:
            raise TurnTimeout

    def _pass_on(self) -> None:
        chosen = next_turn([len(queue) for queue in self._waiting], self._passed_over)
        if chosen is None:
            self._held = False
            return
        for urgency, queue in enumerate(self._waiting):
            late = urgency > chosen and bool(queue)
            self._passed_over[urgency] = self._passed_over[urgency] + 1 if late else 0
        self._waiting[chosen].popleft().set()


def next_turn(waiting: Sequence[int], passed_over: Sequence[int]) -> int | None:
    """Return who is next by how many wait and how often each was passed over; None: nobody."""
    there = [urgency for urgency, count in enumerate(waiting) if count]
    overdue = [urgency for urgency in there if passed_over[urgency] >= PASSED_OVER_MAX]
    return min(overdue or there, default=None)
