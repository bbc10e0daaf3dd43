"""Disclosure control: which counts of persons may leave the office that keeps their records.

Counts of persons leave an office in groups of at least `GROUP_MIN`, and every person is in one
group only. So whatever an office above adds up or subtracts is made of whole groups, and no
question, or several together, isolates fewer persons (the partition that k-anonymity asks for:
LeFevre et al., Mondrian, 2006). A value that a group does not share is written as a range, or as
`ANY`. Fewer than `GROUP_MIN` persons in all are not counted outside their office.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import pairwise

from node.domain.contribution import UNKNOWN, Bound, CellKey, Condition, dims_text, parse_dims
from node.domain.indicators import Indicator
from node.domain.published_value import ANY, PERIOD, Interval, is_combined, joined

GROUP_MIN = 5
"""The least number of persons in a group that leaves its office."""

WITHHELD = "withheld"
"""Measure that counts the offices that withhold a measure because it counts too few persons."""

Cells = Mapping[CellKey, int]


def is_small(count: int) -> bool:
    """Return whether a group of so many persons must stay part of a larger one."""
    return 0 < count < GROUP_MIN


@dataclass(frozen=True, slots=True)
class Cut:
    """Tells apart those up to a bound of a number from those above it, as an indicator asks."""

    dimension: str
    bound: Bound


@dataclass(frozen=True, slots=True)
class Values:
    """Tells the values of a dimension apart. `ordered`: neighbours are combined, as a range."""

    dimension: str
    ordered: bool = False


Split = Cut | Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How the cells of one measure are divided. `splits`: the most important first.

    `each`: a record may count under several values of the dimension; `whole`: the measure that
    counts each of these records once.
    """

    measure: str
    dimensions: tuple[str, ...]
    splits: tuple[Split, ...]
    each: str = ""
    whole: str = ""


def splits_for(
    indicators: Iterable[Indicator], measure: str, dimensions: Iterable[str], numbers: Iterable[str]
) -> tuple[Split, ...]:
    """Return what the indicators ask of a measure: first their conditions, then their breakdowns.

    `numbers`: those of its dimensions that are numbers; their single values come last.
    """
    cuts: list[Split] = []
    breakdowns: list[Split] = []
    values: list[Split] = []
    ordered = set(numbers)
    has = set(dimensions)
    for indicator in indicators:
        parts = (*indicator.numerator, *(indicator.denominator or ()))
        if not any(part.measure == measure for part in parts):
            continue
        for part in parts:
            if part.measure == measure:
                cuts += _cuts_of(part.where.items(), ordered)
                breakdowns += [Values(n) for n in part.where if n not in ordered]
        for name in indicator.dimensions:
            if name in indicator.bands:
                band = indicator.bands[name]
                breakdowns += [Cut(band.of, Bound(-edge, from_asof=True)) for edge in band.edges]
            elif name in ordered:
                values.append(Values(name, ordered=True))
            else:
                breakdowns.append(Values(name))
    found = dict.fromkeys([*cuts, *breakdowns, *values])
    return tuple(split for split in found if split.dimension in has)


def published_cells(plans: Iterable[Plan], cells: Cells, day: date) -> dict[CellKey, int]:
    """Return what leaves the office of some measures on a day; `cells`: theirs, and the wholes'."""
    by_measure: dict[str, dict[CellKey, int]] = {}
    for key, amount in cells.items():
        by_measure.setdefault(key.measure, {})[key] = amount
    found: dict[CellKey, int] = {}
    for plan in plans:
        records = sum(by_measure.get(plan.whole, {}).values()) if plan.whole else None
        found.update(published(plan, by_measure.get(plan.measure, {}), day, records))
    return found


def withheld_dims(measure: str) -> str:
    """Return the dimensions of the cell that says that a measure is withheld."""
    return dims_text({"measure": measure})


