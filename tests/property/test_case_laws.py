"""Laws of cases: judged from what is there, opened at one office, whatever came in which order."""

from __future__ import annotations

from collections import Counter
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from node.domain.cases import CLOSED, OPEN, SETTLED, decide, units_of, units_text
from node.domain.unit_csv import read_units
from node.domain.units import Tree
from tests.support.network import TREE

TODAY = date(2026, 5, 29)
CITY = Tree(read_units(TREE.encode(), "tree", date(2020, 1, 1)), TODAY)
UNITS = sorted(unit.unit_id for unit in CITY)
COMMUNITIES = [unit for unit in UNITS if not CITY.children(unit)]
live_marks = st.dictionaries(st.sampled_from(COMMUNITIES), st.integers(1, 3))


def judged(me: int, live: dict[int, int], *, closed: dict[int, int] | None = None,
           above: dict[int, int] | None = None) -> str:  # fmt: skip
    under = {u: n for u, n in live.items() if u == me or CITY.within(u, me)}
    return decide(
        me, under, hop=lambda u: CITY.next_hop(me, u), closed=closed or {}, above=above or {}
    ).state


def lowest_over(units: set[int]) -> int:
    chains = [[unit, *CITY.ancestors(unit)] for unit in units]
    return next(u for u in chains[0] if all(u in chain for chain in chains))


@given(live_marks)
def test_the_case_over_all_records_is_open_at_their_lowest_common_ancestor_and_nowhere_above(
    live: dict[int, int],
) -> None:
    if sum(live.values()) < 2:
        assert {judged(u, live) for u in UNITS} == {SETTLED}
        return
    lowest = lowest_over(set(live))
    assert judged(lowest, live) == OPEN
    assert all(judged(u, live) == SETTLED for u in CITY.ancestors(lowest))


@given(live_marks, st.sampled_from(UNITS))
def test_a_case_covered_by_one_above_is_not_open(live: dict[int, int], me: int) -> None:
    assert judged(me, live, above=live) != OPEN


@given(live_marks, live_marks, st.sampled_from(UNITS))
def test_a_closed_case_opens_again_exactly_when_a_record_joins(
    live: dict[int, int], closed: dict[int, int], me: int
) -> None:
    without = judged(me, live)
    under = {u: n for u, n in live.items() if u == me or CITY.within(u, me)}
    joined = Counter(under) - Counter(closed)
    expected = CLOSED if without == OPEN and closed and not joined else without
    assert judged(me, live, closed=closed) == expected


@given(live_marks)
def test_the_concerned_offices_round_trip(live: dict[int, int]) -> None:
    assert units_of(units_text(live)) == live
