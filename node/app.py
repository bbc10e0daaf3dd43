"""One office, put together: the composition root. Nothing is global; a process may hold many."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Connection

from node.audiences import TreeRoutes, shared_with
from node.china import china_time, start_of_day_ms
from node.config import BadConfig, OfficeConfig, load_config
from node.domain.catalogue import Catalogue, load_catalogue
from node.domain.norms import Norms
from node.domain.units import BadTree, Level, Tree, Unit
from node.folds.assignments import AssignmentFold
from node.folds.blind_index import BlindIndexFold
from node.folds.cases import CaseFold
from node.folds.contributions import ContributionFold
from node.folds.ledger import LedgerFold
from node.folds.totals import TotalsFold
from node.keys import signer_of
from node.private import close_to_others
from node.services.duplicates.blind_index import review_cases
from node.services.figures.cells import retotal
from node.services.peers.clones import Fenced
from node.services.peers.comparisons import Comparisons
from node.services.peers.refusals import SignatureRefusals
from node.services.peers.status import PeerStatus
from node.setup import new_incarnation, store_url
from node.store import meta, migrate
from node.store.engine import CommitMark, NotAStore, Store, open_store
from node.store.folder_lock import FolderLock
from node.store.schema import catalogue_tables
from node.store.units import dated_units, first_day, tree_on
from sync.apply.applier import Applier
from sync.codec.signing import Signer
from sync.compare import digests as comparison
from sync.log import entries as log
from sync.log import signatures
from sync.log.outcome import Applied, Received, Waiters
from sync.log.signatures import SignatureError
from sync.model.access import Identity
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Block, Edit
from sync.model.errors import SilianError
from sync.model.report import Comparison, DurableAt, NodeStatus
from sync.model.schema import Shared
from sync.model.version import HybridClock
from sync.recovery.reissue import rotate_incarnation
from sync.store import meta as facts
from sync.store.priority import Priority
from sync.store.sql import execute

PROGRAM = "0.1.0"


class Office:
    """A unit's store and everything that works on it."""

    def __init__(
        self,
        config: OfficeConfig,
        folder: Path,
        store: Store,
        catalogue: Catalogue,
        *,
        wall_ms: Callable[[], int],
        rng: random.Random,
        folder_lock: FolderLock | None = None,
        signer: Signer | None = None,
    ) -> None:
        self.config = config
        self.folder = folder
        self.store = store
        self.catalogue = catalogue
        self.rng = rng
        self.norms = Norms()
        self.program = PROGRAM
        self.catalogue_version = catalogue.version
        self.tables = catalogue_tables(catalogue)
        self._folder_lock = folder_lock
        self._listeners: list[Callable[[Waiters], None]] = []
        self._restored_listeners: list[Callable[[], None]] = []
        self._tree_lock = threading.Lock()
        self.tree_due = False  # a record has changed it, and it is not followed yet
        store.marked(_read_commit_mark, self._reload)
        if signer is not None:
            store.write(lambda tx: _own_key(tx, signer, rng))
        with store.read() as tx:
            self.identity = _identity(tx)
            self._first_day = first_day(tx)
            self.fenced = facts.get(tx, facts.FENCED) or ""  # why nothing may be written here
            last_hlc = log.lock(tx) if store.is_sqlite else 0
            built_for = meta.get(tx, meta.CATALOGUE)
            self.first_day = date.fromisoformat(meta.get(tx, meta.TREE_FROM) or "")  # of the tree
        self.clock = HybridClock(wall_ms, last_hlc=last_hlc)
        if built_for != catalogue.version:
            store.write(self._build_tables)
        self._tree = self._read_tree()
        self.routes = TreeRoutes(self._tree, self.identity.unit)
        self.peer_status = PeerStatus(self)
        self.comparisons = Comparisons(self)
        self.signature_refusals = SignatureRefusals(self)
        self.contributions = ContributionFold(
            catalogue, self.tables, self.identity, self.norms, self.today
        )
        self._assignments = AssignmentFold(self, self.contributions)
        self._ledger = LedgerFold(self)
        self.blind_index = BlindIndexFold(catalogue, self.tables, self.identity)
        self.cases = CaseFold(lambda: self._tree, self.identity)
        self.applier = Applier(
            self.tables,
            self.identity,
            self.routes,
            self.clock,
            folds=(
                self._assignments,
                self._ledger,
                self.contributions,
                self.blind_index,
                self.cases,
                TotalsFold(lambda: self._tree, self.identity.unit),
            ),
            signer=signer,
        )
        self.log = structlog.get_logger().bind(office=self.unit.code)
        self._ensure_indexes()
        if built_for != catalogue.version:
            from node.services.upkeep.quarantine import retry_deferred

            retry_deferred(self)  # what the older catalogue did not know

    # -- who and where -----------------------------------------------------------------------

    @property
    def tree(self) -> Tree:
        """The units in force today, as this office knows them."""
        return self._tree

    @property
    def unit(self) -> Unit:
        return self._tree.get(self.identity.unit)

    @property
    def level(self) -> Level:
        return Level(self.identity.level)

    def tree_on(self, day: date) -> Tree:
        """Return the tree as it was, or will be, on a day."""
        with self.store.read() as tx:
            return tree_on(tx, day)

    def today(self) -> date:
        """Return the date in China on the corrected clock.

        A clock that stands before the first tree of units has lost its battery: the office works
        on, by that first day.
        """
        return max(china_time(self.clock.now_ms()).date(), self._first_day)

    def clock_behind_ms(self) -> int:
        """Return how far the corrected clock is before any day that can be today; else 0."""
        return max(0, start_of_day_ms(self._first_day) - self.clock.now_ms())

    # -- writing -----------------------------------------------------------------------------

    def commit(
        self,
        work: Callable[[Connection], Sequence[Edit]],
        *,
        priority: Priority = Priority.LOCAL,
        by: Attribution = UNKNOWN,
    ) -> Applied:
        """Run `work` under the store's lock and commit the edits it returns, durably.

        `by`: the person and the reason that go with the edits to every office that hears them.

        Whatever `work` checks still holds when its edits are committed. Everybody who waits for
        the new log entries is woken after the commit. Many edits of one hand are of less urgency.
        Raises: Fenced; what `work` and `Store.write` raise.
        """
        if self.fenced:
            raise Fenced(self.unit.name)

        def execute(tx: Connection) -> Applied:
            if not self.store.is_sqlite:  # there the transaction began with the lock
                log.lock(tx)
            return self.applier.apply_local(tx, work(tx), by)

        applied = self.store.write(execute, priority=priority)
        self._after_commit(applied.registers, applied.waiters)
        return applied

    def committed(self, received: Received) -> None:
        """Told after a peer's batch is durable: wake whom it concerns."""
        self._after_commit(received.registers, received.waiters)

    def on_wake(self, listener: Callable[[Waiters], None]) -> None:
        """Have `listener` told, after each commit, for whom new log entries wait."""
        self._listeners.append(listener)

    def _after_commit(self, registers: set[str], waiters: Waiters) -> None:
        """Nothing here may make the caller believe that what is durable has failed."""
        if "unit" in registers:
            self.tree_due = True
            self._notify(self.follow_tree)
        for listener in self._listeners:
            self._notify(partial(listener, waiters))

    def _notify(self, notify: Callable[[], None]) -> None:
        try:
            notify()
        except SilianError as error:  # the store is in trouble now; the tick makes up for it
            self.log.warning("after_commit_failed", code=error.code, reason=error.en)

    # -- what the link asks of its host --------------------------------------------------------

    def offices(self) -> Iterable[NodeStatus]:
        """Return news of this office and those below it for the parent."""
        return self.peer_status.for_parent()

    def on_parent_contact(self, unit: int, durable_above: Iterable[DurableAt]) -> None:
        """Told what the parent says about how far our log is safe above."""
        self.peer_status.on_parent_contact(unit, durable_above)

    def signature_refused(self, unit: int, error: SignatureError) -> None:
        """Told when a neighbour's words were refused because signatures do not fit."""
        self.signature_refusals.note(unit, error)

    def signature_accepted(self, unit: int) -> None:
        """Told when a neighbour's words were taken."""
        self.signature_refusals.clear(unit)

    def draw(self) -> int:
        """Return 63 random bits, never 0."""
        return new_incarnation(self.rng)

    def switch_incarnation(self, incarnation: int) -> None:
        """Write under another incarnation from now on; the caller records it in the store."""
        self.applier.switch_incarnation(incarnation)
        self.identity = self.applier.identity

    def _reload(self, tx: Connection) -> None:
        """Go by what the store says after a failed commit, whatever was meant to become of it."""
        incarnation = _identity(tx).incarnation
        if incarnation != self.identity.incarnation:
            self.switch_incarnation(incarnation)

    def fence(self, why: str) -> None:
        """Take no edit while the parent has another store under this office's name.

        Kept in the store, so that it holds for commands, too, while nobody serves the office.
        """
        if why == self.fenced:
            return
        self.store.write(lambda tx: facts.put(tx, facts.FENCED, why))
        self.fenced = why
        if why:
            self.log.error("office_fenced", reason=why)
        else:
            self.log.info("office_let_in")

    def shared(self, child: int) -> Shared:
        """Return whose records a child and its parent both may hear whole, by register."""
        return shared_with(self.catalogue.registers.values(), self._tree, child)

    def compared(self, comparison: Comparison) -> None:
        """Told how a comparison with the parent ended."""
        self.comparisons.ended(comparison)

    def pending_derived(self, tx: Connection) -> list[Edit]:
        """Return what this office would have done by itself, had it heard everything in turn."""
        from node.services.upkeep.rebuild import pending_derived

        return pending_derived(self, tx)

    def audiences_of(self, tx: Connection, block: Block) -> tuple[str, ...]:
        """Return the audiences of an own block, as this office would say it now."""
        from node.services.records.audiences import audiences_of_block

        return audiences_of_block(self, tx, block)

    def reactions(self, tx: Connection) -> list[Edit]:
        """Return what assignments and returned money ask of this office and it has not answered."""
        return [*self._assignments.pending_events(tx), *self._ledger.pending_bookings(tx)]

    def found_restored(self) -> None:
        """A child holds words of ours that this store has lost: recover before anything else."""
        self.store.write(lambda tx: facts.put(tx, facts.RESTORED, "1"))
        self.log.warning("store_restored")
        for listener in self._restored_listeners:
            listener()

    def on_restored(self, listener: Callable[[], None]) -> None:
        """Have `listener` told when this store turns out to be a restored one."""
        self._restored_listeners.append(listener)

    def publish_address(self, address: str, *, files: int = 0) -> None:
        """Note where this office can be reached, for the commands run in its folder.

        `files`: how many files the process must be able to open for all of its offices.
        """
        if self._folder_lock is not None:
            unit = str(self.identity.unit)
            self._folder_lock.note({"address": address, "unit": unit, "files": files})

    def close(self) -> None:
        """Let go of the store; what was committed is safe without this."""
        try:
            self.store.close()
        finally:
            if self._folder_lock is not None:
                self._folder_lock.release()

    def follow_tree(self) -> None:
        """Go by the tree of today: a record has changed it, or its day has come."""
        with self._tree_lock:
            try:
                after = self._read_tree()
            except BadTree as error:
                # Half of a reorganisation has arrived; the old tree holds until it is whole.
                self.log.warning("tree_not_whole", reason=error.en)
                return
            retotal(self, self._tree, after)
            self._tree = after
            self.routes.see(after)
            self.tree_due = False
        review_cases(self)

    def _read_tree(self) -> Tree:
        with self.store.read() as tx:
            return tree_on(tx, self.today())

    def _ensure_indexes(self) -> None:
        """Go without secondary indexes, or build those that a bootstrap left out."""
        with self.store.read() as tx:
            missing = meta.get(tx, meta.BOOTSTRAP) == "1"
        if missing == self.config.bootstrap:
            return

        def write(tx: Connection) -> None:
            if missing:
                self.tables.create_indexes(tx)
            else:
                self.tables.drop_indexes(tx)
            meta.put(tx, meta.BOOTSTRAP, "0" if missing else "1")

        self.store.write(write)
        self.log.info("indexes_built" if missing else "indexes_dropped")

    def _build_tables(self, tx: Connection) -> None:
        """Bring the tables to this catalogue, and the digests of registers whose fields differ.

        A column that is there already proves nothing: a program may have been rolled back between.
        """
        added = self.tables.create(tx, indexes=meta.get(tx, meta.BOOTSTRAP) != "1")
        other = {name.partition(".")[0].removeprefix("r_") for name in added}
        printed = json.loads(meta.get(tx, meta.FIELDS) or "{}")
        fields = {table.schema.name: list(table.schema.names) for table in self.tables}
        for name, names in fields.items():
            if name in other or printed.get(name, names) != names:
                comparison.rebuild(tx, self.tables[name])
        meta.put(tx, meta.FIELDS, json.dumps(fields))
        meta.put(tx, meta.CATALOGUE, self.catalogue.version)