def published(
    plan: Plan, cells: Cells, day: date, records: int | None = None
) -> dict[CellKey, int]:
    """Return what leaves the office of one measure's cells on a day, without zeros.

    `records`: how many records the cells count, when one may count several times (`Plan.each`).
    Fewer than `GROUP_MIN` in all: an empty cell, and that they are withheld.
    """
    group = _Group.of(plan, cells)
    if not group.size:
        return {}
    if is_small(group.size) or (records is not None and is_small(records)):
        nothing = CellKey(plan.measure, "", dims_text(dict.fromkeys(plan.dimensions, ANY)))
        return {nothing: 0, CellKey(WITHHELD, "", withheld_dims(plan.measure)): 1}
    groups = [group]
    for split in plan.splits:
        groups = [part for each in groups for part in _split(each, split, plan, day, records)]
    if any(key.period for key in cells):
        groups = [part for each in groups for part in _months(each)]
    found: dict[CellKey, int] = {}
    for each in groups:
        found[each.key(plan)] = found.get(each.key(plan), 0) + each.size
    return found


@dataclass(frozen=True, slots=True)
class _Atom:
    values: Mapping[str, str]
    count: int


@dataclass(frozen=True)
class _Group:
    """Atoms that stay together, and what is written of them."""

    atoms: tuple[_Atom, ...]
    shown: Mapping[str, str]

    @classmethod
    def of(cls, plan: Plan, cells: Cells) -> _Group:
        atoms = tuple(
            _Atom({**parse_dims(key.dims), PERIOD: key.period}, count)
            for key, count in sorted(cells.items())
            if count > 0
        )
        return cls(atoms, dict.fromkeys(plan.dimensions, ANY))

    @cached_property
    def size(self) -> int:
        return _count(self.atoms)

    def key(self, plan: Plan) -> CellKey:
        shown = dict(self.shown)
        period = "" if is_combined(shown.get(PERIOD, "")) else shown.pop(PERIOD, "")
        return CellKey(plan.measure, period, dims_text(shown))

    def part(self, atoms: Iterable[_Atom], name: str, text: str) -> _Group:
        return _Group(tuple(atoms), {**self.shown, name: text})

    def by(self, name: str) -> dict[str, list[_Atom]]:
        """Return the atoms by their value of a dimension, in the order of the values."""
        found: dict[str, list[_Atom]] = {}
        for atom in sorted(self.atoms, key=lambda atom: _rank(atom.values.get(name, UNKNOWN))):
            found.setdefault(atom.values.get(name, UNKNOWN), []).append(atom)
        return found


def _split(group: _Group, split: Split, plan: Plan, day: date, records: int | None) -> list[_Group]:
    if isinstance(split, Cut):
        return _cut(group, split, day)
    if split.ordered:
        return _ranges(group, split.dimension)
    return _values(group, split.dimension, records if plan.each == split.dimension else None)


def _cut(group: _Group, cut: Cut, day: date) -> list[_Group]:
    """Divide a group in two at a bound, if both parts are large enough; else leave it as it is."""
    name, at = cut.dimension, cut.bound.at(day)
    if group.shown[name] == ANY:
        return [part for each in _numbered(group, name) for part in _cut_numbers(each, name, at)]
    return _cut_numbers(group, name, at)


def _cut_numbers(group: _Group, name: str, at: int) -> list[_Group]:
    within = Interval.read(group.shown[name])
    if within is None or not (within.has(at) and within.has(at + 1)):
        return [group]
    low, high = _apart(group.atoms, lambda atom: int(atom.values[name]) <= at)
    if _has_small(low, high):
        return [group]
    parts = ((low, Interval(within.low, at)), (high, Interval(at + 1, within.high)))
    return [group.part(atoms, name, str(interval)) for atoms, interval in parts if atoms]


