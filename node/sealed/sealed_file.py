"""The format of a sealed backup: a header that everyone may read, and pieces that nobody else can.

    header   126 bytes, see `Header`
    pieces   each of 256 KiB of content, the last one shorter, and 16 bytes of its tag

The content is a compressed copy of the store. Each piece is encrypted with ChaCha20-Poly1305 under
a key that belongs to this backup alone (the recovery key and a random salt). Its nonce is its place
and whether it is the last; its associated data is the whole header. So a piece that is missing,
changed, moved, or under another header is refused, and so is a file that ends early.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from node.sealed.errors import SealedDamaged, WrongRecoveryKey
from node.sealed.recovery_key import NUMBER_BYTES, RecoveryKey

MAGIC = b"SILIANSB"
VERSION = 1
PIECE_BYTES = 256 << 10
TAG_BYTES = 16
SALT_BYTES = 32
_HEADER = struct.Struct(f">8sHQQQqQQ32s{SALT_BYTES}s{NUMBER_BYTES}s")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What everyone may know of a sealed backup, the parent too."""

    unit: int
    incarnation: int
    number: int  # rises with each backup of an office
    made_ms: int
    size: int  # of the content, compressed
    store_size: int  # of the store
    content_hash: bytes  # SHA-256 of the content
    salt: bytes
    key_number: bytes

    def packed(self) -> bytes:
        return _HEADER.pack(
            MAGIC, VERSION, self.unit, self.incarnation, self.number, self.made_ms, self.size,
            self.store_size, self.content_hash, self.salt, self.key_number,
        )  # fmt: skip

    @property
    def file_bytes(self) -> int:
        """How long the whole file is."""
        pieces = max(1, -(-self.size // PIECE_BYTES))
        return HEADER_BYTES + self.size + pieces * TAG_BYTES


def read_header(source: BinaryIO) -> Header:
    """Read a header from the beginning of a file. Raises: SealedDamaged."""
    raw = source.read(HEADER_BYTES)
    if len(raw) < HEADER_BYTES or raw[: len(MAGIC)] != MAGIC:
        raise SealedDamaged("it is no sealed backup", "不是密封备份文件")
    _, version, *values = _HEADER.unpack(raw)
    if version != VERSION:
        raise SealedDamaged(f"format {version} is not known here", f"本程序不认识格式 {version}")
    names = Header.__dataclass_fields__
    header = Header(**dict(zip(names, values, strict=True)))
    if header.packed() != raw:
        raise SealedDamaged("its header is damaged", "文件头已损坏")
    return header


def seal(content: BinaryIO, target: BinaryIO, header: Header, key: RecoveryKey) -> None:
    """Write a sealed backup of `content`, which is what the header says."""
    cipher, data = _cipher(header, key), _associated(header)
    target.write(header.packed())
    for place, piece in _pieces(content, header.size):
        last = (place + 1) * PIECE_BYTES >= header.size
        target.write(cipher.encrypt(_nonce(place, last=last), piece, data))


def unseal(source: BinaryIO, key: RecoveryKey) -> Iterator[bytes]:
    """Yield the content of a sealed backup, piece by piece, each proven.

    Use nothing of it before the end: only there is it known to be whole.
    Raises: WrongRecoveryKey, SealedDamaged.
    """
    header = read_header(source)
    if not hmac.compare_digest(header.key_number, key.number):
        raise WrongRecoveryKey(key.number.hex(), header.key_number.hex())
    cipher, data, hashed = _cipher(header, key), _associated(header), sha256()
    place, left = 0, header.size
    while left or not place:
        size = min(left, PIECE_BYTES)
        try:
            piece = cipher.decrypt(
                _nonce(place, last=size == left), source.read(size + TAG_BYTES), data
            )
        except InvalidTag:
            raise SealedDamaged(
                "it was changed, or is incomplete", "内容不完整，或密封后被改动"
            ) from None
        hashed.update(piece)
        yield piece
        place, left = place + 1, left - size
    if source.read(1) or hashed.digest() != header.content_hash:
        raise SealedDamaged("it is not what its header says", "内容与文件头不符")


def _cipher(header: Header, key: RecoveryKey) -> ChaCha20Poly1305:
    return ChaCha20Poly1305(key.derived(header.salt, b"content"))


def _associated(header: Header) -> bytes:
    """Return what each piece is bound to: all that the header says."""
    return header.packed()


def _nonce(place: int, *, last: bool) -> bytes:
    return place.to_bytes(11, "big") + bytes([last])


def _pieces(content: BinaryIO, size: int) -> Iterator[tuple[int, bytes]]:
    """Yield the places and pieces of a content; an empty one has one, empty piece."""
    for place in range(max(1, -(-size // PIECE_BYTES))):
        yield place, content.read(PIECE_BYTES)