def open_office(
    folder: Path,
    *,
    wall_ms: Callable[[], int],
    rng: random.Random,
    catalogue: Catalogue | None = None,
    **store_options: Any,
) -> Office:
    """Open the office in `folder` for this process alone.

    What other accounts of the machine could read of the folder is closed to them first.
    Raises: BadConfig, StoreUnavailable, NewerSchema, OlderSchema, OfficeBusy, and those of
    `node.store.refusals`.
    """
    config = load_config(folder)
    folder_lock = FolderLock.acquire(folder)
    try:
        closed, _ = close_to_others(folder)
        if closed:
            structlog.get_logger().warning("closed_to_others", paths=list(map(str, closed)))
        store = open_store(store_url(folder, config), **store_options)
        try:
            if store.is_sqlite:
                migrate.upgrade_with_backup(store, folder)
            migrate.check(store)
            must_be_the_store_of(config.unit, store)
            extra = [folder / name for name in config.extra_catalogue]
            return Office(
                config, folder, store,
                catalogue if catalogue is not None and not extra else load_catalogue(extra),
                wall_ms=wall_ms, rng=rng, folder_lock=folder_lock, signer=signer_of(folder, rng),
            )  # fmt: skip
        except BaseException:
            store.close()
            raise
    except BaseException:
        folder_lock.release()
        raise


