"""Speaking: own words go to the end of the log, each the next of its stream.

The caller holds the log's lock and owns the transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Connection

from sync import codec, log
from sync.change import Block, Entry, StreamHead
from sync.schema import Lane
from sync.streams import StreamKey

if TYPE_CHECKING:
    from sync.apply import Applier
    from sync.outcome import Wake


class Saying(NamedTuple):
    """One transaction for one audience. `said_under`: as `Entry`."""

    audience: str
    lane: Lane
    blocks: list[Block]
    hlc: int
    said_under: int = 0


def speak(applier: Applier, tx: Connection, sayings: Sequence[Saying], wake: Wake) -> None:
    """Append own words, in this order; note in `wake` who waits for them."""
    me = applier.identity
    first = log.take(tx, len(sayings), applier.clock.last)
    wake.tail.took(first, len(sayings))
    if not sayings:
        return
    keys = [StreamKey(me.incarnation, each.audience, each.lane) for each in sayings]
    heads = log.heads_of(tx, keys)
    packed: dict[tuple[int, ...], bytes] = {}  # what goes to several audiences is packed once
    newest: dict[StreamKey, Entry] = {}
    rows = []
    for i, (key, saying) in enumerate(zip(keys, sayings, strict=True)):
        same = tuple(map(id, saying.blocks))
        payload = packed.get(same) or packed.setdefault(same, codec.pack(saying.blocks))
        head = heads.get(key, StreamHead())
        entry = codec.entry_to_wire(
            saying.blocks,
            incarnation=me.incarnation,
            unit=me.unit,
            level=me.level,
            audience=key.audience,
            lane=key.lane,
            seq=head.seq + 1,
            prev_hash=head.hash,
            hlc=saying.hlc,
            payload=payload,
            said_under=saying.said_under,
        )
        heads[key] = StreamHead(entry.seq, entry.hash)
        newest[key] = entry
        rows.append(applier.row_of(entry, first + i, wake, via=0, via_position=0))
    log.append(tx, rows)
    log.save_heads(tx, newest.values())
