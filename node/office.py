"""The office: a unit's store, its tables, tree and clock, and the one way to commit.

Everything in `node.services` is a function of an `Office`. `node.open` puts one together; this
module imports no service. Nothing is global; a process may serve many offices.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from node.audit.log import AuditLog
from node.audit.refused import RefusedCallers
from node.audit.witness import Witness
from node.bad_config import BadConfig
from node.china import DAY_MS, start_of_day_ms
from node.config import OfficeConfig
from node.domain.units import BadTree, Level, Tree, Unit
from node.folds.context import FoldContext
from node.folds.folds import Folds
from node.peers.certificates import Certificates
from node.peers.comparisons import Comparisons
from node.peers.fenced import Fenced
from node.peers.refusals import QuotaRefusals, SignatureRefusals
from node.peers.status import PeerStatus
from node.store import meta
from node.store import uncounted as uncounted_postings
from node.store.cells import retotal
from node.store.engine import Store
from node.store.folder_lock import FolderLock
from node.store.units import tree_on, whole_tree_on
from sync.apply import applier
from sync.apply.replica import Replica
from sync.log import entries as log
from sync.log.outcome import Applied, Received, Waiters
from sync.model.access import Identity
from sync.model.attribution import UNKNOWN, Attribution
from sync.model.change import Edit
from sync.model.errors import SilianError
from sync.model.limits import CLOCK_AHEAD_MS_MAX
from sync.store.priority import Priority

PROGRAM = "0.1.0"
CLOCK_LEAP_MS_MAX = 180 * DAY_MS  # an office that stood still for longer is asked to look


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What an office is put together from (`node.open`)."""

    config: OfficeConfig
    folder: Path
    store: Store
    context: FoldContext
    folds: Folds
    replica: Replica
    rng: random.Random
    fenced: str = ""
    folder_lock: FolderLock | None = None


