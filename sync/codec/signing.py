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
FINGERPRINT_DIGITS = 20  # hexadecimal, of a key's first 80 bits
STREAM = b"silian stream 1\0"  # the purpose: a stream up to the entry with this hash
STATUS = b"silian status 1\0"  # the purpose: what an office says of itself, by its hash
RECEIPT = b"silian receipt 1\0"  # the purpose: what an office holds of another, by its hash
LOG = b"silian log 1\0"  # the purpose: that a log has an entry at a position, by the hash of both
TOKEN = b"silian token 1\0"  # the purpose: a token that a parent has issued, by its hash
BUNDLE = b"silian bundle 1\0"  # the purpose: a file with this hash of everything before its trailer


class Signer:
    """Signs with one office's key."""

    __slots__ = ("_key", "public_key")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key: bytes = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def sign(self, purpose: bytes, digest: bytes) -> bytes:
        return self._key.sign(purpose + digest)

    def sign_note(self, text: bytes) -> bytes:
        """Sign a note of `sync.tlog`: its first line, an origin, begins as no purpose does."""
        return self._key.sign(text)


def is_signed(public_key: bytes, purpose: bytes, digest: bytes, signature: bytes) -> bool:
    """Return whether the owner of a key has signed this digest for this purpose."""
    try:
        _key_of(public_key).verify(signature, purpose + digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def is_sound_key(public_key: bytes) -> bool:
    """Return whether these bytes can be an office's key: 32 of them, and no point of small order.

    Under a point of small order anybody makes signatures that fit (RFC 8032, 5.1.7; the orders of
    edwards25519 are listed in "Taming the many EdDSAs", Chalkias and others 2020). They are the
    points with one of five y coordinates, in any spelling.
    """
    if len(public_key) != KEY_BYTES:
        return False
    y = int.from_bytes(public_key, "little") & ((1 << 255) - 1)
    return y % _P not in _SMALL_ORDER


_P = (1 << 255) - 19
_Y8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER = frozenset({0, 1, _P - 1, _Y8, _P - _Y8})


@lru_cache(maxsize=1_024)
def _key_of(public_key: bytes) -> Ed25519PublicKey:
    """Raises: ValueError."""
    return Ed25519PublicKey.from_public_bytes(public_key)


def fingerprint(public_key: bytes) -> str:
    """Return a key as people compare it by phone: its first 80 bits, in groups of four digits."""
    digits = public_key.hex()[:FINGERPRINT_DIGITS]
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))
