"""Signed notes (C2SP signed-note): a text, and lines with the signatures of those who sign it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

from sync.codec.signing import Signer

ED25519 = b"\x01"  # type of signatures
ID_BYTES = 4
DASH = "\N{EM DASH} "


@dataclass(frozen=True, slots=True)
class Signature:
    """One line of a note: whose, and the bytes: the key's id, then the signature."""

    name: str
    data: bytes

    @property
    def line(self) -> str:
        return f"{DASH}{self.name} {b64encode(self.data).decode()}\n"


@dataclass(frozen=True, slots=True)
class Key:
    """A key under a name, and the type of its signatures."""

    name: str
    public_key: bytes
    type: bytes = ED25519

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + self.type + self.public_key).digest()[:ID_BYTES]

    @property
    def text(self) -> str:
        """The key as others are given it (vkey)."""
        return f"{self.name}+{self.id.hex()}+{b64encode(self.type + self.public_key).decode()}"


def sign(text: str, name: str, signer: Signer) -> Signature:
    """Return a signature of a note's text, which ends with a line feed."""
    key = Key(name, signer.public_key)
    return Signature(name, key.id + signer.sign_note(text.encode()))


def written(text: str, signatures: list[Signature]) -> str:
    """Return a note."""
    return text + "\n" + "".join(each.line for each in signatures)
