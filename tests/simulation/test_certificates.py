"""Enrolled offices under faults and lies: forged, stolen and revoked certificates open nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.simulation import roles
from tests.simulation.ledger import OF_CERTIFICATES, Ledger
from tests.simulation.liars import staged_certified, staged_lies, with_certificates, with_lies
from tests.simulation.lie import End, How
from tests.simulation.plan import HOUR_MS, Fault, Plan, plan_from_json, plan_of
from tests.simulation.run import run
from tests.simulation.test_simulation import small, story_of

LOST = (3, 1)  # a community, and a district with its authority


def with_lost_disks(plan: Plan) -> Plan:
    """Return a plan in which some offices lose their disk, with key and certificate."""
    lost = [
        Fault(at_ms, at_ms, office, "lost_disk", at_ms + office)
        for office, at_ms in zip(LOST, (HOUR_MS, 3 * HOUR_MS), strict=True)
    ]
    # The last time a line is down is when certificates are due: somebody must wait.
    cuts = [
        Fault(n * HOUR_MS, n * HOUR_MS + 2 * HOUR_MS, office, "cut", n + office)
        for n in (1, 4)
        for office in range(1, len(plan.parents))
    ]
    faults = sorted((*plan.faults, *lost, *cuts), key=lambda fault: (fault.at_ms, fault.seed))
    return plan.without(faults=tuple(faults))


def test_every_lie_about_certificates_occurs_and_ends_as_it_must() -> None:
    result = run(staged_certified())
    assert result.passed, story_of(result)
    assert result.ledger.missing_of({"lie": roles.CERTIFIED}) == []


def test_certificates_are_renewed_and_revocations_arrive_whatever_fails() -> None:
    ledger = Ledger()
    for seed in (2, 3):
        result = run(with_certificates(with_lost_disks(small(seed))))
        assert result.passed, f"seed {seed}: {story_of(result)}"
        ledger.add(result.ledger)
    assert ledger.missing_of(OF_CERTIFICATES) == []


@pytest.mark.soak
def test_every_other_lie_ends_as_it_must_where_offices_are_enrolled() -> None:
    ledger = Ledger()
    for plan in staged_lies():
        result = run(with_certificates(plan))
        assert result.passed, f"staged lies {plan.seed}: {story_of(result)}"
        ledger.add(result.ledger)
    assert ledger.missing_of({"lie": roles.LIES}) == []


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40))
def test_enrolled_offices_among_faults_and_lies_break_no_invariant(seed: int) -> None:
    result = run(with_certificates(with_lies(plan_of(seed))))
    assert result.passed, story_of(result)


def test_a_run_with_certificates_leaves_the_same_trace_twice() -> None:
    plan = with_certificates(with_lies(small(0)))
    assert run(plan).trace == run(plan).trace


def test_certificates_change_nothing_else_that_a_seed_draws() -> None:
    plan = with_lies(plan_of(7))
    enrolled = with_certificates(plan)
    assert set(plan.lies) < set(enrolled.lies)
    assert enrolled.without(lies=plan.lies, certificates=False) == plan
    assert plan_from_json(enrolled.to_json()) == enrolled


@pytest.mark.parametrize(
    ("kind", "end"),
    [
        ("a revoked certificate", End(How.VERDICT, "CHALLENGE")),
        ("a list that is rolled back", End(How.NOTHING)),
        ("a writer with a forged chain", End(How.NOTHING)),
    ],
)
def test_a_run_fails_when_a_lie_about_a_certificate_ends_otherwise(
    monkeypatch: pytest.MonkeyPatch, kind: str, end: End
) -> None:
    monkeypatch.setitem(roles.CERTIFIED, kind, replace(roles.CERTIFIED[kind], end=end))
    plan = staged_certified()
    result = run(plan.without(lies=tuple(lie for lie in plan.lies if lie.kind == kind)))
    assert result.broke == "a lie ended otherwise"
    assert kind in result.detail


def test_a_run_fails_when_a_revocation_does_not_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.peers.certificates.Certificates.take_lists", lambda *_, **__: False)
    plan = small(0)
    result = run(with_certificates(plan.without(faults=())))
    assert result.broke == "INV-35 revocation lists"
