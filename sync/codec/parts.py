"""Parts of a serialized message, counted before it is built: a small one can have many. Pure.

Two bytes of a message become an object of a hundred and more. So a receiver bounds the parts of
what it reads, not only its bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from google.protobuf.descriptor import Descriptor

VARINT, FIXED64, LEN, FIXED32 = 0, 1, 2, 5
PART_BYTES_MIN = 2  # the smallest part: its tag and its length
_FIXED_BYTES = {FIXED64: 8, FIXED32: 4}
_VARINT_BYTES_MAX = 10


class BadParts(ValueError):
    """Not a serialized message, or one of too many parts."""


def check_body(body: bytes, most: int) -> None:
    """Count a body's blocks and their parts. Raises: BadParts, as soon as there are too many."""
    parts = 0
    for _, start, end in _lengths(body, 0, len(body)):
        parts += 1
        for _ in _lengths(body, start, end):
            parts += 1
            if parts > most:
                raise BadParts
        if parts > most:
            raise BadParts


def check_message(data: bytes, kind: Descriptor, most: int) -> None:
    """Count the parts of a message, and of those in it. Raises: BadParts, as `check_body`."""
    if len(data) > PART_BYTES_MIN * most:  # a smaller one cannot have so many
        _counted(data, 0, len(data), kind, most)


def _counted(data: bytes, at: int, end: int, kind: Descriptor, left: int) -> int:
    """Return how many more parts there may be. Raises: BadParts."""
    within = _messages_in(kind)
    for number, start, stop in _lengths(data, at, end):
        left -= 1
        if left < 0:
            raise BadParts
        part = within.get(number)
        if part is not None:
            left = _counted(data, start, stop, part, left)
    return left


@cache
def _messages_in(kind: Descriptor) -> dict[int, Descriptor]:
    """Return the fields of a message that are messages, by their numbers."""
    return {f.number: f.message_type for f in kind.fields if f.message_type is not None}


def _lengths(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (number, start, end) of each length-delimited field of a message."""
    while at < end:
        tag, at = _varint(data, at, end)
        kind = tag & 7
        if kind == LEN:
            size, at = _varint(data, at, end)
            if size > end - at:
                raise BadParts
            yield tag >> 3, at, at + size
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
