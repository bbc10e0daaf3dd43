"""A parent lets in its own children and nobody else (INV-31)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.greeting import Greeting, place
from node.app import Office
from node.domain.units import Level
from sync.conversation import Verdict
from sync.limits import PROTOCOL_MAX, PROTOCOL_MIN
from tests.unit.node.offices import COMMUNITY, DISTRICT, STREET, Clock, new_office

STRANGER = 4_711


@pytest.fixture
def district(tmp_path: Path) -> Iterator[Office]:
    office = new_office(tmp_path / "office", DISTRICT, Clock())
    yield office
    office.close()


def greeting(unit: int, level: Level, lowest: int = PROTOCOL_MIN) -> Greeting:
    return Greeting(
        unit=unit, level=int(level), incarnation=1, protocol_min=lowest,
        protocol_max=max(lowest, PROTOCOL_MAX), log_position=0, heads={},
    )  # fmt: skip


def test_a_child_of_the_tree_is_let_in(district: Office) -> None:
    street = district.tree.by_code(STREET).unit_id
    assert place(district, greeting(street, Level.STREET)) is None


@pytest.mark.parametrize("who", ["a grandchild", "the parent", "itself", "nobody's"])
def test_who_is_no_child_of_this_office_is_told_so(district: Office, who: str) -> None:
    unit, level = {
        "a grandchild": (district.tree.by_code(COMMUNITY).unit_id, Level.COMMUNITY),
        "the parent": (district.tree.root, Level.CITY),
        "itself": (district.identity.unit, Level.DISTRICT),
        "nobody's": (STRANGER, Level.STREET),
    }[who]
    refusal = place(district, greeting(unit, level))
    assert refusal is not None
    assert refusal.verdict is Verdict.MOVED


def test_a_child_at_another_level_than_the_trees_is_told_so(district: Office) -> None:
    street = district.tree.by_code(STREET).unit_id
    refusal = place(district, greeting(street, Level.COMMUNITY))
    assert refusal is not None
    assert refusal.verdict is Verdict.MOVED


def test_a_child_with_no_protocol_in_common_is_to_upgrade_first(district: Office) -> None:
    street = district.tree.by_code(STREET).unit_id
    refusal = place(district, greeting(street, Level.STREET, PROTOCOL_MAX + 1))
    assert refusal is not None
    assert refusal.verdict is Verdict.UPGRADE_FIRST
