"""The local log: edits of records that no other office receives, kept for their history.

It is sent to nobody, and nothing is decided by it. The caller owns the transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import Connection

from sync.codec import entry as codec
from sync.model.attribution import Attribution
from sync.model.change import Block
from sync.model.version import Version, hlc_of, incarnation_of, version_of
from sync.store.sql import execute, pieces

_INSERT = (
    "INSERT INTO local_entry (hlc, incarnation, at_ms, actor, reason, payload) VALUES (?,?,?,?,?,?)"
)


class Extent(NamedTuple):
    """How much of it there is, or was removed."""

    entries: int = 0
    bytes: int = 0


NONE = Extent()


def append(
    tx: Connection, version: Version, blocks: Sequence[Block], by: Attribution, now_ms: int
) -> None:
    """Keep what one transaction did. Raises: TooLarge."""
    if blocks:
        payload = codec.pack(blocks)
        row = (hlc_of(version), incarnation_of(version), now_ms, by.actor, by.reason, payload)
        execute(tx, _INSERT, row)


def stated(
    tx: Connection, versions: set[Version]
) -> Iterator[tuple[Version, Attribution, list[Block]]]:
    """Yield what the transactions of these versions did, and who made them."""
    stamps = sorted({hlc for version in versions if (hlc := hlc_of(version)) < 1 << 63})
    for part in pieces(stamps):
        marks = ",".join("?" * len(part))
        rows = execute(
            tx,
            "SELECT hlc, incarnation, actor, reason, payload FROM local_entry "
            f"WHERE hlc IN ({marks})",
            tuple(part),
        )
        for hlc, incarnation, actor, reason, payload in rows.fetchall():
            version = version_of(int(hlc), int(incarnation))
            if version in versions:
                yield version, Attribution(actor, reason), codec.unpack(bytes(payload))


def erase(tx: Connection, versions: set[Version], register: str, unit: int, record: bytes) -> None:
    """Remove one record from the entries of these versions; others stay."""
    for version, _, blocks in list(stated(tx, versions)):
        left = [part for b in blocks if (part := _without(b, register, unit, record)) is not None]
        where = (hlc_of(version), incarnation_of(version))
        if not left:
            execute(tx, "DELETE FROM local_entry WHERE hlc=? AND incarnation=?", where)
        elif left != blocks:
            statement = "UPDATE local_entry SET payload=? WHERE hlc=? AND incarnation=?"
            execute(tx, statement, (codec.pack(left), *where))


def _without(block: Block, register: str, unit: int, record: bytes) -> Block | None:
    """Return a block without one record; None when nothing is left of it."""
    if (block.register, block.unit) != (register, unit) or record not in block.ids:
        return block
    keep = [k for k, each in enumerate(block.ids) if each != record]
    if not keep:
        return None
    at = {k: i for i, k in enumerate(keep)}
    return replace(
        block,
        ids=[block.ids[k] for k in keep],
        columns=[[column[k] for k in keep] for column in block.columns],
        bases=[[column[k] for k in keep] for column in block.bases],
        lives=[block.lives[k] for k in keep] if block.lives else (),
        resolved={(at[k], n): v for (k, n), v in block.resolved.items() if k in at},
    )


def cut(tx: Connection, before_ms: int, limit: int) -> Extent:
    """Remove the oldest entries made before a time, at most `limit`; return how much went."""
    rows = execute(
        tx,
        "SELECT hlc, incarnation, length(payload) FROM local_entry WHERE at_ms<? "
        "ORDER BY at_ms LIMIT ?",
        (before_ms, limit),
    ).fetchall()
    for hlc, incarnation, _ in rows:
        execute(tx, "DELETE FROM local_entry WHERE hlc=? AND incarnation=?", (hlc, incarnation))
    return Extent(len(rows), sum(int(row[2]) for row in rows))


def extent(tx: Connection, before_ms: int | None = None) -> Extent:
    """Return how much is kept, or of that how much was made before a time."""
    where, parameters = ("", ()) if before_ms is None else (" WHERE at_ms<?", (before_ms,))
    row = execute(
        tx, f"SELECT count(*), sum(length(payload)) FROM local_entry{where}", parameters
    ).fetchone()
    return Extent(int(row[0]), int(row[1] or 0))
