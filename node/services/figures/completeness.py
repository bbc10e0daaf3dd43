"""Completeness: whose figures an answer should hold, whose it holds, and how old they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from node.domain.units import Level, Tree
from node.folds.contributions import CELL
from node.services.figures.closings import closed_by
from sync.model.audience import DOWN_ALL
from sync.model.schema import Lane
from sync.model.version import COUNTER_BITS
from sync.store.tables import incarnation, quarantine, stream

if TYPE_CHECKING:
    from node.app import Office

CHINA = ZoneInfo("Asia/Shanghai")
SILENT_MS = 24 * 3_600_000  # an office not known exactly for this long is named


class Lag(StrEnum):
    """Why an office's part of an answer is not to be relied on, the worst first."""

    NEVER_REPORTED = "never_heard"
    QUARANTINED = "quarantined"  # some of its cells could not be applied here
    BEHIND = "behind"  # it is known to have written more than is held here
    NOT_CLOSED = "not_closed"  # it has not closed the month that the answer stands on
    TOO_OLD = "too_old"  # what is held of it ends before the day asked for
    SILENT = "silent"  # nothing new is known of it for a day


LAG_TEXTS: dict[Lag, tuple[str, str]] = {
    Lag.NEVER_REPORTED: ("从未上报", "never heard"),
    Lag.QUARANTINED: ("有数据未能入库", "holes in what it sent"),
    Lag.BEHIND: ("尚有数据未到", "more is on its way"),
    Lag.NOT_CLOSED: ("尚未月结", "month not closed"),
    Lag.TOO_OLD: ("数据早于所查日期", "older than the day asked for"),
    Lag.SILENT: ("超过24小时无消息", "silent for more than 24 hours"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Laggard:
    """An office whose part of an answer is missing or old. `exact_ms`: known to then; 0 never."""

    unit: int
    code: str
    name: str
    lag: Lag
    exact_ms: int
    quarantined: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How much of an answer is there. Moments are milliseconds since 1970 UTC; 0: none."""

    level: Level | None  # whose offices are expected to report; None: those of every level
    expected: int
    reported: int
    laggards: tuple[Laggard, ...]
    oldest_ms: int  # every office that has reported is known exactly to this moment at least
    quarantined: int

    @property
    def oldest(self) -> str:
        """Return the oldest watermark as a time in China, ISO 8601; "" if nobody reported."""
        return iso_of(self.oldest_ms)

    @property
    def complete(self) -> bool:
        return self.expected == self.reported and not self.laggards


def iso_of(ms: int) -> str:
    """Return a moment as people in China read it, ISO 8601 with offset; "" for none."""
    if not ms:
        return ""
    return datetime.fromtimestamp(ms / 1000, CHINA).isoformat(timespec="seconds")


def end_of_day_ms(day: date) -> int:
    """Return when a day ends in China."""
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), CHINA)
    return int(midnight.timestamp() * 1000)


def completeness(
    office: Office,
    tx: Connection,
    tree: Tree,
    unit: int,
    level: Level | None,
    *,
    since_ms: int = 0,
    closing: str = "",
) -> Completeness:
    """Say how complete what is held here of `unit` and all below it is.

    `since_ms`: an office that is known only up to an earlier moment is too old. `closing`: the
    month that every office should have closed.
    """
    expected = [u for u in tree.subtree(unit) if level is None or tree.level(u) == level]
    marks = office.peer_status.watermarks(tx)
    now_ms = office.clock.now_ms()
    quarantined = _quarantined(tx, expected)
    closed = closed_by(tx, expected, closing) if closing else set(expected)
    laggards: list[Laggard] = []
    reported: list[int] = []
    for each in expected:
        mark = marks.get(each)
        own = each == office.identity.unit
        exact_ms = now_ms if own else mark.at_ms if mark else 0
        if exact_ms:
            reported.append(exact_ms)
        lag = None
        if not exact_ms:
            lag = Lag.NEVER_REPORTED
        elif quarantined.get(each):
            lag = Lag.QUARANTINED
        elif mark and mark.behind and not own:
            lag = Lag.BEHIND
        elif each not in closed:
            lag = Lag.NOT_CLOSED
        elif exact_ms < since_ms:
            lag = Lag.TOO_OLD
        elif exact_ms < now_ms - SILENT_MS:
            lag = Lag.SILENT
        if lag is not None:
            at = tree.get(each)
            laggards.append(
                Laggard(
                    unit=each, code=at.code, name=at.name, lag=lag, exact_ms=exact_ms,
                    quarantined=quarantined.get(each, 0),
                )
            )  # fmt: skip
    return Completeness(
        level=level,
        expected=len(expected),
        reported=len(reported),
        laggards=tuple(sorted(laggards, key=_worst_first)),
        oldest_ms=min(reported, default=0),
        quarantined=sum(quarantined.values()),
    )


def of_tree(office: Office, tx: Connection, tree: Tree) -> Completeness:
    """Say how old the tree itself is here: the city's office alone decides about it."""
    root = tree.get(tree.root)
    if root.unit_id == office.identity.unit:
        exact_ms = office.clock.now_ms()
    else:
        stamp = tx.execute(
            select(func.max(stream.c.hlc))
            .join(incarnation, incarnation.c.id == stream.c.incarnation)
            .where(
                incarnation.c.unit == root.unit_id,
                stream.c.audience == DOWN_ALL,
                stream.c.lane == Lane.CONTROL.value,
            )
        ).scalar_one()
        exact_ms = min((stamp or 0) >> COUNTER_BITS, office.clock.now_ms())
    never = Laggard(
        unit=root.unit_id, code=root.code, name=root.name, lag=Lag.NEVER_REPORTED, exact_ms=0
    )
    return Completeness(
        level=Level.CITY,
        expected=1,
        reported=int(exact_ms > 0),
        laggards=() if exact_ms else (never,),
        oldest_ms=exact_ms,
        quarantined=_quarantined(tx, [root.unit_id], ("unit", "")).get(root.unit_id, 0),
    )


def _quarantined(
    tx: Connection, units: Collection[int], registers: Sequence[str] = (CELL, "")
) -> dict[int, int]:
    """Return unit -> open holes that may lack from its part; "" is a whole entry."""
    rows = tx.execute(
        select(quarantine.c.unit, func.count())
        .where(quarantine.c.state == "open", quarantine.c.register.in_(registers))
        .group_by(quarantine.c.unit)
    )
    wanted = set(units)
    return {unit: count for unit, count in rows if unit in wanted}


def _worst_first(laggard: Laggard) -> tuple[int, int, str]:
    return list(Lag).index(laggard.lag), laggard.exact_ms, laggard.code
