"""Receive a peer's batch in portions, so that no writer waits longer for the store than for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from sync.apply import applier
from sync.apply.host import Host, reporting
from sync.codec import entry as codec
from sync.log import signatures
from sync.log.excerpt import portion_ends
from sync.log.outcome import Received
from sync.model.change import Batch, Entry
from sync.model.errors import Malformed
from sync.model.limits import BATCH_CHANGES_MAX, PORTION_CHANGES_MAX, TRANSACTION_CHANGES_MAX
from sync.model.stream import StreamKey, key_of
from sync.store.priority import priority_of
from sync.store.sql import pieces


def _uncounted(_ms: int) -> None:
    """What the parent sends is counted against nobody."""


def receive_batch(
    host: Host, batch: Batch, *, peer: int, upward: bool, spent: Callable[[int], None] = _uncounted
) -> Received:
    """Apply a batch, portion by portion; each is durable with its cursor before the next.

    Between two portions more urgent writers go first. If one is refused, those before it stay:
    the peer goes on from there.
    A batch whose signatures do not fit is refused whole, before the first portion, and its sender
    is reported. `spent` is given how many milliseconds the lock was held.
    Raises: as `sync.apply.applier.apply_batch`.
    """
    with reporting(host, peer):
        done = _receive(host, batch, peer, upward, spent)
    host.signature_accepted(peer)
    return done


def _receive(
    host: Host, batch: Batch, peer: int, upward: bool, spent: Callable[[int], None]
) -> Received:
    done = Received()
    parts = [batch]  # a single one is checked completely where it is applied
    if len(batch.entries) > 1:
        entries = [codec.entry_from_wire(wire) for wire in batch.entries]
        records = sum(entry.changes for entry in entries)
        if records > BATCH_CHANGES_MAX:
            raise Malformed(f"{records} records in a batch, {BATCH_CHANGES_MAX} allowed")
        parts = list(portions(batch, entries, PORTION_CHANGES_MAX))
    if len(parts) > 1:
        with host.store.read() as tx:
            fresh = applier.next_entries(host.replica, tx, batch, peer, upward)
            signatures.verify_batch(tx, (entry for entry, _, _ in fresh), batch.signatures)
    for portion in parts:

        def work(tx: Connection, portion: Batch = portion) -> Received:
            began_ms = host.replica.now_ms
            try:
                return applier.apply_batch(host.replica, tx, portion, peer=peer, upward=upward)
            finally:
                spent(host.replica.now_ms - began_ms)

        received = host.store.write(work, priority=priority_of(batch.lane))
        host.committed(received)
        done.position = received.position
        done.entries += received.entries
        done.changes += received.changes
        done.quarantined += received.quarantined
        done.registers |= received.registers
        done.waiters.join(received.waiters)
    return done


def portions(batch: Batch, entries: Sequence[Entry], changes_max: int) -> Iterator[Batch]:
    """Divide a batch between its entries: a part has `changes_max` changes or one entry.

    It is cut only where every stream is signed. An entry is a transaction and stays whole. Without
    entries, or where they are not signed at its end, the batch ends with a part that is refused.
    """
    signed = {(StreamKey(s.incarnation, s.audience, s.lane), s.seq) for s in batch.signatures}
    keys = [(key, (key, entry.seq) in signed) for entry in entries for key in (key_of(entry),)]
    start, after = 0, batch.after
    for end in portion_ends([entry.changes for entry in entries], keys, changes_max)[:-1]:
        upto = batch.positions[end - 1]
        yield _part(batch, start, end, after, upto)
        start, after = end, upto
    yield _part(batch, start, len(entries), after, batch.upto)


def _part(batch: Batch, start: int, end: int, after: int, upto: int) -> Batch:
    return replace(
        batch,
        after=after,
        upto=upto,
        entries=batch.entries[start:end],
        positions=batch.positions[start:end],
        log_signature=batch.log_signature if end == len(batch.entries) else b"",
    )


def rebuild_derived(tx: Connection, host: Host, received: Received) -> None:
    """Derive what this office would have derived, had it received everything in order."""
    for edits in pieces(host.pending_derived(tx), TRANSACTION_CHANGES_MAX):
        done = applier.apply_derived(host.replica, tx, edits)
        received.waiters.join(done.waiters)
        received.registers |= done.registers
    applier.retry_returned(host.replica, tx, received)
