"""Fiscal years: which are open, and for what; the one rule that every posting is checked by."""

from __future__ import annotations

from dataclasses import dataclass

from node.domain.ledger_errors import YearNotOpen
from node.domain.posting import PostingKind

APPROPRIATED_BACK = 1  # years: what was granted last year may still be entered this year
APPROPRIATED_AHEAD = 1  # years: next year's budget is put in and sent down before it begins


@dataclass(frozen=True, slots=True)
class FiscalYears:
    """`first`: the year in which this network's tree begins; `now`: the calendar year of today.

    Money is put in for last, this and next year; it is matched and sent down for any year of the
    network up to the next, and spent for any that has begun. A posting that only answers another
    (received, returned, reclaimed, reversed) is always allowed: money must be able to arrive or to
    come back. No year is closed to spending, because nothing carries its money forward.
    """

    first: int
    now: int

    def open_for(self, kind: PostingKind) -> range | None:
        """Return the years that are open for a kind of posting; None: every one."""
        ahead = self.now + APPROPRIATED_AHEAD
        match kind:
            case PostingKind.APPROPRIATE:
                return range(max(self.first, self.now - APPROPRIATED_BACK), ahead + 1)
            case PostingKind.MATCH | PostingKind.RELEASE:
                return range(self.first, ahead + 1)
            case PostingKind.SPEND:
                return range(self.first, self.now + 1)
            case _:
                return None

    def check(self, kind: PostingKind, year: int) -> None:
        """Raises: YearNotOpen."""
        years = self.open_for(kind)
        if years is not None and year not in years:
            raise YearNotOpen(kind.value, year, years, began=year <= self.now)
