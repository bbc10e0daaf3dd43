"""Revocation lists: whom an authority no longer stands for. Signed, numbered, never an older one.

Pure; whoever stores them keeps the newest number of each authority.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as PublicKey

from node.identity.refusals import UNREADABLE, RevocationsForged, RevocationsOlder


@dataclass(frozen=True, slots=True)
class RevocationList:
    """What one authority has revoked, by serial number."""

    issuer: str  # the authority's key, by its identifier in hexadecimal
    number: int
    serials: frozenset[int]
    der: bytes


def key_id(certificate: x509.Certificate) -> str:
    """Return the identifier of an authority's key: it stays when its certificate is renewed."""
    key = certificate.public_key()
    assert isinstance(key, PublicKey), "an authority's key is P-256"
    return x509.SubjectKeyIdentifier.from_public_key(key).digest.hex()


def read_list(der: bytes, issuer: x509.Certificate) -> RevocationList:
    """Return a list that an authority has signed. Raises: RevocationsForged."""
    key = issuer.public_key()
    try:
        found = x509.load_der_x509_crl(der)
        signed = isinstance(key, PublicKey) and found.is_signature_valid(key)
        number = found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        serials = frozenset(revoked.serial_number for revoked in found)
    except (*UNREADABLE, x509.ExtensionNotFound):
        raise RevocationsForged from None
    if not signed or not is_plain_end(der, found.signature) or found.issuer != issuer.subject:
        raise RevocationsForged
    return RevocationList(key_id(issuer), number, serials, der)


def newer(known: RevocationList | None, come: RevocationList) -> bool:
    """Return whether a list takes the place of the known one. Raises: RevocationsOlder."""
    if known is None:
        return True
    if come.number < known.number:
        raise RevocationsOlder(come.number, known.number)
    return come.number > known.number


def is_plain_end(der: bytes, signature: bytes) -> bool:
    """Return whether a certificate or a list ends in its signature as DER writes it.

    The signature does not cover how its own bit string is written: a number of unused bits, when
    the last bits are zero, gives other bytes of the same certificate.
    """
    return der.endswith(b"\x00" + signature)
