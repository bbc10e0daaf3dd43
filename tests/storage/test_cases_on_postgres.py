"""Marks and cases of an office whose store is PostgreSQL: as on SQLite."""

from __future__ import annotations

import random
from pathlib import Path

from node.config import OfficeConfig
from node.office import Office
from node.open import open_office
from node.services.duplicates import blind_index, cases
from node.services.records import edits
from node.setup import init_office
from tests.unit.node.offices import (
    CATALOGUE,
    COMMUNITY,
    DISTRICT,
    OTHER,
    STREET,
    TREE,
    Clock,
    exchange,
    new_office,
)

CITY = "330100000000"
NUMBER = "33010219560512002X"


def resident(office: Office, clock: Clock) -> bytes:
    clock.forward()
    raw = {"id_number": NUMBER, "name": "张三", "birth_date": "1956-05-12"}
    return edits.create(office, "resident", raw).id


def test_a_street_on_postgresql_finds_a_number_registered_in_two_communities(
    tmp_path: Path, fresh_postgres_url: str
) -> None:
    clock, rng = Clock(), random.Random(5)
    config = OfficeConfig(unit=STREET, store=fresh_postgres_url)
    init_office(tmp_path / "s", config, CATALOGUE, rng=rng, tree_csv=TREE.encode())
    street = open_office(tmp_path / "s", wall_ms=clock, rng=rng, catalogue=CATALOGUE)
    city, district, one, other = (
        new_office(tmp_path / code, code, clock) for code in (CITY, DISTRICT, COMMUNITY, OTHER)
    )
    links = ((one, street), (other, street), (street, district), (district, city))

    def meet() -> None:
        for _ in range(4):
            for child, parent in links:
                exchange(child, parent)

    try:
        blind_index.continue_indexing(city)
        meet()
        for office in (street, one, other):
            blind_index.continue_indexing(office)
        mine = resident(one, clock)
        theirs = resident(other, clock)
        meet()
        (case,) = cases.list_cases(street)
        assert case.state == "open"
        assert case.units == {one.identity.unit: 1, other.identity.unit: 1}
        (found,) = cases.list_cases(one)
        assert cases.show(one, found.id).records == (mine,)
        clock.forward()
        edits.change(other, "resident", other.identity.unit, theirs, {"status": "moved_out"})
        meet()
        assert cases.list_cases(street) == cases.list_cases(one) == []
    finally:
        for office in (street, city, district, one, other):
            office.close()
