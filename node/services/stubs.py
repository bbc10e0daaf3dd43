"""Retention of ended records: their values go when nobody needs them; portion by portion.

Whose end is needed by whom is asked as for the log (`node.services.log_retention`), with
`tombstone_days` in the place of `log_days`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.correction import REGISTER as CORRECTION
from node.services.log_retention import Terms, decided
from node.store import corrections
from sync import stubs
from sync.narrowing import RecordName
from sync.registers import RegisterTable
from sync.stubs import LANE, PORTION_RECORDS, Ended, Spared
from sync.urgency import Urgency

if TYPE_CHECKING:
    from node.app import Office

RECORDS_MAX = 100_000  # looked at in one run of the job, by register: the rest the next day


@dataclass(frozen=True, slots=True)
class Standing:
    """How ended records stand. `reducible`: those that would lose their values now."""

    values: int  # ended records that have values
    stubs: int  # those that have none
    reducible: int = 0
    spared: Mapping[Spared, int] = field(default_factory=dict)  # why how many keep theirs


def reduce_ended(office: Office, now_ms: int, terms: Terms | None = None) -> int:
    """Take the values out of ended records that nobody needs any more; return how many they were.

    In transactions of their own: whoever writes waits for none long. `terms`: how long all is
    kept; None: as the settings say.
    """
    terms = terms or Terms.of_tombstones(office.config)
    done = 0
    for table, level, units in _kept_at(office) if terms.log_ms is not None else ():
        with office.store.read() as tx:
            some, floor = _old(tx, office, table, level, units, now_ms, terms)
        for start in range(0, len(some), PORTION_RECORDS):
            part = some[start : start + PORTION_RECORDS]

            def reduce(
                tx: Connection, table: RegisterTable = table, level: int = level,
                part: list[Ended] = part, floor: int = floor,
            ) -> int:  # fmt: skip
                asked = _asked(tx, office)
                return stubs.reduce(tx, table, level, part, floor=floor, asked=asked)

            done += office.store.write(reduce, urgency=Urgency.BULK)
    if done:
        office.log.info("ended_reduced", records=done)
    return done


def standing(office: Office, now_ms: int) -> Standing:
    """Say how ended records stand, and what reducing them now would come to."""
    terms = Terms.of_tombstones(office.config)
    total: Counter[str] = Counter()
    why: Counter[Spared] = Counter()
    reducible = 0
    for table, level, units in _kept_at(office):
        with office.store.read() as tx:
            counted = stubs.counted(tx, table, level, units)
            total += counted
            if terms.log_ms is None:
                continue
            some, floor = _old(tx, office, table, level, units, now_ms, terms)
            stay = stubs.spared(
                tx, table.schema.name, some, floor=floor, asked=_asked(tx, office)
            )  # fmt: skip
        reducible += len(some) - len(stay)
        why.update(stay.values())
        why[Spared.CONTESTED] += counted["contested"]
        why[Spared.YOUNG] += counted["values"] - counted["contested"] - len(some)
    return Standing(total["values"], total["stubs"], reducible, +why)


def _old(
    tx: Connection, office: Office, table: RegisterTable, level: int, units: Set[int],
    now_ms: int, terms: Terms,
) -> tuple[list[Ended], int]:  # fmt: skip
    """Return the records that ended long enough ago, and what of the log nobody needs."""
    floor, _ = decided(office, tx, now_ms, terms)
    before_ms = now_ms - (terms.log_ms or 0)
    found = stubs.ended_with_values(tx, table, level, before_ms, RECORDS_MAX)
    return [one for one in found if one.unit in units], floor


def _kept_at(office: Office) -> Iterator[tuple[RegisterTable, int, set[int]]]:
    """Yield each register with a level that keeps records of it, and the units of that level.

    Of a unit that is not in the tree nobody knows what it could say again: it is left alone.
    """
    for table in office.tables:
        if table.schema.lane is not LANE:
            continue
        with office.store.read() as tx:
            units = stubs.units_of(tx, table.schema.name)
        by_level: dict[int, set[int]] = {}
        for unit in units:
            if unit in office.tree:
                by_level.setdefault(office.tree.level(unit), set()).add(unit)
        for level, some in sorted(by_level.items()):
            yield table, level, some


def _asked(tx: Connection, office: Office) -> frozenset[RecordName]:
    """Return the records that open correction requests of this office, or to it, are about."""
    table = office.tables[CORRECTION]
    ids = corrections.open_ids(tx, table, office.identity.unit)
    return frozenset(
        RecordName(one.register, one.unit, one.record)
        for one in corrections.load(tx, table, ids).values()
    )
