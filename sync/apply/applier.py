"""Apply: the ways in. Merge, save, append to the log, fold. The caller owns the transaction.

Local edits, pushes, pulls, replays, snapshots and bundles all come through these functions.
Everything that a transaction does to the store - records, conflicts, digests, log, cursor, folds -
commits with it or not at all (INV-3, INV-4, INV-20).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence, Set
from types import MappingProxyType

from sqlalchemy import Connection

from sync.apply import retry
from sync.apply.authority import check_entries
from sync.apply.copies import join_rows, register_writers
from sync.apply.reissued import drop_superseded_heads
from sync.apply.replica import Replica
from sync.codec import entry as codec
from sync.log import certified, history
from sync.log import entries as log
from sync.log import signatures as log_signatures
from sync.log.append import log_row
from sync.log.outcome import Applied, Received
from sync.merge.copies import Chunk
from sync.model.access import refusal_of
from sync.model.attribution import UNKNOWN, Attribution, BadAttribution, fault_of
from sync.model.authority import Ground, Message, Writer
from sync.model.change import Batch, Block, Edit, Entry, Signature, StreamHead
from sync.model.effect import Effect
from sync.model.errors import ErrorKind, Malformed, SilianError
from sync.model.stream import Place, StreamKey, key_of, place
from sync.model.version import Version, incarnation_of
from sync.store import quarantine


class CursorGap(SilianError):
    """The sender started after the last position that this office has; it sends from `expected`
    again.
    """

    code = "cursor_gap"
    kind = ErrorKind.OUT_OF_RANGE

    def __init__(self, *, expected: int, received: int) -> None:
        super().__init__(
            f"the batch starts after position {received}, this office has everything up to "
            f"{expected}",
            f"批次起点为 {received}，本单位只收到 {expected}",
            remedy_en="The sender sends the missing entries again; nothing to do.",
            remedy_zh="发送方会自动补发，无需处理。",
        )
        self.expected = expected


def apply_local(
    replica: Replica, tx: Connection, edits: Sequence[Edit], by: Attribution = UNKNOWN
) -> Applied:
    """Commit what this office's people or jobs decided, as one transaction of one version.

    Raises: NotWritable (a field this level does not own), RecordExists, RecordMissing,
    BadAttribution.
    """
    if fault := fault_of(by):
        raise BadAttribution(fault)
    replica.begin(tx)
    return replica.write(tx, edits, by=by)


def apply_batch(
    replica: Replica, tx: Connection, batch: Batch, *, peer: int, upward: bool
) -> Received:
    """Take a peer's batch: `upward` when the peer is a child.

    What is known already changes nothing and is acknowledged again.
    Raises: CursorGap, StreamGap, StreamForked, Unauthorised, Malformed, SignatureError: nothing
    was done.
    """
    replica.lock(tx)
    known_incarnation, applied_to = log.cursor_of(tx, peer, "in", batch.lane)
    if known_incarnation != batch.incarnation:
        applied_to = 0
    if batch.after > applied_to:
        raise CursorGap(expected=applied_to, received=batch.after)
    received = Received(position=max(applied_to, batch.upto))
    known: log_signatures.KnownStreams = {}
    fresh = next_entries(replica, tx, batch, peer, upward, known=known)
    registered = {key.incarnation for key, each in known.items() if each.signed.public_key}
    _take_chains(replica, tx, [e for e, _, _ in fresh], batch.signatures)
    verified = log_signatures.verify_batch(tx, (e for e, _, _ in fresh), batch.signatures, known)
    replica.merger.begin(tx)
    applied_blocks = _already_applied(tx, [e for e, _, _ in fresh if e.original_incarnation])
    effects = _append(replica, tx, fresh, received, verified, applied_blocks, registered)
    log_signatures.save(tx, verified, replica.now_ms, {key_of(e) for e, _, _ in fresh})
    replica.commit_derived(tx, effects, received)
    retry.retry_ready(replica, tx, received)
    if (known_incarnation, applied_to) != (batch.incarnation, received.position):
        log.advance(
            tx,
            peer=peer,
            direction="in",
            lane=batch.lane,
            incarnation=batch.incarnation,
            position=received.position,
            at_ms=replica.clock.now_ms(),
            signed=(batch.positions[-1], batch.log_signature) if batch.log_signature else None,
        )
    return received


def replay(
    replica: Replica,
    tx: Connection,
    wires: Sequence[bytes],
    *,
    peer: int,
    signatures: Sequence[Signature],
    own_keys: Set[bytes] | None,
    message: Message = Message.REPLAY,
) -> Received:
    """Take back the entries that this store lost, from its parent's log (`sync.recovery.heads`).

    What this office derived when it first received these entries is among them, so nothing is
    derived from them here; `apply_derived` adds later what is missing. An own transaction that
    was addressed both up and down comes back as two entries, in two streams. It is joined once:
    a value that was overwritten since must not come again (`sync.merge.record`).
    `own_keys`: under which this office's own entries are its own (`sync.recovery.proof`).
    Raises: StreamGap, StreamForked, Unauthorised, Malformed, SignatureError: nothing was done.
    """
    replica.lock(tx)
    entries = [codec.entry_from_wire(wire) for wire in wires]
    heads = log.heads_of(tx, {key_of(e) for e in entries})
    fresh: list[tuple[Entry, int, int]] = []
    whose = check_entries(replica, tx, entries, message, peer, recovering=True)
    for entry, writer in zip(entries, whose, strict=True):
        via = _arrival_link(replica, entry, writer, peer)
        if place(entry, heads) is Place.NEXT:
            heads[key_of(entry)] = StreamHead(entry.seq, entry.hash)
            fresh.append((entry, via, 0))
    received = Received()
    _take_chains(replica, tx, [e for e, _, _ in fresh], signatures)
    verified = log_signatures.verify_batch(tx, (e for e, _, _ in fresh), signatures)
    log_signatures.check_own_keys(verified, (e for e, via, _ in fresh if not via), own_keys)
    replica.merger.begin(tx)
    applied_blocks = _already_applied(
        tx, [e for e, via, _ in fresh if e.original_incarnation or not via]
    )
    effects = _append(replica, tx, fresh, received, verified, applied_blocks)
    replica.fold_received(tx, effects)
    log_signatures.save(tx, verified, replica.now_ms, {key_of(e) for e, _, _ in fresh})
    return received


def _take_chains(
    replica: Replica, tx: Connection, entries: Iterable[Entry], signatures: Iterable[Signature]
) -> None:
    """Keep the certificates that came with signatures of these entries."""
    if replica.certifier is None:
        return
    units = {entry.incarnation: entry.unit for entry in entries}
    shown = certified.of_signatures(signatures, units.get)
    log_signatures.take_chains(tx, replica.certifier, shown)


def apply_derived(replica: Replica, tx: Connection, edits: Sequence[Edit]) -> Applied:
    """Commit what follows from the present state, as a fold would have written it."""
    replica.begin(tx)
    return replica.write(tx, edits, derived=True)


def retry_quarantined(
    replica: Replica, tx: Connection, where: str, parameters: tuple[object, ...] = ()
) -> Received:
    """Retry quarantined changes whose condition in this program holds (`sync.apply.retry`)."""
    replica.lock(tx)
    received = Received()
    quarantined = retry.quarantined_where(tx, where, parameters)
    received.changes = retry.retry(replica, tx, quarantined, received)
    retry.retry_ready(replica, tx, received)
    return received


def retry_returned(replica: Replica, tx: Connection, received: Received) -> None:
    """Try again what waits for something that this store had lost, and that has come back."""
    retry.retry_returned(replica, tx, received)


def join_copies(
    replica: Replica, tx: Connection, chunk: Chunk, ground: Ground | None = None, *,
    received_here: Container[Version] | None = None, commit_derived: bool = True,
) -> Received:  # fmt: skip
    """Join a chunk's records with ours; what only we have stays.

    `ground`: who sent them; None: they were checked when they came.
    `received_here`: which versions our copies count as having seen; None: all that this store
    has received; `EMPTY`: our copies are damaged, and theirs win wherever they have received
    ours. `commit_derived`: derive what follows here; False where that comes in copies of its own.
    What cannot be joined is quarantined (`sync.store.quarantined_copies`).
    Raises: Malformed: nothing was done.
    """
    replica.begin(tx)
    received = Received()
    known = register_writers(replica, tx, chunk, ground)
    effects: list[Effect] = []
    for rows in chunk.rows:
        how = None if received_here is None else dict.fromkeys(rows.states, received_here)
        effects += join_rows(replica, tx, known, rows, received, received_here=how)[0]
    log.allocate(tx, 0, replica.clock.last)
    replica.merger.flush(tx)
    if commit_derived:
        replica.commit_derived(tx, effects, received)
    else:
        replica.fold_received(tx, effects)
    retry.retry_ready(replica, tx, received)
    return received


# -- what came from a peer ----------------------------------------------------------------------


def next_entries(
    replica: Replica,
    tx: Connection,
    batch: Batch,
    peer: int,
    upward: bool,
    earlier: dict[StreamKey, StreamHead] | None = None,
    known: log_signatures.KnownStreams | None = None,
) -> list[tuple[Entry, int, int]]:
    """Return what is new here, each with the link it came by and its position there.

    `earlier`: the state of the streams after batches that were checked before this one and not
    applied; it is updated. `known`: receives the state of these streams in the store, read in
    one query.
    Raises: StreamGap, StreamForked, Unauthorised, Malformed.
    """
    entries = [codec.entry_from_wire(wire) for wire in batch.entries]
    heads = {} if earlier is None else earlier
    keys = {key_of(e) for e in entries} - heads.keys()
    if known is None:
        heads.update(log.heads_of(tx, keys))
    else:
        known.update(log_signatures.streams_known(tx, keys))
        heads.update((key, known[key].head) for key in keys if known[key].head.seq)
    fresh: list[tuple[Entry, int, int]] = []
    message = Message.PUSH if upward else Message.PULL
    check_entries(replica, tx, entries, message, peer, lane=batch.lane)
    for entry, position in zip(entries, batch.positions, strict=True):
        if place(entry, heads) is Place.NEXT:
            heads[key_of(entry)] = StreamHead(entry.seq, entry.hash)
            fresh.append((entry, peer, position))
    return fresh


def _arrival_link(replica: Replica, entry: Entry, writer: Writer, peer: int) -> int:
    """Return the link by which a replayed entry first came here; 0: this office wrote it."""
    match writer:
        case Writer.OWN:
            return 0
        case Writer.BELOW:
            return replica.routes.hop(entry.unit) or 0
    return peer


def _already_applied(tx: Connection, entries: Sequence[Entry]) -> dict[Version, Sequence[Block]]:
    """Return the blocks of these entries that came already: in another stream, or as copies."""
    applied_blocks: dict[Version, Sequence[Block]] = {}
    if not entries:
        return applied_blocks
    applied_blocks.update(history.blocks_of(tx, {e.version for e in entries}))
    for entry in entries:
        if entry.hlc <= log.unlogged_to(tx, incarnation_of(entry.version), entry.lane):
            applied_blocks[entry.version] = [
                *applied_blocks.get(entry.version, ()),
                *_blocks(entry),
            ]
    return applied_blocks


def _append(
    replica: Replica,
    tx: Connection,
    fresh: list[tuple[Entry, int, int]],
    received: Received,
    verified: log_signatures.Verified,
    applied_blocks: Mapping[Version, Sequence[Block]] = MappingProxyType({}),
    registered: Set[int] = frozenset(),
) -> list[Effect]:
    if not fresh:
        return []
    for entry, _, _ in fresh:
        replica.clock.observe(entry.hlc)
    positions = log.allocate(tx, len(fresh), replica.clock.last)
    received.waiters.recent_commit.record_numbers(positions, len(fresh))
    named = {
        (e.incarnation, e.unit, e.level) for e, _, _ in fresh if e.incarnation not in registered
    }
    named |= {
        (e.original_incarnation, e.unit, e.level) for e, _, _ in fresh if e.original_incarnation
    }
    log.register_incarnations(tx, named)
    restored = log.was_restored(tx, replica.identity.unit)
    effects: list[Effect] = []
    rows = []
    newest: dict[StreamKey, Entry] = {}
    for i, (entry, via, position) in enumerate(fresh):
        arrival = positions.first + i
        signature = verified.signatures.get((key_of(entry), entry.seq))
        rows.append(
            log_row(
                replica, entry, arrival, received.waiters, signature,
                via=via, via_position=position,
            )
        )  # fmt: skip
        newest[key_of(entry)] = entry
        effects += _apply_entry(
            replica, tx, entry, arrival, received, applied_blocks.get(entry.version, ()),
            comes_late=restored or bool(entry.original_incarnation),
        )  # fmt: skip
        received.entries += 1
        received.changes += entry.changes
    replica.merger.flush(tx)
    log.append(tx, rows)
    log.save_heads(tx, ((e, verified.signatures[key, e.seq]) for key, e in newest.items()))
    return effects


def _apply_entry(
    replica: Replica, tx: Connection, entry: Entry, arrival: int, received: Received,
    applied_blocks: Sequence[Block], *, comes_late: bool,
) -> list[Effect]:  # fmt: skip
    """Merge an entry's blocks, but those `applied_blocks` already in another stream.

    `comes_late`: perhaps after edits that are based on it. A restored office takes back its own
    edits before those of its children that they were based on.
    What cannot be merged is quarantined, and the rest goes on.
    """
    replica.merger.writer(entry.original_incarnation or entry.incarnation, entry.level)
    try:
        blocks = codec.blocks_of(entry)
    except Malformed as error:
        quarantine.quarantine_change(
            tx, entry, arrival, reason=error.code, detail=error.en, now_ms=replica.now_ms
        )
        received.quarantined += 1
        return []
    effects: list[Effect] = []
    for block in blocks:
        if block in applied_blocks:
            continue
        register = replica.tables.schema.registers.get(block.register)
        reason = (
            "unknown_register"
            if register is None
            else refusal_of(block, register, entry, replica.routes)
        )
        if reason is not None:
            quarantine.quarantine_change(
                tx, entry, arrival, reason=reason, block=block, now_ms=replica.now_ms
            )
            received.quarantined += 1
            continue
        received.registers.add(block.register)
        effect = replica.merger.merge(tx, block, entry.version, entry.level)
        for rejected in replica.merger.take_rejected():
            quarantine.quarantine_change(
                tx, entry, arrival, reason=rejected.reason, block=block, now_ms=replica.now_ms,
                record=rejected.id, detail=rejected.detail,
            )  # fmt: skip
            received.quarantined += 1
        if effect is not None:
            effects.append(effect)
        if comes_late:
            effects += drop_superseded_heads(
                tx, replica.merger, replica.tables, block, entry.version
            )
    return effects


def _blocks(entry: Entry) -> list[Block]:
    try:
        return codec.unpack(entry.payload)
    except Malformed:
        return []  # it is quarantined where it is unpacked
