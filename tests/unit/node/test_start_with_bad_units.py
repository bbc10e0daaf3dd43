"""An office starts, and works, whatever the records of units in its store say."""

from __future__ import annotations

import random

import pytest

from node.ids import uuid7
from node.open import open_office
from node.services.figures.rollup import AS_WAS, answer
from node.services.health.status import status
from node.services.upkeep.tree_import import import_units
from sync.model.change import Operation
from sync.store.sql import execute
from tests.support.network import CATALOGUE, CITY, TREE, A, Network


@pytest.fixture
def net(tmp_path):
    network = Network(tmp_path / "offices", (CITY,), templates=tmp_path)
    yield network
    network.close()


def codes(office) -> list[str]:
    return [problem.code for problem in status(office).problems]


@pytest.mark.parametrize("damage", ["another root", "no date", "no level"])
def test_a_record_of_a_unit_that_makes_no_tree_stops_no_start_and_no_question(net, damage):
    city = net[CITY]
    import_units(city, TREE.replace("甲社区", "新社区").encode(), "units.csv")
    net.forward()
    values = {"unit_id": 5, "unit_code": "9" * 12, "name": "乱", "level": 0, "parent": None,
              "valid_from": "2020-01-01", "valid_to": None}  # fmt: skip
    net.write(CITY, net.edit(CITY, "unit", uuid7(net.ms, city.rng), Operation.CREATE, values))
    wrong = {"no date": "f_valid_from='0000-13-99'", "no level": "f_level=77"}.get(damage)
    if wrong:
        city.store.write(lambda tx: execute(tx, f"UPDATE r_unit SET {wrong} WHERE f_unit_id=5"))
    city.close()
    again = net.offices[CITY] = open_office(
        city.folder, wall_ms=lambda: net.ms, rng=random.Random(1), catalogue=CATALOGUE
    )
    assert again.tree.find(A).name == "新社区", "the good decision stands"
    assert "tree_not_whole" in codes(again)
    answer(again, "K1", history=AS_WAS, as_of=again.today().replace(day=1))
    again.follow_tree()
    again.store.write(lambda tx: execute(tx, "DELETE FROM r_unit WHERE f_unit_id=5"))
    again.follow_tree()
    assert "tree_not_whole" not in codes(again)
