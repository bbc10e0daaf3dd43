"""Receipts: an office signs what it holds durably of those below it, and checks what it is sent.

A log is cut on such receipts only: an entry of which every office above has signed that it holds it
need not stay here. What a hub says of the offices above it counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial

from sqlalchemy import Connection

from sync.apply.first_keys import Standing, standing_of
from sync.apply.host import Host
from sync.apply.replica import Replica
from sync.codec import entry as codec
from sync.codec import receipt as receipts
from sync.codec.receipt import Receipt
from sync.log.signatures import SignatureError
from sync.model.change import StreamHead
from sync.model.errors import ErrorKind
from sync.model.schema import Lane
from sync.model.stream import Heads, StreamKey
from sync.store.sql import execute

SCAN_ENTRIES = 500  # log entries looked at in one query


class ReceiptForged(SignatureError):
    """A receipt names an office above that has not signed it."""

    code = "receipt_forged"
    kind = ErrorKind.DATA_LOSS
    _remedy_en = "The receipt was not used. Check the parent, and the offices above it."
    _remedy_zh = "该回执未采用。请检查上级单位及其以上各级单位。"

    def __init__(self, holder: int) -> None:
        super().__init__(
            f"a receipt of unit {holder} is not signed by its office",
            f"单位 {holder} 的回执签名与该单位不符",
        )


def heads_below(tx: Connection, replica: Replica, child: int) -> dict[int, Heads]:
    """Return unit -> the newest entry here of each upward stream, for a child and those below."""
    rows = execute(
        tx,
        "SELECT i.unit, s.incarnation, s.audience, s.lane, s.seq, s.hash FROM stream s "
        "JOIN incarnation i ON i.id=s.incarnation WHERE s.audience LIKE 'up:%'",
    )
    found: dict[int, Heads] = {}
    for unit, incarnation, audience, lane, seq, hash_ in rows:
        if replica.routes.hop(unit) == child:
            key = StreamKey(incarnation, audience, Lane(lane))
            found.setdefault(unit, {})[key] = StreamHead(seq, bytes(hash_))
    return found


def sign(replica: Replica, unit: int, heads: Heads) -> Receipt:
    """Return this office's receipt for the streams of one below it."""
    me = replica.identity
    return receipts.sign(me.unit, me.incarnation, unit, replica.now_ms, heads, replica.signer)


def all_for(host: Host, child: int) -> list[Receipt]:
    """Return every receipt for a child and those below it: ours, and those from above us."""
    replica = host.replica
    with host.store.read() as tx:
        durable = heads_below(tx, replica, child)
    own = [sign(replica, unit, heads) for unit, heads in durable.items()]
    above = host.peer_status.receipts_below(lambda unit: replica.routes.hop(unit) == child)
    return [*own, *above]


def take(host: Host, parent: int, given: Iterable[Receipt]) -> list[Receipt]:
    """Return the receipts that offices above have signed for this office and those below it.

    A forged one is reported with its sender.
    """
    routes, me = host.replica.routes, host.replica.identity.unit
    found = []
    for receipt in given:
        above = receipt.holder != me and routes.covers(receipt.holder, me)
        level = routes.level(receipt.holder)
        if not above or level is None or not routes.covers(me, receipt.unit):
            continue
        standing = standing_of(
            host, receipt.incarnation, (receipt.holder, level), receipt.public_key,
            partial(receipts.is_genuine, receipt, receipt.public_key),
        )  # fmt: skip
        if standing is Standing.GENUINE:
            found.append(receipt)
        elif standing is Standing.FORGED:
            host.signature_refused(parent, ReceiptForged(receipt.holder))
    return found


def durable_to(
    tx: Connection, lane: Lane, level: int, after: int, durable: Mapping[StreamKey, StreamHead]
) -> int:
    """Return up to where all of our log that goes up to a level is durable there.

    `after`: where that was before; `durable`: the newest entries of which its office signed that it
    holds them. One that is another entry than ours under its number does not count.
    """
    at = after
    while True:
        rows = execute(
            tx,
            "SELECT arrival, incarnation, audience, seq FROM entry WHERE lane=? AND arrival>? "
            "AND up_to<=? ORDER BY arrival LIMIT ?",
            (lane.value, at, level, SCAN_ENTRIES),
        ).fetchall()
        for arrival, incarnation, audience, seq in rows:
            head = durable.get(StreamKey(incarnation, audience, lane))
            if head is None or head.seq < seq:
                return at
            if head.seq == seq and not _is_here(tx, arrival, head.hash):
                return at
            at = arrival
        if len(rows) < SCAN_ENTRIES:
            return at


def _is_here(tx: Connection, arrival: int, hash_: bytes) -> bool:
    row = execute(tx, "SELECT wire FROM entry WHERE arrival=?", (arrival,)).fetchone()
    return row is not None and codec.hash_of(bytes(row[0])) == hash_
