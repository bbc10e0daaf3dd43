"""The file of a bundle: frame, seal and check its sections. Uses no store.

magic, then sections: kind (1 byte), length (4 bytes), payload
H  a `BundleHeader`, the first section
B  a `Batch`, serialized;  Z  the same as one zstd frame
E  the trailer, the last section, of fixed length: number of sections before it (4 bytes), whether
   another file of the set follows (1 byte), hash of everything before this hash (32 bytes),
   signature of that hash by the key in the header (64 bytes)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import BinaryIO

from google.protobuf.message import DecodeError

from sync.codec import compress
from sync.codec import entry as codec
from sync.codec.signing import BUNDLE, KEY_BYTES, SIGNATURE_BYTES, Signer, is_signed
from sync.model.change import Batch
from sync.model.errors import ErrorKind, SilianError
from sync.model.limits import BUNDLE_SECTIONS_MAX, MESSAGE_BYTES_MAX
from sync.wire.link.v1 import bundle_pb2, link_pb2

MAGIC = b"SILIAN BUNDLE 1\r\n"  # the digit is the version; a transfer as text changes the line end
HEADER, PLAIN, PACKED, END = b"H", b"B", b"Z", b"E"
_FRAME = struct.Struct(">cI")
_TRAILER = struct.Struct(f">IB{codec.HASH_BYTES}s{SIGNATURE_BYTES}s")
TRAILER_BYTES = 1 + _TRAILER.size
_SEALED_BYTES = 1 + 4 + 1  # of the trailer, what its own hash covers
_PIECE_BYTES = 1 << 20


_WHY_ZH = {  # causes that a clerk can act on; the others share one text
    "it does not begin as one": "不是离线包文件",
    "it is cut off": "文件被截断",
    "it does not end with its trailer": "文件末尾缺失或多出内容",
    "it is not what was sealed": "内容与封存时不符",
    "its signature is not that of the key it names": "签名与其密钥不符",
}


class BundleDamaged(SilianError):
    """The file is not a bundle, or is incomplete or changed, or its signature is wrong."""

    code = "bundle_damaged"
    kind = ErrorKind.DAMAGED_FILE

    def __init__(self, why: str) -> None:
        super().__init__(
            f"not an intact bundle: {why}",
            f"离线包不完整或已被改动：{_WHY_ZH.get(why, '内部结构有误')}",
            remedy_en="Nothing was applied. Copy the file again, or ask for a new one.",
            remedy_zh="未导入任何数据。请重新拷贝，或请对方重新生成。",
        )


class BundleNewer(SilianError):
    """The file is a bundle of a newer version than this program knows."""

    code = "bundle_newer"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self) -> None:
        super().__init__(
            "this bundle was written by a newer program",
            "该离线包由更新版本的程序生成",
            remedy_en="Upgrade this office, then read it.",
            remedy_zh="请先升级本单位程序，再读取。",
        )


class BundleWriter:
    """Writes one file; it is complete only after `end`."""

    def __init__(self, out: BinaryIO, header: bundle_pb2.BundleHeader, signer: Signer) -> None:
        self._out = out
        self._signer = signer
        self._hash = blake2b(digest_size=codec.HASH_BYTES)
        self.size = 0
        self.sections = 0
        self._write(MAGIC)
        self._section(HEADER, header.SerializeToString())

    def fits(self, section: tuple[bytes, bytes], bytes_max: int) -> bool:
        """Return whether a section may still be added; the first batch always may."""
        more = _FRAME.size + len(section[1]) + TRAILER_BYTES
        return self.sections < 2 or not bytes_max or self.size + more <= bytes_max

    def add(self, section: tuple[bytes, bytes]) -> None:
        """Add a batch that `packed` returned."""
        self._section(*section)

    def end(self, *, more: bool) -> None:
        """Seal and sign the file; `more`: another file of the set follows."""
        self._write(END + struct.pack(">IB", self.sections, more))
        digest = self._hash.digest()
        self._write(digest + self._signer.sign(BUNDLE, digest))

    def _section(self, kind: bytes, payload: bytes) -> None:
        self._write(_FRAME.pack(kind, len(payload)))
        self._write(payload)
        self.sections += 1

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._hash.update(data)
        self.size += len(data)


def packed(batch: Batch) -> tuple[bytes, bytes]:
    """Return a batch as a section: kind and payload; compressed if that makes it smaller."""
    plain = codec.batch_to_wire(batch).SerializeToString()
    small = compress.compress_file(plain)
    return (PACKED, small) if len(small) < len(plain) else (PLAIN, plain)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked file: nothing in it has changed since its writer sealed it."""

    file: BinaryIO
    header: bundle_pb2.BundleHeader
    sections: tuple[tuple[bytes, int, int], ...]  # of the batches: kind, offset, length
    more: bool  # another file of its set follows

    def batches(self) -> Iterator[Batch]:
        """Yield the batches. Raises: BundleDamaged, Malformed."""
        for kind, offset, length in self.sections:
            self.file.seek(offset)
            yield _batch(kind, self.file.read(length))


