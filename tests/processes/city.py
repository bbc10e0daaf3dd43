"""A small city of real processes on the loopback, with a proxy on each line, and its nemesis."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from hub.api.tokens import token_of
from hub.client.client import OfficeClient
from hub.demo.processes import Processes
from node.config import OfficeConfig, load_config, write_config
from node.domain.catalogue import load_catalogue
from node.setup import init_office
from sync.model.errors import SilianError
from tests.processes.lines import Line, ProxyLine
from tests.processes.plan import Step

CITY, DISTRICT, STREET = "330100000000", "330102000000", "330102013000"
GARDEN, ORCHID = "330102013009", "330102013011"
PARENT = {DISTRICT: CITY, STREET: DISTRICT, GARDEN: STREET, ORCHID: STREET}
CODES = (CITY, *PARENT)
NAMES = {CITY: "city", DISTRICT: "district", STREET: "street", GARDEN: "garden", ORCHID: "orchid"}
TREE_CSV = f"""code,name,level,parent_code
{CITY},杭州市,city,
{DISTRICT},上城区,district,{CITY}
{STREET},闸弄口街道,street,{DISTRICT}
{GARDEN},万家花园社区,community,{STREET}
{ORCHID},兰苑社区,community,{STREET}
""".encode()
ANYWHERE = "127.0.0.1:0"
QUIET_S = 180.0
SYNC_WAIT_MS = 3_000


class NotQuiet(AssertionError):
    """After everything was restored, something still waits."""


@dataclass(slots=True)
class City:
    """Five offices, each its own process. Start and break them from one thread."""

    base: Path
    rng: random.Random
    codes: tuple[str, ...] = CODES
    processes: Processes = field(init=False)
    lines: dict[str, Line] = field(default_factory=dict)  # by the code of the lower end
    addresses: dict[str, str] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    killed: set[str] = field(default_factory=set)
    broken: dict[str, int] = field(default_factory=dict)  # how often what happened

    def __post_init__(self) -> None:
        self.processes = Processes(self.base / "logs")

    # -- up and down -----------------------------------------------------------------------------

    def start(self) -> None:
        """Set the offices up and serve them; each child dials its parent over a line."""
        catalogue = load_catalogue()
        for code in self.codes:
            listen, parent = self.lay(code)
            config = OfficeConfig(unit=code, listen=listen, parent=parent, sync_interval_s=2)
            init_office(
                self.folder(code), config, catalogue, tree_csv=TREE_CSV,
                rng=random.Random(f"{code} {self.rng.random()}"), tree_from=date(2004, 9, 1),
            )  # fmt: skip
        for code in self.codes:
            self.launch(code)
        for code in self.codes:
            address = self.addresses[code] = self.processes.wait_ready(code)
            # Who dials it knows it by this address: it must come back to the same.
            folder = self.folder(code)
            write_config(folder, load_config(folder).model_copy(update={"listen": address}))
        self.join()

    def lay(self, code: str) -> tuple[str, str]:
        """Lay the office's line upward; return where it listens, and whom it dials."""
        if code not in PARENT:
            return ANYWHERE, ""
        line = self.lines[code] = ProxyLine(rng=random.Random(f"{code} {self.rng.random()}"))
        return ANYWHERE, line.address

    def join(self) -> None:
        """Tell the lines where they lead, now that it is known."""
        for code, line in self.lines.items():
            assert isinstance(line, ProxyLine)
            line.to = self.addresses[PARENT[code]]

    def launch(self, code: str) -> None:
        """Start an office's process; it is not ready yet."""
        self.processes.start(code, [self.folder(code)])

    def folder(self, code: str) -> Path:
        return self.base / NAMES[code]

    def client(self, code: str) -> OfficeClient:
        return OfficeClient.connect(self.addresses[code], token_of(self.folder(code)))

    def close(self) -> None:
        for code in list(self.paused):
            self._signal(code, signal.SIGCONT)
        self.processes.stop_all()
        for line in self.lines.values():
            line.close()

    # -- breaking --------------------------------------------------------------------------------

    def run_plan(self, steps: list[Step]) -> None:
        """Break what the plan says, when it says so; mend each after its time."""
        began = time.monotonic()
        pending: list[tuple[int, Step]] = []
        flapping: dict[str, tuple[int, int]] = {}  # line -> when next, how often

        def now_ms() -> int:
            return int((time.monotonic() - began) * 1_000)

        waiting = sorted(steps, key=lambda step: step.at_ms)
        while waiting or pending:
            due = [(at, step) for at, step in pending if at <= now_ms()]
            for at, step in sorted(due, key=lambda pair: pair[0]):
                pending.remove((at, step))
                flapping.pop(step.where, None)
                began += self.undo_fault(step)
            while waiting and waiting[0].at_ms <= now_ms():
                step = waiting.pop(0)
                if self.begin_fault(step):
                    pending.append((now_ms() + step.for_ms, step))
                    if step.kind == "flap":
                        flapping[step.where] = (now_ms(), step.size)
            for code, (next_ms, every_ms) in list(flapping.items()):
                if next_ms <= now_ms():
                    self.lines[code].reset()
                    flapping[code] = (now_ms() + every_ms, every_ms)
            time.sleep(0.005)

    def begin_fault(self, step: Step) -> bool:
        """Do it, if what it needs is whole; say whether it was done."""
        ends = [step.where]
        if step.kind.endswith("both ends"):
            ends = [step.where, PARENT[step.where]]
        if step.kind.startswith(("kill", "pause")) and any(self._down(code) for code in ends):
            return False
        self.broken[step.kind] = self.broken.get(step.kind, 0) + 1
        match step.kind:
            case "kill" | "kill both ends":
                for code in ends:
                    os.kill(self.processes.pid(code), signal.SIGKILL)
                for code in ends:
                    self.processes.kill(code)
                    self.killed.add(code)
            case "pause" | "pause both ends":
                for code in ends:
                    self._signal(code, signal.SIGSTOP)
                    self.paused.add(code)
            case _:
                self.lines[step.where].begin(step, self.rng)
        return True

    def undo_fault(self, step: Step) -> float:
        """Undo it. Who lost its link is notified that it is back, as an operator would do.

        Returns: how many seconds a process took to start; the plan's clock stands still meanwhile.
        """
        ends = [step.where]
        if step.kind.endswith("both ends"):
            ends = [step.where, PARENT[step.where]]
        began, started = time.monotonic(), 0.0
        if step.kind.startswith("kill"):
            self.rng.shuffle(ends)
            for code in ends:
                self.launch(code)
                self.killed.discard(code)
            for code in ends:
                self.processes.wait_ready(code)
            started = time.monotonic() - began
        elif step.kind.startswith("pause"):
            for code in ends:
                self._signal(code, signal.SIGCONT)
                self.paused.discard(code)
        else:
            self.lines[step.where].end(step)
        for child in {*ends, *(c for c, p in PARENT.items() if p in ends)} & self.lines.keys():
            self._redial(child)
        return started

    def _redial(self, code: str) -> None:
        if self._down(code):
            return
        with contextlib.suppress(SilianError), self.client(code) as office:
            office.sync_office(wait_ms=0)

    def _down(self, code: str) -> bool:
        return code in self.paused or code in self.killed

    def _signal(self, code: str, what: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.processes.pid(code), what)

    # -- afterwards ------------------------------------------------------------------------------

    def clear_faults(self) -> None:
        """Make every line and every office whole."""
        for line in self.lines.values():
            line.clear_faults()
        for code in list(self.paused):
            self._signal(code, signal.SIGCONT)
            self.paused.discard(code)

    def wait_quiet(self) -> None:
        """Wait until every parent holds all of every child's log, twice with nothing new between.

        Raises: NotQuiet, naming who still waits.
        """
        give_up = time.monotonic() + QUIET_S
        before: Mapping[str, object] = {}
        while True:
            self.processes.check_alive()
            now = {code: self._mark(code) for code in reversed(self.codes[1:])}
            if now == before and None not in now.values():
                return
            before = now
            if time.monotonic() > give_up:
                late = [NAMES[code] for code, mark in now.items() if mark is None]
                raise NotQuiet(f"after {QUIET_S:.0f} s: {', '.join(late) or 'news without end'}")

    def _mark(self, code: str) -> object | None:
        """Return how far the office's log is safe at its parent; None: not all of it, or unsure."""
        try:
            with self.client(code) as office:
                if not office.sync_office(wait_ms=SYNC_WAIT_MS).done:
                    return None
                state = office.get_status()
        except SilianError as error:
            if error.retryable:
                return None
            raise
        own = state.offices[0]
        if own.waiting_up or not state.link.connected:
            return None
        return sorted((s.lane, s.position) for s in state.durable_above)
