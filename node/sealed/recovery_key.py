"""The recovery key: what opens an office's sealed backups. A file outside the store, and a print.

It never goes to another machine by the program. People print it once and put it into the safe: a
lost disk takes the file with it, and nobody else can open the backups.
"""

from __future__ import annotations

import base64
import binascii
import random
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.private import write_whole
from node.sealed.errors import BadRecoveryKey, RecoveryKeyExists, RecoveryKeyMissing

RECOVERY_FILE = "recovery.key"
KEY_BYTES = 32
CHECK_BYTES = 3  # of SHA-256: a typing error is noticed before a key is tried
GROUP = 4
NUMBER_BYTES = 4
FILE_BYTES_MAX = 4_096
_MISREAD = str.maketrans("018", "OIB")  # base32 has none of these digits


@dataclass(frozen=True, slots=True, repr=False)
class RecoveryKey:
    """256 random bits."""

    secret: bytes

    def derived(self, salt: bytes, purpose: bytes, size: int = KEY_BYTES) -> bytes:
        """Return bytes that this key alone gives for a salt and a purpose (HKDF with SHA-256)."""
        return HKDF(SHA256(), size, salt or None, b"silian sealed backup 1: " + purpose).derive(
            self.secret
        )

    @property
    def number(self) -> bytes:
        """What tells one key from another and nothing about it."""
        return self.derived(b"", b"number", NUMBER_BYTES)

    def text(self) -> str:
        """Return the key as people print and type it."""
        whole = self.secret + sha256(self.secret).digest()[:CHECK_BYTES]
        letters = base64.b32encode(whole).decode()
        return "-".join(letters[i : i + GROUP] for i in range(0, len(letters), GROUP))


def read_text(text: str, path: str) -> RecoveryKey:
    """Return a key from its text; lines that begin with # are remarks. Raises: BadRecoveryKey."""
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    letters = "".join("".join(lines).split()).replace("-", "").upper().translate(_MISREAD)
    try:
        whole = base64.b32decode(letters)
    except (binascii.Error, ValueError):
        raise BadRecoveryKey(path) from None
    secret, check = whole[:KEY_BYTES], whole[KEY_BYTES:]
    if len(whole) != KEY_BYTES + CHECK_BYTES or sha256(secret).digest()[:CHECK_BYTES] != check:
        raise BadRecoveryKey(path)
    return RecoveryKey(secret)


def read_file(path: Path) -> RecoveryKey:
    """Return the key of a file. Raises: BadRecoveryKey; OSError."""
    with path.open("rb") as file:
        content = file.read(FILE_BYTES_MAX + 1)
    try:
        if len(content) > FILE_BYTES_MAX:
            raise BadRecoveryKey(str(path))
        return read_text(content.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError:
        raise BadRecoveryKey(str(path)) from None


def load(folder: Path) -> RecoveryKey:
    """Return an office's key. Raises: RecoveryKeyMissing, BadRecoveryKey."""
    path = folder / RECOVERY_FILE
    if not path.exists():
        raise RecoveryKeyMissing
    return read_file(path)


def is_there(folder: Path) -> bool:
    return (folder / RECOVERY_FILE).exists()


def make(folder: Path, rng: random.Random) -> RecoveryKey:
    """Make an office's key, once. Raises: RecoveryKeyExists."""
    if is_there(folder):
        raise RecoveryKeyExists(str(folder / RECOVERY_FILE))
    key = RecoveryKey(rng.getrandbits(8 * KEY_BYTES).to_bytes(KEY_BYTES, "big"))
    save(folder, key)
    return key


def save(folder: Path, key: RecoveryKey) -> None:
    write_whole(folder / RECOVERY_FILE, f"{key.text()}\n".encode())
