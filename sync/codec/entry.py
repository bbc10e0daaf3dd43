"""Protobuf <-> dataclasses: entries, batches, signatures, stream heads.

`sync.codec.block` packs a transaction's changes; `sync.codec.chunk` and `sync.compare.codec` pack
copies of records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from google.protobuf.message import DecodeError, Message

from sync.codec import compress
from sync.codec.block import block_from_wire, block_to_wire
from sync.codec.signing import SIGNATURE_BYTES, is_sound_key
from sync.model.attribution import UNKNOWN, Attribution, BadAttribution, fault_of
from sync.model.change import ID_BYTES, Batch, Block, Entry, Signature, StreamHead
from sync.model.errors import Malformed, TooLarge, TooMany
from sync.model.limits import (
    BATCH_BYTES_MAX,
    CERTIFICATE_BYTES_MAX,
    CHAIN_MAX,
    ENTRY_BYTES_MAX,
    ENTRY_CHANGES_MAX,
    LISTED_MAX,
)
from sync.model.report import DurableAt
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.wire.link.v1 import link_pb2 as pb

HASH_BYTES = 32


def hash_of(wire: bytes) -> bytes:
    """Return the 32-byte hash that the next entry of the stream has as `prev_hash`."""
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
    original_incarnation: int = 0,
    by: Attribution = UNKNOWN,
) -> Entry:
    """Pack one transaction for one audience.

    `payload`: given when the same blocks go to a second audience, so that they are packed once.
    Raises: TooLarge, TooMany, BadAttribution, if every receiver would refuse the entry.
    """
    if fault := fault_of(by):
        raise BadAttribution(fault)
    if payload is None:
        payload = pack(blocks)
    changes = sum(len(b.ids) for b in blocks)
    if changes > ENTRY_CHANGES_MAX:
        raise TooMany(changes, ENTRY_CHANGES_MAX)
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
        original_incarnation=original_incarnation,
        actor=by.actor,
        reason=by.reason,
    ).SerializeToString()
    if len(wire) > ENTRY_BYTES_MAX:
        raise TooLarge(len(wire), ENTRY_BYTES_MAX)
    return Entry(
        incarnation, unit, level, audience, lane, seq, prev_hash, hlc, changes, payload,
        wire, hash_of(wire), original_incarnation, by,
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
    largest = max(m.incarnation, m.unit, m.hlc, m.seq << 1, m.changes << 32, m.original_incarnation)
    if largest >= 1 << 63:
        raise Malformed("entry header: a number is out of range")
    by = Attribution(m.actor, m.reason)
    if fault := fault_of(by):
        raise Malformed(f"entry header: {fault}")
    return Entry(
        m.incarnation, m.unit, m.level, m.audience, Lane(m.lane), m.seq, m.prev_hash, m.hlc,
        m.changes, m.payload, wire, hash_of(wire), m.original_incarnation, by,
    )  # fmt: skip


def pack(blocks: Iterable[Block]) -> bytes:
    """Serialize and compress the blocks of one transaction. Raises: TooLarge."""
    return compress.compress(pb.Body(blocks=[block_to_wire(b) for b in blocks]))


def unpack(payload: bytes) -> list[Block]:
    """Return the blocks of one transaction.

    Raises: Malformed, also for a bomb (more than BODY_BYTES_MAX unpacked).
    """
    body = compress.decompress(payload, pb.Body())
    records = sum(len(b.ids) // ID_BYTES for b in body.blocks)
    if records > ENTRY_CHANGES_MAX:
        raise Malformed(f"{records} records in a transaction, {ENTRY_CHANGES_MAX} allowed")
    return [block_from_wire(b) for b in body.blocks]


def blocks_of(entry: Entry) -> list[Block]:
    """Return the blocks of an entry, if there are as many records as its header says.

    Raises: Malformed.
    """
    if entry.changes > ENTRY_CHANGES_MAX:
        raise Malformed(f"{entry.changes} records in an entry, {ENTRY_CHANGES_MAX} allowed")
    blocks = unpack(entry.payload)
    records = sum(len(block.ids) for block in blocks)
    if records != entry.changes:
        raise Malformed(f"{records} records in an entry that says {entry.changes}")
    return blocks


def batch_to_wire(batch: Batch) -> pb.Batch:
    return pb.Batch(
        lane=batch.lane.value,  # type: ignore[arg-type]  # the wire's numbers are Lane's
        incarnation=batch.incarnation,
        after=batch.after,
        upto=batch.upto,
        entries=batch.entries,
        positions=batch.positions,
        signatures=map(signature_to_wire, batch.signatures),
        log_signature=batch.log_signature,
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
    entries = tuple(m.entries)
    check_entries_of_one_message(entries, len(m.signatures))
    signatures = signatures_from_wire(m.signatures)
    if len(m.log_signature) not in ((0, SIGNATURE_BYTES) if entries else (0,)):
        raise Malformed(f"a signature of a log of {len(m.log_signature)} bytes")
    return Batch(
        Lane(m.lane), m.incarnation, m.after, m.upto, entries, positions, signatures,
        m.log_signature,
    )  # fmt: skip


def check_entries_of_one_message(entries: Sequence[bytes], signatures: int = 0) -> None:
    """Refuse more than a sender may put into one batch or page. Raises: Malformed."""
    size = sum(map(len, entries))
    if len(entries) > LISTED_MAX or (len(entries) > 1 and size > BATCH_BYTES_MAX):
        raise Malformed(f"{len(entries)} entries of {size} bytes in one message")
    if signatures > len(entries):
        raise Malformed(f"{signatures} signatures for {len(entries)} entries")


def check_lists(message: Message) -> None:
    """Refuse a message that lists more of anything than an honest one would. Raises: Malformed."""
    for field, value in message.ListFields():
        if field.is_repeated and len(value) > LISTED_MAX:
            raise Malformed(f"{len(value)} {field.name} in one message, {LISTED_MAX} allowed")


def signature_to_wire(signature: Signature) -> pb.Signature:
    return pb.Signature(
        incarnation=signature.incarnation,
        audience=signature.audience,
        lane=signature.lane.value,  # type: ignore[arg-type]  # the wire's numbers are Lane's
        seq=signature.seq,
        signature=signature.signature,
        public_key=signature.public_key,
        certificates=signature.certificates,
    )


def signatures_from_wire(found: Iterable[pb.Signature]) -> tuple[Signature, ...]:
    """Raises: Malformed."""
    signatures = []
    for m in found:
        if m.lane not in (1, 2) or len(m.signature) != SIGNATURE_BYTES:
            raise Malformed(f"signature: lane {m.lane}, {len(m.signature)} bytes")
        key_from_wire(m.public_key)
        signatures.append(
            Signature(
                m.incarnation, m.audience, Lane(m.lane), m.seq, m.signature, m.public_key,
                chain_from_wire(m.certificates),
            )
        )  # fmt: skip
    return tuple(signatures)


def chain_from_wire(found: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return certificates as they came. Raises: Malformed, for more or larger ones than any."""
    if len(found) > CHAIN_MAX or any(len(each) > CERTIFICATE_BYTES_MAX for each in found):
        raise Malformed(f"{len(found)} certificates, of {sum(map(len, found))} bytes")
    return tuple(found)


