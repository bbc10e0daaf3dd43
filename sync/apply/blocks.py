"""Blocks are joined into the store: by column where they apply cleanly, row by row where not.

The clean way runs one narrow statement for each set of fields and never reads a row: an update
names the version that each field must still have, and if every row agreed, nothing has to be
merged. If one did not, the transaction runs once more, with a savepoint before each block: it is
rolled back to there, and the block is joined row by row.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import nullcontext
from itertools import repeat
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from sync.log import entries as log
from sync.merge import digest
from sync.merge.digest import state_hash
from sync.merge.record import RecordChange, RecordState, merge
from sync.model.change import Block, Operation, RecordKey, Value
from sync.model.effect import Effect
from sync.model.errors import ErrorKind, RecordMissing, SilianError
from sync.model.judge import WRONG_KIND, fault_in_block
from sync.model.version import Version, incarnation_of, wall_ms_of
from sync.store import conflicts, quarantine
from sync.store.registers import RegisterTable, RegisterTables, values_of
from sync.store.sql import (
    RetryTransaction,
    RollbackSavepoint,
    execute,
    execute_many,
    fault_of,
    savepoint,
)

CAREFUL_TRANSACTIONS = 32  # after one with a conflict: conflicts come in groups
_DIGEST = (
    "INSERT INTO digest (register, unit, bucket, count, sum) VALUES (?,?,?,?,?) "
    "ON CONFLICT (register, unit, bucket) DO UPDATE SET count = digest.count + excluded.count, "
    f"sum = (digest.sum + excluded.sum) % {digest.PRIME}"
)


class RecordExists(SilianError):
    """A record with this id exists already."""

    code = "record_exists"
    kind = ErrorKind.ALREADY_EXISTS

    def __init__(self, register: str) -> None:
        super().__init__(
            f"{register}: a record with this id exists already",
            "该编号的记录已存在",
            remedy_en="Change the existing record instead.",
            remedy_zh="请修改已有记录。",
        )


class Rejected(NamedTuple):
    """A record's change that could not be joined."""

    id: bytes
    reason: str
    detail: str = ""


