"""The simulated city: offices as processes, lines between them, people and trouble; one seed."""

from __future__ import annotations

import contextlib
import itertools
import random
import shutil
import tempfile
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any
from unittest import mock

import structlog

from hub.link import enroller
from node.setup import DATABASE
from node.store import engine
from sync.codec import entry as codec
from sync.model.errors import SilianError
from tests.simulation import faults, sites, workload
from tests.simulation.authorities import Authorities
from tests.simulation.bit_rot import compare_everywhere
from tests.simulation.clockwork import Clockwork, Crash, Violation
from tests.simulation.disk import Disk, Driver
from tests.simulation.final_checks import check_quiet, tidy
from tests.simulation.ledger import Ledger
from tests.simulation.network import Network
from tests.simulation.oracle import Oracle
from tests.simulation.plan import HOUR_MS, START_MS, Plan
from tests.simulation.poison import Poison, with_unknown_field
from tests.simulation.process import Process
from tests.simulation.roles import Roles

TIDY_MS = HOUR_MS // 2  # before the end persons look at what was held
SHM = Path("/dev/shm")  # memory, where the machine has it: nothing here must last

shipped_entry_to_wire = codec.entry_to_wire


class World:
    """One run of one plan."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.folder = folder
        self.rng = random.Random(plan.seed)
        self.ledger = Ledger()
        self.clockwork = Clockwork(random.Random(self.rng.getrandbits(64)), START_MS)
        self.network = Network(
            self.clockwork, random.Random(self.rng.getrandbits(64)), self.ledger, plan.noise,
            len(plan.parents),
        )  # fmt: skip
        self.disk = Disk() if plan.mode == "crash" else None
        self.driver: Any = Driver(self.disk) if self.disk is not None else None
        self.fuses: dict[str, list[int]] = {}  # path -> writes left before the power fails, again
        if self.disk is not None:
            self.disk.before = self._burn
        self.units = sites.units_of(plan)
        self.present = [i for i in range(len(plan.parents)) if i not in plan.absent]
        self.skew_ms = dict.fromkeys(self.present, 0)
        self.frozen_ms: dict[int, int] = {}
        self.stores = {i: str(i) for i in self.present}  # the folder that each office lives in
        self.store_numbers = itertools.count(1)
        self.to_forgive: set[int] = set()  # offices whose parent is to forget a copy
        self.clones: dict[int, Process] = {}  # clones that run together with the office's process
        self.protocols: dict[int, tuple[int, int]] = {}  # of offices with an old program
        self.dialled: dict[int, int] = {}  # offices set to dial another than their parent
        self.watch_ms = plan.tick_ms + HOUR_MS
        self.processes: dict[int, Process | None] = {}
        self.keys: dict[int, set[bytes]] = defaultdict(set)  # that each office has had, on paper
        self._powerless = False
        self.people = workload.People(self)
        self.poison = Poison(self)
        self.roles = Roles(self)
        self.newer = set(plan.newer)  # offices whose program is one version on
        tree = sites.tree_csv(plan)
        self.authorities = Authorities(self) if plan.certificates else None
        self.incarnations = [
            sites.make(folder / str(i), self.units[i], tree, self.rng, disk=self.disk)
            if i in self.skew_ms
            else 0
            for i in range(len(plan.parents))
        ]
        self.oracle = Oracle(self)

    def run(self) -> None:
        """Run the plan, undo all faults, calm down, and check. Raises: Violation."""
        for index in self.present:
            self.open(index)
        for op in self.plan.ops:
            if op.office in self.skew_ms:
                self.clockwork.later(
                    op.at_ms, f"op {op.kind} {op.office}", lambda op=op: self.people.do(op)
                )
        for fault in self.plan.faults:
            if fault.office in self.skew_ms:
                self.clockwork.later(
                    fault.at_ms, f"fault {fault.kind} {fault.office}",
                    lambda fault=fault: faults.strike(self, fault),
                )  # fmt: skip
        for lie in self.plan.lies:
            if lie.office in self.skew_ms:
                self.clockwork.later(
                    lie.at_ms, f"lie {lie.kind} {lie.office}",
                    lambda lie=lie: self.roles.tell(lie),
                )  # fmt: skip
        self._until(START_MS + self.plan.horizon_ms)
        self.clockwork.note("applied")
        self.roles.over()
        faults.clear_faults(self)
        end_ms = START_MS + self.plan.horizon_ms + self.plan.calm_ms
        self._until(end_ms - TIDY_MS)
        tidy(self)
        if self.plan.copies or any(fault.kind == "bit_rot" for fault in self.plan.faults):
            compare_everywhere(self)  # what quarantine kept out of copies comes by this, too
        self._until(end_ms)
        while self.clockwork.busy and self.clockwork.now_ms < end_ms + HOUR_MS:
            self.clockwork.step()  # what the last tick has begun
        check_quiet(self)
        self.clockwork.note(self.oracle.summary())

    def _until(self, end_ms: int) -> None:
        while self.clockwork.next_ms() <= end_ms:
            self.clockwork.step()
        self.clockwork.now_ms = end_ms

    def close(self) -> None:
        for process in (*self.processes.values(), *self.clones.values()):
            if process is not None and process.alive:
                process.die()

    def entry_to_wire(self, blocks: Any, **header: Any) -> Any:
        """Pack an entry as the program of its office does."""
        entry = shipped_entry_to_wire(blocks, **header)
        return with_unknown_field(entry) if self._writes_newer(header["unit"]) else entry

    def _writes_newer(self, unit: int) -> bool:
        return any(self.units[i].unit_id == unit for i in self.newer)

    # -- processes -----------------------------------------------------------------------------

    def open(self, index: int) -> None:
        """Start an office's process, if it does not run."""
        if self.processes.get(index) is not None:
            return
        try:
            process = Process(self, index)
        except Crash:  # the power fails again, while the store recovers
            self._powerless = False
            self._cut(index)
            self.start_later(index, self.rng.randrange(1, 60_000))
            return
        self.processes[index] = process
        process.start()

    def parent_process(self, index: int) -> Callable[[], Process | None]:
        """Return what finds the process that serves an office as it is then."""
        return lambda: self.processes.get(index)

    def children(self, index: int) -> list[int]:
        return [i for i in self.present if i and self.plan.parents[i] == index]

    def below(self, index: int) -> list[int]:
        """Return an office and all below it."""
        found = [index]
        for i in found:
            found += self.children(i)
        return found

    def died_at(self, process: Process, where: str) -> None:
        self.ledger.note("fault", where)
        self.ledger.note("died", f"{where.removeprefix('crash_')}: {process.doing}")
        self.clockwork.note(f"office {process.index} dies: {where}")
        raise Crash

    def crashed(self, process: Process, *, down_ms: int | None = None) -> None:
        """A process is gone; somebody starts it again after a while."""
        if not process.alive:
            return
        process.die()
        powerless, self._powerless = self._powerless, False
        index = process.index
        if process.clone:
            self.clones.pop(index, None)  # nobody starts a copy again
            return
        self.processes[index] = None
        if powerless:
            self._cut(index)
        wait_ms = self.rng.randrange(1, 600_000) if down_ms is None else down_ms
        self.start_later(index, wait_ms)

    def start_later(self, index: int, wait_ms: int) -> None:
        self.clockwork.later(wait_ms, f"start {index}", lambda: self.open(index))

    # -- power ---------------------------------------------------------------------------------

    def path(self, index: int) -> str:
        return str(self.folder / self.stores[index] / DATABASE)

    def power_fails(self, process: Process, *, down_ms: int) -> None:
        self._powerless = True
        self.crashed(process, down_ms=down_ms)

    def _cut(self, index: int) -> None:
        assert self.disk is not None
        self.disk.cut(self.path(index), self.rng)
        self.driver.drop(self.path(index))

    def _burn(self, what: str, path: str) -> None:
        """Before each write and sync: fail the power where a fuse has burnt down."""
        fuses = self.fuses.get(path)
        if not fuses:
            return
        fuses[0] -= 1
        if fuses[0] <= 0:
            fuses.pop(0)
            self.ledger.note("power cut before", what)
            self._powerless = True
            raise Crash

    def network_died(self, index: int) -> None:
        for child in (index, *self.children(index)):
            self.network.died(child)

    def attempt(self, process: Process, what: str, work: Callable[[], object]) -> bool:
        """Do something at an office that it may refuse; anything but a refusal is a bug."""
        try:
            work()
        except SilianError as error:
            self.ledger.note("refusal", error.code)
            self.clockwork.note(f"office {process.index} refused {what}: {error.code}")
            return False
        return True

    # -- clocks --------------------------------------------------------------------------------

    def wall_of(self, index: int) -> Callable[[], int]:
        def wall_ms() -> int:
            now_ms = self.frozen_ms.get(index, self.clockwork.now_ms)
            return now_ms + self.skew_ms[index]

        return wall_ms

    # -- what the offices log ------------------------------------------------------------------

    def log_event(self, event: MutableMapping[str, Any]) -> None:
        """A call or the dialer failed in a way that nobody foresaw: that is a bug."""
        name = str(event.get("event"))
        self.ledger.note("log", name)
        if name in ("call_failed", "dialer_failed", "job_failed"):
            error = event.get("exc_info")
            if isinstance(error, Violation):
                raise error
            if isinstance(error, BaseException):
                raise Violation("unforeseen error", "".join(traceback.format_exception(error)))
            raise Violation("unforeseen error", name)


@contextlib.contextmanager
def world_of(plan: Plan) -> Iterator[World]:
    """Yield a world in a folder of its own; nothing is left behind."""
    folder = Path(tempfile.mkdtemp(prefix="silian-sim-", dir=SHM if SHM.is_dir() else None))
    config = structlog.get_config()
    try:
        world = World(plan, folder)

        def on_log_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Any:
            world.log_event(event)
            raise structlog.DropEvent

        structlog.configure(processors=[on_log_event], cache_logger_on_first_use=False)
        driver = mock.patch.object(engine, "sqlite_driver", world.driver or engine.sqlite_driver)
        try:
            patient = mock.patch.object(
                engine, "BUSY_MS", 0
            )  # nobody waits in real time for a lock
            with contextlib.ExitStack() as patched:
                for each in (
                    driver, patient, mock.patch.object(codec, "entry_to_wire", world.entry_to_wire),
                ):  # fmt: skip
                    patched.enter_context(each)
                if world.authorities is not None:
                    patched.enter_context(
                        mock.patch.object(enroller, "_call", world.authorities.call)
                    )
                yield world
        finally:
            world.close()
    finally:
        structlog.configure(**config)
        shutil.rmtree(folder, ignore_errors=True)
