"""What a published cell says of a dimension when its persons do not share one value."""

from __future__ import annotations

from dataclasses import dataclass

ANY = "*"
"""Some value; it is not given which."""

PERIOD = "period"
"""Dimension of a group of several months or years; its cell has no period of its own."""

COMBINED = ("合并（人数过少）", "combined (too few)")
"""What people read for `ANY`: Chinese, English."""

_BETWEEN = ".."


@dataclass(frozen=True, slots=True)
class Interval:
    """Whole numbers from `low` to `high`, both included; None: without a limit."""

    low: int | None
    high: int | None

    def __str__(self) -> str:
        if self.low is not None and self.low == self.high:
            return str(self.low)
        low, high = ("" if end is None else str(end) for end in (self.low, self.high))
        return f"{low}{_BETWEEN}{high}"

    @classmethod
    def read(cls, text: str) -> Interval | None:
        """Read "1962..1966", "..1961", "1967.." or "1960"; None for any other text."""
        low, between, high = text.partition(_BETWEEN)
        if not between:
            return cls(int(text), int(text)) if text.isdecimal() else None
        if not all(end == "" or end.isdecimal() for end in (low, high)):
            return None
        return cls(int(low) if low else None, int(high) if high else None)

    def has(self, number: int) -> bool:
        """Return whether a number lies in it."""
        return (self.low is None or self.low <= number) and (
            self.high is None or number <= self.high
        )

    def lies_in(self, other: Interval) -> bool | None:
        """Return True if all of it lies in another interval, False if nothing does, else None."""
        after = other.low is not None and self.high is not None and self.high < other.low
        before = other.high is not None and self.low is not None and self.low > other.high
        if after or before:
            return False
        low = other.low is None or (self.low is not None and self.low >= other.low)
        high = other.high is None or (self.high is not None and self.high <= other.high)
        return True if low and high else None


def ends_of(text: str) -> tuple[str, str]:
    """Return both ends of a group of months or years."""
    low, _, high = text.partition(_BETWEEN)
    return low, high


def joined(first: str, last: str) -> str:
    """Return the text of a group of months or years; of one only, that one."""
    return first if first == last else f"{first}{_BETWEEN}{last}"


def is_combined(text: str) -> bool:
    """Return whether a text stands for several values."""
    return text == ANY or _BETWEEN in text
