"""Virtual time: one heap of events, each at a millisecond with a tie drawn from the seed."""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from itertools import count

SEEN = 40  # events kept for the story of a failure


class Crash(BaseException):
    """A process dies here: not an Exception, so that no product code can catch it."""


class Violation(AssertionError):
    """A promise was broken. `what` names the invariant."""

    def __init__(self, what: str, detail: str = "") -> None:
        super().__init__(f"{what}: {detail}" if detail else what)
        self.what = what


class Clockwork:
    """The heap, the time, and the trace of all that happened."""

    def __init__(self, rng: random.Random, start_ms: int) -> None:
        self.now_ms = start_ms
        self.steps = 0
        self._rng = rng
        self._heap: list[tuple[int, float, int, str, Callable[[], None], bool]] = []
        self._number = count()
        self._waiting = 0  # events that are not mere ticks
        self._hash = blake2b(digest_size=16)
        self.story: deque[str] = deque(maxlen=SEEN)

    @property
    def trace(self) -> str:
        """Return a hash over all events and notes so far."""
        return self._hash.hexdigest()

    @property
    def busy(self) -> bool:
        """Whether anything but ticks is to come."""
        return self._waiting > 0

    def later(
        self, delay_ms: int, label: str, work: Callable[[], None], *, idle: bool = False
    ) -> None:
        """Run something after a while. `idle`: a timer that alone does not count as work."""
        at_ms = self.now_ms + max(0, delay_ms)
        self._waiting += not idle
        heapq.heappush(
            self._heap, (at_ms, self._rng.random(), next(self._number), label, work, idle)
        )

    def step(self) -> None:
        """Run the next event."""
        at_ms, _, _, label, work, idle = heapq.heappop(self._heap)
        self._waiting -= not idle
        self.now_ms = at_ms
        self.steps += 1
        self.note(label)
        work()

    def next_ms(self) -> int:
        """Return when the next event is; a ticking world never runs out of them."""
        return self._heap[0][0]

    def note(self, text: str) -> None:
        """Write something into the trace and the story."""
        line = f"{self.now_ms} {text}"
        self._hash.update(line.encode())
        self.story.append(line)
