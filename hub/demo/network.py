"""The network of the demonstration: one street and the path up to the city, served."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hub.api.tokens import token_of
from hub.client.client import OfficeClient
from hub.demo.hosts import Hosts, Link, free_ports, lay
from hub.demo.line import LOOPBACK
from hub.demo.processes import DemoFailed, Processes
from node.config import FILE, load_config, write_config
from node.domain.units import Level, Tree, Unit
from node.store.folder_lock import lock_info

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
    """Twenty offices, or as many as the street has, in five processes, each on a host of its own.

    Between two levels is a link that can be cut.
    """

    tree: Tree
    city: Place
    district: Place
    street: Place
    communities: list[Place]
    processes: Processes
    _hosts: Hosts | None = None

    def all(self) -> list[Place]:
        """Return every office, from the city down."""
        return [self.city, self.district, self.street, *self.communities]

    def at(self, unit_id: int) -> Place:
        """Return the office of a unit."""
        return next(place for place in self.all() if place.unit.unit_id == unit_id)

    def served_by(self, server: str) -> list[Place]:
        return [place for place in self.all() if place.server == server]

    @property
    def hosts(self) -> Hosts:
        """Where everything runs; only once it is laid."""
        assert self._hosts is not None, "no host is there yet"
        return self._hosts

    @property
    def upward(self) -> Link:
        """The street's link to the district."""
        return self.hosts.above(STREET)

    @property
    def downward(self) -> Link:
        """The communities' link to the street."""
        return self.hosts.above(COMMUNITIES[0])

    # -- bringing up ----------------------------------------------------------------------------

    def lay(self) -> None:
        """Make the hosts; nothing runs on them yet."""
        used = {server: parent for server, parent in UPPER.items() if self.served_by(server)}
        self._hosts = lay(used)

    def listen_at(self, place: Place) -> None:
        """Set where an office listens; one that joins gets it from its command."""
        _configure(place.folder, listen=self.hosts.listen(place.server))

    def dial_parent(self, place: Place) -> None:
        """Have an office that has joined dial its parent over the link that can be cut."""
        config = load_config(place.folder)
        _configure(place.folder, parent=self.hosts.parent(place.server, config.parent))

    def start(self, server: str) -> None:
        """Start one process, or start it again where it was."""
        folders = [place.folder for place in self.served_by(server)]
        self.processes.start(server, folders, self.hosts.inside(server))
        self.processes.wait_ready(server)
        for place in self.served_by(server):
            self._connect(place)

    def _connect(self, place: Place) -> None:
        if place.client is not None:
            place.client.close()
        local = (lock_info(place.folder) or {}).get("address")
        assert local, f"{place.name} is served, and names no port for programs"
        port = self.hosts.local_port(place.server, str(local))
        place.client = OfficeClient.connect(port, token_of(place.folder))

    def close(self) -> None:
        """Stop everything, and remove the hosts; the folders can then be served on loopback."""
        for place in self.all():
            if place.client is not None:
                place.client.close()
                place.client = None
        try:
            self.processes.stop_all()
        finally:  # also when a second Ctrl-C ends the wait
            if self._hosts is not None:
                self._hosts.close()
        if self._hosts is not None:
            self._hosts = None
            self._move_to_loopback()

    def _move_to_loopback(self) -> None:
        port = {server: free_ports() for server in UPPER}
        for server, parent in UPPER.items():
            for place in self.served_by(server):
                if not (place.folder / FILE).exists():
                    continue
                own = {"listen": f"{LOOPBACK}:{port[server]}"} if server in UPPER.values() else {}
                above = {
                    "parent": f"{LOOPBACK}:{port[parent]}",
                    "parent_enrolment": f"{LOOPBACK}:{port[parent] + 1}",
                } if parent else {}  # fmt: skip
                _configure(place.folder, **own, **above)

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
            f"{street.code} {street.name} 不是设有社区的街道",
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
