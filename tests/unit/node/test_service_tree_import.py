"""The tree imported at the city: whole or not at all, ids kept, everybody receives it."""

from __future__ import annotations

import pytest

from node.domain.tree_operations import Match, OperationKind
from node.domain.unit_csv import BadUnitFile
from node.services.upkeep.tree_import import NotTheCity, WouldClose, import_units
from sync.apply import applier
from sync.log import entries as log
from sync.model.schema import Lane
from tests.support.network import CITY, EAST, TREE, A, Network


@pytest.fixture(scope="module")
def templates(tmp_path_factory):
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def net(tmp_path, templates):
    net = Network(tmp_path, (CITY, EAST), templates=templates)
    yield net
    net.close()


def send_down(parent, child) -> None:
    with parent.store.read() as tx:
        batch = log.read_down(
            tx, child=child.identity.unit, lane=Lane.CONTROL,
            incarnation=parent.identity.incarnation, after=0,
        )  # fmt: skip
    received = child.store.write(
        lambda tx: applier.apply_batch(
            child.replica, tx, batch, peer=parent.identity.unit, upward=False
        )
    )
    child.committed(received)


def with_versions_replaced(csv: str) -> bytes:
    return csv.replace(f"{A},", f"{A},新").encode()


def test_a_new_name_reaches_the_offices_below_and_the_day_before_keeps_the_old(net):
    city, east = net[CITY], net[EAST]
    unit = city.tree.find(A).unit_id
    done = import_units(city, with_versions_replaced(TREE), "units.csv")
    assert done.counts == {OperationKind.RENAME: 1}
    assert city.tree.get(unit).name.startswith("新")
    send_down(city, east)
    assert east.tree.get(unit).name == city.tree.get(unit).name
    yesterday = done.on.replace(year=done.on.year - 1)
    assert not city.tree_on(yesterday).get(unit).name.startswith("新")


def test_the_same_file_twice_changes_nothing(net):
    city = net[CITY]
    import_units(city, with_versions_replaced(TREE), "units.csv")
    with city.store.read() as tx:
        before = log.position(tx)
    assert import_units(city, with_versions_replaced(TREE), "units.csv").counts == {}
    with city.store.read() as tx:
        assert log.position(tx) == before


def test_a_dry_run_counts_and_writes_nothing(net):
    city = net[CITY]
    with city.store.read() as tx:
        before = log.position(tx)
    done = import_units(city, with_versions_replaced(TREE), "units.csv", dry_run=True)
    assert done.counts == {OperationKind.RENAME: 1}
    (change,) = done.changes
    assert (change.kind, change.match) == (OperationKind.RENAME, Match.CODE)
    unit = city.tree.find(A).unit_id
    assert (change.path, change.becomes) == (city.tree.path(unit), f"新{city.tree.get(unit).name}")
    with city.store.read() as tx:
        assert log.position(tx) == before
        assert not log.read_down(
            tx, child=net[EAST].identity.unit, lane=Lane.CONTROL, incarnation=1, after=before
        ).entries


def test_a_file_that_omits_units_closes_them_only_when_confirmed(net):
    city = net[CITY]
    shorter = "\n".join(line for line in TREE.splitlines() if not line.startswith(A)).encode()
    with pytest.raises(WouldClose) as refusal:
        import_units(city, shorter, "units.csv")
    assert refusal.value.code == "would_close"
    assert A in {u.code for u in city.tree}
    import_units(city, shorter, "units.csv", allow_close=True)
    assert A not in {u.code for u in city.tree}


def test_a_bad_file_is_refused_entirely(net):
    city = net[CITY]
    bad = TREE + f"{A},又一个,community,999999999999\n"
    with pytest.raises(BadUnitFile) as refusal:
        import_units(city, bad.encode(), "units.csv")
    assert len(refusal.value.faults) >= 2
    assert A in {u.code for u in city.tree}


def test_an_office_below_the_city_does_not_change_the_tree(net):
    with pytest.raises(NotTheCity):
        import_units(net[EAST], with_versions_replaced(TREE), "units.csv")
