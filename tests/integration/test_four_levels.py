"""Four levels, each office its own process-like `Process`, over real gRPC on the loopback."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.app import Process, Served
from node.config import OfficeConfig
from node.domain.catalogue import Catalogue, load_catalogue
from node.ids import uuid7
from node.routes import audiences_of
from node.setup import init_office
from sync.change import Edit, Operation, RecordKey

CITY, DISTRICT, STREET = "330100000000", "330102000000", "330102013000"
GARDEN, ORCHID = "330102013009", "330102013011"  # 万家花园, 兰苑
PATIENCE_S = 30.0


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass
class Tier:
    """Offices of one street's path, by code; each can be stopped and started again."""

    base: Path
    catalogue: Catalogue
    running: dict[str, Process]
    addresses: dict[str, str]

    def start(self, code: str, parent: str | None) -> None:
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


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture
def tier(tmp_path: Path, catalogue: Catalogue) -> Iterator[Tier]:
    tier = Tier(tmp_path, catalogue, {}, {})
    for code, parent in (
        (CITY, None), (DISTRICT, CITY), (STREET, DISTRICT), (GARDEN, STREET), (ORCHID, STREET),
    ):  # fmt: skip
        tier.start(code, parent)
    yield tier
    for process in reversed(list(tier.running.values())):
        process.stop()


def eventually(what: object, timeout_s: float = PATIENCE_S) -> None:
    """Wait for a condition on real processes; they have no other clock than ours."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if what():  # type: ignore[operator]
            return
        time.sleep(0.02)
    raise AssertionError("did not come about in time")


def test_an_edit_at_a_community_reaches_the_city_and_no_sibling(tier: Tier) -> None:
    record = tier.add_premises(GARDEN, "服务中心", 66_000)
    for code in (STREET, DISTRICT, CITY):
        eventually(lambda code=code: tier.premises(code).get(record) == ("服务中心", 66_000))
    assert tier.premises(ORCHID) == {}


def test_what_was_written_while_the_street_was_down_arrives_after(tier: Tier) -> None:
    tier.stop(STREET)
    written = {tier.add_premises(GARDEN, f"用房{n}") for n in range(5)}
    written |= {tier.add_premises(ORCHID, f"用房{n}") for n in range(5)}
    assert tier.premises(CITY) == {}
    tier.start(STREET, DISTRICT)
    for code in (GARDEN, ORCHID):
        tier.served(code).dialer.retry_now()  # type: ignore[union-attr]
    eventually(lambda: set(tier.premises(CITY)) == written)


def test_an_office_that_restarts_sends_what_it_had_not_sent(tier: Tier) -> None:
    tier.stop(STREET)
    record = tier.add_premises(GARDEN, "党建活动室")
    tier.stop(GARDEN)
    tier.start(STREET, DISTRICT)
    tier.start(GARDEN, STREET)
    eventually(lambda: record in tier.premises(CITY))


def test_the_total_at_every_ancestor_follows_the_record(tier: Tier) -> None:
    tier.add_premises(GARDEN, "办公楼", 66_000)
    tier.add_premises(ORCHID, "办公楼", 31_000)

    def total(code: str) -> int:
        office = tier.served(code).office
        with office.store.read() as tx:
            rows = tx.exec_driver_sql(
                "SELECT sum(amount) FROM total WHERE measure='premises_area' AND unit=?",
                (office.identity.unit,),
            )
            return int(rows.scalar_one() or 0)

    for code in (STREET, DISTRICT, CITY):
        eventually(lambda code=code: total(code) == 97_000)
