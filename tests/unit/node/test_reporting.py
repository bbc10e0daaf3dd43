"""Who has reported: connected is not filled in, none is not unknown, no contact is not zero."""

from __future__ import annotations

import io

import pytest

from node.domain.units import Level
from node.services.figures.completeness import Counts, Lag
from node.services.figures.query import Shown
from node.services.figures.rollup import answer
from node.services.health.status import status
from node.services.health.verify import verify
from node.services.records import edits
from node.services.records.durability import durability
from node.services.records.exporting import export_register
from node.services.records.rules import KeptElsewhere, NotKeptHere
from node.services.upkeep.zero_reports import NotEmpty, state_zero
from sync.model.change import Operation
from tests.support.network import EAST, NORTH, SOUTH, A, B, C, Network

HOUSEHOLD = {"hh_no": "1", "kind": "resident"}
PREMISES = {"name": "a", "use": "office", "area_m2": 1_000}


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def network(tmp_path, templates):
    opened = []

    def open_(*codes: str) -> Network:
        opened.append(Network(tmp_path, codes, templates=templates))
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def households(net, code, count):
    """Create so many that no single one shows."""
    net.create_many(code, "household", [{**HOUSEHOLD, "hh_no": str(n)} for n in range(count)])


def rows(found):
    return {row.key: row.shown.numerator for row in found.rows}


def lags(found):
    return {(x.code, x.lag): tuple(r.name for r in x.missing) for x in found.completeness.laggards}


NOT_KNOWN = Shown(numerator=None, denominator=None, value="", display="", unknown=True)

# -- never connected is not zero ----------------------------------------------------------------


def test_a_unit_that_was_never_received_has_no_figure_and_one_that_reported_none_has_zero(network):
    net = network(NORTH, A, B)
    households(net, A, 20)
    state_zero(net[B], "household", actor="李")
    net.settle()
    found = answer(net[NORTH], "K2", by="unit")
    assert rows(found) == {A: 20, B: 0, C: None}
    never = next(row.shown for row in found.rows if row.key == C)
    assert never == NOT_KNOWN
    assert (never.value, never.display, never.met) == ("", "", None)


@pytest.mark.parametrize("indicator", ["K2", "K3", "K4", "K5", "K7", "K9", "K12_members", "K34"])
def test_a_hub_that_has_received_nothing_knows_no_figure_of_any_kind(network, indicator):
    net = network(EAST)
    found = answer(net[EAST], indicator, by="unit")
    assert found.shown == NOT_KNOWN
    assert rows(found) == {NORTH: None, SOUTH: None}
    assert found.completeness.counts.received == 0
    assert all(row.counts.received == 0 for row in found.rows)


def test_a_street_of_which_one_community_was_received_has_the_figure_of_that_one(network):
    net = network(EAST, NORTH, SOUTH, A)
    households(net, A, 20)
    net.settle()
    found = answer(net[EAST], "K2", by="unit")
    assert rows(found) == {NORTH: 20, SOUTH: None}  # the street itself is connected: no matter
    assert [row.counts for row in found.rows] == [
        Counts(expected=3, received=1, reported=1, complete=1),
        Counts(expected=2, received=0, reported=0, complete=0),
    ]


def test_a_register_in_which_nobody_entered_anything_is_no_zero_in_any_figure(network):
    net = network(NORTH, A)
    net.create(A, "household", hh_no="1", kind="resident")
    net.settle()
    assert answer(net[A], "K2").shown.numerator == 1
    assert answer(net[NORTH], "K2").shown.suppressed
    for code in (A, NORTH):
        outlets = answer(net[code], "K34")
        assert outlets.shown == NOT_KNOWN
        assert not outlets.completeness.complete
        members = answer(net[code], "K12_missing")  # target 0: not met by silence
        assert (members.shown.numerator, members.shown.met) == (None, None)


def test_of_a_ratio_the_sum_that_is_known_is_given_and_the_other_is_no_zero(network):
    net = network(NORTH, A)
    for number in range(5):
        net.create(A, "household", hh_no=str(number), kind="resident")
    net.settle()
    for code in (A, NORTH):
        shown = answer(net[code], "K5").shown  # premises: nobody has filled them in
        assert (shown.numerator, shown.denominator, shown.unknown) == (None, 5, True)
        assert (shown.value, shown.display, shown.met) == ("", "", None)


