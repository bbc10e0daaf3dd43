"""Completeness: whose figures an answer should have, whose it has, and how old they are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from node.china import DAY_MS, start_of_day_ms
from node.domain.register import Register
from node.domain.units import Level, Tree
from node.folds.contributions import CELL
from node.services.figures.closings import closed_by
from node.services.figures.reported import filled
from sync.model.audience import DOWN_ALL
from sync.model.schema import Lane
from sync.model.version import COUNTER_BITS
from sync.store.sql import execute, pieces
from sync.store.tables import incarnation, stream

if TYPE_CHECKING:
    from node.office import Office

SILENT_MS = 24 * 3_600_000  # an office not known exactly for this long is named


class Lag(StrEnum):
    """Why an office's part of an answer is not reliable, the worst first."""

    NEVER_REPORTED = "never_contacted"
    QUARANTINED = "quarantined"  # some of its cells could not be applied here
    BEHIND = "behind"  # it is known to have written more than is here
    NOT_FILLED = "not_filled"  # it has filled in none of the registers that the answer reads
    PARTLY = "partly"  # it has filled in some of them
    NOT_CLOSED = "not_closed"  # it has not closed the month that the answer uses
    TOO_OLD = "too_old"  # what is here of it ends before the day asked for
    SILENT = "silent"  # nothing new is known of it for a day


