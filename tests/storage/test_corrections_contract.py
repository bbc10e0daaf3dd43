"""Correction requests on both stores: asked, listed, answered with the edit, refused, counted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.config import OfficeConfig
from node.domain.correction import State
from node.office import Office
from node.open import open_office
from node.services.corrections import requests, views
from node.services.corrections.errors import CorrectionClosed
from node.services.records import edits
from node.services.records.rules import KeyTaken
from node.setup import init_office
from tests.unit.node.offices import CATALOGUE, COMMUNITY, STREET, TREE, Clock, exchange, new_office

HALL = {"name": "办公楼", "use": "办公", "area_m2": "660"}


@pytest.fixture(params=["sqlite", "postgresql"])
def owner(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Office, Clock]]:
    """A community on the store of the contract."""
    clock, rng = Clock(), random.Random(5)
    url = "" if request.param == "sqlite" else request.getfixturevalue("fresh_postgres_url")
    config = OfficeConfig(unit=COMMUNITY, store=url)
    init_office(tmp_path / "c", config, CATALOGUE, rng=rng, tree_csv=TREE.encode())
    office = open_office(tmp_path / "c", wall_ms=clock, rng=rng, catalogue=CATALOGUE)
    yield office, clock
    office.close()


def test_a_request_is_listed_answered_once_and_then_no_longer_counted(
    owner: tuple[Office, Clock], tmp_path: Path
) -> None:
    community, clock = owner
    street = new_office(tmp_path / "s", STREET, clock)
    try:
        hall = edits.create(community, "premises", HALL)
        exchange(community, street)
        asked = [
            requests.ask(
                street, "premises", hall.unit, hall.id, {name: value}, reason="核对", actor="李"
            )
            for name, value in (("area_m2", "650.5"), ("use", "活动"))
        ]
        back = requests.ask(
            community, "premises", hall.unit, hall.id, {"verified_area_m2": "651"},
            reason="请核定", actor="王",
        )  # fmt: skip
        exchange(community, street)
        page = views.list_corrections(community, "to-answer", limit=1)
        rest = views.list_corrections(community, "to-answer", limit=1, after=page.next)
        assert {c.id for c in (*page.corrections, *rest.corrections)} == {a.id for a in asked}
        with community.store.read() as tx:
            counted = views.waiting(tx, community)
        assert (counted.to_answer, counted.asked) == (2, 1)

        requests.accept(community, asked[0].id, actor="王")
        requests.refuse(community, asked[1].id, reason="用途无误", actor="王")
        with pytest.raises(CorrectionClosed):
            requests.accept(community, asked[1].id, actor="王")
        requests.withdraw(community, back.id, actor="王")
        exchange(community, street)
        for office in (community, street):
            states = [views.show(office, a.id).state for a in (*asked, back)]
            assert states == [State.ACCEPTED, State.REFUSED, State.WITHDRAWN]
            now = edits.get(office, "premises", hall.unit, hall.id).values
            assert (now["area_m2"], now["use"]) == (65_050, "office")
            with office.store.read() as tx:
                assert views.waiting(tx, office) == views.Waiting()
    finally:
        street.close()


def test_an_edit_that_fails_leaves_no_answer(owner: tuple[Office, Clock], tmp_path: Path) -> None:
    community, clock = owner
    street = new_office(tmp_path / "s", STREET, clock)
    try:
        hall = edits.create(community, "premises", HALL)
        edits.create(community, "premises", {**HALL, "name": "新楼"})
        exchange(community, street)
        asked = requests.ask(
            street, "premises", hall.unit, hall.id, {"name": "新楼"}, reason="核对", actor="李"
        )
        exchange(community, street)
        with pytest.raises(KeyTaken):
            requests.accept(community, asked.id, actor="王")
        assert views.show(community, asked.id).state is State.OPEN
        assert edits.get(community, "premises", hall.unit, hall.id).values["name"] == "办公楼"
    finally:
        street.close()
