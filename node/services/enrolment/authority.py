"""The authority of a city or a district: it issues certificates, and revokes them.

Every certificate is recorded before it is handed out, so all of them can be revoked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as PublicKey
from sqlalchemy import Connection

from node.domain.audit import AuditEvent, EventKind, Fact
from node.domain.units import Level
from node.identity import files
from node.identity.authority import DER, Authority, found_authority, moment, new_key
from node.identity.place import place_of
from node.identity.revocations import key_id
from node.services.enrolment.errors import NoAuthority, UnknownCertificate
from node.store import certificates as table
from node.store.certificates import Issued, KeptList
from sync.codec.signing import fingerprint

if TYPE_CHECKING:
    from node.office import Office

OFFICE, AUTHORITY = "office", "authority"
SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Grant:
    """What an office receives: its chain, and its own authority's certificate if it gets one."""

    chain: tuple[x509.Certificate, ...]
    authority: x509.Certificate | None = None


def authority_of(office: Office) -> Authority:
    """Raises: NoAuthority."""
    found = files.load_authority(office.folder)
    if found is None:
        raise NoAuthority
    return found


def found_city(office: Office) -> None:
    """Make the city's authority, once, and enrol the city's own office under it.

    What is there already stays: a second call only issues what is missing.
    Raises: NoAuthority for an office that is no city.
    """
    if office.level is not Level.CITY:
        raise NoAuthority
    place = place_of(office.tree, office.identity.unit)
    now = moment(office.clock.now_ms())
    authority = files.load_authority(office.folder)
    if authority is None:
        key = new_key()
        authority = found_authority(key, place, _name(office, place.unit), now)
        files.save_authority(office.folder, key, authority.certificate)
        facts = {"serial": serial_text(authority.certificate)}
        office.audit.record(
            AuditEvent(event=EventKind.AUTHORITY_FOUNDED, unit=place.unit, facts=facts)
        )
    if not office.certificates.enrolled:
        key = files.pending_key(office.folder)
        signer = office.replica.signer
        grant = issue(office, place.unit, key.public_key(), signer.public_key)
        files.save(office.folder, key, grant.chain, (authority.certificate,))
        office.certificates.reload()


def issue(
    office: Office, unit: int, key: PublicKey, office_key: bytes,
    authority_key: PublicKey | None = None,
) -> Grant:  # fmt: skip
    """Issue a certificate to a unit of this authority's subtree, and record it.

    `authority_key`: a district's, which gets an authority of its own. Raises: NoAuthority.
    """
    authority = authority_of(office)
    place, now_ms = place_of(office.tree, unit), office.clock.now_ms()
    if not place.is_within(authority.place):
        raise NoAuthority
    name, now = _name(office, unit), moment(now_ms)
    made = authority.issue_office(place, key, office_key, name, now)
    own = None
    if authority_key is not None and place.level is Level.DISTRICT:
        own = authority.issue_authority(place, authority_key, name, now)
    rows = [_row(made, unit, OFFICE, office_key, now_ms)]
    if own is not None:
        rows.append(_row(own, unit, AUTHORITY, b"", now_ms))

    def write(tx: Connection) -> None:
        for row in rows:
            table.record(tx, row)
        office.audit.append(tx, *map(_issued_event, rows))

    office.store.write(write)
    office.log.info("certificate_issued", unit=unit, serial=rows[0].serial)
    above = () if authority.place.level is Level.CITY else (authority.certificate,)
    return Grant((made, *above), own)


def revoke(office: Office, asked: str, reason: str, *, by: str = "") -> list[Issued]:
    """Revoke a certificate by its serial number, or all of a unit; return which.

    Those of an office and of its authority go together if the unit is named.
    Raises: NoAuthority, UnknownCertificate, UnknownUnit, AmbiguousUnit.
    """
    authority_of(office)
    now_ms = office.clock.now_ms()
    with office.store.read() as tx:
        every = table.issued_by_end(tx, 0, 1 << 62)
    chosen = [each for each in every if each.serial == asked.strip().lower()]
    if not chosen:
        unit = office.tree.find(asked).unit_id
        chosen = [each for each in every if each.unit == unit and each.not_after_ms > now_ms]
    if not chosen:
        raise UnknownCertificate(asked[:60])
    open_ones = [each for each in chosen if not each.revoked_ms]
    revoke_serials(office, open_ones, reason, by=by)
    return open_ones


def supersede(office: Office, unit: int, office_key: bytes) -> None:
    """Revoke what a unit has under other signing keys: its key was replaced."""
    with office.store.read() as tx:
        former = [
            each for each in table.of_unit(tx, unit)
            if each.kind == OFFICE and each.office_key != office_key and not each.revoked_ms
        ]  # fmt: skip
    if former:
        revoke_serials(office, former, SUPERSEDED)


def revoke_serials(office: Office, revoked: Sequence[Issued], reason: str, *, by: str = "") -> None:
    """Record revocations and publish the next list; both stay after a restart."""
    authority, now_ms = authority_of(office), office.clock.now_ms()
    issuer = key_id(authority.certificate)
    serials = [each.serial for each in revoked]
    events = [
        AuditEvent(
            event=EventKind.CERTIFICATE_REVOKED,
            by=by,
            unit=each.unit,
            facts={"serial": each.serial},
        )
        for each in revoked
    ]

    def write(tx: Connection) -> None:
        table.revoke(tx, serials, now_ms, reason)
        known = {each.issuer: each.number for each in table.lists(tx)}
        # By time: also after it was restored, an authority issues a higher one than ever before.
        number = max(known.get(issuer, 0) + 1, now_ms)
        made = authority.revocation_list(number, table.revoked_serials(tx), moment(now_ms))
        shown = authority.certificate.public_bytes(DER)
        table.keep_list(tx, KeptList(issuer, number, made.public_bytes(DER), shown))
        office.audit.append(tx, *events)

    office.store.write(write)
    office.certificates.reload()
    office.log.warning("certificates_revoked", serials=list(serials), reason=reason)


def _issued_event(row: Issued) -> AuditEvent:
    facts: dict[str, Fact] = {"serial": row.serial, "kind": row.kind}
    if row.office_key:
        facts["key"] = fingerprint(row.office_key)
    return AuditEvent(event=EventKind.CERTIFICATE_ISSUED, unit=row.unit, facts=facts)


def _row(
    certificate: x509.Certificate, unit: int, kind: str, office_key: bytes, now_ms: int
) -> Issued:
    return Issued(
        serial=serial_text(certificate),
        unit=unit,
        kind=kind,
        not_after_ms=end_ms(certificate),
        issued_ms=now_ms,
        office_key=office_key,
        der=certificate.public_bytes(DER),
    )


def serial_text(certificate: x509.Certificate) -> str:
    """Return a serial number as lists show it."""
    return f"{certificate.serial_number:040x}"


def end_ms(certificate: x509.Certificate) -> int:
    return int(certificate.not_valid_after_utc.timestamp()) * 1_000


def _name(office: Office, unit: int) -> str:
    known = office.tree.get(unit)
    return f"{known.code} {known.name}"
