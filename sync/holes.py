"""Holes: changes that could not be applied, kept with their reason; the rest flows on (INV-21)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from hashlib import blake2b

from sqlalchemy import Connection

from sync import block_codec, codec
from sync.change import ID_BYTES, Block, Entry
from sync.rows import Rows
from sync.schema import RegisterSchema
from sync.statements import run
from sync.version import Version

DEFERRED = frozenset({"unknown_register", "unknown_field"})  # wait for an upgrade, block nothing
OF_CAUSE = frozenset({"missing_record", "behind_hole"})  # heal once their cause has come
OF_WRITER = frozenset({"foreign_unit", "not_owner"})  # only this writer's later changes wait

_PARK = (
    "INSERT INTO hole (id, arrival, incarnation, register, unit, record, reason, detail, state, "
    "at_ms, tries) VALUES (?,?,?,?,?,?,?,?,?,?,1) ON CONFLICT (id) DO UPDATE SET "
    "tries = hole.tries + 1"
)


def park(
    tx: Connection,
    entry: Entry,
    arrival: int,
    *,
    reason: str,
    now_ms: int,
    block: Block | None = None,
    record: bytes = b"",
    detail: str = "",
) -> None:
    """Keep what could not be applied. The entry itself is in the log, whole, and is relayed.

    `reason` is one of: malformed, unknown_register, unknown_field, wrong_kind, foreign_unit,
    not_owner, missing_record, refused_by_store, behind_hole. Without `record` it is about every
    record of the block; without `block` about the whole entry.
    """
    register = block.register[:60] if block else ""
    unit = block.unit if block else entry.unit
    records = record or (b"".join(block.ids) if block else b"")
    name = f"{entry.incarnation}|{entry.audience}|{entry.lane}|{entry.seq}|{register}|{unit}|"
    hole_id = blake2b(name.encode() + records + reason.encode(), digest_size=16).digest()
    run(
        tx,
        _PARK,
        (
            hole_id, arrival, entry.incarnation, _storable(register), unit, records, reason,
            _storable(detail[:500]), "deferred" if reason in DEFERRED else "open", now_ms,
        ),
    )  # fmt: skip


def waiting(
    tx: Connection, register: str, unit: int, writer: int, *, create: bool = False
) -> set[bytes]:
    """Return the records whose later changes by `writer` wait behind a hole.

    What waits for a record to be created does not hold up its creation (`create`), and whoever
    was refused for lack of a right holds up nobody else (INV-21).
    """
    rows = run(
        tx,
        "SELECT record, reason, incarnation FROM hole WHERE state='open' AND register=? AND unit=?",
        (register, unit),
    )
    return {
        record
        for records, reason, incarnation in rows
        if (reason not in OF_WRITER or incarnation == writer)
        and not (create and reason in OF_CAUSE)
        for record in block_codec.split(bytes(records), ID_BYTES)
    }


def joined_elsewhere(
    tx: Connection, rows: Rows, taken: Mapping[bytes, Container[Version]], register: RegisterSchema
) -> None:
    """Let go of held edits that the peer had joined: its copies, `taken`, have brought what they
    did. They would be joined beside what overwrote them."""
    held = run(
        tx,
        "SELECT id, arrival, record, reason, detail FROM hole WHERE state IN ('open','deferred') "
        "AND arrival>0 AND register=? AND unit=?",
        (rows.register, rows.unit),
    ).fetchall()
    for hole, arrival, records, reason, detail in held:
        fields = set(detail.split(",")) if reason == "unknown_field" else set()
        if not fields <= register.by_name.keys():
            continue  # what the copies say of them waits, too
        ids = block_codec.split(bytes(records), ID_BYTES)
        if taken.keys().isdisjoint(ids):
            continue
        found = run(tx, "SELECT wire FROM entry WHERE arrival=?", (arrival,)).fetchone()
        if found is None:
            continue  # its entry was cut: it stays as it is
        version = codec.entry_from_wire(bytes(found[0])).version
        left = [
            record for record in ids
            if record not in taken or version not in taken[record]
            or not fields <= rows.states[record].fields.keys()
        ]  # fmt: skip
        if left:
            run(tx, "UPDATE hole SET record=? WHERE id=?", (b"".join(left), bytes(hole)))
        else:
            run(tx, "UPDATE hole SET state='healed' WHERE id=?", (bytes(hole),))


def _storable(text: str) -> str:
    """Return what a peer said in a form that every store takes: PostgreSQL refuses NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
