"""Contradictions: offices that have signed two things of which only one can be true.

An office numbers the entries of a stream once, and a stream only grows. Two different entries under
one number, or fewer entries than before, are a second store under one key, an old backup, or a lie.
The office is named until it writes under another incarnation.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from node.peers.context import PeerContext
from sync.codec import statement
from sync.codec.signing import STREAM, is_signed
from sync.codec.statement import ReceivedHead
from sync.log import entries as log
from sync.log import signatures
from sync.model import audience
from sync.model.report import NodeStatus
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.store import peers

HEADS_MAX = 8  # of one stream, as children have received it


class Contradictions:
    """What offices have signed, compared with what they signed before. Thread-safe."""

    def __init__(self, office: PeerContext) -> None:
        self._office = office
        self._lock = threading.Lock()
        # By stream: number -> what a child has received under it.
        self._received: dict[StreamKey, OrderedDict[int, ReceivedHead]] = {}
        with office.store.read() as tx:
            known = peers.load_all(tx)
        self._open = {unit: peer.contradiction for unit, peer in known.items()}

    def open(self) -> dict[int, int]:
        """Return unit -> the incarnation that contradicts itself."""
        with self._lock:
            return {unit: incarnation for unit, incarnation in self._open.items() if incarnation}

    def look(self, known: NodeStatus | None, item: NodeStatus) -> None:
        """Compare a genuine status, and what it shows of its parent, with what was signed before.

        `known`: the office's last.
        """
        if not item.signed:
            return
        now = statement.read(item.signed)
        for head in now.from_parent:
            self._compare(head)
        before = statement.read(known.signed) if known is not None and known.signed else None
        if before is not None and before.status.incarnation != item.incarnation:
            before = None
            self._set(item.unit, 0)  # it goes on as another store, which people have looked at
        if before is not None:
            is_later = before.status.at_ms < now.status.at_ms
            if is_later and item.bulk_seq < before.status.bulk_seq:
                self._note(item.unit, item.incarnation)
            if item.bulk_seq == before.status.bulk_seq and now.bulk_hash != before.bulk_hash:
                self._note(item.unit, item.incarnation)
        if item.bulk_seq and (before is None or now.bulk_hash != before.bulk_hash):
            key = StreamKey(item.incarnation, audience.up(0), Lane.BULK)
            with self._office.store.read() as tx:
                here = log.heads_of(tx, [key]).get(key)
            if here is not None and here.seq == item.bulk_seq and here.hash != now.bulk_hash:
                self._note(item.unit, item.incarnation)

    def _compare(self, received: ReceivedHead) -> None:
        """Compare what two children have received of one stream of their parent."""
        with self._lock:
            heads = self._received.setdefault(received.key, OrderedDict())
            other = heads.setdefault(received.head.seq, received)
            if len(heads) > HEADS_MAX:
                heads.popitem(last=False)
        if other.head == received.head:
            return
        incarnation = received.key.incarnation
        with self._office.store.read() as tx:
            writer = log.writers_of(tx, {incarnation}).get(incarnation)
            public_key = signatures.key_known(tx, incarnation)
        # Only what the parent itself has signed counts: a child may show what it never received.
        both = (other, received)
        if writer and all(
            is_signed(public_key, STREAM, each.head.hash, each.signature) for each in both
        ):
            self._note(writer[0], incarnation)
        elif is_signed(public_key, STREAM, received.head.hash, received.signature):
            with self._lock:
                heads[received.head.seq] = received

    def _note(self, unit: int, incarnation: int) -> None:
        if self.open().get(unit) != incarnation:
            self._office.log.error("contradiction_found", unit=unit, incarnation=incarnation)
            self._set(unit, incarnation)

    def _set(self, unit: int, incarnation: int) -> None:
        with self._lock:
            if self._open.get(unit, 0) == incarnation:
                return
            self._open[unit] = incarnation
        self._office.store.write(lambda tx: peers.update(tx, unit, contradiction=incarnation))
