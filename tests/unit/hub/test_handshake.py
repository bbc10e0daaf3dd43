"""A parent lets in its own children and nobody else (INV-31)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from node.domain.units import Level, Tree
from node.office import Office
from sync.codec import entry as codec
from sync.link.child import ChildEnd
from sync.link.handshake import DuplicateProcess, Hello, decide, load_facts
from sync.link.messages import Handshake, Verdict
from sync.link.possession import Possession
from sync.link.sessions import Call, SessionState, SessionTable, SessionUnknown
from sync.log import entries as log
from sync.model.access import Unauthorised
from sync.model.errors import Malformed
from sync.model.limits import PROTOCOL_MAX, PROTOCOL_MIN
from sync.wire.link.v1 import link_pb2 as pb
from tests.unit.node.offices import COMMUNITY, DISTRICT, STREET, Clock, new_office

UNKNOWN_UNIT = 4_711


@pytest.fixture
def district(tmp_path: Path) -> Iterator[Office]:
    office = new_office(tmp_path / "office", DISTRICT, Clock())
    yield office
    office.close()


def hello(unit: int, level: Level, lowest: int = PROTOCOL_MIN) -> Hello:
    return Hello(
        unit=unit, level=int(level), incarnation=1, protocol_min=lowest,
        protocol_max=max(lowest, PROTOCOL_MAX), log_position=0, heads={}, public_key=b"k" * 32,
    )  # fmt: skip


def verdict(office: Office, child: Hello) -> Verdict | None:
    facts = load_facts(office, child, DuplicateProcess.NONE, Possession.SHOWN)
    return decide(facts).verdict


def test_a_child_of_the_tree_is_accepted(district: Office) -> None:
    street = district.tree.find(STREET).unit_id
    assert verdict(district, hello(street, Level.STREET)) is Verdict.ACCEPTED


@pytest.mark.parametrize("who", ["a grandchild", "the parent", "itself", "nobody's"])
def test_an_office_that_is_no_child_is_answered_wrong_parent(district: Office, who: str) -> None:
    unit, level = {
        "a grandchild": (district.tree.find(COMMUNITY).unit_id, Level.COMMUNITY),
        "the parent": (district.tree.root, Level.CITY),
        "itself": (district.identity.unit, Level.DISTRICT),
        "nobody's": (UNKNOWN_UNIT, Level.STREET),
    }[who]
    assert verdict(district, hello(unit, level)) is Verdict.WRONG_PARENT


def test_a_child_at_another_level_than_in_the_tree_is_answered_wrong_parent(
    district: Office,
) -> None:
    street = district.tree.find(STREET).unit_id
    assert verdict(district, hello(street, Level.COMMUNITY)) is Verdict.WRONG_PARENT


def test_a_child_without_a_common_protocol_must_upgrade_first(district: Office) -> None:
    street = district.tree.find(STREET).unit_id
    assert verdict(district, hello(street, Level.STREET, PROTOCOL_MAX + 1)) is Verdict.UPGRADE_FIRST


def test_a_child_cannot_come_under_an_incarnation_of_another_unit(district: Office) -> None:
    street = district.tree.find(STREET).unit_id
    own = replace(hello(street, Level.STREET), incarnation=district.identity.incarnation)
    with pytest.raises(Unauthorised):
        verdict(district, own)
    assert district.signature_refusals.open() == {street: "unauthorised"}
    district.store.write(lambda tx: log.register_incarnations(tx, [(77, district.tree.root, 0)]))
    for lie in ({"incarnation": 77}, {"continues": 77}):
        with pytest.raises(Unauthorised):
            verdict(district, replace(hello(street, Level.STREET), **lie))  # type: ignore[arg-type]


def test_a_call_of_a_child_that_the_tree_of_today_has_elsewhere_is_not_answered(
    district: Office,
) -> None:
    street = district.tree.find(STREET).unit_id
    sessions = SessionTable(district)
    session = sessions.open_session(hello(street, Level.STREET), SessionState.ACCEPTED).session
    assert sessions.child(street, session, Call.PULL).unit == street
    tree = district.tree
    left = [unit for unit in tree if not tree.within(unit.unit_id, street)]
    district.routes.tree = Tree(left, tree.as_of)
    for call in (Call.PUSH, Call.PULL, Call.RESTORE_PARENT, Call.UPLOAD_SNAPSHOT):
        with pytest.raises(SessionUnknown):
            sessions.child(street, session, call)


def test_an_answer_with_a_number_that_nobody_knows_is_malformed(district: Office) -> None:
    end = ChildEnd(district, district.tree.root)
    end.request(Handshake())
    answers = pb.HelloResponse(verdict=99), pb.HelloResponse()  # type: ignore[arg-type]
    for answer in answers:
        with pytest.raises(Malformed, match="verdict"):
            end.event(answer, Handshake())
    for lane in (0, 3):
        cursor = pb.Cursor(lane=lane, incarnation=1, position=1)  # type: ignore[arg-type]
        with pytest.raises(Malformed, match="lane"):
            codec.positions_from_wire([cursor], 1)
