"""Republish own entries that recovery returned in one of their two streams only, in the other.

A transaction that an office addresses both up and down is two entries with one stamp. A store that
lost both gets one back from its parent and the other from a child. If one of the two had not
received its entry yet, nobody on that side ever would. So it is written again under the present
incarnation, with the version that it has wherever it was received (`Entry.original_incarnation`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from itertools import groupby

from sqlalchemy import Connection

from sync.apply.reissued import OwnTransaction
from sync.apply.replica import Replica
from sync.codec import entry as codec
from sync.log.append import OwnEntry, append_own
from sync.log.outcome import Waiters
from sync.model import audience
from sync.model.change import Block
from sync.model.errors import Malformed
from sync.model.limits import BATCH_BYTES_MAX, PORTION_CHANGES_MAX, SQL_KEYS_MAX
from sync.model.version import Version
from sync.store import peers
from sync.store.sql import execute

PAGE_ENTRIES = 20_000  # whose positions are read at once
AudiencesOf = Callable[[Connection, Block], tuple[str, ...]]


# -- the writer ---------------------------------------------------------------------------------


def is_due(tx: Connection, child: int, incarnation: int) -> bool:
    """Return whether what a child lacks was not yet looked for in this incarnation."""
    return peers.load(tx, child).republished_to != incarnation


def record_republished(tx: Connection, child: int, incarnation: int) -> None:
    """Record that what a child lacked was republished in this incarnation."""
    peers.update(tx, child, republished_to=incarnation)


def republish(
    replica: Replica, tx: Connection, child: int, audiences_of: AudiencesOf, waiters: Waiters
) -> int:
    """Republish what came back in another stream only; return how many entries were written.

    They go up, down to this child, and to those children that were served before: this one may
    have returned what nobody had then. The caller holds the log's lock, and the child has returned
    all that it received.
    """
    me = replica.identity
    count = waiting = 0
    missing: list[OwnEntry] = []
    for transaction in own_transactions(tx, me.unit, me.incarnation):
        wanted: dict[str, list[Block]] = defaultdict(list)
        for block in transaction.blocks:
            for audience_name in audiences_of(tx, block):
                is_missing = (
                    block not in transaction.by_audience.get(audience_name, ())
                    and audience_name not in transaction.truncated
                )
                if is_missing and _reaches(replica, tx, audience_name, child):
                    wanted[audience_name].append(block)
                    waiting += len(block.ids)
        first = transaction.sample
        original = first.original_incarnation or first.incarnation
        missing += (
            OwnEntry(audience_name, first.lane, blocks, first.hlc, original, first.by)
            for audience_name, blocks in sorted(wanted.items())
        )
        if waiting >= PORTION_CHANGES_MAX:
            append_own(replica, tx, missing, waiters)
            count += len(missing)
            missing, waiting = [], 0
    if missing:
        append_own(replica, tx, missing, waiters)
    return count + len(missing)


def _reaches(replica: Replica, tx: Connection, audience_name: str, child: int) -> bool:
    """Return whether an audience is received above, by this child or by one served before."""
    target = audience.parse(audience_name)
    if target.up_to is not None:
        return target.up_to < replica.identity.level
    hop = replica.routes.hop(target.down_to) if target.down_to is not None else None
    return hop is not None and (hop == child or not is_due(tx, hop, replica.identity.incarnation))


def own_transactions(tx: Connection, unit: int, incarnation: int) -> Iterator[OwnTransaction]:
    """Yield, in order, the transactions that the log has of a unit under its former incarnations.

    Read in portions: however long the log, little of it is in memory at once. The caller may append
    to the log meanwhile, but only entries that were yielded already.
    """
    bases = execute(tx, "SELECT incarnation, audience, lane, hlc FROM stream_base").fetchall()
    truncated_to = {(row[0], row[1], row[2]): int(row[3]) for row in bases}
    for arrivals in _portions(tx, unit, incarnation):
        found: dict[tuple[Version, int], OwnTransaction] = {}
        marks = ",".join("?" * len(arrivals))
        rows = execute(
            tx,
            f"SELECT wire FROM entry WHERE arrival IN ({marks}) ORDER BY hlc, arrival",
            arrivals,
        )
        for (wire,) in rows.fetchall():
            entry = codec.entry_from_wire(bytes(wire))
            if entry.incarnation == incarnation and not entry.original_incarnation:
                continue
            try:
                blocks = codec.unpack(entry.payload)
            except Malformed:
                continue  # quarantined everywhere, in every stream
            truncated = {
                audience_name for (writer, audience_name, lane), hlc in truncated_to.items()
                if (writer, lane) == (entry.incarnation, entry.lane.value) and hlc >= entry.hlc
            }  # fmt: skip
            transaction = found.setdefault(
                (entry.version, entry.lane.value),
                OwnTransaction(entry, truncated=frozenset(truncated)),
            )
            transaction.by_audience[entry.audience] += blocks
            transaction.blocks += (block for block in blocks if block not in transaction.blocks)
        yield from found.values()


def _portions(tx: Connection, unit: int, incarnation: int) -> Iterator[list[int]]:
    """Yield log positions of own entries, a bounded number of bytes at once.

    Entries with one stamp stay together: they are one transaction for several audiences. Stamps
    under which only the present incarnation wrote are skipped.
    """
    ids = execute(tx, "SELECT id FROM incarnation WHERE unit=? AND id<>?", (unit, incarnation))
    former = {row[0] for row in ids.fetchall()}
    portion: list[int] = []
    size = after = 0
    while rows := _page(tx, after):
        after = rows[-1][0]
        for _, group in groupby(rows, key=lambda row: row[0]):
            some = list(group)
            if former.isdisjoint(row[2] for row in some):
                continue
            portion += (row[1] for row in some)
            size += sum(row[3] for row in some)
            if size >= BATCH_BYTES_MAX or len(portion) >= SQL_KEYS_MAX:
                yield portion
                portion, size = [], 0
    if portion:
        yield portion


def _page(tx: Connection, after: int) -> list[tuple[int, int, int, int]]:
    """Return (stamp, position, incarnation, bytes) of own entries after a stamp, in order, with all
    entries of the last stamp.
    """
    columns = "hlc, arrival, incarnation, LENGTH(wire)"
    rows = execute(
        tx,
        f"SELECT {columns} FROM entry WHERE via=0 AND hlc>? ORDER BY hlc, arrival LIMIT ?",
        (after, PAGE_ENTRIES),
    ).fetchall()
    if len(rows) < PAGE_ENTRIES:
        return rows  # type: ignore[no-any-return]
    last = rows[-1][0]
    whole = execute(
        tx,
        f"SELECT {columns} FROM entry WHERE via=0 AND hlc=? ORDER BY arrival",
        (last,),
    ).fetchall()
    return [*(row for row in rows if row[0] != last), *whole]
