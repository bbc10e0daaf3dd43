"""Quarantine: changes that could not be applied, with their reason; the rest goes on (INV-21)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from itertools import groupby

from sqlalchemy import Connection

from sync.codec import block as block_codec
from sync.model.change import ID_BYTES, Block, Entry, RecordKey
from sync.model.version import Version, incarnation_of
from sync.store.sql import execute

DEFERRED = frozenset({"unknown_register", "unknown_field"})  # wait for an upgrade, block nothing
OF_CAUSE = frozenset({"missing_record", "blocked"})  # applied once their cause has come
OF_COPY = "foreign_version"  # a copy: entries of whoever may write go on, and it waits for them
OF_WRITER = frozenset(
    {
        "foreign_unit",
        "not_owner",
        "append_only",
        "wrong_lane",
        "wrong_audience",
        "wrong_kind",
        "invalid_value",
    }
)  # only this writer's later changes wait
_QUARANTINE = (
    "INSERT INTO quarantine "
    "(id, arrival, incarnation, register, unit, record, reason, detail, state, at_ms, tries) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,1) ON CONFLICT (id) DO UPDATE SET "
    "tries = quarantine.tries + 1"
)
_LIST = (
    "INSERT INTO quarantine "
    "(id, arrival, incarnation, register, unit, record, reason, detail, state, at_ms, tries) "
    "VALUES (?,0,?,?,?,?,?,?,'deferred',?,1) ON CONFLICT (id) DO UPDATE SET "
    "state='deferred', reason=excluded.reason, detail=excluded.detail, "
    "tries = quarantine.tries + 1"
)


def quarantine_change(
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
    """Quarantine a change. Its complete entry is in the log and is relayed.

    `reason` is one of: malformed, unknown_register, unknown_field, wrong_kind, invalid_value,
    foreign_unit, not_owner, append_only, wrong_lane, wrong_audience, missing_record,
    constraint_violation, blocked. Without `record` it is about every record of the block; without
    `block` about the whole entry.
    """
    register = block.register[:60] if block else ""
    unit = block.unit if block else entry.unit
    records = record or (b"".join(block.ids) if block else b"")
    name = f"{entry.incarnation}|{entry.audience}|{entry.lane}|{entry.seq}|{register}|{unit}|"
    quarantine_id = blake2b(name.encode() + records + reason.encode(), digest_size=16).digest()
    execute(
        tx,
        _QUARANTINE,
        (
            quarantine_id, arrival, entry.incarnation, _storable(register), unit, records, reason,
            _storable(detail[:500]), "deferred" if reason in DEFERRED else "open", now_ms,
        ),
    )  # fmt: skip


def list_record(
    tx: Connection, key: RecordKey, listed_by: str, *, reason: str, detail: str, now_ms: int,
    version: Version = b"",
) -> None:  # fmt: skip
    """List a record that was applied and is left out of what is made of records.

    It blocks nothing. `listed_by`: who leaves it out, and lists it once, whatever the reason.
    """
    incarnation = incarnation_of(version) if version else 0
    execute(
        tx,
        _LIST,
        (
            _listed_id(key, listed_by), incarnation, key.register[:60], key.unit, key.id, reason,
            _storable(detail[:500]), now_ms,
        ),
    )  # fmt: skip


def unlist_record(tx: Connection, key: RecordKey, listed_by: str) -> None:
    """Note that what is made of records has such a record again."""
    statement = "UPDATE quarantine SET state='applied' WHERE id=?"
    execute(tx, statement, (_listed_id(key, listed_by),))


def _listed_id(key: RecordKey, listed_by: str) -> bytes:
    name = f"{listed_by}|{key.register}|{key.unit}|".encode() + key.id
    return blake2b(name, digest_size=16).digest()


def waiting(
    tx: Connection, register: str, unit: int, writer: int, *, create: bool = False
) -> set[bytes]:
    """Return the records whose later changes by `writer` must wait for a quarantined change.

    A change that waits for a record's creation does not block that creation (`create`). A change
    that its writer had no right to blocks no other writer (INV-21).
    """
    rows = execute(
        tx,
        "SELECT record, reason, incarnation FROM quarantine "
        "WHERE state='open' AND register=? AND unit=? AND reason<>?",
        (register, unit, OF_COPY),
    )
    return {
        record
        for records, reason, incarnation in rows
        if (reason not in OF_WRITER or incarnation == writer)
        and not (create and reason in OF_CAUSE)
        for record in block_codec.split(bytes(records), ID_BYTES)
    }


def _storable(text: str) -> str:
    """Return a peer's text in a form that every store accepts: PostgreSQL refuses NUL."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def quarantined_records(tx: Connection, names: Iterable[RecordKey]) -> set[RecordKey]:
    """Return those of the records that have a quarantined change: the reason why they differ."""
    found: set[RecordKey] = set()
    for (register, unit), some in groupby(sorted(names), key=lambda n: n[:2]):
        rows = execute(
            tx,
            "SELECT record FROM quarantine "
            "WHERE register=? AND unit=? AND state IN ('open', 'deferred')",
            (register, unit),
        ).fetchall()
        quarantined = {
            record for row in rows for record in block_codec.split(bytes(row[0]), ID_BYTES)
        }
        found |= {name for name in some if name.id in quarantined}
    return found