def test_nothing_to_report_is_zero_once_the_office_states_it(network):
    net = network(NORTH, A)
    assert answer(net[A], "K34").shown.unknown
    state_zero(net[A], "service_outlet", actor="李")
    net.settle()
    for code in (A, NORTH):
        shown = answer(net[code], "K34").shown
        assert (shown.numerator, shown.value, shown.unknown) == (0, "0", False)


def test_records_that_have_ended_were_entered_and_leave_a_zero(network):
    net = network(A)
    record = net.create(A, "household", hh_no="1", kind="resident")
    edits.end(net[A], "household", record)
    assert answer(net[A], "K2").shown.numerator == 0


def test_what_was_never_received_is_unknown_in_the_status_and_not_zero(network):
    net = network(NORTH, A)
    net.settle()
    lines = {line.code: line for line in status(net[NORTH], tree=True).offices}
    assert lines[A].received
    assert not lines[B].received
    assert lines[B].connected is None  # an office that does not exist has no line that is down


# -- connected, reporting, complete -------------------------------------------------------------


def test_an_office_that_was_received_and_has_filled_in_nothing_has_not_reported(network):
    net = network(NORTH, A, B, C)
    net.create(A, "household", **HOUSEHOLD)
    net.settle()
    found = answer(net[NORTH], "K2")
    assert found.completeness.counts == Counts(expected=3, received=3, reported=1, complete=1)
    assert lags(found) == {
        (B, Lag.NOT_FILLED): ("household",), (C, Lag.NOT_FILLED): ("household",),
    }  # fmt: skip
    assert not found.completeness.complete
    state_zero(net[B], "household", actor="李")
    state_zero(net[C], "household", actor="王")
    net.settle()
    found = answer(net[NORTH], "K2")
    assert found.completeness.complete
    (register,) = found.completeness.registers
    assert (register.register.name, register.expected) == ("household", 3)
    assert (register.with_records, register.with_none) == (1, 2)


def test_a_ratio_is_reported_when_every_register_that_it_reads_is_filled_in(network):
    net = network(NORTH, A, B, C)
    for code in (A, B):
        net.create(code, "household", **HOUSEHOLD)
    net.create(A, "premises", **PREMISES)
    net.create(C, "premises", **PREMISES)
    net.settle()
    found = answer(net[NORTH], "K5", by="unit")
    assert lags(found) == {(B, Lag.PARTLY): ("premises",), (C, Lag.PARTLY): ("household",)}
    counted = {
        each.register.name: (each.with_records, each.with_none)
        for each in found.completeness.registers
    }
    assert counted == {"household": (2, 0), "premises": (2, 0)}
    assert [row.counts.reported for row in found.rows] == [1, 0, 0]


def test_a_figure_by_a_derived_rule_needs_the_registers_that_the_rule_reads(network):
    net = network(NORTH, A)
    net.create(A, "household", **HOUSEHOLD)
    net.settle()
    assert lags(answer(net[NORTH], "K6", unit=net.unit(A))) == {(A, Lag.PARTLY): ("premises",)}


def test_records_that_do_not_count_in_the_figure_were_filled_in_all_the_same(network):
    net = network(NORTH, A, B)
    # A record that comes up here counts though it adds nothing to any measure.
    net.create(A, "party_organisation", name="支部", kind="branch")
    # One that stays in its office shows by its cell, also when it has ended since.
    gone = net.create(B, "household", **HOUSEHOLD)
    net.write(B, net.edit(B, "household", gone, Operation.DELETE, {}))
    net.settle()
    assert not lags(answer(net[NORTH], "K12_committees", unit=net.unit(A)))
    found = answer(net[NORTH], "K2", unit=net.unit(B))
    assert not lags(found)
    assert found.shown.numerator == 0


def test_a_figure_that_no_register_of_people_feeds_is_reported_by_whoever_was_received(network):
    net = network(EAST, NORTH)
    net.settle()
    found = answer(net[EAST], "K20")
    assert found.completeness.registers == ()
    assert found.completeness.counts.reported == found.completeness.counts.received


