"""Invitations: a parent lets a unit below it enrol, once, with a secret of 256 bits.

The store has the secret's hash only. An answer may be lost: the same keys may ask again, others
not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.audit import AuditEvent, EventKind
from node.services.enrolment.errors import (
    AlreadyEnrolled,
    InvitationRefused,
    NotEnrolled,
    NotOurChild,
)
from node.services.enrolment.requests import Request
from node.store import certificates as table
from node.store.certificates import Invitation
from sync.codec.signing import fingerprint
from sync.store import peers

if TYPE_CHECKING:
    from node.office import Office

SECRET_BYTES = 32
HOURS_MAX = 24
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation as it is handed over: once, and to nobody else."""

    unit: int
    secret: bytes
    expires_ms: int


def invite(
    office: Office,
    units: Iterable[int],
    *,
    hours: int = HOURS_MAX,
    replaces: bool = False,
    by: str = "",
) -> list[Invited]:
    """Invite units directly below this office; a former invitation of theirs ends.

    `replaces`: also an office that comes under another signing key than before: its disk was lost.
    Raises: NotEnrolled, NotOurChild.
    """
    if not office.certificates.enrolled:
        raise NotEnrolled
    now_ms = office.clock.now_ms()
    expires_ms = now_ms + min(hours, HOURS_MAX) * HOUR_MS
    made = []
    for unit in units:
        if office.tree.parent(unit) != office.identity.unit:
            raise NotOurChild(office.tree.get(unit).name)
        secret = office.rng.getrandbits(8 * SECRET_BYTES).to_bytes(SECRET_BYTES, "big")
        made.append(Invited(unit, secret, expires_ms))
    rows = [
        Invitation(sha256(each.secret).digest(), each.unit, now_ms, expires_ms, replaces)
        for each in made
    ]

    def write(tx: Connection) -> None:
        for row in rows:
            table.drop_invitations(tx, row.unit)
            table.add_invitation(tx, row)
            facts = {"expires_ms": row.expires_ms, "replaces": int(row.replaces)}
            event = AuditEvent(event=EventKind.UNIT_INVITED, by=by, unit=row.unit, facts=facts)
            office.audit.append(tx, event)

    office.store.write(write)
    office.log.info("units_invited", units=[row.unit for row in rows], replaces=replaces)
    return made


def check(office: Office, secret: bytes, request: Request) -> Invitation:
    """Return the invitation that a request goes by; nothing is used up yet.

    Raises: RequestForged, InvitationRefused, AlreadyEnrolled.
    """
    whose = request.whose()
    with office.store.read() as tx:
        found = table.invitation_of(tx, sha256(secret).digest())
        pinned = peers.load(tx, request.unit).key_pinned
    if (
        found is None or found.unit != request.unit or found.expires_ms <= office.clock.now_ms()
        or found.used_by not in (b"", whose)
        or office.tree.parent(request.unit) != office.identity.unit
    ):  # fmt: skip
        raise InvitationRefused
    if not found.replaces and not peers.fits_pin(pinned, request.office_key):
        raise AlreadyEnrolled(office.tree.get(request.unit).name)
    return found


def use(office: Office, invitation: Invitation, request: Request) -> None:
    """Use an invitation up: from now on it is these keys', which are pinned to the unit.

    Raises: InvitationRefused when other keys were faster.
    """
    now_ms, whose = office.clock.now_ms(), request.whose()

    def write(tx: Connection) -> bool:
        if not table.use_invitation(tx, invitation.digest, whose, now_ms):
            return False
        peers.update(tx, request.unit, key_pinned=request.office_key.hex())
        facts = {"key": fingerprint(request.office_key)}
        office.audit.append(
            tx, AuditEvent(event=EventKind.INVITATION_USED, unit=request.unit, facts=facts)
        )
        return True

    if not office.store.write(write):
        raise InvitationRefused
    office.log.info("invitation_used", unit=request.unit)
