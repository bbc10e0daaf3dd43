"""Maintain the blind index: the city makes the key; offices index the records that they have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.audiences import audiences_of
from node.domain.register import Unique
from node.domain.units import Level
from node.folds.blind_index import (
    DONE,
    MARK,
    MARK_KEY,
    Moved,
    begin_with,
    current_key,
    key_in_use,
    marks_from,
    note_progress,
    progress,
)
from node.ids import natural_id
from sync.model.change import Edit, Operation, RecordKey
from sync.store.sql import execute

if TYPE_CHECKING:
    from node.office import Office

RECORDS = 1_000  # indexed in one transaction
FIRST = 1


def continue_indexing(office: Office, *, batches: int = 20) -> None:
    """Make the key if this is the city and there is none; index more of the earlier records.

    Called by the tick; what is left after so many transactions is for the next one.
    """
    with office.store.read() as tx:
        key = current_key(tx)
        agreed = not (office.level is Level.CITY and _concurrent_keys(office, tx))
    if key is None and office.level is Level.CITY:
        office.commit(lambda tx: _first_key(office, tx))
    if not agreed:
        office.commit(lambda tx: _one_key(office, tx))
    if key is None:
        return
    while batches > 0 and not _withdrawn(office):
        batches -= 1
    with office.store.read() as tx:
        todo = [
            (register.name, unique)
            for register in office.catalogue.registers.values()
            for unique in register.uniques
            if progress(tx, unique) != DONE
        ]
    for register, unique in todo:
        while batches > 0:
            batches -= 1
            if _go_on(office, register, unique):
                break


def _withdrawn(office: Office) -> bool:
    """Remove some entries made with a former key; return whether none is left: then the records
    are indexed again.
    """
    with office.store.read() as tx:
        if key_in_use(tx) is not None:
            return True
    done = False

    def work(tx: Connection) -> list[Edit]:
        nonlocal done
        key = current_key(tx)
        if key is None or key_in_use(tx) is not None:
            done = True
            return []
        concurrent = _concurrent_values(tx, office.identity.unit)
        rows = execute(
            tx,
            "SELECT f_kind, id FROM r_mark WHERE unit=? AND (causal_length & 1) = 1 "
            "AND (f_n<>0 OR EXISTS "
            "(SELECT 1 FROM conflict c WHERE c.register=? AND c.unit=r_mark.unit "
            "AND c.record=r_mark.id AND c.field='n' AND c.head=1)) ORDER BY id LIMIT ?",
            (office.identity.unit, MARK, RECORDS),
        ).fetchall()
        if not rows:
            done = True
            begin_with(tx, key, (u for r in office.catalogue.registers.values() for u in r.uniques))
        return [
            office.folds.blind_index.edit(
                key, kind, bytes(mark), 0, exists=True, resolves=concurrent.get(bytes(mark))
            )
            for kind, mark in rows
        ]

    office.commit(work)
    return done


def _go_on(office: Office, register: str, unique: Unique) -> bool:
    """Index the next records of a register in one transaction; return whether all are done."""
    done = False

    def work(tx: Connection) -> list[Edit]:
        nonlocal done
        key = key_in_use(tx)
        upto = progress(tx, unique)
        if key is None or upto == DONE:
            done = True
            return []
        moved, last = marks_from(
            tx, office.identity.unit, register, unique, key, after=upto, limit=RECORDS
        )
        done = not last
        note_progress(tx, unique, last or DONE)
        return office.folds.blind_index.edits(tx, key, moved)

    office.commit(work)
    return done


def _first_key(office: Office, tx: Connection) -> list[Edit]:
    if current_key(tx) is not None:
        return []
    return [_key_edit(office, Operation.CREATE, f"{office.rng.getrandbits(256):064x}")]


def _key_edit(
    office: Office, operation: Operation, secret: str,
    resolves: Mapping[str, Sequence[bytes]] = {},
) -> Edit:  # fmt: skip
    """Return the edit by which the city sets the key."""
    me = office.identity
    register = office.catalogue.registers[MARK_KEY]
    return Edit(
        key=RecordKey(MARK_KEY, me.unit, natural_id(MARK_KEY, str(FIRST))),
        operation=operation,
        values={"number": FIRST, "secret": secret},
        audiences=audiences_of(register, unit=me.unit, writer=me.unit, level=me.level),
        resolves=resolves,
    )


def _concurrent_keys(office: Office, tx: Connection) -> dict[str, list[bytes]]:
    """Return field -> versions concurrent to those shown of the city's key."""
    rows = execute(
        tx,
        "SELECT field, version FROM conflict WHERE register=? AND unit=? AND record=? AND head=1",
        (MARK_KEY, office.identity.unit, natural_id(MARK_KEY, str(FIRST))),
    ).fetchall()
    found: dict[str, list[bytes]] = defaultdict(list)
    for field, version in rows:
        found[field].append(bytes(version))
    return dict(found)


def _one_key(office: Office, tx: Connection) -> list[Edit]:
    """Decide for everybody which of two keys is used (`current_key`)."""
    key, concurrent = current_key(tx), _concurrent_keys(office, tx)
    if key is None or not concurrent:
        return []
    return [_key_edit(office, Operation.UPDATE, key.secret.hex(), concurrent)]


def counted(office: Office, tx: Connection) -> Moved:
    """Count the entries that this office's records make, as far as they were indexed."""
    key = key_in_use(tx)
    found: Moved = Counter()
    if key is None:
        return found
    for register in office.catalogue.registers.values():
        for unique in register.uniques:
            upto = progress(tx, unique)
            if upto:
                moved, _ = marks_from(
                    tx, office.identity.unit, register.name, unique, key, upto=upto
                )
                found.update(moved)
    return found


def indexed(office: Office, tx: Connection) -> Moved:
    """Return this office's index entries."""
    rows = execute(tx, "SELECT f_kind, id, f_n FROM r_mark WHERE unit=?", (office.identity.unit,))
    return Counter({(kind, bytes(mark)): n for kind, mark, n in rows.fetchall()})


def pending_entries(office: Office, tx: Connection) -> list[Edit]:
    """Return the edits that update index entries to the records, and cases to the entries.

    Two incarnations of this store may both have counted: the records decide.
    """
    key = key_in_use(tx)
    if key is None:
        return []
    stored, wanted = indexed(office, tx), counted(office, tx)
    concurrent = _concurrent_values(tx, office.identity.unit)
    return [
        office.folds.blind_index.edit(
            key, kind, mark, wanted[kind, mark], exists=(kind, mark) in stored,
            resolves=concurrent.get(mark),
        )
        for kind, mark in sorted(stored.keys() | wanted.keys())
        if stored[kind, mark] != wanted[kind, mark] or mark in concurrent
    ]  # fmt: skip


def _concurrent_values(tx: Connection, unit: int) -> dict[bytes, dict[str, list[bytes]]]:
    """Return entry -> its other counts: an entry has one writer, so both are of this office."""
    rows = execute(
        tx,
        "SELECT record, version FROM conflict WHERE register=? AND unit=? AND field='n' AND head=1",
        (MARK, unit),
    )
    concurrent: dict[bytes, dict[str, list[bytes]]] = defaultdict(lambda: {"n": []})
    for record, version in rows.fetchall():
        concurrent[bytes(record)]["n"].append(bytes(version))
    return concurrent
