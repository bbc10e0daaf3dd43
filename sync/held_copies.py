"""Held copies: records of a snapshot that could not be joined here, kept whole with their reason.

They are holes as others are, but for the entry: none came. Position 0 of the log says so, and what
came instead is kept under the hole's name until it was joined.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b

from sqlalchemy import Connection

from sync import facts, holes
from sync.change import ID_BYTES
from sync.rows import Chunk, Rows
from sync.rows_codec import pack, unpack
from sync.statements import run
from sync.version import incarnation_of

NO_ENTRY = 0  # position in the log of what did not come as an entry
_HOLD = (
    "INSERT INTO hole (id, arrival, incarnation, register, unit, record, reason, detail, state, "
    "at_ms, tries) VALUES (?,?,?,?,?,?,?,?,?,?,1) ON CONFLICT (id) DO UPDATE SET "
    "state=excluded.state, tries = hole.tries + 1"
)


def hold(
    tx: Connection, chunk: Chunk, rows: Rows, ids: Iterable[bytes], reason: str, *, now_ms: int,
    detail: str = "",
) -> None:  # fmt: skip
    """Keep these records of a chunk until they can be joined."""
    records = sorted(ids)
    states = {record: rows.states[record] for record in records}
    name = f"copy|{rows.register}|{rows.unit}|{reason}|{detail}|".encode() + b"".join(records)
    hole_id = blake2b(name, digest_size=16).digest()
    writer = incarnation_of(states[records[0]].born)
    state = "deferred" if reason in holes.DEFERRED else "open"
    run(
        tx,
        _HOLD,
        (
            hole_id, NO_ENTRY, writer, rows.register[:60], rows.unit, b"".join(records), reason,
            detail[:500], state, now_ms,
        ),
    )  # fmt: skip
    held = {record: rows.held[record] for record in records if record in rows.held}
    part = replace(rows, states=states, held=held)
    alone = replace(chunk, rows=[part], heads={}, cursors={}, taken={})
    facts.put(tx, _name(hole_id), base64.b64encode(pack(alone)).decode())


def kept(tx: Connection, hole_id: bytes) -> Chunk | None:
    """Return what is kept for a hole; None when nothing is."""
    said = facts.get(tx, _name(hole_id))
    return unpack(base64.b64decode(said)) if said else None


def joined(tx: Connection, rows: Rows, ids: Iterable[bytes]) -> None:
    """Let go of what is held of records that were joined now."""
    waiting = run(
        tx,
        "SELECT id, record FROM hole WHERE state='open' AND arrival=? AND register=? AND unit=?",
        (NO_ENTRY, rows.register, rows.unit),
    ).fetchall()
    done = set(ids) if waiting else set()
    for hole_id, records in waiting:
        packed = bytes(records)
        of = {packed[i : i + ID_BYTES] for i in range(0, len(packed), ID_BYTES)}
        if of <= done:
            run(tx, "UPDATE hole SET state='healed' WHERE id=?", (bytes(hole_id),))
            let_go(tx, bytes(hole_id))


def let_go(tx: Connection, hole_id: bytes) -> None:
    """Forget what was kept for a hole."""
    run(tx, "DELETE FROM meta WHERE key=?", (_name(hole_id),))


def _name(hole_id: bytes) -> str:
    return f"{facts.HELD}{hole_id.hex()}"
