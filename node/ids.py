"""Ids made by the writer, never handed out by a server: of records (16 bytes) and incarnations."""

from __future__ import annotations

import random
from hashlib import blake2b


def uuid7(now_ms: int, rng: random.Random) -> bytes:
    """Return a time-ordered id (RFC 9562, version 7), so that new records are appended."""
    body = rng.getrandbits(74)
    value = now_ms << 80 | 0x7 << 76 | (body >> 62) << 64 | 0b10 << 62 | body & ((1 << 62) - 1)
    return value.to_bytes(16, "big")


def natural_id(*parts: str) -> bytes:
    """Return the id of a record that its own key names: the same wherever it is made."""
    return blake2b("\x1f".join(parts).encode(), digest_size=16).digest()


def new_incarnation(rng: random.Random) -> int:
    """Return an id for one life of a store: 63 random bits, never 0."""
    return rng.getrandbits(63) or 1
