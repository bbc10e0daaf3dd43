"""Certificates for tests: a city's authority, two districts', and certificates that are wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as Key
from cryptography.x509.oid import NameOID

from node.identity.authority import OFFICE_KEY as OFFICE_KEY_ID
from node.identity.authority import Authority, found_authority, new_key
from node.identity.place import Place

CITY, EAST, WEST, STREET, HOME, FAR = 1, 21, 22, 31, 41, 32
NOW = datetime(2026, 7, 1, tzinfo=UTC)
OFFICE_KEY = bytes(range(7, 39))
CITY_PLACE = Place((CITY,))
EAST_PLACE = Place((CITY, EAST))
STREET_PLACE = Place((CITY, EAST, STREET))
HOME_PLACE = Place((CITY, EAST, STREET, HOME))
FAR_PLACE = Place((CITY, WEST, FAR))


@dataclass
class City:
    """A city's authority and those of its districts."""

    root: Authority = field(
        default_factory=lambda: found_authority(new_key(), CITY_PLACE, "试市", NOW)
    )
    districts: dict[int, Authority] = field(default_factory=dict)

    def district(self, unit: int = EAST) -> Authority:
        if unit not in self.districts:
            key, place = new_key(), Place((CITY, unit))
            made = self.root.issue_authority(place, key.public_key(), f"区{unit}", NOW)
            self.districts[unit] = Authority(key, made, place)
        return self.districts[unit]

    def office(
        self, place: Place = HOME_PLACE, *, now: datetime = NOW, by: Authority | None = None
    ) -> list[x509.Certificate]:
        """Return the chain of an office that a district issued."""
        authority = by or self.district()
        made = authority.issue_office(place, new_key().public_key(), OFFICE_KEY, "单位", now)
        return [made] if authority is self.root else [made, authority.certificate]


def wrong(
    by: Authority, names: Sequence[x509.GeneralName], *, days: int = 90, ca: bool = False,
    path_length: int | None = None, key: bytes = OFFICE_KEY, common_name: str = "单位",
    extra: Sequence[tuple[x509.ExtensionType, bool]] = (),
    subject_key: Key | None = None, now: datetime = NOW,
) -> x509.Certificate:  # fmt: skip
    """Return a certificate that `authority` would never make."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(by.certificate.subject)
        .public_key((subject_key or new_key()).public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=days - 1))
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if key:
        named = x509.UnrecognizedExtension(OFFICE_KEY_ID, key)
        builder = builder.add_extension(named, critical=False)
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(by.key, hashes.SHA256())


def names_of(*places: Place) -> list[x509.GeneralName]:
    """Return URIs of these places, and the host's name of the first."""
    uris = [x509.UniformResourceIdentifier(place.uri) for place in places]
    return [*uris, x509.DNSName(places[0].dns)]