LAG_TEXTS: dict[Lag, tuple[str, str]] = {
    Lag.NEVER_REPORTED: ("从未联网", "never connected"),
    Lag.QUARANTINED: ("有数据未能入库", "holes in what it sent"),
    Lag.BEHIND: ("尚有数据未到", "more is on its way"),
    Lag.NOT_FILLED: ("未填报", "nothing filled in"),
    Lag.PARTLY: ("部分填报", "partly filled in"),
    Lag.NOT_CLOSED: ("尚未月结", "month not closed"),
    Lag.TOO_OLD: ("数据早于所查日期", "older than the day asked for"),
    Lag.SILENT: ("超过24小时无消息", "silent for more than 24 hours"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Laggard:
    """An office whose part of an answer is missing or old. `exact_ms`: known up to then; 0 never.

    `missing`: the registers that it has not filled in.
    """

    unit: int
    code: str
    name: str
    lag: Lag
    exact_ms: int
    quarantined: int = 0
    missing: tuple[Register, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many of some offices should report, and how far they have come."""

    expected: int
    received: int  # anything at all has come from them
    reported: int  # they have filled in every register that the answer reads
    complete: int  # and nothing of theirs is missing or old


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCounts:
    """How many of the offices that keep a register have filled it in."""

    register: Register
    expected: int
    with_records: int
    with_none: int  # they have stated that there is nothing to report


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """How much of an answer is there. Moments are milliseconds since 1970 UTC; 0: none."""

    level: Level | None  # whose offices are expected to report; None: those of every level
    counts: Counts
    registers: tuple[RegisterCounts, ...]
    laggards: tuple[Laggard, ...]
    oldest_ms: int  # every office received from is known exactly to this moment at least
    quarantined: int

    @property
    def expected(self) -> int:
        return self.counts.expected

    @property
    def reported(self) -> int:
        return self.counts.reported

    @property
    def complete(self) -> bool:
        return self.expected == self.reported and not self.laggards


def end_of_day_ms(day: date) -> int:
    """Return when a day ends in China."""
    return start_of_day_ms(day) + DAY_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionState:
    """The state of one office for an answer."""

    exact_ms: int  # its part is known exactly to then; 0: nothing was ever received
    quarantined: int
    missing: tuple[Register, ...]
    lag: Lag | None

    @property
    def received(self) -> bool:
        return self.exact_ms > 0

    @property
    def reported(self) -> bool:
        return self.received and not self.missing


class Standings:
    """The state of each office that should report to one question about a unit and all below it."""

    def __init__(
        self,
        office: Office,
        tx: Connection,
        tree: Tree,
        unit: int,
        level: Level | None,
        registers: Iterable[Register] = (),
        *,
        since_ms: int = 0,
        closing: str = "",
    ) -> None:
        """Read the offices below `unit` only: what others wrote costs nothing here.

        `registers`: those that the answer reads. `since_ms`: an office that is known only up to an
        earlier moment is too old. `closing`: the month that every office should have closed.
        """
        self._tree, self._level = tree, level
        self._expected = [u for u in tree.subtree(unit) if level is None or tree.level(u) == level]
        self._filled = filled(office, tx, tree, self._expected, registers)
        marks = office.peer_status.watermarks(tx, self._expected)
        quarantined = _quarantined(tx, self._expected)
        closed = closed_by(tx, self._expected, closing) if closing else set(self._expected)
        now_ms = office.clock.now_ms()
        self._by_unit: dict[int, RetentionState] = {}
        for each in self._expected:
            mark, own = marks.get(each), each == office.identity.unit
            exact_ms = now_ms if own else mark.at_ms if mark else 0
            asked = [f for f in self._filled if each in f.asked]
            missing = tuple(f.register for f in asked if each in f.missing)
            lag = None
            if not exact_ms:
                lag = Lag.NEVER_REPORTED
            elif quarantined.get(each):
                lag = Lag.QUARANTINED
            elif mark and mark.behind and not own:
                lag = Lag.BEHIND
            elif missing:
                lag = Lag.NOT_FILLED if len(missing) == len(asked) else Lag.PARTLY
            elif each not in closed:
                lag = Lag.NOT_CLOSED
            elif exact_ms < since_ms:
                lag = Lag.TOO_OLD
            elif exact_ms < now_ms - SILENT_MS:
                lag = Lag.SILENT
            self._by_unit[each] = RetentionState(
                exact_ms=exact_ms, quarantined=quarantined.get(each, 0), missing=missing, lag=lag
            )

    def counts(self, unit: int) -> Counts:
        """Count the offices at and below a unit, which is one of those read."""
        found = [self._by_unit[u] for u in self._tree.subtree(unit) if u in self._by_unit]
        return Counts(
            expected=len(found),
            received=sum(each.received for each in found),
            reported=sum(each.reported for each in found),
            complete=sum(each.lag is None for each in found),
        )

    def nobody_has_filled(self, unit: int, registers: Collection[Register]) -> bool:
        """Return whether no office at and below a unit has filled in any of these registers.

        A statement that there is nothing to report fills one in. False if none of them keeps any.
        """
        below = frozenset(self._tree.subtree(unit))
        names = {each.name for each in registers}
        asked = [f for f in self._filled if f.register.name in names and f.asked & below]
        return bool(asked) and all(f.asked & below <= f.missing for f in asked)

    def completeness(self, unit: int) -> Completeness:
        """Return how complete the data here is for a unit and all below it."""
        standings = self._by_unit.values()
        return Completeness(
            level=self._level,
            counts=self.counts(unit),
            registers=tuple(
                RegisterCounts(
                    register=each.register, expected=len(each.asked),
                    with_records=len(each.with_records), with_none=len(each.with_none),
                )
                for each in self._filled
            ),
            laggards=tuple(sorted(self._laggards(), key=_worst_first)),
            oldest_ms=min((each.exact_ms for each in standings if each.received), default=0),
            quarantined=sum(each.quarantined for each in standings),
        )  # fmt: skip

    def _laggards(self) -> Iterator[Laggard]:
        for unit, each in self._by_unit.items():
            if each.lag is not None:
                at = self._tree.get(unit)
                missing = each.missing if each.lag in (Lag.NOT_FILLED, Lag.PARTLY) else ()
                yield Laggard(
                    unit=unit, code=at.code, name=at.name, lag=each.lag, exact_ms=each.exact_ms,
                    quarantined=each.quarantined, missing=missing,
                )  # fmt: skip


def of_tree(office: Office, tx: Connection, tree: Tree) -> Completeness:
    """Return how old the tree itself is here: the city's office alone decides about it."""
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
    known = int(exact_ms > 0)
    return Completeness(
        level=Level.CITY,
        counts=Counts(expected=1, received=known, reported=known, complete=known),
        registers=(),
        laggards=() if exact_ms else (never,),
        oldest_ms=exact_ms,
        quarantined=_quarantined(tx, [root.unit_id], ("unit", "")).get(root.unit_id, 0),
    )


def _quarantined(
    tx: Connection, units: Collection[int], registers: Sequence[str] = (CELL, "")
) -> dict[int, int]:
    """Return unit -> quarantined changes that its part may lack; "" is a whole entry."""
    found: dict[int, int] = {}
    of_registers = ",".join("?" * len(registers))
    for part in pieces(sorted(units)):
        marks = ",".join("?" * len(part))
        statement = (
            "SELECT unit, count(*) FROM quarantine WHERE state='open' "  # noqa: S608
            f"AND register IN ({of_registers}) AND unit IN ({marks}) GROUP BY unit"
        )
        found.update(map(tuple, execute(tx, statement, (*registers, *part)).fetchall()))
    return found


def _worst_first(laggard: Laggard) -> tuple[int, int, str]:
    return list(Lag).index(laggard.lag), laggard.exact_ms, laggard.code
