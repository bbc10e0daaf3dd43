"""Protobuf <-> dataclasses. Nothing else knows both; nothing else knows zstd."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import chain
from typing import TypeVar

import zstandard
from google.protobuf.message import DecodeError, Message

from sync.change import ID_BYTES, Batch, Block, Entry, Operation, Signature, StreamHead, Value
from sync.errors import SilianError
from sync.limits import BODY_BYTES_MAX, BODY_PARTS_MAX, ENTRY_BYTES_MAX
from sync.news import OfficeNews, SafeAt
from sync.parts import BadParts, check_parts
from sync.schema import Lane
from sync.signing import KEY_BYTES, SIGNATURE_BYTES
from sync.streams import StreamKey
from sync.version import VERSION_BYTES, Version
from sync.wire.v1 import link_pb2 as pb

M = TypeVar("M", bound=Message)
HASH_BYTES = 32
FILE_ZSTD_LEVEL = 3
PART_BYTES_MIN = 2  # what a part takes in a body: its tag and its length
ZSTD_LEVEL = 1  # 92 bytes a record for 0.6 us; higher levels cost more than they save on a LAN


class Malformed(SilianError):
    """A message is not what the protocol allows. Sending it again will not help."""

    code = "malformed"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"malformed message: {what}",
            f"报文格式错误: {what}",
            remedy_en="Check that both offices run a released version; report it with this text.",
            remedy_zh="请确认双方均为正式版本，并将此信息报告给维护人员。",
        )


class TooLarge(SilianError):
    """A transaction would not fit through a link; it is refused here, where somebody can act."""

    code = "transaction_too_large"

    def __init__(self, size: int, allowed: int) -> None:
        super().__init__(
            f"one transaction of {size} bytes, {allowed} allowed",
            f"一次提交的数据为 {size} 字节，上限为 {allowed} 字节",
            remedy_en="Commit it in smaller pieces.",
            remedy_zh="请分批提交。",
        )


def hash_of(wire: bytes) -> bytes:
    """Return the 32-byte hash that the next entry of the stream carries as `prev_hash`."""
    return blake2b(wire, digest_size=HASH_BYTES).digest()


def entry_to_wire(
    blocks: Sequence[Block],
    *,
    incarnation: int,
    unit: int,
    level: int,
    audience: str,
    lane: Lane,
    seq: int,
    prev_hash: bytes,
    hlc: int,
    payload: bytes | None = None,
    said_under: int = 0,
) -> Entry:
    """Pack one transaction for one audience.

    `payload` may be given when the same blocks go to a second audience: packed once, said twice.
    Raises: TooLarge, rather than make what every receiver must refuse.
    """
    if payload is None:
        payload = pack(blocks)
    changes = sum(len(b.ids) for b in blocks)
    wire = pb.Entry(
        incarnation=incarnation,
        unit=unit,
        level=level,
        audience=audience,
        lane=lane.value,  # type: ignore[arg-type]  # the wire's numbers are Lane's
        seq=seq,
        prev_hash=prev_hash,
        hlc=hlc,
        changes=changes,
        payload=payload,
        said_under=said_under,
    ).SerializeToString()
    if len(wire) > ENTRY_BYTES_MAX:
        raise TooLarge(len(wire), ENTRY_BYTES_MAX)
    return Entry(
        incarnation, unit, level, audience, lane, seq, prev_hash, hlc, changes, payload,
        wire, hash_of(wire), said_under,
    )  # fmt: skip


def entry_from_wire(wire: bytes) -> Entry:
    """Read an entry's header; the payload stays packed.

    Raises: Malformed.
    """
    if len(wire) > ENTRY_BYTES_MAX:
        raise Malformed(f"entry of {len(wire)} bytes, {ENTRY_BYTES_MAX} allowed")
    try:
        m = pb.Entry.FromString(wire)
    except DecodeError as error:
        raise Malformed("entry does not parse") from error
    if m.lane not in (1, 2) or m.seq < 1 or m.level > 3 or len(m.prev_hash) not in (0, HASH_BYTES):
        raise Malformed(f"entry header: lane {m.lane}, seq {m.seq}, level {m.level}")
    largest = max(m.incarnation, m.unit, m.hlc, m.seq << 1, m.changes << 32, m.said_under)
    if largest >= 1 << 63:
        raise Malformed("entry header: a number is out of range")
    return Entry(
        m.incarnation, m.unit, m.level, m.audience, Lane(m.lane), m.seq, m.prev_hash, m.hlc,
        m.changes, m.payload, wire, hash_of(wire), m.said_under,
    )  # fmt: skip


def pack(blocks: Iterable[Block]) -> bytes:
    """Serialize and compress the blocks of one transaction. Raises: TooLarge."""
    return compress(pb.Body(blocks=[_block_to_wire(b) for b in blocks]))


def compress(message: Message) -> bytes:
    """Serialize and compress a message of many parts. Raises: TooLarge."""
    body = message.SerializeToString()
    if len(body) > BODY_BYTES_MAX:
        raise TooLarge(len(body), BODY_BYTES_MAX)
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(body)


def unpack(payload: bytes) -> list[Block]:
    """Return the blocks of one transaction.

    Raises: Malformed, for a bomb (more than BODY_BYTES_MAX unpacked) as for any other nonsense.
    """
    body = decompress(payload, pb.Body())
    return [_block_from_wire(b) for b in body.blocks]


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
    return zstandard.ZstdCompressor(level=FILE_ZSTD_LEVEL).compress(plain)


def unsqueeze(payload: bytes, bytes_max: int) -> bytes:
    """Return what `squeeze` took. Raises: Malformed, for a bomb as for any other nonsense."""
    try:
        size = zstandard.get_frame_parameters(payload).content_size
        if size > bytes_max:
            raise Malformed(f"{size} bytes unpacked, {bytes_max} allowed")
        return zstandard.ZstdDecompressor().decompress(payload, max_output_size=bytes_max)
    except zstandard.ZstdError as error:
        raise Malformed("a part does not unpack") from error


def batch_to_wire(batch: Batch) -> pb.Batch:
    return pb.Batch(
        lane=batch.lane.value,  # type: ignore[arg-type]  # the wire's numbers are Lane's
        incarnation=batch.incarnation,
        after=batch.after,
        upto=batch.upto,
        entries=batch.entries,
        positions=batch.positions,
        signatures=map(signature_to_wire, batch.signatures),
    )


def batch_from_wire(m: pb.Batch) -> Batch:
    """Raises: Malformed."""
    if m.lane not in (1, 2):
        raise Malformed(f"batch of lane {m.lane}")
    if len(m.entries) != len(m.positions) or m.upto < m.after or m.upto >= 1 << 62:
        raise Malformed("batch positions do not fit its entries")
    positions = tuple(m.positions)
    if any(b <= a for a, b in zip((m.after, *positions), positions, strict=False)) or (
        positions and positions[-1] > m.upto
    ):
        raise Malformed("batch positions do not rise")
    signatures = signatures_from_wire(m.signatures)
    entries = tuple(m.entries)
    return Batch(Lane(m.lane), m.incarnation, m.after, m.upto, entries, positions, signatures)


def signature_to_wire(signature: Signature) -> pb.Signature:
    return pb.Signature(
        incarnation=signature.incarnation,
        audience=signature.audience,
        lane=signature.lane.value,  # type: ignore[arg-type]  # the wire's numbers are Lane's
        seq=signature.seq,
        signature=signature.signature,
        public_key=signature.public_key,
    )


def signatures_from_wire(found: Iterable[pb.Signature]) -> tuple[Signature, ...]:
    """Raises: Malformed."""
    signatures = []
    for m in found:
        lengths = (len(m.signature), len(m.public_key))
        if m.lane not in (1, 2) or lengths != (SIGNATURE_BYTES, KEY_BYTES):
            raise Malformed(f"signature: lane {m.lane}, {lengths[0]} and {lengths[1]} bytes")
        signatures.append(
            Signature(m.incarnation, m.audience, Lane(m.lane), m.seq, m.signature, m.public_key)
        )
    return tuple(signatures)


def split(packed: bytes, width: int) -> list[bytes]:
    """Cut concatenated fixed-width values apart."""
    return [packed[i : i + width] for i in range(0, len(packed), width)]


def column_to_wire(values: Sequence[Value]) -> pb.Column:
    present = [v for v in values if v is not None]
    column = pb.Column()
    if present and isinstance(present[0], int):
        column.is_int = True
        column.ints.extend(present)  # type: ignore[arg-type]  # one kind a column: RegisterSchema
    else:
        column.texts.extend(present)  # type: ignore[arg-type]
    if len(present) != len(values):
        nulls = bytearray((len(values) + 7) // 8)
        for i, value in enumerate(values):
            if value is None:
                nulls[i >> 3] |= 1 << (i & 7)
        column.nulls = bytes(nulls)
    return column


def column_from_wire(column: pb.Column, count: int) -> list[Value]:
    """Raises: Malformed, when the values are not `count`."""
    given = column.ints if column.is_int else column.texts
    if len(given) > count:  # before a list is made of them
        raise Malformed(f"column of {len(given)} values for {count} records")
    values: list[Value] = list(given)
    nulls = column.nulls
    if nulls:
        present = iter(values)
        try:
            values = [None if nulls[i >> 3] >> (i & 7) & 1 else next(present) for i in range(count)]
        except (StopIteration, IndexError, RuntimeError) as error:
            raise Malformed("column is too short") from error
        if next(present, None) is not None:
            raise Malformed("column is too long")
    if len(values) != count:
        raise Malformed(f"column of {len(values)} values for {count} records")
    return values


def _block_to_wire(block: Block) -> pb.Block:
    message = pb.Block(
        register=block.register,
        unit=block.unit,
        operation=block.operation.value,  # type: ignore[arg-type]
        ids=b"".join(block.ids),
        fields=block.fields,
        columns=[column_to_wire(c) for c in block.columns],
        life=block.life,
    )
    if block.bases:
        index = {v: i for i, v in enumerate(dict.fromkeys(chain.from_iterable(block.bases)))}
        message.versions = b"".join(index)
        for column in block.bases:
            numbers = [index[v] for v in column]
            same = numbers.count(numbers[0]) == len(numbers)
            message.bases.add(index=numbers[:1] if same else numbers)
    for (record, field), versions in block.settled.items():
        for version in versions:
            message.settled.add(record=record, field=field, version=version)
    return message


def _block_from_wire(m: pb.Block) -> Block:
    if m.operation not in (1, 2, 3) or not m.ids or len(m.ids) % ID_BYTES or m.unit >= 1 << 63:
        raise Malformed(f"block of {m.register[:40]!r}: operation {m.operation}, ids {len(m.ids)}")
    count = len(m.ids) // ID_BYTES
    operation = Operation(m.operation)
    ids = split(m.ids, ID_BYTES)
    if len(set(ids)) != count:
        raise Malformed("block names a record twice")
    fields = tuple(m.fields)
    if len(set(fields)) != len(fields):
        raise Malformed("block names a field twice")
    if operation is not Operation.DELETE and len(m.columns) != len(fields):
        raise Malformed("block has not one column a field")
    bases: list[Sequence[Version]] = []
    if operation is not Operation.CREATE:
        if len(m.bases) != len(fields):
            raise Malformed("block has not one base column a field")
        bases = [base_from_wire(b, m.versions, count) for b in m.bases]
    settled: dict[tuple[int, str], tuple[Version, ...]] = {}
    for s in m.settled:
        if s.record >= count or len(s.version) != VERSION_BYTES:
            raise Malformed("block settles what it does not hold")
        key = (s.record, s.field)
        settled[key] = (*settled.get(key, ()), s.version)
    return Block(
        register=m.register,
        unit=m.unit,
        operation=operation,
        ids=ids,
        fields=fields,
        columns=[column_from_wire(c, count) for c in m.columns],
        bases=bases,
        life=m.life,
        settled=settled,
    )


def base_from_wire(column: pb.BaseColumn, versions: bytes, count: int) -> Sequence[Version]:
    """Raises: Malformed."""
    if len(versions) % VERSION_BYTES:
        raise Malformed("base versions are cut off")
    known = split(versions, VERSION_BYTES)
    if len(column.index) > count:
        raise Malformed(f"{len(column.index)} base versions for {count} records")
    try:
        values = [known[i] for i in column.index]
    except IndexError as error:
        raise Malformed("base version out of range") from error
    if len(values) == 1:
        return values * count
    if len(values) != count:
        raise Malformed(f"{len(values)} base versions for {count} records")
    return values


def head_to_wire(key: StreamKey, head: StreamHead) -> pb.StreamHead:
    return pb.StreamHead(
        incarnation=key.incarnation,
        audience=key.audience,
        lane=key.lane.value,  # type: ignore[arg-type]  # the wire's numbers are Lane's
        seq=head.seq,
        hash=head.hash,
    )


def head_from_wire(m: pb.StreamHead) -> tuple[StreamKey, StreamHead]:
    """Raises: Malformed."""
    if m.lane not in (1, 2):
        raise Malformed(f"stream of lane {m.lane}")
    return StreamKey(m.incarnation, m.audience, Lane(m.lane)), StreamHead(m.seq, m.hash)


def news_to_wire(news: OfficeNews) -> pb.OfficeStatus:
    return pb.OfficeStatus(
        unit=news.unit,
        at_ms=news.at_ms,
        last_contact_ms=news.last_contact_ms,
        connected=news.connected,
        waiting_up=news.waiting_up,
        waiting_age_ms=news.waiting_age_ms,
        waiting_down=news.waiting_down,
        conflicts=news.conflicts,
        holes=news.holes,
        incarnation=news.incarnation,
        bulk_seq=news.bulk_seq,
        program=news.program,
    )


def news_from_wire(m: pb.OfficeStatus) -> OfficeNews:
    return OfficeNews(
        unit=m.unit,
        at_ms=m.at_ms,
        last_contact_ms=m.last_contact_ms,
        connected=m.connected,
        waiting_up=m.waiting_up,
        waiting_age_ms=m.waiting_age_ms,
        waiting_down=m.waiting_down,
        conflicts=m.conflicts,
        holes=m.holes,
        incarnation=m.incarnation,
        bulk_seq=m.bulk_seq,
        program=m.program[:40],
    )


def safe_to_wire(safe: SafeAt) -> pb.Safe:
    return pb.Safe(level=safe.level, lane=safe.lane.value, position=safe.position)  # type: ignore[arg-type]


def safe_from_wire(m: pb.Safe) -> SafeAt:
    """Raises: Malformed."""
    if m.lane not in (1, 2) or m.level > 2:
        raise Malformed(f"safe: level {m.level}, lane {m.lane}")
    return SafeAt(m.level, Lane(m.lane), m.position)
