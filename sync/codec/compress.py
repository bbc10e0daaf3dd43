"""Compression with zstd for links and files; no other module uses zstd.

Sizes and parts are counted before a message is built: a small frame can contain a large message,
and a small message many parts.
"""

from __future__ import annotations

from typing import TypeVar

import zstandard
from google.protobuf.message import DecodeError, Message

from sync.codec.parts import PART_BYTES_MIN, BadParts, check_body
from sync.model.errors import Malformed, TooLarge
from sync.model.limits import BODY_BYTES_MAX, BODY_PARTS_MAX

M = TypeVar("M", bound=Message)
LEVEL = 1  # 92 bytes a record for 0.6 us; higher levels cost more than they save on a LAN
FILE_LEVEL = 3


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
            check_body(raw, BODY_PARTS_MAX)
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
