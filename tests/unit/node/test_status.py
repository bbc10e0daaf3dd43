"""What an operator sees: every office as far as it is known, and what to look at first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.domain.english import span
from node.services.health.problems import TEXTS, Severity
from node.services.health.status import HOUR_MS, status
from node.store.tables import job_run
from sync.model.change import Operation
from tests.support.network import CITY, DAY_MS, EAST, NORTH, A, B, Network


class Line:
    """A link as status asks about it."""

    def __init__(self, connected: bool, reason: str = "") -> None:
        self.connected = connected
        self.reason = reason
        self.reason_zh = reason


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


def of(found, code):
    return next(line for line in found.offices if line.code == code)


def codes(found, at=None):
    return [p.code for p in found.problems if at in (None, p.unit_code)]


def test_an_office_reports_what_it_waits_for_and_since_when(network):
    net = network(A, NORTH)
    net.create(A, "premises", name="a", use="office", area_m2=100)
    net.forward(25 * HOUR_MS)
    found = status(net[A], Line(False, "no route"))
    assert len(found.offices) == 1
    assert found.own.connected is False
    assert found.own.waiting_up == 1
    assert found.own.waiting_age_ms == 25 * HOUR_MS
    assert [(p.code, p.en) for p in found.problems] == [
        ("link_down", "not connected to the parent: no route"),
        ("waiting", "changes have waited for 25 hours to be sent"),
    ]
    net.up(A)
    found = status(net[A], Line(True))
    assert (found.own.waiting_up, found.own.last_contact_ms) == (0, net.ms)
    assert found.problems == ()


def test_what_waits_is_known_again_after_a_restart(network, tmp_path, templates):
    net = network(A, NORTH)
    net.create(A, "premises", name="a", use="office", area_m2=100)
    net.up(A)
    net[A].peer_status.save()
    peer_status = type(net[A].peer_status)(net[A])  # as a new process reads it
    assert peer_status.own_status().waiting_up == 0


def test_the_tree_lists_every_office_below_a_hub_before_its_children(network):
    net = network(A, NORTH, EAST)
    net.settle()
    found = status(net[EAST], tree=True)
    assert [line.code for line in found.offices[:4]] == [EAST, NORTH, A, B]
    assert found.sums.offices == 8
    assert (found.sums.received, found.sums.connected) == (3, 2)
    assert of(found, A).exact_ms == net.ms - 1
    assert codes(found, B) == ["never_contacted"]


def test_below_a_disconnected_hub_no_office_is_shown_as_connected(network):
    net = network(A, NORTH, EAST)
    net.settle()
    net[EAST].peer_status.record_contact(net.unit(NORTH), connected=False, waiting_down=3)
    found = status(net[EAST], tree=True)
    assert of(found, NORTH).connected is False
    assert of(found, NORTH).waiting_down == 3
    assert of(found, A).connected is None


def test_an_office_silent_for_a_day_is_listed_before_lesser_problems(network):
    net = network(A, NORTH)
    net.settle()
    net[NORTH].peer_status.record_contact(net.unit(A), connected=False, waiting_down=0)
    net.forward(30 * HOUR_MS)
    found = status(net[NORTH], Line(True), tree=True)
    first = found.problems[0]
    assert (first.code, first.unit_code, first.severity) == ("silent", A, Severity.WARNING)
    assert first.en == "no contact for 30 hours"
    assert first.remedy_zh


def test_quarantined_changes_conflicts_and_clocks_below_are_problems_of_that_office(network):
    net = network(A, NORTH)
    net.settle()
    claimed = replace(
        net[A].peer_status.own_status(), quarantined=2, conflicts=1, program="9.9",
        at_ms=net.ms + 20 * 60_000,
    )  # fmt: skip
    net[NORTH].peer_status.receive_status([claimed], child=net.unit(A))
    found = status(net[NORTH], tree=True)
    assert codes(found, A) == ["quarantined", "clock_ahead", "conflicts", "other_program"]
    assert [p.severity for p in found.problems] == sorted(p.severity for p in found.problems)
    assert of(found, A).exact_ms <= net.ms


def test_a_clock_that_was_ahead_does_not_make_later_reports_stale(network):
    net = network(A, NORTH)
    net.settle()
    unit, north = net.unit(A), net[NORTH].peer_status
    north.receive_status(
        [replace(net[A].peer_status.own_status(), at_ms=net.ms + 9 * DAY_MS)], child=unit
    )
    net.forward()
    net.send_status(A)
    assert north.known()[unit].at_ms == net.ms
    assert north.clocks_ahead() == {}


def test_a_child_cannot_report_the_state_of_its_own_link(network):
    net = network(A, NORTH)
    unit, north = net.unit(A), net[NORTH].peer_status
    north.receive_status([net[A].peer_status.own_status()], child=unit)
    assert not north.known()[unit].connected
    north.record_contact(unit, connected=True, waiting_down=0)
    assert north.known()[unit].connected


def test_a_status_that_the_parent_did_not_acknowledge_is_sent_again(network):
    net = network(A, NORTH, EAST)
    net.up(A)
    north = net[NORTH].peer_status
    unit = net.unit(A)
    assert unit in [item.unit for item in north.for_parent()]
    assert unit in [item.unit for item in north.for_parent()]  # the call before failed
    north.on_parent_contact(net.unit(EAST), ())
    assert unit not in [item.unit for item in north.for_parent()]


def test_a_job_that_failed_is_a_problem(network):
    net = network(CITY)
    row = {"job": "close_period", "period": "2026-04", "state": "failed", "started_ms": 1,
           "ended_ms": 2, "detail": "OSError"}  # fmt: skip
    net[CITY].store.write(lambda tx: tx.execute(job_run.insert().values(row)))
    found = status(net[CITY])
    assert [p.en for p in found.problems] == ["a job failed: close_period 2026-04 OSError"]


def test_every_problem_has_both_languages_and_a_remedy():
    for severity, *texts in TEXTS.values():
        assert isinstance(severity, Severity)
        assert all(texts)


def test_a_deleted_record_waits_to_be_pushed_like_any_other(network):
    net = network(A, NORTH)
    record = net.create(A, "premises", name="a", use="office", area_m2=100)
    net.up(A)
    net.write(A, net.edit(A, "premises", record, Operation.DELETE, {}))
    assert status(net[A]).own.waiting_up == 1


@pytest.mark.parametrize(
    ("ms", "zh", "en"),
    [
        (60_000, "1 分钟", "1 minute"),
        (119 * 60_000, "119 分钟", "119 minutes"),
        (120 * 60_000, "2 小时", "2 hours"),
        (47 * 3_600_000, "47 小时", "47 hours"),
        (366 * 86_400_000, "366 天", "366 days"),
    ],
)
def test_a_length_of_time_is_shown_in_a_unit_that_one_can_grasp(ms: int, zh: str, en: str) -> None:
    assert span(ms) == (zh, en)