def test_a_figure_that_no_register_of_people_feeds_is_no_zero_where_nothing_was_received(network):
    net = network(EAST)
    found = rows(answer(net[EAST], "K20", by="unit"))
    assert (found[NORTH], found[SOUTH]) == (None, None)


def test_offices_answer_for_the_registers_of_their_own_level_alone(network):
    net = network(EAST, NORTH, A)
    net.create(A, "household", **HOUSEHOLD)
    net.settle()
    found = answer(net[EAST], "K2")
    assert found.completeness.level is Level.COMMUNITY
    assert found.completeness.counts.expected == 5


# -- stating that there is none -----------------------------------------------------------------


def test_a_zero_report_is_refused_where_records_are_and_outweighed_by_one_that_comes(network):
    net = network(NORTH, A)
    a, unit = net[A], net.unit(A)
    stated = state_zero(a, "household", actor="李")
    assert (stated.zero, stated.actor, stated.changed) == (True, "李", True)
    assert not state_zero(a, "household", actor="王").changed  # stated again it changes nothing
    made = edits.create(a, "household", HOUSEHOLD)
    net.settle()
    (register,) = answer(net[NORTH], "K2", unit=unit).completeness.registers
    assert (register.with_records, register.with_none) == (1, 0)
    state_zero(a, "household", actor="李", withdraw=True)
    with pytest.raises(NotEmpty) as refused:
        state_zero(a, "household", actor="李")
    assert "1" in refused.value.en
    edits.end(a, "household", made.id)
    assert state_zero(a, "household", actor="李").zero


def test_a_zero_report_that_is_taken_back_leaves_the_office_unreported(network):
    net = network(NORTH, A)
    state_zero(net[A], "household", actor="李")
    net.settle()
    unit = net.unit(A)
    assert answer(net[NORTH], "K2", unit=unit).completeness.complete
    taken = state_zero(net[A], "household", actor="王", withdraw=True)
    assert (taken.zero, taken.actor, taken.changed) == (False, "王", True)
    net.settle()
    assert lags(answer(net[NORTH], "K2", unit=unit)) == {(A, Lag.NOT_FILLED): ("household",)}
    for code in (A, NORTH):
        assert verify(net[code]).sound


def test_an_office_states_nothing_about_a_register_that_others_keep(network):
    net = network(NORTH)
    with pytest.raises(NotKeptHere):
        state_zero(net[NORTH], "household", actor="李")


# -- what never comes here ----------------------------------------------------------------------


def test_records_that_stay_in_their_office_are_named_as_there_and_not_counted_as_none(network):
    net = network(NORTH, A)
    north, unit = net[NORTH], net.unit(A)
    record = net.create(A, "household", **HOUSEHOLD)
    net.settle()
    asks = (
        lambda: edits.list_records(north, "household", subtree=True),
        lambda: edits.list_records(north, "household", unit=unit),
        lambda: edits.list_records(north, "household"),
        lambda: edits.list_records(north, "placement", subtree=True),
        lambda: edits.get(north, "household", unit, record),
        lambda: edits.past(north, "household", unit, record).events,
        lambda: durability(north, "household", unit, record),
        lambda: export_register(north, "household", io.BytesIO()),
    )
    for ask in asks:
        with pytest.raises(KeptElsewhere) as refused:
            ask()
        assert "社区保存" in refused.value.zh
    with pytest.raises(KeptElsewhere) as refused:
        edits.list_records(north, "household", subtree=True)
    assert "silian rollup K2" in refused.value.remedy_zh
    assert "silian rollup K2" in refused.value.remedy_en


def test_a_list_says_whether_units_below_may_have_more(network):
    net = network(EAST, NORTH, A)
    net.create(A, "premises", **PREMISES)
    net.settle()
    assert edits.list_records(net[NORTH], "premises").below
    assert not edits.list_records(net[NORTH], "premises", subtree=True).below
    assert not edits.list_records(net[NORTH], "premises", unit=net.unit(A)).below
    assert not edits.list_records(net[A], "premises").below  # nobody is below
    assert not edits.list_records(net[A], "household").partial
