"""The law of received values: whatever a child writes, its parent and the city go on and count."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.domain.register import Field, Register
from node.office import Office
from node.services.figures.days_counted import follow_days
from node.services.figures.rollup import answer
from node.services.health.status import status
from node.services.health.verify import verify
from node.services.overview.today import today
from node.services.records.exporting import export_register
from node.services.records.views import list_records
from node.services.upkeep.quarantine import page_of
from node.services.work.deadlines import escalate, run_timers
from node.store.cells import cells_of, recomputed_total, totals_of, units_outside_tree
from sync.model.change import Block, Operation, Value
from sync.model.errors import SilianError
from sync.model.schema import Lane
from tests.support.hostile import ZERO, Writer
from tests.support.network import CATALOGUE, CITY, EAST, NORTH, A, B, Network

PATH = (A, B, NORTH, EAST, CITY)
EDGES = (0, 1, -1, 3, 2026, 10**15, 2**62, 2**63 - 1, -(2**63))
TEXTS = ("", "x", "F1", "release", "2026-02-30", "0000-00-00", "9999-12-31", "held",
         "source", "k=v", ";=;", "=", "²", "9" * 390, "名" * 3_000, "\x1b[31m", "ab" * 16,
         "{", "[1]")  # fmt: skip


def values_of(field: Field) -> st.SearchStrategy[Value]:
    fitting: list[Value] = [None]
    if field.is_number:
        fitting += [n for n in (field.minimum, field.maximum) if isinstance(n, int)]
        return st.sampled_from([*fitting, *EDGES, "x"])
    return st.sampled_from([*fitting, *sorted(field.choices)[:3], *TEXTS, 7])


@st.composite
def blocks(draw: st.DrawFn) -> tuple[Lane, Block]:
    register: Register = draw(st.sampled_from(list(CATALOGUE.registers.values())))
    operation = draw(st.sampled_from([Operation.CREATE] * 3 + [Operation.UPDATE]))
    names = draw(st.sets(st.sampled_from(sorted(register.fields)), min_size=1))
    if operation is Operation.CREATE and draw(st.booleans()):
        names = set(register.fields)
    fields = tuple(sorted(names))
    block = Block(
        register.name, 0, operation, [draw(st.sampled_from([bytes([n]) * 16 for n in range(3)]))],
        fields=fields, columns=[[draw(values_of(register.fields[name]))] for name in fields],
        bases=[[ZERO] for _ in fields] if operation is Operation.UPDATE else [],
        causal_length=0 if operation is Operation.CREATE else 1,
    )  # fmt: skip
    return Lane.CONTROL if register.lane == "control" else Lane.BULK, block


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("templates")


def everything_read(office: Office) -> None:
    """Do what an office does by itself, and all that people ask of it."""
    office.follow_tree()
    follow_days(office)
    office.peer_status.save()
    escalate(office, office.clock.now_ms())
    run_timers(office, office.clock.now_ms())
    status(office, tree=True)
    today(office)
    page_of(office)
    verify(office)
    for indicator in office.catalogue.indicators:
        answer(office, indicator)
    for name, register in office.catalogue.registers.items():
        if register.system:
            continue
        try:
            list_records(office, name)
            export_register(office, name, io.BytesIO(), kind="csv", subtree=True)
        except SilianError as error:
            assert error.code in ("personal_register", "kept_elsewhere"), error  # noqa: PT017


def assert_counts(net: Network, code: str) -> None:
    office = net[code]
    me = office.identity.unit
    with net[A].store.read() as tx:
        honest = Counter(dict(cells_of(tx, [net.unit(A)])))
    with office.store.read() as tx:
        assert Counter(dict(cells_of(tx, [net.unit(A)]))) == honest
        outside = units_outside_tree(tx, office.tree, me)
        assert dict(totals_of(tx, me)) == recomputed_total(tx, office.tree, me, me, outside)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(blocks(), min_size=15, max_size=40))
def test_no_value_of_a_child_stops_the_offices_above_or_moves_an_honest_figure(templates, entries):
    with tempfile.TemporaryDirectory() as folder:
        net = Network(Path(folder), PATH, templates=templates)
        try:
            net.create(A, "premises", name="后楼", use="office", area_m2=100, tenure="owned")
            tampered = Writer(net, B)
            for n, (lane, block) in enumerate(entries):
                block.unit = net.unit(B)
                tampered.append(lane, block)
                if n == len(entries) // 2:
                    net.create(A, "household", hh_no="1", kind="resident", status="current")
            net.up(A, NORTH, EAST)
            for code in (NORTH, EAST, CITY):
                everything_read(net[code])
                assert_counts(net, code)
        finally:
            net.close()
