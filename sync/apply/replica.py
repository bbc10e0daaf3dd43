"""Replica: what every way into a store shares: identity, tables, clock, folds.

The ways in (`sync.apply.applier`, snapshots, repairs, recovery) are functions of a replica and a
transaction. The caller owns the transaction and holds the log's lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Protocol

from sqlalchemy import Connection

from sync.apply.blocks import Merger
from sync.apply.compose import Composer
from sync.apply.isolation import follow_each, is_of_values
from sync.codec.signing import Signer
from sync.log import entries as log
from sync.log import local_log
from sync.log.append import OwnEntry, append_own
from sync.log.certified import Certifier
from sync.log.outcome import Applied, Received
from sync.model import audience
from sync.model.access import Identity, Routes
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Block, Edit
from sync.model.effect import Effect
from sync.model.schema import Lane
from sync.model.version import HybridClock, version_of
from sync.store.registers import RegisterTables
from sync.store.sql import savepoint

DERIVED_ROUNDS_MAX = 4  # a fold's edits may be folded again: records -> cells -> totals


class Fold(Protocol):
    """Something kept in step with the records, in their own transaction."""

    def fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        """Return the fields whose values before a change it needs; None if it does not need it."""

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> Iterable[Edit]:
        """Process these changes; return the edits that follow from them, for this transaction."""


class Replica:
    """One office's copy of the records, as the engine works on it."""

    def __init__(
        self,
        tables: RegisterTables,
        identity: Identity,
        routes: Routes,
        clock: HybridClock,
        signer: Signer,
        folds: Sequence[Fold] = (),
    ) -> None:
        self.tables = tables
        self.identity = identity
        self.routes = routes
        self.clock = clock
        self.signer = signer  # signs our own entries
        self.merger = Merger(tables, self._fields_read)
        self.merger.writer(identity.incarnation, identity.level)
        self.certifier: Certifier | None = None  # of an office that is enrolled
        self._folds = tuple(folds)
        self._composer = Composer(tables)

    @property
    def now_ms(self) -> int:
        return self.clock.now_ms()

    def lock(self, tx: Connection) -> None:
        """Take the log's lock, and advance the clock to the newest stamp in the store."""
        self.clock.resume(log.lock(tx))

    def begin(self, tx: Connection) -> None:
        """Begin a transaction that changes records: `lock`, and a merger without state."""
        self.lock(tx)
        self.merger.begin(tx)

    def switch_incarnation(self, incarnation: int) -> None:
        """Write under another incarnation from now on; the caller records it in the store."""
        self.identity = replace(self.identity, incarnation=incarnation)
        self.merger.writer(incarnation, self.identity.level)

    # -- own edits ----------------------------------------------------------------------------

    def write(
        self, tx: Connection, edits: Sequence[Edit], *, derived: bool = False,
        by: Attribution = UNKNOWN,
    ) -> Applied:  # fmt: skip
        """Merge own edits and what follows from them, and append them to the log as one version.

        `derived`: edits of a fold, for which nobody is asked whether we may write them. `by` is
        stored with what was decided, and not with what only follows from it.
        Raises: NotWritable, RecordExists, RecordMissing, BadAttribution, TooLarge.
        """
        me = self.identity
        hlc = self.clock.tick()
        done = Applied(version_of(hlc, me.incarnation))
        outgoing: dict[tuple[str, Lane], list[Block]] = {}
        decided: set[tuple[str, Lane]] = set()  # what people did, not what follows from it
        kept: list[Block] = []  # what no other office receives
        pending: Sequence[Edit] = edits
        for _ in range(DERIVED_ROUNDS_MAX):
            effects: list[Effect] = []
            for block, audiences in self._composer.blocks(tx, pending):
                if not derived:
                    self._composer.permit(block, me.unit, me.level, self.routes)
                effect = self.merger.merge(tx, block, done.version, me.level, local=True)
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
            pending = self.fold(tx, effects)
            derived = True
            if not pending:
                break
        else:
            raise AssertionError("folds entail edits without end")
        self.merger.flush(tx)
        own_entries = [
            OwnEntry(*to, blocks, hlc, by=by if to in decided else UNKNOWN)
            for to, blocks in outgoing.items()
        ]
        local_log.append(tx, done.version, kept, by, self.now_ms)
        append_own(self, tx, own_entries, done.waiters)
        return done

    # -- folds --------------------------------------------------------------------------------

    def fold(self, tx: Connection, effects: Sequence[Effect]) -> list[Edit]:
        """Run the folds on what was changed; return the edits that follow."""
        if not effects:
            return []
        return [edit for fold in self._folds for edit in fold.fold(tx, effects)]

    def fold_received(self, tx: Connection, effects: Sequence[Effect]) -> list[Edit]:
        """As `fold`, for what a peer wrote: one record that a fold cannot read stops no other.

        First all at once, without a savepoint; if that fails, the transaction runs again.
        Raises: RetryTransaction.
        """
        if not effects:
            return []
        edits: list[Edit] = []
        for fold in self._folds:
            try:
                with savepoint(tx) if self.merger.careful else nullcontext():
                    edits += list(fold.fold(tx, effects))
            except Exception as error:
                if not is_of_values(error):
                    raise
                self.merger.must_be_careful()
                edits += follow_each(tx, fold, effects, now_ms=self.now_ms)
        return edits

    def commit_derived(self, tx: Connection, effects: Sequence[Effect], received: Received) -> None:
        """Run the folds, and commit what follows with the rest."""
        derived_edits = self.fold_received(tx, effects)
        if derived_edits:
            done = self.write(tx, derived_edits, derived=True)
            received.waiters.join(done.waiters)
            received.registers |= done.registers

    def _fields_read(self, register: str, unit: int) -> frozenset[str] | None:
        fields_read = [w for f in self._folds if (w := f.fields_read(register, unit)) is not None]
        return frozenset().union(*fields_read) if fields_read else None
