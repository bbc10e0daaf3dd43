"""Speaking: own words go to the end of the log, each the next of its stream.

The caller holds the log's lock and owns the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection

from sync.codec import entry as codec
from sync.log import entries as log
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Block, Entry, StreamHead
from sync.model.schema import Lane
from sync.model.stream import StreamKey

if TYPE_CHECKING:
    from sync.apply.applier import Applier
    from sync.log.outcome import Waiters


class OwnEntry(NamedTuple):
    """One transaction for one audience. `original_incarnation`: as `Entry`."""

    audience: str
    lane: Lane
    blocks: list[Block]
    hlc: int
    original_incarnation: int = 0
    by: Attribution = UNKNOWN


def append_own(
    applier: Applier, tx: Connection, own_entries: Sequence[OwnEntry], waiters: Waiters
) -> None:
    """Append own words, in this order; note in `waiters` who waits for them."""
    me = applier.identity
    first = log.allocate(tx, len(own_entries), applier.clock.last)
    waiters.recent_commit.record_numbers(first, len(own_entries))
    if not own_entries:
        return
    keys = [StreamKey(me.incarnation, each.audience, each.lane) for each in own_entries]
    heads = log.heads_of(tx, keys)
    packed: dict[tuple[int, ...], bytes] = {}  # what goes to several audiences is packed once
    newest: dict[StreamKey, Entry] = {}
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
        newest[key] = entry
        rows.append(applier.log_row(entry, first + i, waiters, via=0, via_position=0))
    log.append(tx, rows)
    log.save_heads(tx, newest.values())
