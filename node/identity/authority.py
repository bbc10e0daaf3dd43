"""The authority: keys, requests, certificates and revocation lists, made with `cryptography`. Pure.

The city has the root authority, each district one that is limited to its subtree. Streets and
communities issue nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as Key
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as PublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from node.identity.place import Place
from node.identity.refusals import UNREADABLE

DER = Encoding.DER
OFFICE_DAYS = 90
DISTRICT_DAYS = 730
CITY_DAYS = 3_650
COMMON_NAME_BYTES = 64
# An office's clock may be a day behind.
EARLY = timedelta(days=1)
# The office's Ed25519 key, 32 bytes. Made from a UUID (ITU-T X.667), so nobody else has it.
OFFICE_KEY = x509.ObjectIdentifier("2.25.275817021104834569026391447581506172918")


def new_key() -> Key:
    """Return a new private key, from the system's source of chance."""
    return ec.generate_private_key(ec.SECP256R1())


def request_for(key: Key) -> x509.CertificateSigningRequest:
    """Return a request that shows possession of a key; whose it is the issuer decides."""
    return x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, hashes.SHA256())


def requested_key(request: bytes) -> PublicKey | None:
    """Return the key of a request that is signed with it; None for any other."""
    try:
        read = x509.load_der_x509_csr(request)
        key = read.public_key()
        signed = read.is_signature_valid
    except UNREADABLE:
        return None
    if not (signed and isinstance(key, PublicKey) and isinstance(key.curve, ec.SECP256R1)):
        return None
    return key


class Authority:
    """A certificate authority: its key, its certificate, and the place that it issues for."""

    def __init__(self, key: Key, certificate: x509.Certificate, place: Place) -> None:
        self.key = key
        self.certificate = certificate
        self.place = place

    def issue_office(
        self, place: Place, key: PublicKey, office_key: bytes, name: str, now: datetime
    ) -> x509.Certificate:
        """Return an office's certificate, for both ends of TLS.

        `office_key`: the Ed25519 key with which the office signs; `name`: for people.
        """
        builder = _begun(self.certificate.subject, name, key, now, OFFICE_DAYS, self.certificate)
        return (
            _with_names(builder, place)
            .add_extension(x509.BasicConstraints(False, None), critical=True)
            .add_extension(key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
                ),
                critical=False,
            )
            .add_extension(x509.UnrecognizedExtension(OFFICE_KEY, office_key), critical=False)
            .add_extension(_issuer_id(self.certificate), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def issue_authority(
        self, place: Place, key: PublicKey, name: str, now: datetime
    ) -> x509.Certificate:
        """Return the certificate of a district's authority: for its subtree, and offices only."""
        builder = _begun(self.certificate.subject, name, key, now, DISTRICT_DAYS, self.certificate)
        host = place.host
        permitted = [x509.UniformResourceIdentifier(host), x509.DNSName(host)]
        return (
            _as_authority(builder, place, key, path_length=0)
            .add_extension(x509.NameConstraints(permitted, None), critical=True)
            .add_extension(_issuer_id(self.certificate), critical=False)
            .sign(self.key, hashes.SHA256())
        )

    def revocation_list(
        self, number: int, serials: Iterable[int], now: datetime
    ) -> x509.CertificateRevocationList:
        """Return a numbered list of all that this authority has revoked."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now)
            .next_update(now + timedelta(days=OFFICE_DAYS))
            .add_extension(x509.CRLNumber(number), critical=False)
            .add_extension(_issuer_id(self.certificate), critical=False)
        )
        for serial in serials:
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now)
            builder = builder.add_revoked_certificate(revoked.build())
        return builder.sign(self.key, hashes.SHA256())


def found_authority(key: Key, place: Place, name: str, now: datetime) -> Authority:
    """Return the city's authority, under a certificate that it issues to itself."""
    builder = _begun(_subject(name), name, key.public_key(), now, CITY_DAYS, None)
    made = _as_authority(builder, place, key.public_key(), path_length=1)
    return Authority(key, made.sign(key, hashes.SHA256()), place)


def _begun(
    issuer: x509.Name, name: str, key: PublicKey, now: datetime, days: int,
    above: x509.Certificate | None,
) -> x509.CertificateBuilder:  # fmt: skip
    """Begin a certificate; none is valid for longer than its issuer's."""
    until = now - EARLY + timedelta(days=days)
    if above is not None:
        until = min(until, above.not_valid_after_utc)
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(until)
    )


def _with_names(builder: x509.CertificateBuilder, place: Place) -> x509.CertificateBuilder:
    names = [x509.UniformResourceIdentifier(place.uri), x509.DNSName(place.dns)]
    return builder.add_extension(x509.SubjectAlternativeName(names), critical=False)


def _as_authority(
    builder: x509.CertificateBuilder, place: Place, key: PublicKey, *, path_length: int
) -> x509.CertificateBuilder:
    return (
        _with_names(builder, place)
        .add_extension(x509.BasicConstraints(True, path_length), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _issuer_id(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    key = issuer.public_key()
    assert isinstance(key, PublicKey), "an authority's key is P-256"
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, key_cert_sign=signs_certificates,
        crl_sign=signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _subject(name: str) -> x509.Name:
    """Return a subject for people, cut to what X.509 allows; it decides nothing."""
    cut = name.encode()[:COMMON_NAME_BYTES].decode(errors="ignore")
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cut or "-")])


def moment(ms: int) -> datetime:
    """Return milliseconds since 1970 UTC as X.509 has them: whole seconds."""
    return datetime.fromtimestamp(ms // 1_000, UTC)