class Merger:
    """Joins blocks into one store. `begin` at the start of each transaction, `flush` at its end."""

    def __init__(
        self, tables: RegisterTables, fields_read: Callable[[str, int], frozenset[str] | None]
    ) -> None:
        self._tables = tables
        self._fields_read = fields_read
        self._hashes: dict[tuple[str, int, int], list[int]] = defaultdict(lambda: [0, 0])
        self._rejected: list[Rejected] = []
        self._levels: dict[int, int] = {}
        self._levels_read = False
        self._careful = 0  # so many transactions, this one included, take savepoints

    def begin(self, tx: Connection) -> None:
        self._hashes.clear()
        self._rejected.clear()
        self._careful = max(0, self._careful - 1)

    def writer(self, incarnation: int, level: int) -> None:
        """Remember at which level an incarnation writes (it never changes)."""
        self._levels[incarnation] = level

    def take_rejected(self) -> list[Rejected]:
        rejected, self._rejected = self._rejected, []
        return rejected

    def flush(self, tx: Connection) -> None:
        """Write the digests that this transaction changed."""
        rows = [
            (*key, count, total % digest.PRIME)
            for key, (count, total) in self._hashes.items()
            if count or total % digest.PRIME
        ]
        self._hashes.clear()
        if rows:
            execute_many(tx, _DIGEST, rows)

    def merge(
        self, tx: Connection, block: Block, version: Version, level: int, *,
        local: bool = False, again: bool = False,
    ) -> Effect | None:  # fmt: skip
        """Join a block; return what it did to the records that folds care about.

        `again`: it was quarantined, and the caller has seen that nothing blocks it any more.

        Records that cannot be joined are left for `take_rejected`; local edits raise instead.
        """
        table = self._tables[block.register]
        if unknown := [n for n in block.fields if n not in table.schema.by_name]:
            # A newer program's field: the log keeps it, and an upgraded store takes it from there.
            self._rejected.append(Rejected(b"", "unknown_field", ",".join(unknown)))
            block = block.without(unknown)
        if fault := fault_in_block(block, table.schema):
            if not local:
                self._rejected = [Rejected(b"", *fault)]  # with its unknown fields
                return None
            if fault[0] == WRONG_KIND:
                raise TypeError(f"{block.register}.{fault[1]}: a value of the wrong kind")
        if not (local or again):
            writer = incarnation_of(version)
            create = block.operation is Operation.CREATE
            waiting = quarantine.waiting(tx, block.register, block.unit, writer, create=create)
            if not waiting.isdisjoint(block.ids):
                return self._by_row(tx, table, block, version, level, waiting=waiting)
        if block.operation is Operation.CREATE:
            done = self._created(tx, table, block, version)
        elif self._is_plain(tx, block):
            done = self._updated(tx, table, block, version)
        else:
            done = None
        if done is True:
            return None
        if done is not None:
            return done
        if local and block.operation is Operation.CREATE:
            raise RecordExists(block.register)
        return self._by_row(tx, table, block, version, level, local=local)

    def _is_plain(self, tx: Connection, block: Block) -> bool:
        """Return whether an update that is based on what is here leaves one head for each field."""
        if block.operation is not Operation.UPDATE or block.resolved or not block.causal_length % 2:
            return False
        ids = block.ids
        return bool(block.fields) and not conflicts.losers(tx, block.register, block.unit, ids)

    # -- the clean way ----------------------------------------------------------------------

    def _created(
        self, tx: Connection, table: RegisterTable, block: Block, version: Version
    ) -> Effect | Literal[True] | None:
        """Insert. True: done, no fold needs it; None: a record was there, or was refused."""
        given = dict(zip(block.fields, block.columns, strict=True))
        empty = [None] * len(block.ids)
        columns = [given.get(n, empty) for n in table.schema.names]
        rows = list(zip(repeat(block.unit), block.ids, repeat(version), *columns, strict=False))
        if not self._all_or_none(tx, table.insert, rows):
            return None
        factor = digest.created_factor(table.schema.names, version)
        for bucket, (count, total) in digest.ids_by_bucket(block.ids).items():
            bucket_sum = self._hashes[block.register, block.unit, bucket]
            bucket_sum[0] += count
            bucket_sum[1] += total * factor
        if self._fields_read(block.register, block.unit) is None:
            return True
        return Effect(block.register, block.unit, block.ids, table.schema.names, columns)

    def _updated(
        self, tx: Connection, table: RegisterTable, block: Block, version: Version
    ) -> Effect | Literal[True] | None:
        """Update where each field is as its writer saw it. True and None as above."""
        fields_read = self._fields_read(block.register, block.unit)
        reads = fields_read is not None and not fields_read.isdisjoint(block.fields)
        before: dict[bytes, dict[str, Value]] = {}
        if reads and fields_read is not None:
            names = [n for n in table.schema.names if n in fields_read]
            columns = ["id", *(f"f_{n}" for n in names)]
            for row in table.rows(tx, block.unit, block.ids, columns):
                before[bytes(row[0])] = dict(zip(names, row[1:], strict=True))
        parts: list[Any] = []
        for column in block.columns:
            parts += [column, repeat(version)]
        parts += [repeat(block.unit), block.ids, repeat(block.causal_length), *block.bases]
        rows = list(zip(*parts, strict=False))
        if not self._all_or_none(tx, table.update(block.fields), rows):
            return None
        self._moved(block, version)
        if not reads:
            return True
        pairs = []
        for k, record_id in enumerate(block.ids):
            old = before[record_id]
            new = {n: c[k] for n, c in zip(block.fields, block.columns, strict=True)}
            pairs.append((old, {**old, **new}))
        return Effect(block.register, block.unit, block.ids, pairs=pairs)

    def _moved(self, block: Block, version: Version) -> None:
        """Record for the digests that each field went from its base to this version."""
        moved = digest.sums_moved(block.fields, block.ids, block.bases, version)
        for bucket, total in moved.items():
            self._hashes[block.register, block.unit, bucket][1] += total

    def _all_or_none(self, tx: Connection, statement: str, rows: list[tuple[Any, ...]]) -> bool:
        """Run a statement for every row; return False when one did not fit: then none was changed.

        Without a savepoint the store copies no page, and a row that does not fit is rare: then the
        whole transaction runs again, with savepoints, and so do the next ones (ADR 0027).
        Raises: RetryTransaction.
        """
        # SQLite undoes one statement that fails; PostgreSQL the whole transaction.
        alone = len(rows) == 1 and tx.dialect.name == "sqlite"
        try:
            with nullcontext() if alone or not self._careful else savepoint(tx):
                fitted = execute_many(tx, statement, rows)
                if fitted == len(rows):
                    return True
                if not fitted:
                    return False  # nothing was done, nothing has to be undone
                raise RollbackSavepoint
        except DBAPIError as error:
            if fault_of(error):
                raise
        except RollbackSavepoint:
            pass  # no savepoint was there to catch it
        if not alone:
            self.must_be_careful()
        return False

    @property
    def careful(self) -> bool:
        """Whether this transaction takes savepoints, because one before it had a conflict."""
        return self._careful > 0

    def must_be_careful(self) -> None:
        """Do nothing in a transaction that takes savepoints; else have it run again with them.

        Raises: RetryTransaction.
        """
        if not self._careful:
            self._careful = CAREFUL_TRANSACTIONS
            raise RetryTransaction

    # -- row by row -------------------------------------------------------------------------

    def _by_row(
        self, tx: Connection, table: RegisterTable, block: Block, version: Version, level: int,
        *, local: bool = False, waiting: Set[bytes] = frozenset(),
    ) -> Effect | None:  # fmt: skip
        states = self.states(tx, block.register, block.unit, block.ids)
        resolved_here = block.resolved_by_record()
        done_ids: list[bytes] = []
        pairs: list[tuple[Mapping[str, Value] | None, Mapping[str, Value] | None]] = []
        for k, record_id in enumerate(block.ids):
            if record_id in waiting:
                self._rejected.append(Rejected(record_id, "blocked"))
                continue
            before = states.get(record_id)
            change = _change_of(block, k, version, level, table, resolved_here.get(k, {}))
            after = merge(before, change, table.schema.by_name)
            if after is None:
                if local:
                    raise RecordMissing(RecordKey(block.register, block.unit, record_id))
                self._rejected.append(Rejected(record_id, "missing_record"))
                continue
            if after == before:
                continue
            resolved = {n: tuple(v) for n, v in change.resolved.items()}
            if not self.put(
                tx, table, block.unit, record_id, before, after,
                closed_by=version, resolved=resolved,
            ):  # fmt: skip
                if local:
                    raise RecordExists(block.register)
                self._rejected.append(Rejected(record_id, "constraint_violation"))
                continue
            states[record_id] = after
            done_ids.append(record_id)
            pairs.append((_shown(before, table), _shown(after, table)))
        if not done_ids or self._fields_read(block.register, block.unit) is None:
            return None
        return Effect(block.register, block.unit, done_ids, pairs=pairs)

    def put(
        self, tx: Connection, table: RegisterTable, unit: int, record_id: bytes,
        before: RecordState | None, after: RecordState, *, closed_by: Version,
        resolved: Mapping[str, tuple[Version, ...]] = {},
    ) -> bool:  # fmt: skip
        """Replace our copy by this one, as `save`, and count it in the digests."""
        saved = save(
            tx, table, unit, record_id, before, after,
            closed_by=closed_by, resolved=resolved, now_ms=wall_ms_of(closed_by),
        )  # fmt: skip
        if saved:
            self.rehash(table.schema.name, unit, record_id, before, after)
        return saved

    def rehash(
        self, register: str, unit: int, record: bytes, before: RecordState | None,
        after: RecordState,
    ) -> None:  # fmt: skip
        """Record for the digests that one copy was replaced by another."""
        bucket_sum = self._hashes[register, unit, digest.bucket_of(record)]
        bucket_sum[0] += 1 if before is None else 0
        bucket_sum[1] += state_hash(record, after)
        if before is not None:
            bucket_sum[1] -= state_hash(record, before)

    def effect_of(
        self, table: RegisterTable, unit: int,
        pairs: Sequence[tuple[bytes, RecordState | None, RecordState]],
    ) -> Effect | None:  # fmt: skip
        """Return what folds see of copies that were replaced; None when no fold needs it."""
        if not pairs or self._fields_read(table.schema.name, unit) is None:
            return None
        return Effect(
            table.schema.name, unit, [record for record, _, _ in pairs],
            pairs=[(_shown(before, table), _shown(after, table)) for _, before, after in pairs],
        )  # fmt: skip

    def states(
        self, tx: Connection, register: str, unit: int, ids: Sequence[bytes]
    ) -> dict[bytes, RecordState]:
        """Return our copies of those records that exist."""
        losers = conflicts.losers(tx, register, unit, ids)
        return self._tables[register].states(tx, unit, ids, self._known_levels(tx), losers)

    def _known_levels(self, tx: Connection) -> Mapping[int, int]:
        if not self._levels_read:
            self._levels.update(log.levels(tx))
            self._levels_read = True
        return self._levels


