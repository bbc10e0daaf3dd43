"""Holes: changes that could not be applied, kept with their reason; the rest flows on (INV-21)."""

from __future__ import annotations

from hashlib import blake2b

from sqlalchemy import Connection, select

from sync.change import Block, Entry
from sync.registers import sql
from sync.tables import hole

DEFERRED = frozenset({"unknown_register", "unknown_field"})  # wait for an upgrade, block nothing

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
    not_owner, missing_record, refused_by_store.
    """
    register = block.register[:60] if block else ""
    unit = block.unit if block else entry.unit
    name = f"{entry.incarnation}|{entry.audience}|{entry.lane}|{entry.seq}|{register}|{unit}|"
    record_key = record or (block.ids[0] + b"*" if block else b"")
    hole_id = blake2b(name.encode() + record_key + reason.encode(), digest_size=16).digest()
    tx.exec_driver_sql(
        sql(tx, _PARK),
        (
            hole_id, arrival, entry.incarnation, register, unit, record, reason,
            detail[:500], "deferred" if reason in DEFERRED else "open", now_ms,
        ),
    )  # fmt: skip


def is_parked(tx: Connection, register: str, unit: int, record: bytes) -> bool:
    """Say whether an earlier change to this record waits as a hole: later ones wait behind it."""
    row = tx.execute(
        select(hole.c.id)
        .where(
            hole.c.state == "open",
            hole.c.register == register,
            hole.c.unit == unit,
            hole.c.record.in_([record, b""]),
        )
        .limit(1)
    ).first()
    return row is not None
