"""Call pots: who waits for a message, and who works. No caller's silence or load stops the rest.

A call whose message has not come costs a thread that sleeps. Of those there are so many at most;
the one that has waited longest makes room for the next, and none waits longer than its time. Who
works holds a slot; some slots are for the control lane alone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import grpc

from sync.model.errors import Malformed
from sync.model.limits import PeerLimits

SLOTS = 12  # calls worked on at once
CONTROL_SLOTS = 4  # besides, for calls of the control lane when those are taken
ROUNDS = 4  # how often the waiting are looked at while one may wait
_LINK = "/silian.link.v1.LinkService/"
_CONTROL_LANE = 1  # on the wire
_CONTROL_CALLS = frozenset({f"{_LINK}Hello", f"{_LINK}Watch"})


class SilentCalls:
    """Calls whose message has not come. `close` ends the thread that looks at them."""

    def __init__(self, limits: PeerLimits, *, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._lock = threading.Lock()
        self._numbers = count()
        self._waiting: dict[int, tuple[float, grpc.ServicerContext]] = {}  # the oldest first
        self._closed = threading.Event()
        self._looking: threading.Thread | None = None

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting)

    def first(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
        """Return a call's first message. Raises: Malformed if there is none; grpc.RpcError."""
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = (self._now() + self._limits.first_message_s, context)
            surplus = len(self._waiting) - self._limits.silent_calls
            oldest = [self._waiting.pop(n)[1] for n in list(self._waiting)[: max(0, surplus)]]
        for one in oldest:
            one.cancel()
        try:
            return next(requests)
        except StopIteration:
            raise Malformed("a call without a message") from None
        finally:
            with self._lock:
                self._waiting.pop(number, None)

    def start(self) -> None:
        self._looking = threading.Thread(target=self._look, name="silent-calls", daemon=True)
        self._looking.start()

    def close(self) -> None:
        self._closed.set()
        if self._looking is not None:
            self._looking.join()

    def end_overdue(self) -> None:
        """End the calls whose time is over."""
        now = self._now()
        with self._lock:
            late = [number for number, (until, _) in self._waiting.items() if until <= now]
            ended = [self._waiting.pop(number)[1] for number in late]
        for context in ended:
            context.cancel()

    def _look(self) -> None:
        while not self._closed.wait(self._limits.first_message_s / ROUNDS):
            self.end_overdue()


class WorkSlots:
    """Slots for calls that are worked on; whoever finds none waits for one."""

    def __init__(self, slots: int = SLOTS, control: int = CONTROL_SLOTS) -> None:
        self._slots = threading.BoundedSemaphore(slots)
        self._control = threading.BoundedSemaphore(control)

    @contextmanager
    def hold(self, *, control: bool) -> Iterator[None]:
        """Hold a slot; of the control lane one of its own when the others are taken."""
        slot = self._slots
        if control and not slot.acquire(blocking=False):
            slot = self._control
            slot.acquire()
        elif not control:
            slot.acquire()
        try:
            yield
        finally:
            slot.release()


def is_control(method: str, request: Any) -> bool:
    """Say whether a call is of the control lane: by its name, or by what it names."""
    if not method.startswith(_LINK):
        return False
    lane = {f"{_LINK}Push": "batch", f"{_LINK}Pull": "cursor"}.get(method)
    if lane is not None:
        return bool(getattr(request, lane).lane == _CONTROL_LANE)
    return method in _CONTROL_CALLS
