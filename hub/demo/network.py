"""The network of the demonstration: one street and the path up to the city, served."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from hub.api.tokens import token_of
from hub.client.client import OfficeClient
from hub.demo.line import Line
from hub.demo.processes import DemoFailed, Processes
from node.config import load_config, write_config
from node.domain.units import Level, Tree, Unit

R = TypeVar("R")
CITY, DISTRICT, STREET = "city", "district", "street"
COMMUNITIES = ("communities-1", "communities-2")  # served by two processes, as two machines would
UPPER = {CITY: "", DISTRICT: CITY, STREET: DISTRICT, **dict.fromkeys(COMMUNITIES, STREET)}


@dataclass(slots=True)
class Place:
    """One office of the demonstration."""

    unit: Unit
    folder: Path
    server: str
    client: OfficeClient | None = None

    @property
    def name(self) -> str:
        return self.unit.name

    @property
    def code(self) -> str:
        return self.unit.code

    @property
    def office(self) -> OfficeClient:
        """The office's client; only while it is served."""
        assert self.client is not None, f"{self.name} is not connected"
        return self.client


@dataclass(slots=True)
class Network:
    """Twenty offices, or as many as the street has, in five processes on the loopback.

    Between two levels is a line that can be cut.
    """

    tree: Tree
    city: Place
    district: Place
    street: Place
    communities: list[Place]
    processes: Processes
    lines: dict[str, Line] = field(default_factory=dict)

    def all(self) -> list[Place]:
        """Return every office, from the city down."""
        return [self.city, self.district, self.street, *self.communities]

    def at(self, unit_id: int) -> Place:
        """Return the office of a unit."""
        return next(place for place in self.all() if place.unit.unit_id == unit_id)

    def served_by(self, server: str) -> list[Place]:
        return [place for place in self.all() if place.server == server]

    @property
    def upward(self) -> Line:
        """The street's line to the district."""
        return self.lines[STREET]

    @property
    def downward(self) -> Line:
        """The communities' line to the street."""
        return self.lines[COMMUNITIES[0]]

    # -- bringing up ----------------------------------------------------------------------------

    def start_all(self) -> None:
        """Start all processes at once: each dials a line; its upper end is known a little later."""
        for child in (DISTRICT, STREET, COMMUNITIES[0]):
            self.lines[child] = Line()
        servers = [server for server in UPPER if self.served_by(server)]
        for server in servers:
            if UPPER[server]:
                for place in self.served_by(server):
                    _configure(place.folder, parent=self._line_of(server).address)
            self.processes.start(server, [place.folder for place in self.served_by(server)])
        for server in servers:
            self._ready(server)
        for server in servers:
            if parent := UPPER[server]:
                self._line_of(server).to = self.processes.address(parent)

    def _line_of(self, server: str) -> Line:
        return self.downward if server in COMMUNITIES else self.lines[server]

    def start(self, server: str) -> None:
        """Start one process, or start it again where it was."""
        self.processes.start(server, [place.folder for place in self.served_by(server)])
        self._ready(server)

    def _ready(self, server: str) -> None:
        address = self.processes.wait_ready(server)
        for place in self.served_by(server):
            # Its children know it by this address: it must come back to the same.
            _configure(place.folder, listen=address)
            self._connect(place, address)

    def _connect(self, place: Place, address: str) -> None:
        if place.client is not None:
            place.client.close()
        place.client = OfficeClient.connect(address, token_of(place.folder))

    def close(self) -> None:
        """Stop everything; the folders then say where each parent really listens."""
        for place in self.all():
            if place.client is not None:
                place.client.close()
                place.client = None
        real = {name: self.processes.address(name) for name in self.processes.names()}
        self.processes.stop_all()
        for line in self.lines.values():
            line.close()
        for server, parent in UPPER.items():
            for place in self.served_by(server):
                if parent and real.get(parent):
                    _configure(place.folder, parent=real[parent])

    # -- all of them ------------------------------------------------------------------------------

    def each_community(self, work: Callable[[Place], R]) -> list[R]:
        """Do something at every community, in both processes at once; results in their order."""
        return self.in_both(self.communities, work)

    def in_both(self, places: Sequence[Place], work: Callable[[Place], R]) -> list[R]:
        """Do something at several offices, one at a time in each process.

        The first failure, or Ctrl-C, stops the rest between two offices.
        """
        servers = list(dict.fromkeys(place.server for place in places))
        given_up = threading.Event()
        found: dict[str, R] = {}

        def run(server: str) -> None:
            for place in places:
                if place.server == server and not given_up.is_set():
                    found[place.code] = work(place)

        pool = ThreadPoolExecutor(len(servers) or 1)
        try:
            for each in [pool.submit(run, server) for server in servers]:
                each.result()
        finally:
            given_up.set()
            pool.shutdown(wait=False, cancel_futures=True)
        return [found[place.code] for place in places]

    def everywhere(self, work: Callable[[Place], R]) -> list[tuple[Place, R]]:
        """Do something at every office; give each with its result, from the city down."""
        places = self.all()
        return list(zip(places, self.in_both(places, work), strict=True))


def plan_network(tree: Tree, street: Unit, base: Path) -> Network:
    """Plan the folders of a street's path under `base`; nothing is written yet."""
    if street.level != Level.STREET or not tree.children(street.unit_id):
        raise DemoFailed(
            f"{street.code} {street.name} is not a street with communities",
            f"{street.code} {street.name} 不是下辖社区的街道",
            "Give a street's code with --unit.",
            "请用 --unit 指定一个街道。",
        )
    district, city = (tree.get(each) for each in tree.ancestors(street.unit_id))

    def place(unit: Unit, server: str) -> Place:
        return Place(unit, base / "offices" / f"{unit.code}_{unit.name.replace('/', '_')}", server)

    below = [tree.get(each) for each in tree.children(street.unit_id)]
    return Network(
        tree=tree,
        city=place(city, CITY),
        district=place(district, DISTRICT),
        street=place(street, STREET),
        # Dealt out in turn, so that both processes have as much to do.
        communities=[place(unit, COMMUNITIES[i % 2]) for i, unit in enumerate(below)],
        processes=Processes(base / "logs"),
    )


def _configure(folder: Path, **settings: str) -> None:
    config = load_config(folder)
    if any(getattr(config, name) != value for name, value in settings.items()):
        write_config(folder, config.model_copy(update=settings))
