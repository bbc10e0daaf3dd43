"""Compression: zstd for what crosses a link or lies in a file. Nothing else knows zstd.

What is unpacked is counted before it is built: a small frame can hold a large message, and a small
message many parts.
"""

from __future__ import annotations

from typing import TypeVar

import zstandard
from google.protobuf.message import DecodeError, Message

from sync.limits import BODY_BYTES_MAX, BODY_PARTS_MAX
from sync.parts import BadParts, check_parts
from sync.wire_errors import Malformed, TooLarge

M = TypeVar("M", bound=Message)
LEVEL = 1  # 92 bytes a record for 0.6 us; higher levels cost more than they save on a LAN
FILE_LEVEL = 3
PART_BYTES_MIN = 2  # what a part takes in a body: its tag and its length


def compress(message: Message) -> bytes:
    """Serialize and compress a message of many parts. Raises: TooLarge."""
    body = message.SerializeToString()
    if len(body) > BODY_BYTES_MAX:
        raise TooLarge(len(body), BODY_BYTES_MAX)
    return zstandard.ZstdCompressor(level=LEVEL).compress(body)


def decompress(payload: bytes, message: M) -> M:
    """Read a compressed message, with its size and its parts counted before it is built.

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


def squeeze(plain: bytes) -> bytes:
    """Compress what goes into a file, where space counts for more than time."""
    return zstandard.ZstdCompressor(level=FILE_LEVEL).compress(plain)


def unsqueeze(payload: bytes, bytes_max: int) -> bytes:
    """Return what `squeeze` took. Raises: Malformed, for a bomb as for any other nonsense."""
    try:
        size = zstandard.get_frame_parameters(payload).content_size
        if size > bytes_max:
            raise Malformed(f"{size} bytes unpacked, {bytes_max} allowed")
        return zstandard.ZstdDecompressor().decompress(payload, max_output_size=bytes_max)
    except zstandard.ZstdError as error:
        raise Malformed("a part does not unpack") from error