def key_from_wire(public_key: bytes) -> bytes:
    """Return an office's key. Raises: Malformed, for bytes that no office can sign with."""
    if not is_sound_key(public_key):
        raise Malformed(f"a public key of {len(public_key)} bytes that no office can sign with")
    return public_key


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


def durable_to_wire(durable_above: DurableAt) -> pb.DurablePosition:
    return pb.DurablePosition(
        level=durable_above.level,
        lane=durable_above.lane.value,  # type: ignore[arg-type]
        position=durable_above.position,
    )


def durable_from_wire(m: pb.DurablePosition) -> DurableAt:
    """Raises: Malformed."""
    if m.lane not in (1, 2) or m.level > 2:
        raise Malformed(f"durable position: level {m.level}, lane {m.lane}")
    return DurableAt(m.level, Lane(m.lane), m.position)


def lane_from_wire(number: int) -> Lane:
    """Raises: Malformed."""
    if number not in (1, 2):
        raise Malformed(f"lane {number}")
    return Lane(number)


def positions_to_wire(incarnation: int, positions: Mapping[Lane, int]) -> list[pb.Cursor]:
    """Pack positions of the log that an incarnation numbers."""
    return [cursor_to_wire(lane, incarnation, at) for lane, at in positions.items()]


def positions_from_wire(cursors: Iterable[pb.Cursor], *incarnations: int) -> dict[Lane, int]:
    """Return those positions that are of these incarnations' logs. Raises: Malformed."""
    return {lane_from_wire(c.lane): c.position for c in cursors if c.incarnation in incarnations}


def cursors_to_wire(cursors: Mapping[Lane, tuple[int, int]]) -> list[pb.Cursor]:
    """Pack by lane: incarnation, position."""
    return [cursor_to_wire(lane, *cursor) for lane, cursor in cursors.items()]


def cursor_to_wire(lane: Lane, incarnation: int, position: int) -> pb.Cursor:
    """Pack a position of the log that an incarnation numbers."""
    return pb.Cursor(
        lane=lane.value,  # type: ignore[arg-type]  # the wire's numbers are Lane's
        incarnation=incarnation,
        position=position,
    )
