"""Six offices, lines that carry anything at any time: in the end all hold and count the same."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from node.domain.assignment import Duty, EventKind, IllegalEvent, guard
from node.domain.assignment_rules import BEFORE_CLAIM, TERMINAL
from node.domain.catalogue import Catalogue, load_catalogue
from node.services import assignments as work
from node.services.assignment_errors import BadOrder
from node.store.assignments import Row
from sync.limits import BATCH_BYTES_MAX
from tests.support.assignment_network import (
    CITY,
    CODES,
    COMMUNITIES,
    LINKS,
    STREET,
    Network,
    assert_agreed,
    build,
    needed,
    to_communities,
)

DUTIES = (Duty.UNDERTAKES, Duty.ASSISTS, Duty.UNLISTED)
STEPS = (
    EventKind.CONSENT, EventKind.ACCEPT, EventKind.PROGRESS, EventKind.CLAIM, EventKind.VERIFY,
    EventKind.CLOSE, EventKind.DECLINE, EventKind.RETURN, EventKind.RECALL, EventKind.DISPATCH,
    EventKind.REWORK, EventKind.HAND_BACK, EventKind.TAKE_BACK, EventKind.EXTEND,
    EventKind.EXPIRE_CONSENT, EventKind.RELAY,
)  # fmt: skip
RARE = frozenset(STEPS[6:])
LINES = [*LINKS, *((parent, child) for child, parent in LINKS)]
send = st.tuples(st.just("send"), st.sampled_from(LINES), st.sampled_from((1, BATCH_BYTES_MAX)))
person = st.tuples(
    st.just("act"), st.sampled_from((*CODES, *COMMUNITIES, STREET)), st.integers(0, 999)
)
reopen = st.tuples(st.just("reopen"), st.sampled_from(CODES), st.none())
moves = st.lists(st.one_of(person, send, person, send, person, reopen), min_size=25, max_size=70)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return needed(load_catalogue())


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, catalogue: Catalogue) -> Path:
    return build(tmp_path_factory.mktemp("template"), catalogue)


def possible(net: Network, code: str) -> list[tuple[bytes, EventKind]]:
    """Return the steps that the states allow to an office, the usual ones several times."""
    unit = net.unit(code)
    issued = {row.id: row.issuer == unit for row in net.rows(code) if unit in _ends(row)}
    found = []
    for number, state in sorted(net.states(code).items()):
        for kind in STEPS if number in issued else ():
            try:
                guard(state, kind, "issuer" if issued[number] else "assignee")
            except IllegalEvent:
                continue
            found += [(number, kind)] * (1 if kind in RARE else 5)
    return found


def _ends(row: Row) -> tuple[int, int]:
    return (row.issuer, row.assignee)


def act(net: Network, code: str, number: bytes, kind: EventKind, choice: int = 50) -> None:
    """Let a person of `code` try a step; if it is refused, nothing was written."""
    try:
        if kind is EventKind.RELAY:
            work.relay(net[code], number, actor=f"{code} clerk")
        else:
            work.act(
                net[code], number, kind, actor=f"{code} clerk", reason="原因",
                percent=choice % 101 if kind is EventKind.PROGRESS else None,
                due_ms=net.now_ms + 10**9 if kind is EventKind.EXTEND else None,
            )  # fmt: skip
        event(f"did {kind.value}")
    except (IllegalEvent, BadOrder) as refused:
        event(f"{kind.value} refused: {refused.reason}")


def assert_sound(net: Network) -> None:
    """Nothing hangs: a part of what was taken back is taken back, a dispatch has its receipt."""
    assert_agreed(net)
    at_city = {row.id: row for row in net.rows(CITY)}
    open_states = {state.value for state in BEFORE_CLAIM}
    for row in at_city.values():
        assert row.state != "dispatched"
        if row.parent is not None and row.state in open_states:
            assert at_city[row.parent].state not in ("recalled", "returned")
    held = Counter(
        (row.work_order, row.assignee) for row in at_city.values() if row.state in open_states
    )
    assert set(held.values()) <= {1}, "one order lies with an office once"


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    moves=moves,
    duty=st.sampled_from(DUTIES),
    auto=st.booleans(),
    skews_ms=st.tuples(*[st.integers(-300_000, 300_000)] * len(CODES)),
)
def test_whatever_arrives_when_all_offices_end_with_the_same_and_lose_nothing(
    template, catalogue, moves, duty, auto, skews_ms
):
    with tempfile.TemporaryDirectory() as folder:
        net = Network(template, Path(folder) / "net", catalogue, skews_ms=skews_ms)
        try:
            work.set_relay(net[STREET], auto=auto)
            order = to_communities(net, duty, due_ms=net.now_ms + 10**8)
            issued = work.issue(net[CITY], order, actor="mayor")
            if duty is Duty.UNLISTED:
                work.rule(net[CITY], issued.assignments[0], EventKind.ADMIT, actor="gate")
            if len(moves) % 2:  # half of the runs begin where the work has arrived
                net.settle()
            for move, where, what in moves:
                if move == "send":
                    net.send(*where, bytes_max=what)
                elif move == "reopen":
                    net.reopen(where)
                elif steps := possible(net, where):
                    act(net, where, *steps[what % len(steps)], what)
            net.settle()
            assert_sound(net)
        finally:
            net.close()


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@given(
    order=st.permutations([(code, step) for code in COMMUNITIES for step in range(3)]),
    lines=st.lists(st.sampled_from(LINES), max_size=40),
)
def test_work_that_everybody_does_closes_at_the_city_whatever_the_order(
    template, catalogue, order, lines
):
    with tempfile.TemporaryDirectory() as folder:
        net = Network(template, Path(folder) / "net", catalogue)
        try:
            work.issue(net[CITY], to_communities(net), actor="mayor")
            net.settle()
            steps = {code: iter(STEPS[1:4]) for code in COMMUNITIES}
            for code, _ in order:
                act(net, code, net.row(code, at=code).id, next(steps[code]))
                if lines:
                    net.send(*lines[len(lines) // 2])
            for line in lines:
                net.send(*line)
            for kind in (EventKind.VERIFY, EventKind.CLOSE) * 3:
                net.settle()
                for code in CODES:
                    for number, step in possible(net, code):
                        if step is kind:
                            act(net, code, number, kind)
            net.settle()
            assert {row.state for row in net.rows(CITY)} == {"closed"}
            assert all(row.state in TERMINAL for code in CODES for row in net.rows(code))
            assert_sound(net)
        finally:
            net.close()
