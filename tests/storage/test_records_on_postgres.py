"""Records, imports and conflicts of an office whose store is PostgreSQL, its street on SQLite."""

from __future__ import annotations

import io
import random
from pathlib import Path

from node.config import OfficeConfig
from node.open import open_office
from node.services.conflicts import resolve, views
from node.services.records import edits, lookup
from node.services.records.exporting import export_register
from node.services.records.search import Condition
from node.setup import init_office
from tests.support.tables import import_table
from tests.unit.node.offices import CATALOGUE, COMMUNITY, STREET, TREE, Clock, exchange, new_office


def test_an_office_on_postgresql_imports_lists_and_resolves_conflicts_as_one_on_sqlite(
    tmp_path: Path, fresh_postgres_url: str
) -> None:
    clock, rng = Clock(), random.Random(5)
    config = OfficeConfig(unit=COMMUNITY, store=fresh_postgres_url)
    init_office(tmp_path / "c", config, CATALOGUE, rng=rng, tree_csv=TREE.encode())
    community = open_office(tmp_path / "c", wall_ms=clock, rng=rng, catalogue=CATALOGUE)
    street = new_office(tmp_path / "s", STREET, clock)
    try:
        rooms = [f"房{n},办公,{n}" for n in range(1_200)]
        data = "\r\n".join(("用房名称,用途,建筑面积", *rooms)).encode()
        assert import_table(community, "premises", data, "a.csv").new == 1_200
        assert import_table(community, "premises", data, "a.csv").unchanged == 1_200
        first = edits.list_records(community, "premises", limit=5, subtree=True)
        second = edits.list_records(community, "premises", limit=5, after=first.next)
        assert len({r.id for r in (*first.records, *second.records)}) == 10
        (room,) = edits.list_records(community, "premises", where={"name": "房7"}).records
        where = ("premises", room.unit, room.id)

        exchange(community, street)
        edits.change(street, *where, {"tenure": "租用"})
        clock.forward()
        edits.change(community, *where, {"tenure": "自有"}, version_token=room.version_token)
        exchange(community, street)
        (found,) = views.list_open(community).conflicts
        assert [c.id for c in views.list_open(street).conflicts] == [found.id]
        why = {"reason": "有合同", "actor": "王"}
        assert resolve.resolve_alike(street, found.id, "loser", **why).resolved == 1
        exchange(community, street)
        assert views.list_open(community).total == 0

        edits.change(street, *where, {"tenure": "划拨"})
        edits.end(community, "premises", room.id)
        exchange(community, street)
        (found,) = views.list_open(community).conflicts
        resolve.resolve(community, found.id, "shown", **why)
        exchange(community, street)
        assert views.list_open(street).total == 0
        form = {"name": "房7", "use": "办公", "area_m2": "1"}
        assert edits.create(community, "premises", form).id == room.id
        assert export_register(community, "premises", io.BytesIO(), kind="csv") == 1_200
    finally:
        community.close()
        street.close()


def test_a_list_on_postgresql_is_searched_filtered_and_paged_as_one_on_sqlite(
    tmp_path: Path, fresh_postgres_url: str
) -> None:
    clock, rng = Clock(), random.Random(5)
    config = OfficeConfig(unit=COMMUNITY, store=fresh_postgres_url)
    init_office(tmp_path / "c", config, CATALOGUE, rng=rng, tree_csv=TREE.encode())
    offices = (
        open_office(tmp_path / "c", wall_ms=clock, rng=rng, catalogue=CATALOGUE),
        new_office(tmp_path / "s", COMMUNITY, clock),
    )
    rooms = [
        f"房{n}%_A,{'办公' if n % 3 else '活动'},{n % 7},{'东路' if n % 2 else ''}"
        for n in range(60)
    ]
    data = "\r\n".join(("用房名称,用途,建筑面积,地址", *rooms)).encode()
    asked = [
        {"search": "房1 %_a"},
        {"conditions": [Condition("area_m2", "=", "2..4"), Condition("address", "=", "")]},
        {"conditions": [Condition("用途", "~", "活"), Condition("name", "!=", "房0%_A")]},
        {"sort": ["-area_m2", "address"], "conditions": [Condition("area_m2", ">", "1.5")]},
    ]
    try:
        for office in offices:
            assert import_table(office, "premises", data, "a.csv").new == 60
        for question in asked:
            found = []
            for office in offices:
                names, after = [], ""
                while True:
                    page = edits.list_records(office, "premises", limit=7, after=after, **question)
                    names += [record.values["name"] for record in page.records]
                    after = page.next
                    if not after:
                        break
                assert len(set(names)) == len(names) == page.total
                found.append(sorted(names))
            assert found[0] == found[1] != []
    finally:
        for office in offices:
            office.close()


def test_an_id_is_found_on_postgresql_by_its_first_digits_and_by_its_name(
    tmp_path: Path, fresh_postgres_url: str
) -> None:
    clock, rng = Clock(), random.Random(5)
    config = OfficeConfig(unit=COMMUNITY, store=fresh_postgres_url)
    init_office(tmp_path / "c", config, CATALOGUE, rng=rng, tree_csv=TREE.encode())
    office = open_office(tmp_path / "c", wall_ms=clock, rng=rng, catalogue=CATALOGUE)
    try:
        made = edits.create(office, "premises", {"name": "甲", "use": "办公", "area_m2": "1"})
        for stated in ("甲", made.id.hex()[:6]):
            (found,) = lookup.find(office, lookup.Kind.RECORD, stated, register="premises")
            assert found.id == made.id
        for kind in lookup.Kind:
            of = "premises" if kind is lookup.Kind.RECORD else ""
            for stated in ("ffff", "没有", "试街道"):
                assert lookup.find(office, kind, stated, register=of) == ()
    finally:
        office.close()
