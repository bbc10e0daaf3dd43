"""What a tampered child says of itself, or of its money, harms no office above, and names it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.posting import PostingKind, posting_id_for
from node.services.health.status import status
from node.services.money.conservation import check_conservation
from node.services.money.views import balances
from node.services.upkeep.quarantine import page_of
from sync.model.change import Block, Operation, Value
from sync.model.report import NodeStatus
from sync.model.schema import Lane
from sync.store.sql import execute
from tests.support.hostile import PREMISES, Writer
from tests.support.network import CITY, EAST, NORTH, A, Network


@pytest.fixture
def net(tmp_path):
    network = Network(tmp_path / "offices", (A, NORTH, EAST, CITY), templates=tmp_path)
    yield network
    network.close()


@pytest.mark.parametrize("field", ["waiting_up", "at_ms", "waiting_age_ms", "bulk_seq"])
@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -1])
def test_a_status_with_impossible_numbers_is_not_kept_and_stops_no_tick(net, field, number):
    north, unit = net[NORTH], net.unit(A)
    sound = NodeStatus(unit=unit, at_ms=net.ms, waiting_up=3)
    north.peer_status.receive_status([sound], child=unit)
    north.peer_status.receive_status([replace(sound, **{field: number})], child=unit)
    north.peer_status.save(moments=True)
    assert north.peer_status.known()[unit].waiting_up == 3
    status(north, tree=True)


def test_personal_data_that_a_tampered_child_sends_up_is_stored_as_a_record_nowhere(net):
    """The register stays at its office, whatever audience an entry names."""
    writer = Writer(net)
    writer.append(Lane.BULK, writer.block("resident", {"id_number": "x", "name": "甲"}))
    net.up(NORTH, EAST)
    for code in (NORTH, EAST, CITY):
        (line,) = page_of(net[code]).lines
        assert (line.reason, line.register) == ("wrong_audience", "resident"), code
        with net[code].store.read() as tx:
            assert execute(tx, "SELECT count(*) FROM r_resident").fetchone()[0] == 0, code


@pytest.mark.parametrize(
    ("lane", "audience", "reason"),
    [
        (Lane.CONTROL, "up:city", "wrong_lane"),  # it would overtake money and work
        (Lane.BULK, "up:street", "wrong_audience"),  # the offices above would not have it
        (Lane.BULK, "up:city", None),
    ],
)
def test_a_change_counts_only_in_the_lane_and_for_the_audience_of_its_register(
    net, lane, audience, reason
):
    writer = Writer(net)
    block = writer.block("premises", PREMISES)
    writer.append(lane, block, audience=audience)
    found = [line.reason for line in page_of(net[NORTH]).lines]
    assert found == ([reason] if reason else [])
    with net[NORTH].store.read() as tx:
        stored = execute(tx, "SELECT id FROM r_premises").fetchall()
    assert [bytes(row[0]) for row in stored] == ([] if reason else block.ids)


def test_money_that_an_office_does_not_hold_counts_nowhere_and_names_it_at_all_ancestors(net):
    unit, transfer = net.unit(A), b"t" * 16
    values = {
        "kind": "spend", "fund": "F1", "year": 2026, "transfer": transfer.hex(),
        "debit": "spent:office", "credit": "held", "amount_fen": 999_900, "level": 3,
        "category": "office", "at_ms": net.ms,
    }  # fmt: skip
    posting = Block(
        "posting", unit, Operation.CREATE, [posting_id_for(unit, PostingKind.SPEND, transfer)],
        fields=tuple(values), columns=[[value] for value in values.values()],
    )  # fmt: skip
    Writer(net).append(Lane.CONTROL, posting)
    net.up(NORTH, EAST)
    for code in (NORTH, EAST, CITY):
        named = [(p.code, p.unit) for p in status(net[code]).problems if p.code == "overdrawn"]
        assert named == [("overdrawn", unit)], code
        assert balances(net[code], unit) == (), code
        (line,) = page_of(net[code]).lines
        assert (line.reason, line.unit, line.writer) == ("overdrawn", unit, unit), code


def test_an_appropriation_that_is_not_its_writers_to_make_counts_nowhere_and_names_it(net):
    unit, transfer = net.unit(A), b"t" * 16
    values = {
        "kind": "appropriate", "fund": "F1", "year": 2026, "transfer": transfer.hex(),
        "debit": "held", "credit": "source", "amount_fen": 10**12, "level": 3, "at_ms": net.ms,
    }  # fmt: skip
    posting = Block(
        "posting", unit, Operation.CREATE,
        [posting_id_for(unit, PostingKind.APPROPRIATE, transfer)],
        fields=tuple(values), columns=[[value] for value in values.values()],
    )  # fmt: skip
    Writer(net).append(Lane.CONTROL, posting)
    net.up(NORTH, EAST)
    for code in (NORTH, EAST, CITY):
        named = [(p.code, p.unit) for p in status(net[code]).problems]
        assert ("postings_refused", unit) in named, code
        assert balances(net[code], unit) == (), code
        assert check_conservation(net[code]).lines == () or check_conservation(net[code]).holds


@pytest.mark.parametrize(
    ("register", "values"),
    [
        ("posting", {"kind": "invented", "peer": 7}),
        ("posting", {"peer": "text"}),
        ("assignment_event", {"by": "issuer"}),
        ("work_order", {}),
        ("unknown_to_all", {"name": "x"}),
    ],
)
def test_an_own_change_that_came_back_with_senseless_values_goes_to_nobody(
    net: Network, register: str, values: dict[str, Value]
) -> None:
    """A restored office asks where each of its changes goes, whatever was returned to it as its."""
    office = net[NORTH]
    block = Block(
        register, office.identity.unit, Operation.CREATE, [bytes(16)],
        fields=tuple(values), columns=[[value] for value in values.values()],
    )  # fmt: skip
    with office.store.read() as tx:
        assert office.audiences_of(tx, block) == ()
