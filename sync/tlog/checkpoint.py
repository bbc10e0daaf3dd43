"""Checkpoints (C2SP tlog-checkpoint): how long a log is and what its root hash is, signed by it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass

from sync.codec.signing import Signer
from sync.model.errors import Malformed
from sync.tlog import note
from sync.tlog.note import Key
from sync.tlog.tree import HASH_BYTES

SIZE_DIGITS_MAX = 18


def origin_of(unit: int) -> str:
    """Return the name of an office's log, and of its key: the unit's permanent number."""
    return f"silian/u{unit}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log. `origin`: the log's name, and that of its key."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    def signed(self, signer: Signer, cosignatures: Sequence[note.Signature] = ()) -> str:
        """Return the checkpoint as its log signs it, with what witnesses have signed."""
        return note.written(self.text, [note.sign(self.text, self.origin, signer), *cosignatures])


def read(signed: str) -> Checkpoint:
    """Return what a signed checkpoint says; who signed it is not looked at. Raises: Malformed."""
    text, _ = note.read(signed)
    origin, size, root, *_ = [*text.split("\n"), "", ""]
    try:
        digest = b64decode(root, validate=True)
    except (NotBase64, ValueError):
        digest = b""
    if not (size.isascii() and size.isdecimal() and len(size) <= SIZE_DIGITS_MAX):
        raise Malformed("a checkpoint without a number of entries")
    found = Checkpoint(origin, int(size), digest)
    if len(digest) != HASH_BYTES or found.text != text:
        raise Malformed("a checkpoint that is written in another way")
    return found


def is_of(signed: str, key: Key) -> bool:
    """Return whether a log has signed a checkpoint under this key."""
    text, signatures = note.read(signed)
    return any(note.is_signed_by(text, each, key) for each in signatures)
