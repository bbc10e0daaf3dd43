"""Requests for certificates: what an office shows, and its signatures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey as Key
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey as PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from node.identity.authority import DER, request_for, requested_key
from node.services.enrolment.errors import RequestForged
from sync.codec.signing import Signer, is_signed, is_sound_key

# The purposes: a request for a certificate, by its hash; one that an office passes on.
REQUEST = b"silian certificate request 1\0"
CERTIFY = b"silian certify 1\0"


@dataclass(frozen=True, slots=True)
class Request:
    """What an office shows when it asks for a certificate."""

    unit: int
    csr: bytes  # PKCS#10, DER, signed with the key of TLS
    office_key: bytes  # Ed25519
    signature: bytes  # with `office_key`, over all of this
    authority_csr: bytes = b""  # of a district, for its authority

    def digest(self) -> bytes:
        """Return what the office signs."""
        parts = (self.unit.to_bytes(8, "big"), self.csr, self.office_key, self.authority_csr)
        return sha256(b"".join(sha256(part).digest() for part in parts)).digest()

    def keys(self) -> tuple[PublicKey, PublicKey | None]:
        """Return the keys that are to be certified. Raises: RequestForged."""
        key = requested_key(self.csr)
        authority = requested_key(self.authority_csr) if self.authority_csr else None
        signed = is_sound_key(self.office_key) and is_signed(
            self.office_key, REQUEST, self.digest(), self.signature
        )
        if key is None or not signed or (self.authority_csr and authority is None):
            raise RequestForged
        return key, authority

    def whose(self) -> bytes:
        """Return a hash of the keys: the same whenever they ask again. Raises: RequestForged."""
        key, _ = self.keys()
        shown = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return sha256(shown + self.office_key).digest()


def request_of(signer: Signer, unit: int, key: Key, authority_key: Key | None = None) -> Request:
    """Return a request of an office for its keys, signed with all of them."""
    own = request_for(authority_key).public_bytes(DER) if authority_key is not None else b""
    asked = Request(unit, request_for(key).public_bytes(DER), signer.public_key, b"", own)
    return replace(asked, signature=signer.sign(REQUEST, asked.digest()))


def passed_on(signer: Signer, request: Request) -> bytes:
    """Return the signature of the office that asks, for itself or for one that enrols with it."""
    return signer.sign(CERTIFY, sha256(request.signature).digest())


def is_passed_on(office_key: bytes, request: Request, signature: bytes) -> bool:
    return is_signed(office_key, CERTIFY, sha256(request.signature).digest(), signature)
