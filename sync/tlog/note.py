"""Signed notes (C2SP signed-note): a text, and lines with the signatures of those who sign it.

A witness's signature (C2SP tlog-cosignature) has the moment at which it was made.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from hashlib import sha256

from sync.codec.signing import Signer, is_signed
from sync.model.errors import Malformed

ED25519, COSIGNATURE = b"\x01", b"\x04"  # types of signatures
ID_BYTES, TIME_BYTES = 4, 8
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


def cosign(text: str, name: str, signer: Signer, at_s: int) -> Signature:
    """Return a witness's signature of a checkpoint's text, and when it was made."""
    key = Key(name, signer.public_key, COSIGNATURE)
    signature = signer.sign_note(_cosigned(text, at_s))
    return Signature(name, key.id + at_s.to_bytes(TIME_BYTES, "big") + signature)


def is_signed_by(text: str, signature: Signature, key: Key) -> bool:
    """Return whether a key has signed a note's text."""
    if (signature.name, signature.data[:ID_BYTES]) != (key.name, key.id):
        return False
    signed, made = text.encode(), signature.data[ID_BYTES:]
    if key.type == COSIGNATURE:
        signed, made = _cosigned(text, cosigned_s(signature)), made[TIME_BYTES:]
    return is_signed(key.public_key, signed, b"", made)


def cosigned_s(signature: Signature) -> int:
    """Return when a witness signed, seconds since 1970 UTC."""
    return int.from_bytes(signature.data[ID_BYTES : ID_BYTES + TIME_BYTES], "big")


def _cosigned(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def line_of(line: str) -> Signature:
    """Return the signature of one line. Raises: Malformed."""
    name, _, data = line.rstrip("\n").removeprefix(DASH).partition(" ")
    try:
        return Signature(name, b64decode(data, validate=True))
    except (NotBase64, ValueError):
        raise Malformed("a note with a line that is no signature") from None


def written(text: str, signatures: list[Signature]) -> str:
    """Return a note."""
    return text + "\n" + "".join(each.line for each in signatures)


def read(note: str) -> tuple[str, list[Signature]]:
    """Return a note's text and its signatures. Raises: Malformed."""
    text, blank, lines = note.rpartition("\n\n")
    signatures = [line_of(line) for line in lines.splitlines()]
    if not blank or not signatures:
        raise Malformed("a text that is no signed note")
    return text + "\n", signatures