def open_bundle(file: BinaryIO) -> Bundle:
    """Check a complete file: frames, hash, signature. Does not check whose key it is.

    Raises: BundleDamaged, BundleNewer.
    """
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)
    magic = file.read(len(MAGIC))
    if magic[:14] == MAGIC[:14] and magic[14:15].isdigit() and magic[15:] == MAGIC[15:]:
        if magic != MAGIC:
            raise BundleNewer
    else:
        raise BundleDamaged("it does not begin as one")
    digest = blake2b(magic, digest_size=codec.HASH_BYTES)
    sections: list[tuple[bytes, int, int]] = []
    header = bundle_pb2.BundleHeader()
    while True:
        frame = file.read(_FRAME.size)
        if frame[:1] == END:
            break
        if len(frame) < _FRAME.size:
            raise BundleDamaged("it is cut off")
        kind, length = _FRAME.unpack(frame)
        offset = file.tell()
        expected = (PLAIN, PACKED) if sections else (HEADER,)
        if len(sections) > BUNDLE_SECTIONS_MAX:
            raise BundleDamaged(f"more than {BUNDLE_SECTIONS_MAX} sections")
        if kind not in expected or not 0 < length <= MESSAGE_BYTES_MAX:
            raise BundleDamaged(f"a section of kind {kind!r} and {length} bytes")
        if offset + length > size:
            raise BundleDamaged("it is cut off")
        digest.update(frame)
        payload = _hashed(file, length, digest, keep=kind == HEADER)
        if kind == HEADER:
            header = _header(payload)
        sections.append((kind, offset, length))
    file.seek(-len(frame), 1)
    trailer = file.read(TRAILER_BYTES + 1)
    if len(trailer) != TRAILER_BYTES:
        raise BundleDamaged("it does not end with its trailer")
    digest.update(trailer[:_SEALED_BYTES])
    count, more, sealed_hash, signature = _TRAILER.unpack(trailer[1:])
    if count != len(sections) or not sections or more > 1 or sealed_hash != digest.digest():
        raise BundleDamaged("it is not what was sealed")
    if not is_signed(header.public_key, BUNDLE, sealed_hash, signature):
        raise BundleDamaged("its signature is not that of the key it names")
    return Bundle(file, header, tuple(sections[1:]), bool(more))


def _hashed(file: BinaryIO, length: int, digest: blake2b, *, keep: bool) -> bytes:
    kept = b""
    while length:
        piece = file.read(min(length, _PIECE_BYTES))
        if not piece:
            raise BundleDamaged("it is cut off")
        digest.update(piece)
        length -= len(piece)
        if keep:
            kept += piece
    return kept


def _header(payload: bytes) -> bundle_pb2.BundleHeader:
    try:
        header = bundle_pb2.BundleHeader.FromString(payload)
    except DecodeError as error:
        raise BundleDamaged("its header does not parse") from error
    if len(header.public_key) != KEY_BYTES:
        raise BundleDamaged("its header names no key")
    return header


def _batch(kind: bytes, payload: bytes) -> Batch:
    plain = compress.decompress_file(payload, MESSAGE_BYTES_MAX) if kind == PACKED else payload
    try:
        return codec.batch_from_wire(link_pb2.Batch.FromString(plain))
    except DecodeError as error:
        raise BundleDamaged("a batch does not parse") from error
