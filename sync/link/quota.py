"""Quotas: what each child may ask of its parent, at once and in a minute; counted in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sync.model.errors import OverQuota
from sync.model.limits import PeerLimits

MINUTE_MS = 60_000


@dataclass(slots=True)
class Usage:
    """What one child has used: of this minute, and now."""

    since_ms: int = 0
    size: int = 0
    entries: int = 0
    lock_ms: int = 0
    calls: int = 0


class Quotas:
    """What the children of one office use. Thread-safe."""

    def __init__(self, limits: PeerLimits, now_ms: Callable[[], int]) -> None:
        self.limits = limits
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._used: dict[int, Usage] = {}

    @contextmanager
    def call(self, unit: int, *, size: int = 0, entries: int = 0) -> Iterator[None]:
        """Count a call of a child while it lasts, and what it brings. Raises: OverQuota."""
        with self._lock:
            used = self._of(unit)
            if used.calls >= self.limits.open_calls:
                raise OverQuota("open_calls", used.calls + 1, self.limits.open_calls, 1_000)
            self._check(used, "bytes_a_minute", used.size + size)
            self._check(used, "entries_a_minute", used.entries + entries)
            used.calls += 1
            used.size += size
            used.entries += entries
        try:
            yield
        finally:
            with self._lock:
                used.calls -= 1

    def check_lock_time(self, unit: int) -> None:
        """Refuse work of a child that has had its share of the lock. Raises: OverQuota."""
        with self._lock:
            used = self._of(unit)
            self._check(used, "lock_ms_a_minute", used.lock_ms)

    def spent(self, unit: int, lock_ms: int) -> None:
        """Count milliseconds under the store's lock."""
        with self._lock:
            self._of(unit).lock_ms += max(0, lock_ms)

    def _of(self, unit: int) -> Usage:
        now_ms = self._now_ms()
        used = self._used.setdefault(unit, Usage(now_ms))
        if not 0 <= now_ms - used.since_ms < MINUTE_MS:
            used.since_ms, used.size, used.entries, used.lock_ms = now_ms, 0, 0, 0
        return used

    def _check(self, used: Usage, limit: str, asked: int) -> None:
        allowed = int(getattr(self.limits, limit))
        if asked > allowed:
            left_ms = used.since_ms + MINUTE_MS - self._now_ms()
            raise OverQuota(limit, asked, allowed, max(1, left_ms))
