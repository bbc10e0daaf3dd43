"""Offices of one street's path, each a `Process` of its own with real gRPC on the loopback."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hub.api.tokens import token_of
from hub.app import Process, Served
from hub.client import OfficeClient, wall_ms
from node.config import OfficeConfig
from node.domain.catalogue import Catalogue, load_catalogue
from node.ids import uuid7
from node.routes import audiences_of
from node.setup import init_office
from sync.change import Edit, Operation, RecordKey

CITY, DISTRICT, STREET = "330100000000", "330102000000", "330102013000"
GARDEN, ORCHID = "330102013009", "330102013011"  # 万家花园, 兰苑
PATIENCE_S = 60.0
Line = Sequence[tuple[str, str | None]]  # office and its parent, the highest first
PATH: Line = (
    (CITY, None), (DISTRICT, CITY), (STREET, DISTRICT), (GARDEN, STREET), (ORCHID, STREET),
)  # fmt: skip


@dataclass
class Tier:
    """Offices by code; each can be stopped and started again, at the same address."""

    base: Path
    catalogue: Catalogue = field(default_factory=load_catalogue)
    running: dict[str, Process] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    def start(self, code: str, parent: str | None = None) -> None:
        """Serve an office; its parent counts the first time, when its folder is made."""
        folder = self.base / code
        if not folder.exists():
            config = OfficeConfig(
                unit=code, parent=self.addresses[parent] if parent else "", sync_interval_s=2
            )
            init_office(folder, config, self.catalogue, rng=random.Random(code))
        process = Process(
            [folder], wall_ms=wall_ms, rng=random.Random(code + "run"),
            listen=self.addresses.get(code),
        )  # fmt: skip
        self.addresses[code] = process.start()
        self.running[code] = process

    def stop(self, code: str) -> None:
        self.running.pop(code).stop()

    def served(self, code: str) -> Served:
        return next(iter(self.running[code].served.values()))

    def at(self, code: str) -> OfficeClient:
        """Connect to an office as its own programs do."""
        return OfficeClient.connect(self.addresses[code], token_of(self.base / code))

    def premises(self, code: str) -> dict[bytes, tuple[str, int]]:
        with self.served(code).office.store.read() as tx:
            rows = tx.exec_driver_sql("SELECT id, f_name, f_area_m2 FROM r_premises")
            return {bytes(r[0]): (r[1], r[2]) for r in rows}

    def add_premises(self, code: str, name: str, area_m2: int = 30_000) -> bytes:
        office = self.served(code).office
        record_id = uuid7(wall_ms(), office.rng)
        unit = office.identity.unit
        audiences = audiences_of(
            self.catalogue.registers["premises"], unit=unit, writer=unit, level=3
        )
        edit = Edit(
            key=RecordKey("premises", unit, record_id),
            operation=Operation.CREATE,
            values={"name": name, "use": "office", "area_m2": area_m2, "tenure": "owned"},
            audiences=audiences,
        )
        office.commit(lambda tx: [edit])
        return record_id


@contextmanager
def tier_of(base: Path, path: Line = PATH) -> Iterator[Tier]:
    """Start the offices of a path; stop those that run in the end, the lowest first."""
    tier = Tier(base)
    try:
        for code, parent in path:
            tier.start(code, parent)
        yield tier
    finally:
        for process in reversed(list(tier.running.values())):
            process.stop()


def eventually(what: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
    """Wait for a condition on real processes; they have no other clock than ours."""
    deadline = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < deadline, "did not come about in time"
        time.sleep(0.02)