def save(
    tx: Connection, table: RegisterTable, unit: int, record: bytes,
    before: RecordState | None, after: RecordState, *, closed_by: Version, now_ms: int,
    resolved: Mapping[str, tuple[Version, ...]] = {}, rewrite_values: bool = False,
) -> bool:  # fmt: skip
    """Replace our copy by this one, with its conflicts; return False when the store refuses it.

    `closed_by`: the edit that ends the conflicts which the new copy no longer shows.
    `rewrite_values`: the values of its losers may have changed under the same version, too.
    """
    try:
        with savepoint(tx):
            execute(tx, table.save, table.row_of(unit, record, after))
            conflicts.follow(
                tx, table.schema, unit, record, before, after,
                closed_by=closed_by, resolved=resolved, now_ms=now_ms,
            )  # fmt: skip
            if rewrite_values:
                conflicts.rewrite_values(tx, table.schema.name, unit, record, after)
    except DBAPIError as error:
        if fault_of(error):
            raise  # a full disk is no fault of the data: nothing may be quarantined for it
        return False
    return True


def _change_of(
    block: Block, k: int, version: Version, level: int, table: RegisterTable,
    resolved: Mapping[str, tuple[Version, ...]],
) -> RecordChange:  # fmt: skip
    values = {n: c[k] for n, c in zip(block.fields, block.columns, strict=False)}
    if block.operation is Operation.CREATE:
        values = {n: values.get(n) for n in table.schema.names}
    return RecordChange(
        operation=block.operation,
        version=version,
        level=level,
        values=values,
        bases={n: b[k] for n, b in zip(block.fields, block.bases, strict=False)},
        causal_length=block.causal_length,
        resolved=resolved,
    )


def _shown(state: RecordState | None, table: RegisterTable) -> dict[str, Value] | None:
    return values_of(state, table.schema) if state is not None and state.alive else None
