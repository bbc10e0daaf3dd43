"""Sign and verify with an office's Ed25519 key. Pure; the caller passes the key's bytes.

A signature is over a purpose and a 32-byte hash. The purpose makes a signature for one thing
invalid for another.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SEED_BYTES = 32
KEY_BYTES = 32
SIGNATURE_BYTES = 64
STREAM = b"silian stream 1\0"  # the purpose: a stream up to the entry with this hash
BUNDLE = b"silian bundle 1\0"  # the purpose: a file with this hash of everything before its trailer


class Signer:
    """Signs with one office's key."""

    __slots__ = ("_key", "public_key")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key: bytes = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, purpose: bytes, digest: bytes) -> bytes:
        return self._key.sign(purpose + digest)


def is_signed(public_key: bytes, purpose: bytes, digest: bytes, signature: bytes) -> bool:
    """Return whether the owner of a key has signed this digest for this purpose."""
    try:
        _key_of(public_key).verify(signature, purpose + digest)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=1_024)
def _key_of(public_key: bytes) -> Ed25519PublicKey:
    """Raises: ValueError."""
    return Ed25519PublicKey.from_public_bytes(public_key)


def fingerprint(public_key: bytes) -> str:
    """Return a key as people compare it by phone: its first 80 bits, in groups of four digits."""
    digits = public_key[:10].hex()
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))
