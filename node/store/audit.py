"""The audit log in the store: append entries, read them, make proofs. The caller owns the
transaction.

Every entry is stored with the hashes of the subtrees that end with it (`sync.tlog.tree`), so rows
are only appended. A pruned entry loses its bytes and keeps its hashes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from sync.log import entries as log
from sync.model.errors import ErrorKind, SilianError
from sync.store.sql import execute, pieces, sql
from sync.tlog import tree
from sync.tlog.tree import HASH_BYTES, Node

ROWS = 2_000  # read at a time
_STREAMED = {"stream_results": True, "yield_per": ROWS}


class AuditDamaged(SilianError):
    """The audit log lacks a row that other rows are computed with: somebody has deleted it."""

    code = "audit_damaged"
    kind = ErrorKind.DATA_LOSS

    def __init__(self, index: int) -> None:
        super().__init__(
            f"entry {index} of the audit log is missing or cut",
            f"审计日志第 {index} 条缺失或不完整",
            remedy_en="Run `silian audit verify`. Find out who changed the database; report it.",
            remedy_zh="请运行 silian audit verify，查明何人改动了数据库，并报告上级。",
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One entry. `entry`: None once it was pruned. `hashes`: of its leaf, and what it closes."""

    index: int
    at_ms: int
    entry: bytes | None
    hashes: bytes

    @property
    def leaf(self) -> bytes:
        return self.hashes[:HASH_BYTES]


def size(tx: Connection) -> int:
    row = execute(tx, "SELECT max(idx) FROM audit_entry").fetchone()
    return 0 if row[0] is None else int(row[0]) + 1


def append(tx: Connection, entries: Sequence[tuple[int, bytes]]) -> int:
    """Append entries, each with its moment; return the index of the first."""
    log.lock(tx)  # whoever else appends waits for this commit
    first = size(tx)
    for index, (at_ms, entry) in enumerate(entries, first):
        wanted = tree.left_siblings(index)
        known = nodes(tx, wanted)
        hashes = tree.closed_by(tree.leaf_hash(entry), (known[node] for node in wanted))
        execute(
            tx, "INSERT INTO audit_entry (idx, at_ms, entry, hashes) VALUES (?,?,?,?)",
            (index, at_ms, entry, b"".join(hashes)),
        )  # fmt: skip
    return first


def prune(tx: Connection, end: int, before_ms: int, most: int) -> int:
    """Remove the bytes of the oldest entries before an index and a moment; return of how many."""
    done = execute(
        tx,
        "UPDATE audit_entry SET entry=NULL WHERE idx IN (SELECT idx FROM audit_entry "
        "WHERE entry IS NOT NULL AND idx<? AND at_ms<? ORDER BY idx LIMIT ?)",
        (end, before_ms, most),
    )
    return int(done.rowcount)


def nodes(tx: Connection, wanted: Sequence[Node]) -> Mapping[Node, bytes]:
    """Return the hashes of perfect subtrees. Raises: AuditDamaged."""
    places = {node: tree.place_of(node) for node in wanted}
    stored: dict[int, bytes] = {}
    for part in pieces(sorted({index for index, _ in places.values()})):
        marks = ",".join("?" * len(part))
        rows = execute(
            tx, f"SELECT idx, hashes FROM audit_entry WHERE idx IN ({marks})", tuple(part)  # noqa: S608
        )  # fmt: skip
        stored.update((int(row[0]), _bytes(row[1])) for row in rows)
    found = {}
    for node, (index, at) in places.items():
        found[node] = stored.get(index, b"")[at * HASH_BYTES : (at + 1) * HASH_BYTES]
        if len(found[node]) != HASH_BYTES:
            raise AuditDamaged(index)
    return found


def rows_from(tx: Connection, first: int, end: int) -> Iterator[Row]:
    """Yield entries in order, from one index to before another."""
    statement = sql(
        tx,
        "SELECT idx, at_ms, entry, hashes FROM audit_entry WHERE idx>=? AND idx<? ORDER BY idx",
    )
    found = tx.exec_driver_sql(statement, (first, end), execution_options=_STREAMED)
    with closing(found):
        for index, at_ms, entry, hashes in found:
            kept = None if entry is None else _bytes(entry)
            yield Row(int(index), int(at_ms), kept, _bytes(hashes))


def _bytes(column: Any) -> bytes:
    """Return a column's bytes; whoever changes a row by hand may have put a text there (SQLite)."""
    return column.encode() if isinstance(column, str) else bytes(column)
