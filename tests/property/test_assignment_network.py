"""Six offices, lines that carry anything at any time: in the end all hold and count the same."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from node.domain.assignment import Duty, EventKind, IllegalEvent, guard
from node.domain.assignment_rules import BEFORE_CLAIM, TERMINAL
from node.domain.catalogue import load_catalogue
from node.services.work import actions as work
from node.services.work.errors import BadOrder
from node.store.assignments import Row
from sync.model.limits import BATCH_BYTES_MAX
from tests.support import work_steps
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
PEOPLE = (*CODES, *COMMUNITIES, STREET)  # the communities do most of it


class Networks:
    """Opens one network after another; a failing example prints this and not the catalogue."""

    def __init__(self, folder: Path) -> None:
        self._catalogue = needed(load_catalogue())
        self._template = build(folder, self._catalogue)

    @contextmanager
    def open(self, skews_ms: tuple[int, ...] = ()) -> Iterator[Network]:
        with tempfile.TemporaryDirectory() as folder:
            net = Network(self._template, Path(folder) / "net", self._catalogue, skews_ms=skews_ms)
            try:
                yield net
            finally:
                net.close()


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Networks:
    return Networks(tmp_path_factory.mktemp("template"))


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


def move(net: Network, chance: Random) -> None:
    """Let a line carry something, a person do something, or an office stop and start again."""
    what = chance.choices(("act", "send", "reopen"), (10, 9, 1))[0]
    if what == "send":
        net.send(*chance.choice(LINES), bytes_max=chance.choice((1, BATCH_BYTES_MAX)))
    elif what == "reopen":
        net.reopen(chance.choice(CODES))
    else:
        code = chance.choice(PEOPLE)
        if steps := possible(net, code):
            number, kind = chance.choice(steps)
            if kind not in RARE or chance.random() < 0.1:  # else most runs end in a recall
                act(net, code, number, kind, chance.randrange(101))


def assert_consistent(net: Network) -> None:
    """Nothing hangs: a part of what was taken back is taken back, a dispatch has its receipt."""
    assert_agreed(net)
    at_city = {row.id: row for row in net.rows(CITY)}
    open_states = {state.value for state in BEFORE_CLAIM}
    for row in at_city.values():
        assert row.state != "dispatched"
        if row.parent is not None and row.state in open_states:
            assert at_city[row.parent].state not in ("recalled", "returned")
    orders_by_office = Counter(
        (row.work_order, row.assignee) for row in at_city.values() if row.state in open_states
    )
    assert set(orders_by_office.values()) <= {1}, "one order lies with an office once"


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**32),  # lists of moves drawn one by one seldom get beyond the first steps
    moves=st.integers(0, 80),
    arrived=st.booleans(),
    duty=st.sampled_from(DUTIES),
    auto=st.booleans(),
    skews_ms=st.tuples(*[st.integers(-300_000, 300_000)] * len(CODES)),
)
def test_in_any_order_of_arrival_all_offices_converge_and_lose_nothing(
    networks, seed, moves, arrived, duty, auto, skews_ms
):
    chance = Random(seed)
    with networks.open(skews_ms) as net:
        work_steps.set_relay(net[STREET], auto=auto)
        order = to_communities(net, duty, due_ms=net.now_ms + 10**8)
        issued = work.issue(net[CITY], order, actor="mayor")
        if duty is Duty.UNLISTED:
            work.rule(net[CITY], issued.assignments[0], EventKind.ADMIT, actor="gate")
        if arrived:
            net.settle()
        for _ in range(moves):
            move(net, chance)
        net.settle()
        assert_consistent(net)


@settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow])
@given(
    order=st.permutations([code for code in COMMUNITIES for _ in range(3)]),
    lines=st.lists(st.sampled_from(LINES), max_size=40),
)
def test_work_that_every_office_completes_closes_at_the_city_in_any_order(networks, order, lines):
    with networks.open() as net:
        work.issue(net[CITY], to_communities(net), actor="mayor")
        net.settle()
        steps = {code: iter(STEPS[1:4]) for code in COMMUNITIES}
        for code in order:
            act(net, code, net.row(code, at=code).id, next(steps[code]))
            if lines:
                net.send(*lines[len(lines) // 2])
        for line in lines:
            net.send(*line)
        for kind in (EventKind.VERIFY, EventKind.CLOSE) * 3:
            net.settle()
            for code in CODES:
                for number, step in dict.fromkeys(possible(net, code)):
                    if step is kind:
                        act(net, code, number, kind)
        net.settle()
        assert {row.state for row in net.rows(CITY)} == {"closed"}
        assert all(row.state in TERMINAL for code in CODES for row in net.rows(code))
        assert_consistent(net)
