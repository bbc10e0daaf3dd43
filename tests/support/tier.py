"""Offices of one street's path, each a `Process` of its own with real gRPC on the loopback."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hub.api.tokens import token_of
from hub.client.client import OfficeClient, wall_ms
from hub.serve.process import Process, Served
from node.config import OfficeConfig
from node.domain.catalogue import Catalogue, load_catalogue
from node.open import open_office
from node.services.health.verify import verify
from node.setup import init_office
from sync.link.session import State
from tests.support.edits import premises

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
        return premises(self.served(code).office, name, area_m2)


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


def outlets(tier: Tier, code: str) -> set[bytes]:
    with tier.served(code).office.store.read() as tx:
        return {bytes(r[0]) for r in tx.exec_driver_sql("SELECT id FROM r_service_outlet")}


def settled(tier: Tier, *codes: str) -> None:
    """Wait until these offices' lines are quiet and every parent holds what its child has."""

    def quiet() -> bool:
        for code in codes:
            dialer = tier.served(code).dialer
            if dialer is not None and not (dialer.connected and dialer.state is State.IDLE):
                dialer.retry_now()
                return False
        return True

    try:
        eventually(quiet)
    except AssertionError as error:
        lines = {code: tier.served(code).dialer for code in codes}
        raise AssertionError(
            [(code, d.state, d.reason) for code, d in lines.items() if d is not None]
        ) from error


def assert_consistent_and_equal(tier: Tier, *codes: str, lowest: str, register: str = "") -> None:
    """Nothing kept differs from the records, and all hold the same copies of the unit's records."""
    unit = tier.served(lowest).office.identity.unit

    def digests(code: str) -> dict[tuple[str, int], tuple[int, int]]:
        with tier.served(code).office.store.read() as tx:
            rows = tx.exec_driver_sql(
                "SELECT register, bucket, count, sum FROM digest WHERE unit=? AND count>0", (unit,)
            )
            return {(r[0], r[1]): (r[2], r[3]) for r in rows if register in ("", r[0])}

    eventually(lambda: all(digests(code) == digests(codes[0]) for code in codes))
    for code in codes:
        report = verify(tier.served(code).office)
        assert report.sound, (code, report.differences[:5])


def copy_of(tier: Tier, code: str) -> Path:
    """Stop an office and return a backup of its folder."""
    tier.stop(code)
    backup = tier.base / f"backup-{code}"
    shutil.rmtree(backup, ignore_errors=True)
    shutil.copytree(tier.base / code, backup)
    return backup


def put_back(tier: Tier, code: str, backup: Path) -> None:
    shutil.rmtree(tier.base / code)
    shutil.copytree(backup, tier.base / code)


def offline(tier: Tier, code: str, work: object) -> object:
    """Do something at an office that is not served: nobody receives it yet."""
    office = open_office(
        tier.base / code, wall_ms=wall_ms, rng=random.Random(code + "off"), catalogue=tier.catalogue
    )
    try:
        return work(office)  # type: ignore[operator]
    finally:
        office.close()