def must_be_the_store_of(asked: str, store: Store) -> Unit:
    """Return the unit of a store, if it is the one that the settings name.

    Another office's store, or its backup in this folder, must not work under this one's name.
    Raises: BadConfig, NotAStore.
    """
    try:
        with store.read() as tx:
            me = _identity(tx).unit
            own = [unit for unit in dated_units(tx) if unit.unit_id == me]
    except NotAStore as error:
        raise NotAStore(store.shown, "its tree of units is damaged") from error
    known = {name for unit in own for name in (unit.code, unit.name)}
    last = own[-1]
    if asked.strip().rpartition("/")[2].strip() not in known:
        raise BadConfig(
            store.shown, f"this is the store of {last.code} {last.name}, and `unit` is {asked}",
            f"该数据库属于 {last.code} {last.name}，而设置的 unit 是 {asked}",
            "Put the right unit into office.toml, or the right store into the folder.",
            "请更正 office.toml 中的 unit，或将本单位的数据库放回该目录。",
        )  # fmt: skip
    return last


def _read_commit_mark(tx: Connection) -> CommitMark:
    statement = "SELECT h.arrival, h.hlc, m.value FROM log_head h, meta m WHERE h.id=1 AND m.key=?"
    return CommitMark(*execute(tx, statement, (meta.INCARNATION,)).fetchone())


