"""What of counts of persons leaves their office, and what nobody can work out from it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from node.domain.contribution import CellKey, dims_text, parse_dims
from node.domain.disclosure import GROUP_MIN, WITHHELD, published, published_cells
from node.domain.indicators import evaluate
from node.domain.published_value import ANY, Interval
from node.folds.contributions import cell_id
from node.services.figures.rollup import answer
from node.services.health.verify import verify
from node.store import meta
from node.store.cells import cells_of
from sync.model.change import Operation
from tests.support.network import CATALOGUE, CITY, EAST, NORTH, SOUTH, A, B, C, D, Network

DAY = date(2026, 5, 29)
PLANS = CATALOGUE.disclosure_plans
SEXES, ALONE = ("male", "female", ""), ("0", "1", "")
BIRTH_YEARS = (1936, 1950, 1961, 1962, 1966, 1967, 1990, 2015)


def residents(*persons: tuple[str, str, str]) -> dict[CellKey, int]:
    """Count persons given as birth year, sex, and whether they live alone."""
    keys = (
        CellKey("residents", "", dims_text({"birth_year": y, "lives_alone": a, "sex": s}))
        for y, s, a in persons
    )
    return dict(Counter(keys))


people = st.lists(
    st.tuples(
        st.sampled_from([*map(str, BIRTH_YEARS), "unknown"]),
        st.sampled_from(["male", "female", "unknown"]),
        st.sampled_from(["0", "1", "unknown"]),
    ),
    max_size=80,
)


@given(people)
def test_every_group_that_leaves_has_five_persons_and_together_they_are_all(persons):
    cells = residents(*persons)
    left = published(PLANS["residents"], cells, DAY)
    if 0 < len(persons) < GROUP_MIN:
        assert Counter(k.measure for k, n in left.items() if n) == Counter([WITHHELD])
        return
    assert all(n >= GROUP_MIN for n in left.values())
    assert sum(left.values()) == len(persons)


@given(people, st.sampled_from(["K3", "K4", "K4_65"]))
def test_a_figure_of_groups_is_right_up_to_what_it_names_as_undecided(persons, indicator):
    cells = residents(*persons)
    left = published(PLANS["residents"], cells, DAY)
    if 0 < len(persons) < GROUP_MIN:
        return
    right = evaluate(CATALOGUE.indicators[indicator], cells.items(), DAY)
    found = evaluate(CATALOGUE.indicators[indicator], left.items(), DAY)
    assert found.denominator == right.denominator
    assert found.numerator <= right.numerator <= found.numerator + found.numerator_undecided


@given(people, st.randoms())
def test_what_leaves_does_not_depend_on_the_order_of_the_records(persons, rng):
    again = list(persons)
    rng.shuffle(again)
    plan = PLANS["residents"]
    assert published(plan, residents(*persons), DAY) == published(plan, residents(*again), DAY)


def test_the_conditions_of_indicators_divide_first_so_that_large_offices_lose_nothing():
    persons = [(str(2026 - age), sex, "0") for age in range(90) for sex in ("male", "female")]
    left = published(PLANS["residents"], residents(*persons), DAY)
    for name, old in (("K4", 30), ("K4_65", 25)):
        figure = evaluate(CATALOGUE.indicators[name], left.items(), DAY)
        assert (figure.numerator, figure.numerator_undecided) == (2 * old, 0)


def test_a_layer_that_all_but_a_few_have_stays_in_a_larger_group():
    layers = {"L1": 20, "L2": 18, "L3": 9}  # of 20 records: two are not in L2
    cells = {CellKey("aid_layers", "", f"aid_layer={name}"): n for name, n in layers.items()}
    cells[CellKey("aid_cases", "", "")] = 20
    left = published_cells([PLANS["aid_layers"]], cells, DAY)
    texts = {parse_dims(key.dims)["aid_layer"]: n for key, n in left.items()}
    assert "L2" not in texts
    assert texts[ANY] == 18 + min(9, 20)


def test_months_of_too_few_are_combined_and_the_year_stays_right():
    months = {"2026-01": 2, "2026-02": 4, "2026-03": 9, "2026-04": 1}
    cells = {CellKey("placements", month, "channel=C1"): n for month, n in months.items()}
    left = published(PLANS["placements"], cells, DAY)
    assert sorted(left.values()) == [6, 10]
    assert evaluate(CATALOGUE.indicators["K30"], left.items(), DAY).numerator == 16
    march = evaluate(CATALOGUE.indicators["K30"], left.items(), date(2026, 3, 31))
    assert (march.numerator, march.numerator_undecided) == (6, 10)


@pytest.mark.parametrize("text", ["1962..1966", "..1961", "1967..", "1960", ".."])
def test_an_interval_is_read_as_it_was_written(text):
    assert str(Interval.read(text)) == text


def test_a_store_of_an_older_program_takes_back_the_fine_cells_that_it_sent_above(
    tmp_path: Path,
) -> None:
    for name in ("offices", "templates"):
        (tmp_path / name).mkdir()
    net = Network(tmp_path / "offices", (NORTH, A), templates=tmp_path / "templates")
    fill(net, {A: [(1950 + n, "male", "0") for n in range(9)]})

    def as_it_was(tx: Connection) -> None:
        tx.exec_driver_sql("DELETE FROM private_cell")
        meta.put(tx, meta.UNDIVIDED, True)

    ((fine, amount),) = residents(("1950", "male", "0")).items()
    values = {**fine._asdict(), "amount": amount}
    net.write(A, net.edit(A, "cell", cell_id(fine), Operation.CREATE, values))
    net[A].store.write(as_it_was)
    net.reopen(A)
    net.settle()
    try:
        assert verify(net[A]).sound
        assert answer(net[A], "K3").shown.numerator == 9
        assert answer(net[NORTH], "K3").shown.numerator == 9
        with net[NORTH].store.read() as tx:
            amounts = [n for _, n in cells_of(tx, [net.unit(A)], PLANS) if n]
        assert min(amounts) >= GROUP_MIN
    finally:
        net.close()


# -- a solver that knows nothing of how the groups were made ---------------------------------------

PRIME = (1 << 61) - 1
Person = tuple[str, int, str, str]  # unit, birth year, sex, lives alone
Group = frozenset[Person]


class Knowledge:
    """The sums of groups of persons that follow from the ones that were published."""

    def __init__(self) -> None:
        self._rows: dict[Person, dict[Person, int]] = {}  # reduced: leading atom -> row

    def learn(self, group: Group) -> None:
        row = self._rest(group)
        if row:
            lead = min(row)
            inverse = pow(row[lead], -1, PRIME)
            self._rows[lead] = {atom: n * inverse % PRIME for atom, n in row.items()}

    def knows(self, group: Group) -> bool:
        return not self._rest(group)

    def _rest(self, group: Group) -> dict[Person, int]:
        row = dict.fromkeys(group, 1)
        for lead in sorted(self._rows):
            factor = row.get(lead, 0)
            if factor:
                for atom, n in self._rows[lead].items():
                    row[atom] = (row.get(atom, 0) - factor * n) % PRIME
                    if not row[atom]:
                        del row[atom]
        return row


def generated(seed: int) -> dict[str, list[tuple[int, str, str]]]:
    rng = random.Random(seed)
    return {
        unit: [
            (rng.choice(BIRTH_YEARS), rng.choice(SEXES[:2]), rng.choice(("0", "0", "0", "1")))
            for _ in range(rng.choice((3, 20, 90, 200)))
        ]
        for unit in (A, B, C, D)
    }


def fill(net: Network, city: Mapping[str, list[tuple[int, str, str]]]) -> None:
    for unit, persons in city.items():
        rows = [
            {"id_number": f"{unit}{n}", "name": "n", "birth_date": f"{year}-01-01", "sex": sex,
             "lives_alone": int(alone)}
            for n, (year, sex, alone) in enumerate(persons)
        ]  # fmt: skip
        net.create_many(unit, "resident", rows)
    net.settle()


def asked(atoms: Iterable[Person], units: set[str], by: str, group: str, oldest: int) -> Group:
    """Return the persons whom a figure is about, by the words of its question."""
    at = {"sex": 2, "lives_alone": 3}.get(by)

    def belongs(atom: Person) -> bool:
        if atom[0] not in units or 2026 - atom[1] < oldest:
            return False
        if by == "age_band":
            low, _, high = group.rstrip("+").partition("-")
            return int(low) <= 2026 - atom[1] <= int(high or 200)
        if by == "birth_year":
            return str(atom[1]) == group
        return at is None or str(atom[at]) == group

    return frozenset(atom for atom in atoms if belongs(atom))


def published_figures(
    net: Network, atoms: list[Person], counted: set[str]
) -> Iterator[tuple[Group, int]]:
    """Yield each group of persons that the city can ask for exactly, with its number.

    `counted`: the communities that give numbers at all.
    """
    office = net[CITY]
    for unit in office.tree.subtree(office.identity.unit):
        below = counted & {office.tree.get(u).code for u in office.tree.subtree(unit)}
        for name, oldest in (("K3", 0), ("K4", 60), ("K4_65", 65)):
            for by in (None, *CATALOGUE.indicators[name].dimensions):
                found = answer(office, name, unit=unit, by=by)
                if any(row.key == ANY for row in found.rows):
                    continue  # sums of groups that the question does not name
                for key, shown in [("", found.shown)] if by is None else [
                    (row.key, row.shown) for row in found.rows
                ]:  # fmt: skip
                    if shown.numerator is not None and not shown.numerator_undecided:
                        yield asked(atoms, below, by or "", key, oldest), shown.numerator


def groups_of_few(
    city: Mapping[str, list[tuple[int, str, str]]], atoms: list[Person]
) -> Iterator[Group]:
    """Yield every group that a condition on each property describes, of one to four persons."""
    counts = Counter((unit, *person) for unit, persons in city.items() for person in persons)
    ages = [(0, 200), (60, 200), (65, 200), (60, 64), (0, 59), *((y, y) for y in BIRTH_YEARS)]
    for units, (low, high), sex, alone in product(
        [{A}, {B}, {C}, {D}, {A, B}, {B, C}, {A, C}], ages, ("", *SEXES[:2]), ("", "0", "1")
    ):
        group = frozenset(
            atom
            for atom in atoms
            if atom[0] in units
            and (low <= 2026 - atom[1] <= high or low == atom[1])
            and sex in ("", atom[2])
            and alone in ("", atom[3])
        )
        if 0 < sum(counts[atom] for atom in group) < GROUP_MIN:
            yield group


@pytest.mark.parametrize("seed", range(3))
def test_no_question_at_the_city_nor_several_together_isolate_fewer_than_five_persons(
    tmp_path: Path, seed: int
) -> None:
    (tmp_path / "offices").mkdir()
    (tmp_path / "templates").mkdir()
    net = Network(
        tmp_path / "offices",
        (CITY, EAST, NORTH, SOUTH, A, B, C, D),
        templates=tmp_path / "templates",
    )
    city = generated(seed)
    try:
        fill(net, city)
        atoms: list[Person] = list(product((A, B, C, D), BIRTH_YEARS, SEXES[:2], ("0", "1")))
        counts = Counter((unit, *person) for unit, persons in city.items() for person in persons)
        known = Knowledge()
        figures = 0
        counted = {unit for unit, persons in city.items() if len(persons) >= GROUP_MIN}
        for group, number in published_figures(net, atoms, counted):
            assert sum(counts[atom] for atom in group) == number  # what is exact is right
            known.learn(group)
            figures += 1
        few = set(groups_of_few(city, atoms))
        assert figures > 20
        assert few
        assert not [group for group in few if known.knows(group)]
        # The solver finds a person when the figures of the offices themselves are put together.
        everything = Knowledge()
        for unit, oldest in product((A, B, C, D), (0, 60, 65)):
            for by, keys in (("", [""]), ("sex", SEXES[:2]), ("birth_year", map(str, BIRTH_YEARS))):
                for key in keys:
                    everything.learn(asked(atoms, {unit}, by, key, oldest))
        assert [group for group in few if everything.knows(group)]
        with net[CITY].store.read() as tx:
            units = [net.unit(code) for code in (A, B, C, D)]
            amounts = [n for key, n in cells_of(tx, units, PLANS) if n]
        assert min(amounts) >= GROUP_MIN
    finally:
        net.close()
