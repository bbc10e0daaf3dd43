"""The law of rollups: whatever came late, twice or corrected, totals are what the records make."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.domain.contribution import CellKey
from node.services.figures.cells import own_cells
from node.services.figures.closings import CLOSING, close_period, stock_at, stock_measures
from node.services.figures.rollup import answer
from node.services.health.verify import verify
from node.store.cells import totals_of
from sync.model.change import Operation
from tests.support.network import CATALOGUE, CITY, DAY_MS, EAST, NORTH, SOUTH, A, B, D, Network

WRITERS = (A, B, D)
HUBS = (NORTH, SOUTH, EAST, CITY)
LINKS = (A, B, D, NORTH, SOUTH, EAST)
STOCK = stock_measures(CATALOGUE)

VALUES = {
    "household": st.fixed_dictionaries({
        "hh_no": st.sampled_from("123"),
        "kind": st.sampled_from(["resident", "floating", None]),
        "status": st.sampled_from([None, "current", "moved_out"]),
    }),
    "premises": st.fixed_dictionaries({
        "use": st.sampled_from(["office", "activity", None]),
        "area_m2": st.none() | st.integers(0, 50),
        "tenure": st.none() | st.sampled_from(["owned", "rented"]),
    }),
    "placement": st.fixed_dictionaries({
        "channel": st.sampled_from(["C1", "C2"]),
        "date": st.none() | st.sampled_from(["2026-04-02", "2026-05-03", "2025-12-31"]),
    }),
    "aid_case": st.fixed_dictionaries({"layers": st.sampled_from(["L1", "L1,L3", None])}),
}  # fmt: skip


@dataclass(frozen=True)
class Write:
    at: str
    register: str
    pick: int  # which of the records there; past the last: a new one
    values: dict[str, object] | None  # None ends the record
    copies: int  # of a new record: fewer than five persons are not counted above


@dataclass(frozen=True)
class Send:
    link: str
    order: tuple[int, ...]  # which of the waiting batches, again and again as it may be


@dataclass(frozen=True)
class Close:
    at: str
    days: int


def writes() -> st.SearchStrategy[Write]:
    return st.sampled_from(sorted(VALUES)).flatmap(
        lambda register: st.builds(
            Write, st.sampled_from(WRITERS), st.just(register), st.integers(0, 2),
            st.none() | VALUES[register], st.sampled_from([1, 4, 7]),
        )
    )  # fmt: skip


sends = st.builds(
    Send, st.sampled_from(LINKS), st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple)
)
closes = st.builds(Close, st.sampled_from(WRITERS), st.sampled_from([0, 5, 31]))
histories = st.lists(writes() | writes() | sends | closes, min_size=12, max_size=30)


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    return tmp_path_factory.mktemp("templates")


@contextmanager
def network(templates: Path) -> Iterator[Network]:
    with tempfile.TemporaryDirectory() as folder:
        net = Network(Path(folder), (*WRITERS, *HUBS), templates=templates)
        try:
            yield net
        finally:
            net.close()


def play(net: Network, history: list[Write | Send | Close]) -> None:
    kept: dict[tuple[str, str], list[bytes]] = {}
    for step in history:
        if isinstance(step, Close):
            net.forward(step.days * DAY_MS)
            month = net[step.at].today().replace(day=1)
            last = month.replace(month=month.month - 1) if month.month > 1 else None
            if last is not None:
                close_period(net[step.at], f"{last:%Y-%m}")
        elif isinstance(step, Send):
            waiting = net.batches(step.link, bytes_max=1)  # one entry a batch
            for n in step.order if waiting else ():
                net.deliver(step.link, waiting[n % len(waiting)])
        else:
            records = kept.setdefault((step.at, step.register), [])
            if step.pick >= len(records):
                if step.values is not None:
                    records += net.create_many(step.at, step.register, [step.values] * step.copies)
            elif step.values is None:
                record = records.pop(step.pick)
                net.write(step.at, net.edit(step.at, step.register, record, Operation.DELETE, {}))
            else:
                record = records[step.pick]
                net.write(
                    step.at,
                    net.edit(step.at, step.register, record, Operation.UPDATE, step.values),
                )


def below(net: Network, hub: str) -> list[str]:
    tree = net[hub].tree
    return [code for code in WRITERS if tree.within(net.unit(code), net.unit(hub))]


def recomputed(net: Network, codes: list[str]) -> dict[CellKey, int]:
    """From the records of the communities themselves, past every store above them."""
    sums: Counter[CellKey] = Counter()
    for code in codes:
        with net[code].store.read() as tx:
            sums.update(own_cells(net[code], tx)[1])
    return {key: amount for key, amount in sums.items() if amount}


LAW = settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@LAW
@given(history=histories)
def test_totals_equal_the_recomputation_whatever_arrived_late_twice_or_out_of_order(
    templates, history
):
    with network(templates) as net:
        play(net, history)
        for office in net.offices.values():
            report = verify(office)  # each is right about what it has received so far
            assert report.sound, report.differences
        net.settle()
        for hub in HUBS:
            with net[hub].store.read() as tx:
                totals = {
                    key: n
                    for key, n in totals_of(tx, net.unit(hub))
                    if n and key.measure != CLOSING and not (key.period and key.measure in STOCK)
                }
            assert totals == recomputed(net, below(net, hub))
            report = verify(net[hub])
            assert report.sound, report.differences


@LAW
@given(history=histories)
def test_every_office_above_gives_the_same_answer_once_all_has_arrived(templates, history):
    with network(templates) as net:
        play(net, history)
        net.settle()
        for hub in (NORTH, SOUTH):
            for indicator in ("K2", "K5", "K6", "K30"):
                unit = net.unit(hub)
                answers = {
                    (found.shown.numerator, found.shown.denominator, found.shown.withheld)
                    for asked in (hub, EAST, CITY)
                    for found in [answer(net[asked], indicator, unit=unit)]
                }
                assert len(answers) == 1


@LAW
@given(history=histories)
def test_the_closings_of_an_office_add_up_to_its_stock_when_it_closed_last(templates, history):
    with network(templates) as net:
        play(net, history)
        net.forward(62 * DAY_MS)
        for code in WRITERS:
            before = net[code].today().replace(day=1) - timedelta(days=1)
            close_period(net[code], f"{before:%Y-%m}")
        net.settle()
        for hub in HUBS:
            with net[hub].store.read() as tx:
                sums: Counter[CellKey] = Counter()
                for key, amount in stock_at(totals_of(tx, net.unit(hub)), STOCK, "9999-12"):
                    if key.measure in STOCK:
                        sums[key] += amount
                now = {key: n for key, n in totals_of(tx, net.unit(hub)) if n}
            stock = {key: n for key, n in now.items() if key.measure in STOCK and not key.period}
            assert {key: n for key, n in sums.items() if n} == stock
