"""Compression with zstd for links and files; no other module uses zstd.

Sizes and parts are counted before a message is built: a small frame can contain a large message,
and a small message many parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import zstandard
from google.protobuf.message import DecodeError, Message

from sync.model.errors import Malformed, TooLarge
from sync.model.limits import BODY_BYTES_MAX, BODY_PARTS_MAX

M = TypeVar("M", bound=Message)
LEVEL = 1  # 92 bytes a record for 0.6 us; higher levels cost more than they save on a LAN
FILE_LEVEL = 3
PART_BYTES_MIN = 2  # the smallest part of a body: its tag and its length


def compress(message: Message) -> bytes:
    """Serialize and compress a message of many parts. Raises: TooLarge."""
    body = message.SerializeToString()
    if len(body) > BODY_BYTES_MAX:
        raise TooLarge(len(body), BODY_BYTES_MAX)
    return zstandard.ZstdCompressor(level=LEVEL).compress(body)


def decompress(payload: bytes, message: M) -> M:
    """Read a compressed message; count its size and its parts before it is built.

    Raises: Malformed.
    """
    try:
        size = zstandard.get_frame_parameters(payload).content_size
        if size > BODY_BYTES_MAX:
            raise Malformed(f"body of {size} bytes unpacked, {BODY_BYTES_MAX} allowed")
        raw = zstandard.ZstdDecompressor().decompress(payload, max_output_size=BODY_BYTES_MAX)
        if len(raw) > PART_BYTES_MIN * BODY_PARTS_MAX:  # a smaller one cannot have so many
            check_parts(raw)
        message.ParseFromString(raw)
    except (zstandard.ZstdError, DecodeError, BadParts) as error:
        raise Malformed("body does not unpack") from error
    return message


def compress_file(plain: bytes) -> bytes:
    """Compress for a file, where space matters more than time."""
    return zstandard.ZstdCompressor(level=FILE_LEVEL).compress(plain)


def decompress_file(payload: bytes, bytes_max: int) -> bytes:
    """Return what `compress_file` compressed. Raises: Malformed, also for a bomb."""
    try:
        size = zstandard.get_frame_parameters(payload).content_size
        if size > bytes_max:
            raise Malformed(f"{size} bytes unpacked, {bytes_max} allowed")
        return zstandard.ZstdDecompressor().decompress(payload, max_output_size=bytes_max)
    except zstandard.ZstdError as error:
        raise Malformed("a part does not unpack") from error


VARINT, FIXED64, LEN, FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_VARINT_BYTES_MAX = 10


class BadParts(ValueError):
    """Not a serialized message, or one of too many parts."""


def check_parts(body: bytes) -> None:
    """Count a body's blocks and their parts.

    Raises: BadParts, as soon as there are more than BODY_PARTS_MAX.
    """
    parts = 0
    for start, end in _lengths(body, 0, len(body)):
        parts += 1
        for _ in _lengths(body, start, end):
            parts += 1
            if parts > BODY_PARTS_MAX:
                raise BadParts
        if parts > BODY_PARTS_MAX:
            raise BadParts


def _lengths(data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each length-delimited field of a message."""
    while at < end:
        tag, at = _varint(data, at, end)
        kind = tag & 7
        if kind == LEN:
            size, at = _varint(data, at, end)
            if size > end - at:
                raise BadParts
            yield at, at + size
            at += size
        elif kind == VARINT:
            _, at = _varint(data, at, end)
        elif kind in _FIXED_BYTES:
            at += _FIXED_BYTES[kind]
        else:
            raise BadParts
    if at > end:
        raise BadParts


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = 0
    for i in range(min(_VARINT_BYTES_MAX, end - at)):
        byte = data[at + i]
        value |= (byte & 0x7F) << 7 * i
        if byte < 0x80:
            return value, at + i + 1
    raise BadParts
