"""Held copies: records of a snapshot that could not be joined here, kept whole with their reason.

They are holes as others are, but for the entry: none came. Position 0 of the log says so, and what
came instead is kept under the hole's name until it was joined.
"""

from __future__ import annotations

import base64
from collections.abc import Container, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from hashlib import blake2b

from sqlalchemy import Connection

from sync import block_codec, facts, holes
from sync.change import ID_BYTES
from sync.merge import RecordState
from sync.rows import Chunk, Rows, versions_in
from sync.rows_codec import pack, unpack
from sync.statements import run
from sync.version import Version, incarnation_of

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


def versions(
    tx: Connection, register: str, unit: int, wanted: Set[bytes]
) -> dict[bytes, set[Version]]:
    """Return record -> the versions in copies of it that were never joined here."""
    found: dict[bytes, set[Version]] = {}
    rows = run(
        tx,
        "SELECT id, record FROM hole WHERE arrival=? AND state IN ('open','closed') "
        "AND register=? AND unit=?",
        (NO_ENTRY, register, unit),
    ).fetchall()
    for hole_id, records in rows:
        if wanted.isdisjoint(block_codec.split(bytes(records), ID_BYTES)):
            continue  # a chunk is not unpacked for nothing
        for record, state in _states(tx, bytes(hole_id)):
            if record in wanted:
                found.setdefault(record, set()).update(versions_in(state))
    return found


def _states(tx: Connection, hole_id: bytes) -> Iterator[tuple[bytes, RecordState]]:
    chunk = kept(tx, hole_id)
    for part in chunk.rows if chunk is not None else ():
        yield from part.states.items()


def joined(tx: Connection, rows: Rows, heard: Mapping[bytes, Container[Version]]) -> None:
    """Let go of what is held of records that were joined now, where the copy that was joined is of
    an office that had `heard` all that is in the held one; an older copy does not make up for it.
    """
    waiting = run(
        tx,
        "SELECT id, record FROM hole WHERE state='open' AND arrival=? AND register=? AND unit=?",
        (NO_ENTRY, rows.register, rows.unit),
    ).fetchall()
    for hole_id, records in waiting:
        of = set(block_codec.split(bytes(records), ID_BYTES))
        made_up_for = of <= heard.keys() and all(
            version in heard[record]
            for record, state in _states(tx, bytes(hole_id))
            for version in versions_in(state)
        )
        if made_up_for:
            run(tx, "UPDATE hole SET state='healed' WHERE id=?", (bytes(hole_id),))
            let_go(tx, bytes(hole_id))


def let_go(tx: Connection, hole_id: bytes) -> None:
    """Forget what was kept for a hole."""
    run(tx, "DELETE FROM meta WHERE key=?", (_name(hole_id),))


def _name(hole_id: bytes) -> str:
    return f"{facts.HELD}{hole_id.hex()}"
