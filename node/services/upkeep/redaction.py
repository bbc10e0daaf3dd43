"""Redaction of ended records: their values are removed when nobody needs them; in portions.

Who needs whose end is decided as for the log (`node.services.upkeep.log_retention`), with
`tombstone_days` in the place of `log_days`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.correction import REGISTER as CORRECTION
from node.services.upkeep.log_retention import Terms, decided
from node.store import corrections
from sync.model.change import RecordKey
from sync.retention import redact as retention_redact
from sync.retention.redact import LANE, PORTION_RECORDS, Ended, KeepReason
from sync.store.priority import Priority
from sync.store.registers import RegisterTable

if TYPE_CHECKING:
    from node.office import Office

RECORDS_MAX = 100_000  # looked at in one run of the job, by register: the rest the next day


@dataclass(frozen=True, slots=True)
class RetentionState:
    """The state of ended records. `redactable`: those that would lose their values now."""

    values: int  # ended records that have values
    redacted: int  # those that have none
    redactable: int = 0
    keep_reasons: Mapping[KeepReason, int] = field(default_factory=dict)  # why how many are kept


def redact_ended(office: Office, now_ms: int, terms: Terms | None = None) -> int:
    """Remove the values of ended records that nobody needs any more; return how many records.

    In transactions of its own: no writer waits long. `terms`: how long all is kept; None: by the
    settings.
    """
    terms = terms or Terms.of_tombstones(office.config)
    done = 0
    for table, level, units in _kept_at(office) if terms.log_ms is not None else ():
        with office.store.read() as tx:
            some, low_water_mark = _old(tx, office, table, level, units, now_ms, terms)
        for start in range(0, len(some), PORTION_RECORDS):
            part = some[start : start + PORTION_RECORDS]

            def redact(
                tx: Connection, table: RegisterTable = table, level: int = level,
                part: list[Ended] = part, low_water_mark: int = low_water_mark,
            ) -> int:  # fmt: skip
                asked = _asked(tx, office)
                return retention_redact.redact(
                    tx, table, level, part, low_water_mark=low_water_mark, asked=asked
                )

            done += office.store.write(redact, priority=Priority.BULK)
    if done:
        office.log.info("ended_redacted", records=done)
    return done


def retention_state(office: Office, now_ms: int) -> RetentionState:
    """Return the state of ended records, and what redacting them now would do."""
    terms = Terms.of_tombstones(office.config)
    total: Counter[str] = Counter()
    why: Counter[KeepReason] = Counter()
    redactable = 0
    for table, level, units in _kept_at(office):
        with office.store.read() as tx:
            counted = retention_redact.counted(tx, table, level, units)
            total += counted
            if terms.log_ms is None:
                continue
            some, low_water_mark = _old(tx, office, table, level, units, now_ms, terms)
            stay = retention_redact.keep_reasons(
                tx, table.schema.name, some, low_water_mark=low_water_mark, asked=_asked(tx, office)
            )  # fmt: skip
        redactable += len(some) - len(stay)
        why.update(stay.values())
        why[KeepReason.CONTESTED] += counted["contested"]
        why[KeepReason.YOUNG] += counted["values"] - counted["contested"] - len(some)
    return RetentionState(total["values"], total["stubs"], redactable, +why)


def _old(
    tx: Connection, office: Office, table: RegisterTable, level: int, units: Set[int],
    now_ms: int, terms: Terms,
) -> tuple[list[Ended], int]:  # fmt: skip
    """Return the records that ended long enough ago, and what of the log nobody needs."""
    low_water_mark, _ = decided(office, tx, now_ms, terms)
    before_ms = now_ms - (terms.log_ms or 0)
    found = retention_redact.ended_with_values(tx, table, level, before_ms, RECORDS_MAX)
    return [one for one in found if one.unit in units], low_water_mark


def _kept_at(office: Office) -> Iterator[tuple[RegisterTable, int, set[int]]]:
    """Yield each register with a level that keeps records of it, and the units of that level.

    A unit that is not in the tree is left out: nobody knows what it could write again.
    """
    for table in office.tables:
        if table.schema.lane is not LANE:
            continue
        with office.store.read() as tx:
            units = retention_redact.units_of(tx, table.schema.name)
        by_level: dict[int, set[int]] = {}
        for unit in units:
            if unit in office.tree:
                by_level.setdefault(office.tree.level(unit), set()).add(unit)
        for level, some in sorted(by_level.items()):
            yield table, level, some


def _asked(tx: Connection, office: Office) -> frozenset[RecordKey]:
    """Return the records that open correction requests of this office, or to it, are about."""
    table = office.tables[CORRECTION]
    ids = corrections.open_ids(tx, table, office.identity.unit)
    return frozenset(
        RecordKey(one.register, one.unit, one.record)
        for one in corrections.load(tx, table, ids).values()
    )
