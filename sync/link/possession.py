"""Proof of possession: each side signs a challenge of the other to show that it has its key.

The child signs the parent's challenge, the parent signs the child's. Each is used once, so a
recorded handshake is worth nothing, and neither is a public key alone.
"""

from __future__ import annotations

import struct
import threading
from collections import OrderedDict, defaultdict
from enum import Enum
from hashlib import blake2b
from typing import NamedTuple

from sync.codec.signing import Signer, is_signed

CHALLENGE_BITS = 128
CHALLENGE_BYTES = CHALLENGE_BITS // 8
OPEN_MAX = 8  # open challenges of one child; the oldest is forgotten for one more
CHILD = b"silian child 1\0"  # the purpose of a child's signature
PARENT = b"silian parent 1\0"  # of a parent's signature: neither can be used as the other


class Possession(Enum):
    """Whether a child has shown that it has its key."""

    SHOWN = "shown"
    DUE = "due"  # it has signed no open challenge
    FALSE = "false"  # another key, or none, signed the challenge


class Sides(NamedTuple):
    """Both ends of a link, as they are in this handshake."""

    child: int
    parent: int
    child_incarnation: int
    parent_incarnation: int


def sign(signer: Signer, purpose: bytes, sides: Sides, challenge: bytes) -> bytes:
    """Return the signature of one side for the other's challenge."""
    return signer.sign(purpose, _digest(sides, challenge))


def is_shown(
    public_key: bytes, purpose: bytes, sides: Sides, challenge: bytes, signature: bytes
) -> bool:
    """Return whether the holder of a key has signed a challenge."""
    return is_signed(public_key, purpose, _digest(sides, challenge), signature)


def _digest(sides: Sides, challenge: bytes) -> bytes:
    return blake2b(struct.pack(">4Q", *sides) + challenge, digest_size=32).digest()


class Challenges:
    """The challenges that children have not signed yet. Thread-safe; gone with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Child -> challenge -> our incarnation when it was given.
        self._open: defaultdict[int, OrderedDict[bytes, int]] = defaultdict(OrderedDict)

    def give(self, child: int, challenge: bytes, incarnation: int) -> bytes:
        """Let a child sign a challenge in its next handshake; return it."""
        with self._lock:
            waiting = self._open[child]
            waiting[challenge] = incarnation
            if len(waiting) > OPEN_MAX:
                waiting.popitem(last=False)
        return challenge

    def judge(
        self, sides: Sides, public_key: bytes, challenge: bytes, signature: bytes
    ) -> Possession:
        """Return whether a child has shown that it has a key; no challenge counts twice."""
        with self._lock:
            waiting = self._open.get(sides.child)
            given_under = waiting.pop(challenge, 0) if waiting else 0
        if given_under != sides.parent_incarnation:
            return Possession.DUE
        shown = is_shown(public_key, CHILD, sides, challenge, signature)
        return Possession.SHOWN if shown else Possession.FALSE
