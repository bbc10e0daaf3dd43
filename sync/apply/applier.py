"""Apply: the one way in. Merge, save, append to the log, fold. The caller owns the transaction.

Local edits, pushes, pulls, snapshots and bundles all come through `Applier`. Everything that a
transaction does to the store - records, conflicts, digests, log, cursor, folds - commits with it
or not at all (INV-3, INV-4, INV-20).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

from sqlalchemy import Connection

from sync.apply import retry
from sync.apply.blocks import Merger
from sync.apply.compose import Composer
from sync.apply.reissued import check_original_incarnation, drop_superseded_heads
from sync.codec import entry as codec
from sync.codec.signing import Signer
from sync.log import entries as log
from sync.log import history, local_log
from sync.log import signatures as log_signatures
from sync.log.append import OwnEntry, append_own
from sync.log.outcome import Applied, Received, Waiters
from sync.model import audience
from sync.model.access import Identity, Routes, arrival_link, check_relay, denial_reason
from sync.model.attribution import UNKNOWN, Attribution, BadAttribution, fault_of
from sync.model.change import Batch, Block, Edit, Entry, Signature, StreamHead
from sync.model.effect import Effect
from sync.model.errors import Malformed, SilianError
from sync.model.schema import Lane
from sync.model.stream import Place, StreamKey, key_of, place
from sync.model.version import HybridClock, Version, incarnation_of, version_of
from sync.store import quarantine
from sync.store.registers import RegisterTables

DERIVED_ROUNDS_MAX = 4  # a fold's edits may be folded again: records -> cells -> totals


class CursorGap(SilianError):
    """The sender went on from a position past the one held here; it resends from `expected`."""

    code = "cursor_gap"
    retryable = True

    def __init__(self, *, expected: int, received: int) -> None:
        super().__init__(
            f"batch starts after position {received}, {expected} is held here",
            f"批次起点为 {received}, 本单位只收到 {expected}",
            remedy_en="The sender resends from what the receiver holds; nothing to do.",
            remedy_zh="发送方会自动补发, 无需处理。",
        )
        self.expected = expected


class Fold(Protocol):
    """Something kept in step with the records, in their own transaction."""

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        """Return the fields whose values before a change it needs; None if it does not care."""

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        """Follow these changes; return edits that they entail (they join the transaction)."""


class Applier:
    """The one way in to a store."""

    def __init__(
        self,
        tables: RegisterTables,
        identity: Identity,
        routes: Routes,
        clock: HybridClock,
        folds: Sequence[Fold] = (),
        signer: Signer | None = None,
    ) -> None:
        self.signer = signer  # what our own streams are signed with; None: with nothing
        self.tables = tables
        self.identity = identity
        self.routes = routes
        self.clock = clock
        self._folds = tuple(folds)
        self._merger = Merger(tables, self._fields_read)
        self._merger.writer(identity.incarnation, identity.level)
        self._composer = Composer(tables)

    def apply_local(
        self, tx: Connection, edits: Sequence[Edit], by: Attribution = UNKNOWN
    ) -> Applied:
        """Commit what this office's people or jobs decided, as one transaction of one version.

        Raises: NotWritable (a field this level does not own), RecordExists, RecordMissing,
        BadAttribution.
        """
        if fault := fault_of(by):
            raise BadAttribution(fault)
        self.clock.resume(log.lock(tx))
        self._merger.begin(tx)
        return self._write(tx, edits, by=by)

    def apply_batch(self, tx: Connection, batch: Batch, *, peer: int, upward: bool) -> Received:
        """Take a peer's batch: `upward` when the peer is a child.

        What is known already changes nothing and is acknowledged again.
        Raises: CursorGap, StreamGap, StreamForked, Unauthorised, Malformed, NotVouched: nothing
        was done.
        """
        self.clock.resume(log.lock(tx))
        known_incarnation, applied_to = log.cursor_of(tx, peer, "in", batch.lane)
        if known_incarnation != batch.incarnation:
            applied_to = 0
        if batch.after > applied_to:
            raise CursorGap(expected=applied_to, received=batch.after)
        received = Received(position=max(applied_to, batch.upto))
        known: log_signatures.KnownStreams = {}
        fresh = self.next_entries(tx, batch, peer, upward, known=known)
        registered = {
            key.incarnation for key, (signed_to, _) in known.items() if signed_to.public_key
        }
        changes = log_signatures.verify_batch(tx, (e for e, _, _ in fresh), batch.signatures, known)
        self._merger.begin(tx)
        applied_blocks = self._already_applied(
            tx, [e for e, _, _ in fresh if e.original_incarnation]
        )
        effects = self._append(tx, fresh, received, applied_blocks, changes, registered)
        log_signatures.save(tx, changes, self.now_ms, {key_of(e) for e, _, _ in fresh})
        received.waiters.recent_commit.signed_to = {
            key: after for key, (_, after) in changes.items()
        }
        self.commit_derived(tx, effects, received)
        retry.retry_ready(self, tx, received)
        if (known_incarnation, applied_to) != (batch.incarnation, received.position):
            log.advance(
                tx,
                peer=peer,
                direction="in",
                lane=batch.lane,
                incarnation=batch.incarnation,
                position=received.position,
                at_ms=self.clock.now_ms(),
            )
        return received

    def replay(
        self,
        tx: Connection,
        wires: Sequence[bytes],
        *,
        peer: int,
        signatures: Sequence[Signature] = (),
    ) -> Received:
        """Take back what this store lost, read aloud from its parent's log (`sync.recovery.heads`).

        What an office did by itself when it first heard these comes back with them, so nothing
        follows from them here; `apply_derived` does afterwards what was left undone. What this office
        said both up and down comes back by both ways, in two streams: it is joined once, for a
        value that was overwritten since must not come again (`sync.merge.record`).
        Raises: StreamGap, StreamForked, Unauthorised, Malformed, NotVouched: nothing was done.
        """
        self.clock.resume(log.lock(tx))
        entries = [codec.entry_from_wire(wire) for wire in wires]
        heads = log.heads_of(tx, {key_of(e) for e in entries})
        fresh: list[tuple[Entry, int, int]] = []
        for entry in entries:
            via = arrival_link(entry, peer, self.identity, self.routes)
            check_original_incarnation(tx, entry)
            if place(entry, heads) is Place.NEXT:
                heads[key_of(entry)] = StreamHead(entry.seq, entry.hash)
                fresh.append((entry, via, 0))
        received = Received()
        signed_to = log_signatures.verify_batch(tx, (e for e, via, _ in fresh if via), signatures)
        self._merger.begin(tx)
        applied_blocks = self._already_applied(
            tx, [e for e, via, _ in fresh if e.original_incarnation or not via]
        )
        self._folded(tx, self._append(tx, fresh, received, applied_blocks))
        log_signatures.save(tx, signed_to, self.now_ms)
        return received

    def apply_derived(self, tx: Connection, edits: Sequence[Edit]) -> Applied:
        """Commit what follows by itself from how things stand, as a fold would have said it."""
        self.clock.resume(log.lock(tx))
        self._merger.begin(tx)
        return self._write(tx, edits, derived=True)

    def retry_quarantined(
        self, tx: Connection, where: str, parameters: tuple[object, ...] = ()
    ) -> Received:
        """Try again the holes for which a condition of this program holds (`sync.apply.retry`)."""
        self.clock.resume(log.lock(tx))
        received = Received()
        quarantined = retry.quarantined_where(tx, where, parameters)
        received.changes = retry.retry(self, tx, quarantined, received)
        retry.retry_ready(self, tx, received)
        return received

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> list[Edit]:
        """Let the folds follow changes made elsewhere than here; return what these entail."""
        return self._folded(tx, effects)

    def switch_incarnation(self, incarnation: int) -> None:
        """Write under another incarnation from now on; the caller records it in the store."""
        self.identity = replace(self.identity, incarnation=incarnation)
        self._merger.writer(incarnation, self.identity.level)

    # -- local ------------------------------------------------------------------------------

    def _write(
        self, tx: Connection, edits: Sequence[Edit], *, derived: bool = False,
        by: Attribution = UNKNOWN,
    ) -> Applied:  # fmt: skip
        me = self.identity
        hlc = self.clock.tick()
        done = Applied(version_of(hlc, me.incarnation))
        outgoing: dict[tuple[str, Lane], list[Block]] = {}
        decided: set[tuple[str, Lane]] = set()  # what people did, and not only what follows
        kept: list[Block] = []  # what no other office hears of
        pending: Sequence[Edit] = edits
        for _ in range(DERIVED_ROUNDS_MAX):
            effects: list[Effect] = []
            for block, audiences in self._composer.blocks(tx, pending):
                if not derived:
                    self._composer.permit(block, me.unit, me.level, self.routes)
                effect = self._merger.merge(tx, block, done.version, me.level, local=True)
                done.changes += len(block.ids)
                done.registers.add(block.register)
                if effect is not None:
                    effects.append(effect)
                lane = self.tables.schema.registers[block.register].lane
                target = [(name, lane) for name in audiences if name != audience.LOCAL]
                for to in target:
                    outgoing.setdefault(to, []).append(block)
                if not derived:
                    decided.update(target)
                    kept += () if target else (block,)
            pending = self._folded(tx, effects)
            derived = True
            if not pending:
                break
        else:
            raise AssertionError("folds entail edits without end")
        self._merger.flush(tx)
        own_entries = [
            OwnEntry(*to, blocks, hlc, by=by if to in decided else UNKNOWN)
            for to, blocks in outgoing.items()
        ]
        local_log.append(tx, done.version, kept, by, self.now_ms)
        append_own(self, tx, own_entries, done.waiters)
        return done

    def log_row(
        self, entry: Entry, arrival: int, waiters: Waiters, *, via: int, via_position: int
    ) -> tuple[object, ...]:
        """Return an entry as a row of the log, and note in `waiters` who waits for it."""
        target = audience.parse(entry.audience)
        up_to = down_hop = None
        if target.up_to is not None:
            up_to = target.up_to if target.up_to < self.identity.level else None
        elif target.down_all:
            down_hop = log.EVERY_CHILD
        elif target.down_to is not None and target.down_to != self.identity.unit:
            down_hop = self.routes.hop(target.down_to)
        if up_to is not None:
            waiters.up.add(entry.lane)
            waiters.recent_commit.entries.append((arrival, entry))
        if down_hop is not None:
            waiters.down.add((down_hop, entry.lane))
        return (
            arrival, entry.lane.value, entry.incarnation, entry.audience, entry.seq, entry.hlc,
            up_to, down_hop, via, via_position, entry.changes, self.clock.now_ms(), entry.wire,
        )  # fmt: skip

    # -- remote -----------------------------------------------------------------------------

    def next_entries(
        self,
        tx: Connection,
        batch: Batch,
        peer: int,
        upward: bool,
        earlier: dict[StreamKey, StreamHead] | None = None,
        known: log_signatures.KnownStreams | None = None,
    ) -> list[tuple[Entry, int, int]]:
        """Return what is new here, each with the link it came by and its position there.

        `earlier`: streams as batches looked at before this one, and not applied, have left them;
        kept up. `known`: is told how these streams stand in the store, read in one go.
        Raises: StreamGap, StreamForked, Unauthorised, Malformed.
        """
        entries = [codec.entry_from_wire(wire) for wire in batch.entries]
        heads = {} if earlier is None else earlier
        keys = {key_of(e) for e in entries} - heads.keys()
        if known is None:
            heads.update(log.heads_of(tx, keys))
        else:
            known.update(log_signatures.streams_known(tx, keys))
            heads.update((key, StreamHead(*tip)) for key in keys for tip in known[key][1].items())
        fresh: list[tuple[Entry, int, int]] = []
        for entry, position in zip(entries, batch.positions, strict=True):
            check_relay(entry, batch.lane, peer, self.identity, self.routes, upward=upward)
            check_original_incarnation(tx, entry)
            if place(entry, heads) is Place.NEXT:
                heads[key_of(entry)] = StreamHead(entry.seq, entry.hash)
                fresh.append((entry, peer, position))
        return fresh

    def _already_applied(
        self, tx: Connection, entries: Sequence[Entry]
    ) -> dict[Version, Sequence[Block]]:
        """Return the blocks of these entries that came already: by another way, or as copies."""
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
        self,
        tx: Connection,
        fresh: list[tuple[Entry, int, int]],
        received: Received,
        applied_blocks: Mapping[Version, Sequence[Block]] = MappingProxyType({}),
        signed_to: log_signatures.Changes = MappingProxyType({}),
        registered: Set[int] = frozenset(),
    ) -> list[Effect]:
        if not fresh:
            return []
        for entry, _, _ in fresh:
            self.clock.observe(entry.hlc)
        first = log.allocate(tx, len(fresh), self.clock.last)
        received.waiters.recent_commit.record_numbers(first, len(fresh))
        named = {
            (e.incarnation, e.unit, e.level) for e, _, _ in fresh if e.incarnation not in registered
        }
        named |= {
            (e.original_incarnation, e.unit, e.level) for e, _, _ in fresh if e.original_incarnation
        }
        log.register_incarnations(tx, named)
        effects: list[Effect] = []
        rows = []
        newest: dict[StreamKey, Entry] = {}
        for i, (entry, via, position) in enumerate(fresh):
            arrival = first + i
            rows.append(
                self.log_row(entry, arrival, received.waiters, via=via, via_position=position)
            )
            newest[key_of(entry)] = entry
            effects += self._apply_entry(
                tx, entry, arrival, received, applied_blocks.get(entry.version, ())
            )
            received.entries += 1
            received.changes += entry.changes
        self._merger.flush(tx)
        log.append(tx, rows)
        log.save_heads(tx, newest.values(), signed_to)
        return effects

    def _apply_entry(
        self, tx: Connection, entry: Entry, arrival: int, received: Received,
        applied_blocks: Sequence[Block],
    ) -> list[Effect]:  # fmt: skip
        """Merge an entry's blocks, but those `applied_blocks` already in another stream.

        What cannot be merged becomes a hole and the rest goes on.
        """
        self._merger.writer(entry.original_incarnation or entry.incarnation, entry.level)
        try:
            blocks = codec.unpack(entry.payload)
        except Malformed as error:
            quarantine.quarantine_change(
                tx, entry, arrival, reason=error.code, detail=error.en, now_ms=self.now_ms
            )
            received.quarantined += 1
            return []
        effects: list[Effect] = []
        for block in blocks:
            if block in applied_blocks:
                continue
            register = self.tables.schema.registers.get(block.register)
            reason = (
                "unknown_register"
                if register is None
                else denial_reason(
                    block, register, writer=entry.unit, level=entry.level, routes=self.routes
                )
            )
            if reason is not None:
                quarantine.quarantine_change(
                    tx, entry, arrival, reason=reason, block=block, now_ms=self.now_ms
                )
                received.quarantined += 1
                continue
            received.registers.add(block.register)
            effect = self._merger.merge(tx, block, entry.version, entry.level)
            for rejected in self._merger.take_rejected():
                quarantine.quarantine_change(
                    tx, entry, arrival, reason=rejected.reason, block=block, now_ms=self.now_ms,
                    record=rejected.id, detail=rejected.detail,
                )  # fmt: skip
                received.quarantined += 1
            if effect is not None:
                effects.append(effect)
            if entry.original_incarnation:
                effects += drop_superseded_heads(
                    tx, self._merger, self.tables, block, entry.version
                )
        return effects

    # -- both -------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    @property
    def merger(self) -> Merger:
        return self._merger

    def commit_derived(self, tx: Connection, effects: list[Effect], received: Received) -> None:
        """Let the folds follow, and commit what they entail with the rest."""
        derived_edits = self._folded(tx, effects)
        if derived_edits:
            done = self._write(tx, derived_edits, derived=True)
            received.waiters.join(done.waiters)
            received.registers |= done.registers

    def _folded(self, tx: Connection, effects: Sequence[Effect]) -> list[Edit]:
        if not effects:
            return []
        return [edit for fold in self._folds for edit in fold.fold(tx, effects)]

    def _fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        fields_read = [w for f in self._folds if (w := f.fields_read(register, unit)) is not None]
        return frozenset().union(*fields_read) if fields_read else None


def _blocks(entry: Entry) -> list[Block]:
    try:
        return codec.unpack(entry.payload)
    except Malformed:
        return []  # it becomes a hole where it is opened