def _identity(tx: Connection) -> Identity:
    facts = {key: meta.get(tx, key) for key in (meta.UNIT, meta.LEVEL, meta.INCARNATION)}
    if any(value is None for value in facts.values()):
        raise BadConfig(
            "store", "this database is not an office's", "该数据库不是单位数据库",
            "Point `store` at the office's own database, or run `silian init`.",
            "请检查 store 设置，或先运行 silian init。",
        )  # fmt: skip
    numbers = [int(value or 0) for value in facts.values()]
    return Identity(*numbers)


def _own_key(tx: Connection, signer: Signer, rng: random.Random) -> None:
    """Bind the key to the store's incarnation; where another is bound, begin another incarnation.

    The key file was lost, or the store came to another folder without it. Nothing else was lost:
    the log goes on with its numbers, and what waits is sent as it is.
    """
    me = _identity(tx)
    known = signatures.key_known(tx, me.incarnation)
    if known == signer.public_key:
        return
    if not known:  # the first start of a program that signs
        log.register_incarnations(tx, [(me.incarnation, me.unit, me.level)])
        signatures.own_key(tx, me.incarnation, signer)
        return
    incarnation = new_incarnation(rng)
    rotate_incarnation(tx, me.unit, me.level, incarnation, signer)
    facts.put(tx, facts.CONTINUES, str(me.incarnation))
