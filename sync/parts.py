"""Parts: how many pieces a serialized body has, counted before anything is made of them. Pure.

Two bytes on the wire can become a hundred in memory, so a body of a few megabytes, itself unpacked
from a few kilobytes, would fill a machine that parsed it first and judged it after (INV-29).
"""

from __future__ import annotations

from collections.abc import Iterator

from sync.limits import BODY_PARTS_MAX

VARINT, FIXED64, LEN, FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_VARINT_BYTES_MAX = 10


class BadParts(ValueError):
    """Not a serialized message, or one of too many parts."""


def check_parts(body: bytes) -> None:
    """Count a body's blocks and what each of them consists of.

    Raises: BadParts, for more than BODY_PARTS_MAX, as soon as that is known.
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
    """Yield where each field of a message begins and ends that has a length of its own."""
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
