"""Offices that wrote concurrently and then met, on real stores, with every clock at one moment.

The product of what two levels do x what was there before x over which links and in which order they
receive it, after the peers' topology tests (docs/scenarios.md, G1 to G4).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from tests.support.sites import CITY, DISTRICT, GARDEN, STREET, Site

CHAIN = (GARDEN, STREET, DISTRICT, CITY)
Net = dict[int, Site]


def write_below(net: Net) -> None:
    net[GARDEN].commit(net[GARDEN].update(1, name="garden", tags="g", most=3))


def end_below(net: Net) -> None:
    net[GARDEN].commit(net[GARDEN].delete(1))


def end_and_bring_back_below(net: Net) -> None:
    end_below(net)
    net[GARDEN].commit(net[GARDEN].update(1, name="again"))


def write_above(net: Net) -> None:
    net[STREET].commit(net[STREET].update(1, GARDEN, name="street", tags="s", most=5))


def write_twice_above(net: Net) -> None:
    write_above(net)
    net[STREET].commit(net[STREET].update(1, GARDEN, rank="street"))


def write_further_above(net: Net) -> None:
    net[DISTRICT].commit(net[DISTRICT].update(1, GARDEN, name="district", tags="d"))


BELOW = (write_below, end_below, end_and_bring_back_below)
ABOVE = (write_above, write_twice_above, write_further_above)
# Which office speaks to which, and in which order, until nobody has news.
ORDERS: dict[str, Sequence[tuple[int, int]]] = {
    "from below": [*itertools.pairwise(CHAIN), *itertools.pairwise(CHAIN[::-1])],
    "from above": [*itertools.pairwise(CHAIN[::-1]), *itertools.pairwise(CHAIN)],
    "by chance": [(STREET, DISTRICT), (STREET, GARDEN), (DISTRICT, STREET), (GARDEN, STREET),
                  (STREET, DISTRICT), (DISTRICT, CITY), (STREET, GARDEN)],
}  # fmt: skip


def meet(net: Net, order: Sequence[tuple[int, int]]) -> None:
    for _ in range(4):
        for one, other in order:
            net[one].send(net[other])


@pytest.fixture
def net(open_site: Callable[..., Site]) -> Net:
    """Return four offices of one path that know one record."""
    net = {unit: open_site(unit) for unit in CHAIN}
    net[GARDEN].commit(net[GARDEN].create(1, name="first", tags="a", most=1))
    meet(net, ORDERS["from below"])
    return net


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize("below", BELOW)
def test_offices_that_edit_concurrently_converge_once_connected(
    net: Net,
    below: Callable[[Net], None],
    above: Callable[[Net], None],
    order: str,
) -> None:
    below(net)
    above(net)
    assert len({site.now_ms for site in net.values()}) == 1
    meet(net, ORDERS[order])
    first = net[GARDEN].records()
    for site in net.values():
        assert site.records() == first
        assert site.quarantined() == []
        assert site.digests() == site.recomputed_digests()


@pytest.mark.parametrize("ahead_ms", [-86_400_000, 0, 600_000])
def test_a_chain_written_offline_arrives_complete_in_order_whatever_the_clock(
    net: Net, ahead_ms: int
) -> None:
    """Create, write, write, end, bring back, write: offline, by a clock that is wrong."""
    garden = net[GARDEN]
    garden.now_ms += ahead_ms
    garden.commit(garden.create(2, name="1"))
    for name in ("2", "3"):
        garden.commit(garden.update(2, name=name))
    garden.commit(garden.delete(2))
    garden.commit(garden.update(2, name="4"))
    garden.commit(garden.update(2, name="5"))
    meet(net, ORDERS["from below"])
    for site in net.values():
        assert site.value(2, "name", GARDEN) == "5"
        assert site.records() == garden.records()
        assert site.records()["open"] == []


def test_rereading_from_an_older_position_or_from_the_start_changes_nothing(
    net: Net,
) -> None:
    """A cursor that was lost, or set back: the streams know what is known."""
    garden, street = net[GARDEN], net[STREET]
    for n in range(5):
        garden.commit(garden.update(1, name=str(n)))
    garden.send(street)
    before = street.dump("entry", "stream", "r_person", "conflict", "digest")
    for after in (0, 2, 4):
        street.take(garden.batch_up(after=after), GARDEN)
        assert street.dump("entry", "stream", "r_person", "conflict", "digest") == before
