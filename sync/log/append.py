"""Append a writer's own entries, signed, to the end of its log, each as the next of its stream.

The caller holds the log's lock and owns the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from sync.codec import entry as codec
from sync.codec.signing import STREAM, Signer
from sync.log import entries as log
from sync.log.outcome import Waiters
from sync.model import audience
from sync.model.access import Identity, Routes
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Block, Entry, Signature, StreamHead
from sync.model.schema import Lane
from sync.model.stream import StreamKey, key_of
from sync.model.version import HybridClock


class Writer(Protocol):
    """Whose log it is (`sync.apply.replica.Replica`)."""

    @property
    def identity(self) -> Identity: ...

    @property
    def routes(self) -> Routes: ...

    @property
    def clock(self) -> HybridClock: ...

    @property
    def signer(self) -> Signer: ...


class OwnEntry(NamedTuple):
    """One transaction for one audience. `original_incarnation`: as `Entry`."""

    audience: str
    lane: Lane
    blocks: list[Block]
    hlc: int
    original_incarnation: int = 0
    by: Attribution = UNKNOWN


def reissued(
    entry: Entry, blocks: list[Block], audience: str, *, keeps_version: bool = True
) -> OwnEntry:
    """Return an own entry of a former incarnation, to be appended again for an audience.

    `keeps_version`: it is known somewhere by its version; else it gets one of the present.
    """
    original = entry.original_incarnation or (entry.incarnation if keeps_version else 0)
    return OwnEntry(audience, entry.lane, blocks, entry.hlc, original, entry.by)


def append_own(
    writer: Writer, tx: Connection, own_entries: Sequence[OwnEntry], waiters: Waiters
) -> None:
    """Append own entries in this order; add to `waiters` who waits for them."""
    me = writer.identity
    positions = log.allocate(tx, len(own_entries), writer.clock.last)
    waiters.recent_commit.record_numbers(positions, len(own_entries))
    if not own_entries:
        return
    keys = [StreamKey(me.incarnation, each.audience, each.lane) for each in own_entries]
    heads = log.heads_of(tx, keys)
    packed: dict[tuple[int, ...], bytes] = {}  # blocks for several audiences are packed once
    newest: dict[StreamKey, tuple[Entry, Signature]] = {}
    rows = []
    for i, (key, own_entry) in enumerate(zip(keys, own_entries, strict=True)):
        same = tuple(map(id, own_entry.blocks))
        payload = packed.get(same) or packed.setdefault(same, codec.pack(own_entry.blocks))
        head = heads.get(key, StreamHead())
        entry = codec.entry_to_wire(
            own_entry.blocks,
            incarnation=me.incarnation,
            unit=me.unit,
            level=me.level,
            audience=key.audience,
            lane=key.lane,
            seq=head.seq + 1,
            prev_hash=head.hash,
            hlc=own_entry.hlc,
            payload=payload,
            original_incarnation=own_entry.original_incarnation,
            by=own_entry.by,
        )
        heads[key] = StreamHead(entry.seq, entry.hash)
        signature = signature_for(entry, writer.signer)
        newest[key] = (entry, signature)
        rows.append(
            log_row(writer, entry, positions.first + i, waiters, signature, via=0, via_position=0)
        )
    log.append(tx, rows)
    log.save_heads(tx, newest.values())


def signature_for(entry: Entry, signer: Signer) -> Signature:
    """Return the office's signature for its stream up to an own entry."""
    signature = signer.sign(STREAM, entry.hash)
    return Signature(*key_of(entry), entry.seq, signature, signer.public_key)


def log_row(
    writer: Writer, entry: Entry, arrival: int, waiters: Waiters, signature: Signature | None, *,
    via: int, via_position: int,
) -> tuple[object, ...]:  # fmt: skip
    """Return an entry as a row of the log; add to `waiters` who waits for it."""
    target = audience.parse(entry.audience)
    up_to = down_hop = None
    if target.up_to is not None:
        up_to = target.up_to if target.up_to < writer.identity.level else None
    elif target.down_all:
        down_hop = log.EVERY_CHILD
    elif target.down_to is not None and target.down_to != writer.identity.unit:
        down_hop = writer.routes.hop(target.down_to)
    if up_to is not None:
        waiters.up.add(entry.lane)
        waiters.recent_commit.entries.append((arrival, entry, signature))
    if down_hop is not None:
        waiters.down.add((down_hop, entry.lane))
    return (
        arrival, entry.lane.value, entry.incarnation, entry.audience, entry.seq, entry.hlc,
        up_to, down_hop, via, via_position, entry.changes, writer.clock.now_ms(), entry.wire,
        signature.signature if signature is not None else None,
    )  # fmt: skip
