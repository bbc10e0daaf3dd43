"""The status of many offices: sums and causes first, offices and problems page by page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.units import UnknownUnit
from node.services.common.pages import BadToken
from node.services.health.status import HOUR_MS
from node.services.health.tree_status import EXAMPLES, Asked, UnknownCause, tree_status
from tests.support.network import CITY, EAST, NORTH, SOUTH, WEST, A, B, C, D, F, Network

PARENT = {"parent": "127.0.0.1:7412"}


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def network(tmp_path, templates):
    opened = []

    def open_(*codes: str) -> Network:
        opened.append(Network(tmp_path, codes, templates=templates))
        for office in opened[-1].offices.values():  # one without is a problem of its own
            office.config = office.config.model_copy(update=PARENT)
        return opened[-1]

    yield open_
    for each in opened:
        each.close()


def ask(net, code, unit="", **asked):
    office = net[code]
    return tree_status(office, Asked(unit=net.unit(unit or code), **asked))


def listed(found):
    return [branch.office.code for branch in found.branches]


def sums(found):
    return {
        branch.office.code: (branch.sums.received, branch.sums.offices) for branch in found.branches
    }


def causes(found):
    return {cause.code: cause.offices for cause in found.causes}


def troubled(net, code, *below):
    """Have an office receive the status of others with quarantined changes and conflicts."""
    for n, unit in enumerate(map(net.unit, below), 1):
        known = net[code].peer_status.known()[unit]
        net[code].peer_status.receive_status(
            [replace(known, quarantined=n, conflicts=1, at_ms=known.at_ms + 1)]
        )


def test_the_city_sees_one_line_a_district_with_the_sums_over_all_below_it(network):
    net = network(CITY, EAST, NORTH, A, B)
    net.settle()
    found = ask(net, CITY)
    assert listed(found) == [CITY, EAST, WEST]
    assert sums(found) == {CITY: (5, 12), EAST: (4, 8), WEST: (0, 3)}
    assert (found.sums.offices, found.sums.received) == (12, 5)
    west = found.branches[-1]
    assert west.sums.oldest_ms is None  # nothing of it is known: that is no moment
    assert found.branches[1].sums.oldest_ms == net.ms - 1


def test_offices_that_were_never_received_are_counted_and_listed_only_when_asked_for(network):
    net = network(NORTH, A)
    net.settle()
    found = ask(net, NORTH)
    assert listed(found) == [NORTH, A]
    assert causes(found) == {"never_contacted": 2}
    (never,) = found.causes
    assert {each.unit_code for each in never.examples} == {B, C}
    assert listed(ask(net, NORTH, never=True)) == [NORTH, A, B, C]


def test_any_unit_below_can_be_asked_about_to_any_depth(network):
    net = network(CITY, EAST, NORTH, SOUTH, A, B, D)
    net.settle()
    assert listed(ask(net, CITY, depth=0)) == [CITY]
    assert listed(ask(net, CITY, depth=2)) == [CITY, EAST, NORTH, SOUTH, WEST]
    assert listed(ask(net, CITY, depth=3)) == [CITY, EAST, NORTH, A, B, SOUTH, D, WEST]
    street = ask(net, CITY, NORTH)
    assert listed(street) == [NORTH, A, B]
    assert [branch.depth for branch in street.branches] == [0, 1, 1]
    assert (street.sums.offices, street.sums.received) == (4, 3)
    assert causes(street) == {"never_contacted": 1}
    with pytest.raises(UnknownUnit):
        ask(net, EAST, F)
    with pytest.raises(UnknownUnit):
        ask(net, EAST, CITY)


def test_problems_come_by_cause_the_worst_first_with_the_first_offices_that_have_them(network):
    net = network(EAST, NORTH, A, B, C)
    net.settle()
    troubled(net, EAST, A, B, C, NORTH)
    net.forward(30 * HOUR_MS)
    net[EAST].peer_status.record_contact(net.unit(NORTH), connected=False, waiting_down=0)
    found = ask(net, EAST)
    assert list(causes(found)) == ["quarantined", "silent", "conflicts", "never_contacted"]
    quarantined = found.causes[0]
    assert (quarantined.offices, len(quarantined.examples)) == (4, EXAMPLES)
    assert quarantined.remedy_zh
    assert causes(ask(net, EAST, NORTH)) == {"quarantined": 4, "silent": 4, "conflicts": 4}
    assert found.sums.with_problems == 4  # an office with several is one


def test_problems_are_listed_one_by_one_of_one_cause_or_of_all(network):
    net = network(EAST, NORTH, A, B, C)
    net.settle()
    troubled(net, EAST, A, B, C)
    found = ask(net, EAST, problems=True)
    assert found.branches == ()
    assert found.total == len(found.problems) == 3 + 3 + 3
    assert [p.unit_code for p in ask(net, EAST, problems=True, cause="quarantined").problems] == [
        A,
        B,
        C,
    ]
    with pytest.raises(UnknownCause) as unknown:
        ask(net, EAST, problems=True, cause="hole")
    assert "conflicts, never_contacted, quarantined" in unknown.value.remedy_en


def test_pages_follow_each_other_without_a_gap_or_a_repeat(network):
    net = network(CITY, EAST, NORTH, A, B)
    net.settle()
    whole = listed(ask(net, CITY, depth=3, never=True))
    assert len(whole) == 12
    read, after = [], ""
    for _ in range(20):
        page = ask(net, CITY, depth=3, never=True, limit=5, after=after)
        assert page.total == 12
        assert page.sums.offices == 12  # of all, on every page
        read += listed(page)
        after = page.next
        if not after:
            break
    assert read == whole
    for wrong in ("x", "-1", "1" * 12, "１"):
        with pytest.raises(BadToken):
            ask(net, CITY, after=wrong)


def test_a_line_below_a_hub_that_is_cut_off_is_unknown_wherever_one_begins_to_ask(network):
    net = network(EAST, NORTH, A)
    net.settle()
    assert ask(net, EAST, NORTH).branches[1].office.connected is True
    net[EAST].peer_status.record_contact(net.unit(NORTH), connected=False, waiting_down=0)
    found = ask(net, EAST, NORTH)
    assert found.branches[0].office.connected is False
    assert found.branches[1].office.connected is None


def test_a_status_of_one_street_reads_the_marks_of_no_other(network, monkeypatch):
    net = network(CITY, EAST, NORTH, A)
    net.settle()
    peer_status, looked = net[CITY].peer_status, []
    plain = peer_status._watermarks

    def watermarks(tx, units):
        found = plain(tx, units)
        looked.extend(found)
        return found

    monkeypatch.setattr(peer_status, "_watermarks", watermarks)
    ask(net, CITY, NORTH)
    assert set(looked) == {net.unit(NORTH), net.unit(A)}
