"""Versions: the total order over transactions, and the clock that issues them."""

from __future__ import annotations

from collections.abc import Callable

from sync.model.limits import CLOCK_AHEAD_MS_MAX

COUNTER_BITS = 16
VERSION_BYTES = 16

Version = bytes  # 16 bytes: big-endian clock, then incarnation; bytes compare in order


def version_of(hlc: int, incarnation: int) -> Version:
    """Return the version of the transaction that `incarnation` stamped `hlc`.

    Later versions compare greater. Two incarnations never share one, so the order is total. It
    orders merges and display, never cursors.
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
    """Issues stamps that never go backwards, even when the wall clock does.

    A stamp is milliseconds since 1970 UTC shifted left by 16 bits, plus a counter.
    Source: Kulkarni et al., "Logical Physical Clocks" (2014).
    """

    def __init__(
        self, wall_ms: Callable[[], int], *, last_hlc: int = 0, offset_ms: int = 0
    ) -> None:
        self._wall_ms = wall_ms
        self._last = last_hlc
        self.offset_ms = offset_ms  # the parent's clock minus ours, from the last handshake
        self._no_stamp_before_ms = 0  # no later stamp is before this moment
        self.compared = False  # whether the parent's time is known since the start
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
        """Return now; from here on issue no stamp before it, even if the clock is set back.

        Except after a correction by more than CLOCK_AHEAD_MS_MAX: nobody followed such a clock.
        """
        now_ms = self.now_ms()
        self._no_stamp_before_ms = max(self._from_ms(), now_ms)
        return now_ms

    def _from_ms(self) -> int:
        now_ms = self.now_ms()
        ahead_ms = self._no_stamp_before_ms - now_ms
        return now_ms + ahead_ms if 0 < ahead_ms <= CLOCK_AHEAD_MS_MAX else now_ms

    def follow(self, parent_ms: int) -> None:
        """Go by the parent's clock, which shows this now."""
        self.offset_ms, self.compared = parent_ms - self._wall_ms(), True

    def ahead_ms(self) -> int:
        """Return by how much our last stamp is after the present; below zero: before it."""
        return (self._last >> COUNTER_BITS) - self.now_ms()

    def restart(self, hlc: int) -> None:
        """Issue stamps from this one on: later ones were issued under another incarnation."""
        self._last = hlc

    def resume(self, hlc: int) -> None:
        """Continue from the last stamp that this store issued, whatever the wall clock shows.

        Our own stamps never go back, not even when our clock was a day ahead and is right again.
        """
        self._last = max(self._last, hlc)

    def observe(self, hlc: int) -> bool:
        """Make every later tick come after `hlc`, which a peer stamped.

        Does not follow it, and returns False, if it is more than CLOCK_AHEAD_MS_MAX ahead of our
        clock: one office with a wrong clock must not move the clocks of the whole city.
        """
        if (hlc >> COUNTER_BITS) - self.now_ms() > CLOCK_AHEAD_MS_MAX:
            self.clamped += 1
            return False
        self._last = max(self._last, hlc)
        return True
