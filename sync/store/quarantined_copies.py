"""Quarantined copies: records of a snapshot that could not be joined here, with their reason.

Unlike other quarantined changes they have no log entry: their log position is 0, and the packed
records are stored under the change's id until they are joined.
"""

from __future__ import annotations

import base64
from collections.abc import Container, Iterable, Iterator, Mapping, Set
from dataclasses import replace
from hashlib import blake2b
from typing import NamedTuple

from sqlalchemy import Connection

from sync.codec import block as block_codec
from sync.codec.chunk import pack, unpack
from sync.merge.copies import Chunk, Rows, versions_in
from sync.merge.record import RecordState
from sync.model.authority import Message
from sync.model.change import ID_BYTES
from sync.model.version import Version, incarnation_of
from sync.store import meta, quarantine
from sync.store.sql import execute

NO_ENTRY = 0  # log position of what did not come as an entry
_SAVE = (
    "INSERT INTO quarantine "
    "(id, arrival, incarnation, register, unit, record, reason, detail, state, at_ms, tries) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,1) ON CONFLICT (id) DO UPDATE SET "
    "state=excluded.state, tries = quarantine.tries + 1"
)


class Sender(NamedTuple):
    """Who sent a copy, in which message: by this it is judged when it is tried again, too."""

    message: Message
    peer: int
    recovering: bool  # whether this office was taking back what its store had lost


def quarantine_copy(
    tx: Connection, chunk: Chunk, rows: Rows, ids: Iterable[bytes], reason: str, *, now_ms: int,
    detail: str = "", sender: Sender | None = None,
) -> None:  # fmt: skip
    """Quarantine these records of a chunk until they can be joined."""
    records = sorted(ids)
    states = {record: rows.states[record] for record in records}
    name = f"copy|{rows.register}|{rows.unit}|{reason}|{detail}|".encode() + b"".join(records)
    quarantine_id = blake2b(name, digest_size=16).digest()
    writer = incarnation_of(states[records[0]].created)
    state = "deferred" if reason in quarantine.DEFERRED else "open"
    execute(
        tx,
        _SAVE,
        (
            quarantine_id, NO_ENTRY, writer, rows.register[:60], rows.unit, b"".join(records),
            reason, detail[:500], state, now_ms,
        ),
    )  # fmt: skip
    quarantined = {
        record: rows.quarantined[record] for record in records if record in rows.quarantined
    }
    part = replace(rows, states=states, quarantined=quarantined)
    alone = replace(chunk, rows=[part], heads={}, cursors={}, acked={})
    packed = base64.b64encode(pack(alone)).decode()
    if sender is not None:
        packed = f"{sender.message.name}:{sender.peer}:{int(sender.recovering)}:{packed}"
    meta.put(tx, meta.quarantined_copy(quarantine_id), packed)


def load_chunk(tx: Connection, quarantine_id: bytes) -> Chunk | None:
    """Return the records stored for a quarantined change; None if there are none."""
    stored = meta.get(tx, meta.quarantined_copy(quarantine_id))
    return unpack(base64.b64decode(stored.rpartition(":")[2])) if stored else None


def load_sender(tx: Connection, quarantine_id: bytes) -> Sender | None:
    """Return who sent those records; None: an older program did not note it."""
    stored = meta.get(tx, meta.quarantined_copy(quarantine_id))
    if ":" not in stored:
        return None
    message, peer, recovering, _ = stored.split(":")
    return Sender(Message[message], int(peer), recovering == "1")


def versions(
    tx: Connection, register: str, unit: int, wanted: Set[bytes]
) -> dict[bytes, set[Version]]:
    """Return record -> the versions in copies of it that were never joined here."""
    found: dict[bytes, set[Version]] = {}
    rows = execute(
        tx,
        "SELECT id, record FROM quarantine WHERE arrival=? AND state IN ('open','closed') "
        "AND register=? AND unit=?",
        (NO_ENTRY, register, unit),
    ).fetchall()
    for quarantine_id, records in rows:
        if wanted.isdisjoint(block_codec.split(bytes(records), ID_BYTES)):
            continue  # unpack no chunk without need
        for record, state in _states(tx, bytes(quarantine_id)):
            if record in wanted:
                found.setdefault(record, set()).update(versions_in(state))
    return found


def _states(tx: Connection, quarantine_id: bytes) -> Iterator[tuple[bytes, RecordState]]:
    chunk = load_chunk(tx, quarantine_id)
    for part in chunk.rows if chunk is not None else ():
        yield from part.states.items()


def joined(tx: Connection, rows: Rows, vectors: Mapping[bytes, Container[Version]]) -> None:
    """Release quarantined copies of records that were joined now.

    Only if the sender of the joined copy had received everything that is in the quarantined one
    (`vectors`): an older copy does not replace it.
    """
    waiting = execute(
        tx,
        "SELECT id, record FROM quarantine "
        "WHERE state='open' AND arrival=? AND register=? AND unit=?",
        (NO_ENTRY, rows.register, rows.unit),
    ).fetchall()
    for quarantine_id, records in waiting:
        of = set(block_codec.split(bytes(records), ID_BYTES))
        replaced = of <= vectors.keys() and all(
            version in vectors[record]
            for record, state in _states(tx, bytes(quarantine_id))
            for version in versions_in(state)
        )
        if replaced:
            execute(tx, "UPDATE quarantine SET state='applied' WHERE id=?", (bytes(quarantine_id),))
            drop_chunk(tx, bytes(quarantine_id))


def drop_chunk(tx: Connection, quarantine_id: bytes) -> None:
    """Delete the records stored for a quarantined change."""
    meta.drop(tx, meta.quarantined_copy(quarantine_id))