def _numbered(group: _Group, name: str) -> list[_Group]:
    """Tell those with a number apart from those without: a range has numbers only."""
    numbers, others = _apart(group.atoms, lambda atom: atom.values.get(name, "").isdecimal())
    if _has_small(numbers, others):
        return [group]
    parts = ((numbers, str(Interval(None, None))), (others, UNKNOWN))
    return [group.part(atoms, name, text) for atoms, text in parts if atoms]


def _ranges(group: _Group, name: str) -> list[_Group]:
    """Divide a group along the values of a number into the smallest ranges that are allowed."""
    if group.shown[name] == ANY:
        parts = _numbered(group, name)
        return [group] if parts == [group] else [r for part in parts for r in _ranges(part, name)]
    within = Interval.read(group.shown[name])
    runs = _runs(group.by(name))
    if within is None or len(runs) == 1:
        return [group]
    lows = [within.low, *(int(before[-1][0]) + 1 for before, _ in pairwise(runs))]
    highs = [*(int(run[-1][0]) for run in runs[:-1]), within.high]
    return [
        group.part(_atoms(run), name, str(Interval(low, high)))
        for run, low, high in zip(runs, lows, highs, strict=True)
    ]


def _months(group: _Group) -> list[_Group]:
    """Divide a group by its periods; neighbours with too few persons are combined."""
    return [
        group.part(_atoms(run), PERIOD, joined(run[0][0], run[-1][0]))
        for run in _runs(group.by(PERIOD))
    ]


_Run = list[tuple[str, list[_Atom]]]


def _runs(by_value: Mapping[str, list[_Atom]]) -> list[_Run]:
    """Return neighbouring values together until each run has enough persons."""
    runs: list[_Run] = [[]]
    for value, atoms in by_value.items():
        if _count(_atoms(runs[-1])) >= GROUP_MIN:
            runs.append([])
        runs[-1].append((value, atoms))
    if len(runs) > 1 and _count(_atoms(runs[-1])) < GROUP_MIN:
        runs[-2:] = [runs[-2] + runs[-1]]
    return runs


def _values(group: _Group, name: str, records: int | None) -> list[_Group]:
    """Tell the values of a group apart; those of too few persons are combined into one part."""
    by_value = group.by(name)
    sizes = {value: _count(atoms) for value, atoms in by_value.items()}
    combined = {
        value
        for value, size in sizes.items()
        if is_small(size) or (records is not None and is_small(records - size))
    }
    for value in sorted(sizes.keys() - combined, key=lambda value: (sizes[value], value)):
        if not combined or (
            len(combined) > 1 and sum(map(sizes.__getitem__, combined)) >= GROUP_MIN
        ):
            break
        combined.add(value)
    parts = [
        group.part(atoms, name, value) for value, atoms in by_value.items() if value not in combined
    ]
    if combined:
        left = [atom for value in sorted(combined) for atom in by_value[value]]
        parts.append(group.part(left, name, ANY))
    return parts


def _apart(
    atoms: Iterable[_Atom], belongs: Callable[[_Atom], bool]
) -> tuple[list[_Atom], list[_Atom]]:
    left: list[_Atom] = []
    right: list[_Atom] = []
    for atom in atoms:
        (left if belongs(atom) else right).append(atom)
    return left, right


def _has_small(*parts: Iterable[_Atom]) -> bool:
    return any(is_small(_count(part)) for part in parts)


def _atoms(run: _Run) -> list[_Atom]:
    return [atom for _, atoms in run for atom in atoms]


def _count(atoms: Iterable[_Atom]) -> int:
    return sum(atom.count for atom in atoms)


def _rank(value: str) -> tuple[bool, int, str]:
    return not value.isdecimal(), int(value) if value.isdecimal() else 0, value


def _cuts_of(conditions: Iterable[tuple[str, Condition]], numbers: set[str]) -> Iterator[Cut]:
    for name, condition in conditions:
        if name not in numbers:
            continue
        low, high = condition.minimum, condition.maximum
        if high is not None:
            yield Cut(name, high)
        if low is not None:
            yield Cut(name, replace(low, number=low.number - 1))
