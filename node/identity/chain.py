"""Chain: whether a certificate is an office's of this city, and which office's. Pure.

gRPC's TLS checks signatures, dates, path length and name constraints when a connection is made. It
checks neither who may call whom nor revocation, and nothing again later. So all of it is checked
here, on every call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from node.identity.authority import OFFICE_DAYS, OFFICE_KEY
from node.identity.place import Place, read_place
from node.identity.refusals import (
    UNREADABLE,
    CertificateBranch,
    CertificateDepth,
    CertificateEarly,
    CertificateExpired,
    CertificateForeign,
    CertificateKey,
    CertificateLevel,
    CertificateMissing,
    CertificateNames,
    CertificateOutside,
    CertificateRevoked,
    CertificateTooLong,
    CertificateUnreadable,
)
from node.identity.revocations import RevocationList, is_plain_end, key_id
from sync.codec.signing import is_sound_key
from sync.model.limits import CHAIN_MAX


@dataclass(frozen=True, slots=True)
class Trust:
    """What a receiver goes by: the city's authorities, and the newest list of each authority."""

    roots: tuple[x509.Certificate, ...]
    lists: Mapping[str, RevocationList] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Certified:
    """What a chain proves."""

    place: Place
    office_key: bytes  # the Ed25519 key with which the office signs
    until: datetime  # all of the chain is valid up to here
    serial: int


def read_chain(ders: Iterable[bytes]) -> tuple[x509.Certificate, ...]:
    """Return certificates from DER, the office's first. Raises: CertificateUnreadable."""
    try:
        return tuple(map(x509.load_der_x509_certificate, ders))
    except UNREADABLE:
        raise CertificateUnreadable from None


def _check_plain(chain: Sequence[x509.Certificate]) -> None:
    for each in chain:
        if not is_plain_end(each.public_bytes(Encoding.DER), each.signature):
            raise CertificateUnreadable


def verify(
    chain: Sequence[x509.Certificate], trust: Trust, now: datetime, expected: Place | None = None
) -> Certified:
    """Return what a chain proves: the office's certificate, then its authority if it is no root.

    `expected`: the office that must have it; None: any office of the city.
    Raises: a CertificateRefused, one class for each reason.
    """
    if not chain:
        raise CertificateMissing
    if len(chain) > CHAIN_MAX:
        raise CertificateDepth
    try:
        return _verified(chain, trust, now, expected)
    except UNREADABLE:  # parts are parsed when first read
        raise CertificateUnreadable from None


def verify_authority(chain: Sequence[x509.Certificate], trust: Trust, now: datetime) -> None:
    """Check the certificate of an authority whose list came: a root, or a district's.

    Raises: a CertificateRefused.
    """
    if not chain:
        raise CertificateMissing
    authority = chain[0]
    if authority in trust.roots:
        return
    try:
        _check_plain(chain)
        root = _issuer_of(authority, trust.roots)
        _check_authority(authority)
        if not place_in(authority).is_within(place_in(root)):
            raise CertificateOutside
        _check_dates((authority, root), now)
        _check_revoked(((authority, root),), trust)
    except UNREADABLE:
        raise CertificateUnreadable from None


def _verified(
    chain: Sequence[x509.Certificate], trust: Trust, now: datetime, expected: Place | None
) -> Certified:
    _check_plain(chain)
    office, *between = chain
    place = place_in(office)
    root = _issuer_of(chain[-1], trust.roots)
    issuers = (*between, root)
    if _is_authority(office):
        raise CertificateDepth
    for authority in between:
        _check_authority(authority)
        if not place_in(authority).is_within(place_in(root)):
            raise CertificateOutside
        _check_signed(office, authority)
    for authority in issuers:
        if not place.is_within(place_in(authority)):
            raise CertificateOutside
    until = _check_dates((office, *issuers), now)
    life = office.not_valid_after_utc - office.not_valid_before_utc
    if life > timedelta(days=OFFICE_DAYS):
        raise CertificateTooLong(life.days, OFFICE_DAYS)
    _check_revoked(tuple(zip(chain, issuers, strict=True)), trust)
    if expected is not None:
        check_place(place, expected)
    return Certified(place, _office_key(office), until, office.serial_number)


def check_place(place: Place, expected: Place) -> None:
    """Raises: CertificateLevel, CertificateBranch."""
    if place.level != expected.level:
        raise CertificateLevel
    if place != expected:
        raise CertificateBranch


def place_in(certificate: x509.Certificate) -> Place:
    """Return the one office that a certificate names. Raises: CertificateNames.

    Its host's name, for gRPC, must be the same office's. Names of other kinds are refused, too.
    """
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise CertificateNames(0) from None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    hosts = names.get_values_for_type(x509.DNSName)
    place = read_place(uris[0]) if uris else None
    if place is None or hosts != [place.dns] or len(list(names)) != 2:
        raise CertificateNames(len(uris))
    return place


def _issuer_of(
    certificate: x509.Certificate, roots: Sequence[x509.Certificate]
) -> x509.Certificate:
    """Return the root that has issued a certificate. Raises: CertificateForeign."""
    for root in roots:
        if certificate.issuer == root.subject:
            try:
                certificate.verify_directly_issued_by(root)
            except InvalidSignature:
                continue
            return root
    raise CertificateForeign


def _check_signed(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        raise CertificateForeign from None


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def _check_authority(certificate: x509.Certificate) -> None:
    """Check that a certificate is a district's authority. Raises: CertificateDepth,
    CertificateOutside when it is not limited to the district that it names.
    """
    place = place_in(certificate)
    extensions = certificate.extensions
    try:
        constraints = extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        raise CertificateDepth from None
    key = certificate.public_key()
    signs = usage.key_cert_sign and isinstance(key, PublicKey)
    if not (constraints.ca and constraints.path_length == 0 and signs):
        raise CertificateDepth
    try:
        limits = extensions.get_extension_for_class(x509.NameConstraints)
    except x509.ExtensionNotFound:
        raise CertificateOutside from None
    wanted = {x509.UniformResourceIdentifier(place.host), x509.DNSName(place.host)}
    permitted = set(limits.value.permitted_subtrees or ())
    if len(place.path) != 2 or not limits.critical or permitted != wanted:
        raise CertificateOutside


def _check_dates(certificates: Sequence[x509.Certificate], now: datetime) -> datetime:
    """Return until when all are valid. Raises: CertificateEarly, CertificateExpired."""
    if now < max(each.not_valid_before_utc for each in certificates):
        raise CertificateEarly
    until = min(each.not_valid_after_utc for each in certificates)
    if now > until:
        raise CertificateExpired
    return until


def _check_revoked(
    issued: Sequence[tuple[x509.Certificate, x509.Certificate]], trust: Trust
) -> None:
    for certificate, issuer in issued:
        known = trust.lists.get(key_id(issuer))
        if known is not None and certificate.serial_number in known.serials:
            raise CertificateRevoked


def _office_key(certificate: x509.Certificate) -> bytes:
    """Return the Ed25519 key that a certificate names. Raises: CertificateKey."""
    try:
        found = certificate.extensions.get_extension_for_oid(OFFICE_KEY).value
    except x509.ExtensionNotFound:
        raise CertificateKey from None
    if not isinstance(found, x509.UnrecognizedExtension) or not is_sound_key(found.value):
        raise CertificateKey
    return found.value
