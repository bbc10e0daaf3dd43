"""Certificates, invitations and revocation lists in the store. The caller owns the transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from sync.store.sql import execute


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that this office's authority has issued."""

    serial: str
    unit: int
    kind: str  # office, authority
    not_after_ms: int
    issued_ms: int
    office_key: bytes
    der: bytes
    revoked_ms: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A one-time secret, by its hash."""

    digest: bytes
    unit: int
    created_ms: int
    expires_ms: int
    replaces: bool
    used_ms: int = 0
    used_by: bytes = b""


@dataclass(frozen=True, slots=True)
class KeptList:
    """The newest revocation list of an authority, with the authority's certificate."""

    issuer: str
    number: int
    der: bytes
    authority: bytes


_RECORD = (
    "INSERT INTO certificate (serial, unit, kind, not_after_ms, issued_ms, office_key, der, "
    "revoked_ms, reason) VALUES (?,?,?,?,?,?,?,?,?)"
)
_BY_END = (
    "SELECT serial, unit, kind, not_after_ms, issued_ms, office_key, der, revoked_ms, reason "
    "FROM certificate WHERE not_after_ms>=? AND not_after_ms<? ORDER BY not_after_ms, serial"
)
_OF_UNIT = (
    "SELECT serial, unit, kind, not_after_ms, issued_ms, office_key, der, revoked_ms, reason "
    "FROM certificate WHERE unit=? ORDER BY issued_ms DESC, serial"
)
_INVITE = (
    "INSERT INTO invitation (digest, unit, created_ms, expires_ms, replaces, used_ms, used_by) "
    "VALUES (?,?,?,?,?,?,?)"
)
_INVITED = (
    "SELECT digest, unit, created_ms, expires_ms, replaces, used_ms, used_by "
    "FROM invitation WHERE digest=?"
)
_RECOVER = (
    "INSERT INTO key_recovery (unit, office_key, at_ms) VALUES (?,?,?) "
    "ON CONFLICT (unit, office_key) DO NOTHING"
)
_RECOVERIES = "SELECT at_ms FROM key_recovery WHERE unit=? ORDER BY at_ms"
_KEEP = (
    "INSERT INTO revocation_list (issuer, number, der, authority) VALUES (?,?,?,?) "
    "ON CONFLICT (issuer) DO UPDATE SET number=excluded.number, der=excluded.der, "
    "authority=excluded.authority WHERE revocation_list.number<excluded.number"
)


def record(tx: Connection, issued: Issued) -> None:
    execute(
        tx, _RECORD,
        (issued.serial, issued.unit, issued.kind, issued.not_after_ms, issued.issued_ms,
         issued.office_key, issued.der, issued.revoked_ms, issued.reason),
    )  # fmt: skip


def issued_by_end(tx: Connection, after_ms: int, before_ms: int) -> list[Issued]:
    """Return certificates whose validity ends in a time, the first first."""
    rows = execute(
        tx,
        _BY_END,
        (after_ms, before_ms),
    )
    return [_issued(row) for row in rows]


def of_unit(tx: Connection, unit: int) -> list[Issued]:
    """Return all that was issued to a unit, the newest first."""
    rows = execute(
        tx, _OF_UNIT,
        (unit,),
    )  # fmt: skip
    return [_issued(row) for row in rows]


def revoke(tx: Connection, serials: Sequence[str], now_ms: int, reason: str) -> None:
    for serial in serials:
        execute(
            tx, "UPDATE certificate SET revoked_ms=?, reason=? WHERE serial=? AND revoked_ms=0",
            (now_ms, reason, serial),
        )  # fmt: skip


def revoked_serials(tx: Connection) -> list[int]:
    rows = execute(tx, "SELECT serial FROM certificate WHERE revoked_ms>0 ORDER BY serial", ())
    return [int(row[0], 16) for row in rows]


def _issued(row: Sequence[object]) -> Issued:
    values = list(row)
    values[5], values[6] = bytes(values[5]), bytes(values[6])  # type: ignore[call-overload]
    return Issued(*values)  # type: ignore[arg-type]


# -- invitations ----------------------------------------------------------------------------------


def add_invitation(tx: Connection, made: Invitation) -> None:
    execute(
        tx, _INVITE,
        (made.digest, made.unit, made.created_ms, made.expires_ms, int(made.replaces),
         made.used_ms, made.used_by),
    )  # fmt: skip


def invitation_of(tx: Connection, digest: bytes) -> Invitation | None:
    row = execute(
        tx, _INVITED, (digest,)
    ).fetchone()  # fmt: skip
    if row is None:
        return None
    return Invitation(
        bytes(row[0]), row[1], row[2], row[3], bool(row[4]), row[5], bytes(row[6])
    )  # fmt: skip


def use_invitation(tx: Connection, digest: bytes, used_by: bytes, now_ms: int) -> bool:
    """Take an invitation for these keys; False: other keys have used it before."""
    done = execute(
        tx,
        "UPDATE invitation SET used_ms=?, used_by=? WHERE digest=? AND (used_ms=0 OR used_by=?)",
        (now_ms, used_by, digest, used_by),
    )
    return bool(done.rowcount == 1)


def drop_invitations(tx: Connection, unit: int) -> None:
    """Drop what was not used: a unit has one invitation at a time."""
    execute(tx, "DELETE FROM invitation WHERE unit=? AND used_ms=0", (unit,))


# -- revocation lists -----------------------------------------------------------------------------


def record_recovery(tx: Connection, unit: int, office_key: bytes, now_ms: int) -> None:
    """Record that a unit has another key now; once, however often it asks."""
    execute(tx, _RECOVER, (unit, office_key, now_ms))


def recoveries(tx: Connection, unit: int) -> list[int]:
    """Return when a unit has got another key by an invitation, the first first."""
    return [int(row[0]) for row in execute(tx, _RECOVERIES, (unit,))]


def lists(tx: Connection) -> list[KeptList]:
    rows = execute(
        tx, "SELECT issuer, number, der, authority FROM revocation_list ORDER BY issuer", ()
    )
    return [KeptList(row[0], int(row[1]), bytes(row[2]), bytes(row[3])) for row in rows]


def keep_list(tx: Connection, kept: KeptList) -> bool:
    """Keep a list unless it is older than, or the same as, the known one; return whether it is
    new.
    """
    done = execute(
        tx,
        _KEEP,
        (kept.issuer, kept.number, kept.der, kept.authority),
    )
    return bool(done.rowcount == 1)