class Office:
    """A unit's store and what works on it."""

    def __init__(self, parts: Parts) -> None:
        self.config = parts.config
        self.folder = parts.folder
        self.store = parts.store
        self.context = context = parts.context
        self.folds = parts.folds
        self.replica = parts.replica
        self.identity = parts.replica.identity
        self.rng = parts.rng
        self.catalogue = context.catalogue
        self.tables = context.tables
        self.norms = context.norms
        self.routes = context.routes
        self.clock = context.clock
        self.log = context.log
        self.program = PROGRAM
        self.catalogue_version = context.catalogue.version
        self.fenced = parts.fenced  # why nothing may be written here; empty: nothing forbids it
        self.clock_leap_ms = 0  # at the start: from the newest stamp of the store to the clock
        self.tree_due = False  # a record has changed it, and the office has not loaded it yet
        self.tree_fault = ""  # why the decided records make no tree; an earlier one is in force
        self._folder_lock = parts.folder_lock
        self._listeners: list[Callable[[Waiters], None]] = []
        self._tree_lock = threading.Lock()
        unit, signer = self.identity.unit, parts.replica.signer
        self.audit = AuditLog(unit, self.store, self.clock.now_ms, signer)
        self.refused_callers = RefusedCallers(self.audit, self.clock.now_ms, self.context.log)
        self.sealing = threading.RLock()  # one sealed backup at a time is made or sent
        self.peer_status = PeerStatus(self)
        self.comparisons = Comparisons(self)
        self.signature_refusals = SignatureRefusals(self)
        self.quota_refusals = QuotaRefusals(self)
        self.certificates = Certificates(self, parts.folder)
        self.witness = Witness(self)
        self.store.on_reopened(self._reload)

    # -- who and where -----------------------------------------------------------------------

    @property
    def tree(self) -> Tree:
        """The units in force today, as this office knows them."""
        return self.routes.tree

    @property
    def unit(self) -> Unit:
        return self.tree.get(self.identity.unit)

    @property
    def level(self) -> Level:
        return Level(self.identity.level)

    def tree_on(self, day: date) -> Tree:
        """Return the tree as it was, or will be, on a day."""
        with self.store.read() as tx:
            return whole_tree_on(tx, day)[0]

    @property
    def parent_unit(self) -> int | None:
        """The unit above this office; None at the top."""
        return self.tree.parent(self.identity.unit)

    @property
    def first_day(self) -> date:
        """The first day of the tree: no year before it is open to postings."""
        return self.context.first_day

    def today(self) -> date:
        """Return the date in China on the corrected clock.

        A clock that is before the first tree of units has lost its battery: the office goes on with
        that first day.
        """
        return self.context.today()

    def clock_behind_ms(self) -> int:
        """Return how far the corrected clock is before any day that can be today; else 0."""
        return max(0, start_of_day_ms(self.context.first_tree_day) - self.clock.now_ms())

    def clock_unconfirmed_ms(self) -> int:
        """Return how far the clock is from the store's newest stamp, if that is to be doubted.

        Nobody has confirmed the clock since the start, and it stands long after that stamp, or
        before it: one of the two is wrong. 0: there is no reason to doubt it.
        """
        if self.clock.compared:
            return 0
        ahead_ms = self.clock.ahead_ms()
        if ahead_ms > CLOCK_AHEAD_MS_MAX:
            return ahead_ms
        return self.clock_leap_ms if self.clock_leap_ms > CLOCK_LEAP_MS_MAX else 0

    # -- writing -----------------------------------------------------------------------------

    def commit(
        self,
        work: Callable[[Connection], Sequence[Edit]],
        *,
        priority: Priority = Priority.LOCAL,
        by: Attribution = UNKNOWN,
    ) -> Applied:
        """Run `work` under the store's lock and commit the edits it returns, durably.

        `by`: the person and the reason that go with the edits to every office that receives them.

        Whatever `work` checks is still true when its edits are committed. Those who wait for the
        new log entries are notified after the commit. Many edits of one person have lower priority.
        Raises: Fenced; what `work` and `Store.write` raise.
        """
        if self.fenced:
            raise Fenced(self.unit.name)

        def execute(tx: Connection) -> Applied:
            if not self.store.is_sqlite:  # there the transaction began with the lock
                log.lock(tx)
            return applier.apply_local(self.replica, tx, work(tx), by)

        applied = self.store.write(execute, priority=priority)
        self._after_commit(applied.registers, applied.waiters)
        return applied

    def committed(self, received: Received) -> None:
        """Notify those who wait for a peer's batch; to be called once it is durable."""
        self._after_commit(received.registers, received.waiters)

    def on_wake(self, listener: Callable[[Waiters], None]) -> None:
        """Call `listener` after each commit, with those for whom new log entries wait."""
        self._listeners.append(listener)

    def _after_commit(self, registers: set[str], waiters: Waiters) -> None:
        """No error here may make the caller believe that what is durable has failed."""
        if "unit" in registers:
            self.tree_due = True
            self._notify(self.follow_tree)
        for listener in self._listeners:
            self._notify(partial(listener, waiters))

    def _notify(self, notify: Callable[[], None]) -> None:
        try:
            notify()
        except SilianError as error:  # the store has a fault now; the tick repeats this
            self.log.warning("after_commit_failed", code=error.code, reason=error.en)

    def follow_tree(self) -> None:
        """Load the tree of today: a record has changed it, or the day of a change has come."""
        with self._tree_lock:
            try:
                with self.store.read() as tx:
                    after = tree_on(tx, self.today())
            except BadTree as error:
                # Half of a reorganisation has arrived; the old tree is used until it is complete.
                self.log.warning("tree_not_whole", reason=error.en)
                self.tree_fault = error.en
                return
            retotal(self.store, self.identity.unit, self.tree, after)
            self.routes.tree = after
            self.tree_due, self.tree_fault = False, ""
        with self.store.read() as tx:
            cases = self.folds.cases.are_concerned(tx)
            uncounted = uncounted_postings.exist(tx)
        if cases:
            self.commit(self.folds.cases.review_all)
        if uncounted:
            self.commit(self.folds.judge_again)

    def switch_incarnation(self, incarnation: int) -> None:
        """Write under another incarnation from now on; the caller records it in the store."""
        self.replica.switch_incarnation(incarnation)
        self.identity = self.replica.identity

    def _reload(self, tx: Connection) -> None:
        """Load the state from the store after a failed commit, whatever its outcome."""
        incarnation = read_identity(tx).incarnation
        if incarnation != self.identity.incarnation:
            self.switch_incarnation(incarnation)

    def fence(self, why: str) -> None:
        """Accept no edit while the parent accepts another store under this office's name.

        It is stored, so that it applies to commands, too, while nobody serves the office.
        """
        if why == self.fenced:
            return
        self.store.write(lambda tx: meta.put(tx, meta.FENCED, why))
        self.fenced = why
        if why:
            self.log.error("office_fenced", reason=why)
        else:
            self.log.info("office_let_in")

    # -- the folder --------------------------------------------------------------------------

    def publish_address(self, address: str, *, files: int = 0) -> None:
        """Record this office's address, for the commands run in its folder.

        `files`: how many files the process must be able to open for all of its offices.
        """
        if self._folder_lock is not None:
            unit = str(self.identity.unit)
            self._folder_lock.note({"address": address, "unit": unit, "files": files})

    def close(self) -> None:
        """Close the store and the folder; what was committed is safe without this."""
        try:
            self.store.close()
        finally:
            if self._folder_lock is not None:
                self._folder_lock.release()


def read_identity(tx: Connection) -> Identity:
    """Return whose store this is. Raises: BadConfig when it is no office's."""
    identity = Identity(*(meta.get(tx, key) for key in (meta.UNIT, meta.LEVEL, meta.INCARNATION)))
    if not identity.unit or not identity.incarnation or identity.level < 0:
        raise BadConfig(
            "store", "this database is not an office's", "该数据库不是单位数据库",
            "Point `store` at the office's own database, or run `silian init`.",
            "请检查 store 设置，或先运行 silian init。",
        )  # fmt: skip
    return identity
