"""Fold this office's records into the blind index: keyed hashes of what is unique in the city."""

from __future__ import annotations

import hmac
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from sqlalchemy import Connection

from node.audiences import audiences_of
from node.domain.register import Unique
from node.folds.context import FoldContext
from node.store import meta
from sync.model.change import ID_BYTES, Edit, Operation, RecordKey, Value
from sync.model.effect import Effect
from sync.store.sql import execute, sql

MARK = "mark"
MARK_KEY = "mark_key"
_SECRET = re.compile("(?:[0-9a-f]{2})+")
DONE = "*"
"""Progress of a register whose records were all gone through; it sorts above no record's id."""


@dataclass(frozen=True, slots=True)
class BlindIndexKey:
    """The city's key. Index entries have its number, not the key itself."""

    number: int
    secret: bytes

    @property
    def print(self) -> str:
        """A fingerprint that identifies the key and does not reveal it."""
        return blake2b(self.secret, digest_size=16).hexdigest()

    def mark(self, kind: str, text: str) -> bytes:
        """Return the id of an index entry: for one value the same at every office with the key."""
        return hmac.digest(self.secret, f"{kind}\x1f{text}".encode(), "sha256")[:ID_BYTES]


def current_key(tx: Connection) -> BlindIndexKey | None:
    """Return the key in force; None before the city's key has arrived.

    Of two concurrent keys the older one is used, whichever is shown: nearly all entries have it.
    """
    rows = execute(
        tx,
        "SELECT unit, id, f_number, f_secret, COALESCE(v_secret, created) FROM r_mark_key "
        "WHERE (causal_length & 1) = 1 AND f_number IS NOT NULL ORDER BY f_number",
    ).fetchall()
    for unit, record, number, shown, version in rows:
        concurrent = execute(
            tx,
            "SELECT version, value FROM conflict WHERE register=? AND unit=? AND record=? "
            "AND field='secret' AND head=1",
            (MARK_KEY, unit, bytes(record)),
        ).fetchall()
        heads = [
            (bytes(version), shown),
            *((bytes(v), json.loads(value)) for v, value in concurrent),
        ]
        for _, secret in sorted(heads, key=lambda head: head[0]):
            # Anything else is an invalid value from above.
            if isinstance(secret, str) and _SECRET.fullmatch(secret):
                return BlindIndexKey(int(number), bytes.fromhex(secret))
    return None


def key_in_use(tx: Connection) -> BlindIndexKey | None:
    """Return the key of this office's index entries.

    None if there is none, or while entries of a former key are being removed.
    """
    key = current_key(tx)
    return key if key is not None and meta.get(tx, meta.INDEXED_WITH) == key.print else None


def begin_with(tx: Connection, key: BlindIndexKey, uniques: Iterable[Unique]) -> None:
    """Use this key from now on and index every record; there are no entries yet."""
    meta.put(tx, meta.INDEXED_WITH, key.print)
    for unique in uniques:
        note_progress(tx, unique, "")


def progress(tx: Connection, unique: Unique) -> str:
    """Return the last indexed record: its id in hex, "" for none, or DONE."""
    return meta.get(tx, meta.indexed_to(unique.name))


def note_progress(tx: Connection, unique: Unique, upto: str) -> None:
    meta.put(tx, meta.indexed_to(unique.name), upto)


Moved = Counter[tuple[str, bytes]]
"""Kind and mark -> how many records more, or fewer, have it."""


class BlindIndexFold:
    """Updates the index entries of one unit; the tick indexes records not reached with this key."""

    def __init__(self, context: FoldContext) -> None:
        catalogue = context.catalogue
        self._register = catalogue.registers[MARK]
        self._marks = context.tables[MARK]
        self._me = context
        self._uniques = {n: r.uniques for n, r in catalogue.registers.items() if r.uniques}

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        if unit != self._me.unit or register not in self._uniques:
            return None
        return frozenset().union(*(u.reads for u in self._uniques[register]))

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        """Return the edits of the index entries that these records change."""
        ours = [e for e in effects if self.fields_read(e.register, e.unit) is not None]
        key = key_in_use(tx) if ours else None
        if key is None:
            return ()
        moved: Moved = Counter()
        for effect in ours:
            for unique in self._uniques[effect.register]:
                upto = progress(tx, unique)
                for record, before, after in effect.changes():
                    if upto == DONE or record.hex() <= upto:
                        old, new = shared(unique, before), shared(unique, after)
                        if old != new:
                            _add(moved, key, unique, old, -1)
                            _add(moved, key, unique, new, +1)
        return self.edits(tx, key, moved)

    def edits(self, tx: Connection, key: BlindIndexKey, moved: Moved) -> list[Edit]:
        """Return the edits that add `moved` to the index entries."""
        moved = Counter({at: n for at, n in moved.items() if n})
        ids = [mark for _, mark in moved]
        stored = {
            bytes(r[0]): int(r[1])
            for r in self._marks.rows(tx, self._me.unit, ids, ["id", "f_n"])
        }  # fmt: skip
        return [
            self.edit(key, kind, mark, stored.get(mark, 0) + n, exists=mark in stored)
            for (kind, mark), n in sorted(moved.items())
        ]

    def edit(
        self,
        key: BlindIndexKey,
        kind: str,
        mark: bytes,
        n: int,
        *,
        exists: bool,
        resolves: Mapping[str, Sequence[bytes]] | None = None,
    ) -> Edit:
        """Return the edit that sets an index entry to `n` records."""
        me = self._me
        values: dict[str, Value] = {"n": n}
        if not exists:
            values |= {"kind": kind, "key": key.number}
        return Edit(
            key=RecordKey(MARK, me.unit, mark),
            operation=Operation.UPDATE if exists else Operation.CREATE,
            values=values,
            audiences=audiences_of(self._register, unit=me.unit, writer=me.unit, level=me.level),
            resolves=resolves or {},
        )


def shared(unique: Unique, values: Mapping[str, Value] | None) -> str | None:
    """Return the values that must be unique; None if the record has none."""
    return unique.text(values) if values is not None else None


def _add(moved: Moved, key: BlindIndexKey, unique: Unique, text: str | None, n: int) -> None:
    if text is not None:
        moved[unique.name, key.mark(unique.name, text)] += n


def marks_from(
    tx: Connection, unit: int, register: str, unique: Unique, key: BlindIndexKey,
    *, after: str = "", upto: str = DONE, limit: int | None = None,
) -> tuple[Moved, str]:  # fmt: skip
    """Count the entries of active records in the order of their ids; return the last id, too."""
    names = sorted(unique.reads)
    columns = ",".join(f"f_{name}" for name in names)
    statement = (
        f"SELECT id, causal_length, {columns} FROM r_{register} "  # noqa: S608
        "WHERE unit=? AND id > ? AND id <= ? ORDER BY id LIMIT ?"
    )
    last = b"\xff" * ID_BYTES if upto == DONE else bytes.fromhex(upto)
    rows = tx.exec_driver_sql(
        sql(tx, statement), (unit, bytes.fromhex(after), last, limit or 2**40)
    ).fetchall()
    moved: Moved = Counter()
    for _, life, *values in rows:
        if life & 1:
            _add(moved, key, unique, unique.text(dict(zip(names, values, strict=True))), 1)
    return moved, bytes(rows[-1][0]).hex() if rows else ""
