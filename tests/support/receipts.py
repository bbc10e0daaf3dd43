"""Receipts of the offices above, as a test needs them."""

from __future__ import annotations

from typing import Any

from node.office import Office
from sync.apply import receipts
from sync.codec import receipt as wire
from sync.codec.signing import Signer
from sync.model.change import StreamHead
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.store.sql import execute


def receipts_above(office: Office) -> None:
    """Let an office have a receipt of every office above for all that it and those below wrote."""
    with office.store.read() as tx:
        rows = execute(
            tx,
            "SELECT i.unit, s.incarnation, s.audience, s.lane, s.seq, s.hash FROM stream s "
            "JOIN incarnation i ON i.id=s.incarnation WHERE s.audience LIKE 'up:%'",
        ).fetchall()
    heads: dict[int, Heads] = {}
    for unit, incarnation, audience, lane, seq, hash_ in rows:
        key = StreamKey(incarnation, audience, Lane(lane))
        heads.setdefault(unit, {})[key] = StreamHead(seq, bytes(hash_))
    office.peer_status.receipts.take(
        wire.sign(holder, holder, unit, office.clock.now_ms(), of, Signer(bytes(32)))
        for holder in office.tree.ancestors(office.identity.unit)
        for unit, of in heads.items()
    )


def hand_down(parent: Any, child: Any) -> None:
    """Give a child the receipts that its parent has for it, as a handshake does."""
    given = receipts.all_for(parent, child.identity.unit)
    child.receive_receipts(receipts.take(child, parent.identity.unit, given))
