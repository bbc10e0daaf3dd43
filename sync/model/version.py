"""Versions: the total order over transactions, and the clock that hands them out."""

from __future__ import annotations

from collections.abc import Callable

from sync.model.limits import CLOCK_AHEAD_MS_MAX

COUNTER_BITS = 16
VERSION_BYTES = 16
BEGINNING = bytes(VERSION_BYTES)  # before every version

Version = bytes  # 16 bytes: big-endian clock, then incarnation; bytes compare in order


def version_of(hlc: int, incarnation: int) -> Version:
    """Name the transaction that `incarnation` stamped `hlc`; later ones compare greater.

    Two incarnations never share a name, so the order is total. It orders merges and
    display, never cursors.
    """
    return hlc.to_bytes(8, "big") + incarnation.to_bytes(8, "big")


def hlc_of(version: Version) -> int:
    return int.from_bytes(version[:8], "big")


def incarnation_of(version: Version) -> int:
    return int.from_bytes(version[8:], "big")


def wall_ms_of(version: Version) -> int:
    """Return when the transaction was made: milliseconds since 1970 UTC, corrected clock."""
    return hlc_of(version) >> COUNTER_BITS


class HybridClock:
    """Hands out stamps that never go backwards, even when the wall clock does.

    A stamp is milliseconds since 1970 UTC shifted left by 16 bits, plus a counter.
    Source: Kulkarni et al., "Logical Physical Clocks" (2014).
    """

    def __init__(
        self, wall_ms: Callable[[], int], *, last_hlc: int = 0, offset_ms: int = 0
    ) -> None:
        self._wall_ms = wall_ms
        self._last = last_hlc
        self.offset_ms = offset_ms  # the parent's clock minus ours, from the last greeting
        self._no_stamp_before_ms = 0  # no later stamp is before this moment
        self.clamped = 0  # stamps refused for being too far ahead since the start

    def now_ms(self) -> int:
        """Return the corrected wall clock: milliseconds since 1970 UTC."""
        return self._wall_ms() + self.offset_ms

    @property
    def last(self) -> int:
        return self._last

    def tick(self) -> int:
        """Return a stamp later than every one ticked or observed so far."""
        self._last = max(self._last + 1, self._from_ms() << COUNTER_BITS)
        return self._last

    def no_stamp_before_now(self) -> int:
        """Return now, and give no stamp before it from here on, though the clock be set back.

        A clock that is set back by more than CLOCK_AHEAD_MS_MAX was wrong: nobody believed it.
        """
        now_ms = self.now_ms()
        self._no_stamp_before_ms = max(self._from_ms(), now_ms)
        return now_ms

    def _from_ms(self) -> int:
        now_ms = self.now_ms()
        ahead_ms = self._no_stamp_before_ms - now_ms
        return now_ms + ahead_ms if 0 < ahead_ms <= CLOCK_AHEAD_MS_MAX else now_ms

    def resume(self, hlc: int) -> None:
        """Go on from the last stamp that this store gave, wherever the wall clock stands now.

        Our own stamps never go back, not even when our clock was a day ahead and is right again.
        """
        self._last = max(self._last, hlc)

    def observe(self, hlc: int) -> bool:
        """Make every later tick come after `hlc`, which a peer stamped.

        Returns False, and does not follow, when it is more than CLOCK_AHEAD_MS_MAX ahead
        of our clock: one office with a broken clock must not drag the city into the future.
        """
        if (hlc >> COUNTER_BITS) - self.now_ms() > CLOCK_AHEAD_MS_MAX:
            self.clamped += 1
            return False
        self._last = max(self._last, hlc)
        return True
