"""Days counted: once a day has come, what opens, closes or was held on it is counted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from node.services.figures.closings import close_period

if TYPE_CHECKING:
    from datetime import date

    from node.office import Office


def follow_days(office: Office, *, writing: bool = True) -> bool:
    """Bring this office's cells to today; return whether a figure changed.

    The stock of a month that has ended is kept before the next month's days are counted, and before
    a new year divides persons by other ages. With
    `writing` the store also records that a day without any change has come; answering a question
    does not need that.
    """
    today = office.today()
    contributions = office.folds.contributions
    with office.store.read() as tx:
        before = contributions.counted_to(tx)
        moves = bool(contributions.pending(tx, before, today.isoformat()))
        ended = _month_end(today)
        closing = before[:7] < f"{today:%Y-%m}" and (
            before[:4] < f"{today:%Y}"
            or bool(moves and contributions.pending(tx, ended.isoformat(), today.isoformat()))
        )
    if before == today.isoformat() or not (moves or writing):
        return False
    if closing:
        if before < ended.isoformat():
            office.commit(lambda tx: contributions.follow(tx, ended.isoformat()))
        close_period(office, f"{ended:%Y-%m}")
    office.commit(lambda tx: contributions.follow(tx, today.isoformat()))
    return moves


def _month_end(today: date) -> date:
    return today.replace(day=1) - timedelta(days=1)
