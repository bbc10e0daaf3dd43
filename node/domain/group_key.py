"""Group records by what a contribution reads of them, and compute each group only once.

A contribution reads a few fields of a record, often only the year of a date. Records with the same
values of these add the same. So they are counted first (in C) and computed once: a thousand
residents have two sexes and some ninety years of birth. The result equals that of `Register.fold`
over single records; tests/property/test_contribution_laws.py compares the two.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from node.domain.contribution import CellKey, Contribution
from sync.model.change import Value

Values = Mapping[str, Value]
_PREFIX = {"year": 4, "month": 7}  # of a stored date 'YYYY-MM-DD'


class _Read(NamedTuple):
    """What a contribution reads of a field: its value, or its first characters (0: all)."""

    field: str
    length: int

    def of(self, value: Value) -> Value:
        return str(value)[: self.length] if self.length and value is not None else value


GroupKey = tuple[Value, ...]
REMEMBERED_MAX = 4_096  # group keys whose cells are cached


class _Group:
    """Contributions that read the same of a record, and a cache: group key -> their cells."""

    def __init__(self, reads: tuple[_Read, ...], members: Sequence[Contribution]) -> None:
        self.reads = reads
        self._names = [read.field for read in reads]
        self._members = members
        self._cells_by_key: dict[GroupKey, list[tuple[CellKey, int]]] = {}

    def group_key(self, values: Values | None) -> GroupKey | None:
        return (
            tuple([read.of(values.get(read.field)) for read in self.reads])
            if values is not None
            else None
        )

    def add(self, counts: Mapping[GroupKey, int], moved: dict[CellKey, int]) -> None:
        """Add what `counts` records of each group key add."""
        for group_key, count in counts.items():
            if count:
                for key, amount in self._cells(group_key):
                    moved[key] += count * amount

    def _cells(self, group_key: GroupKey) -> list[tuple[CellKey, int]]:
        cells = self._cells_by_key.get(group_key)
        if cells is None:
            values = dict(zip(self._names, group_key, strict=True))
            cells = [cell for each in self._members for cell in each.of(values)]
            if len(self._cells_by_key) >= REMEMBERED_MAX:
                self._cells_by_key.clear()
            self._cells_by_key[group_key] = cells
        return cells


class Counting:
    """A register's contributions, grouped by what they read of a record."""

    def __init__(self, contributions: Iterable[Contribution]) -> None:
        groups: dict[tuple[_Read, ...], list[Contribution]] = defaultdict(list)
        for contribution in contributions:
            groups[_reads(contribution)].append(contribution)
        self._groups = [_Group(reads, members) for reads, members in groups.items()]

    def created(
        self, fields: Sequence[str], columns: Sequence[Sequence[Value]], count: int
    ) -> dict[CellKey, int]:
        """Return what `count` new records add; `columns[i][k]` is field i of record k."""
        given = dict(zip(fields, columns, strict=True))
        nothing = [None] * count
        cut: dict[_Read, Sequence[Value]] = {}

        def column(read: _Read) -> Sequence[Value]:
            if read not in cut:
                whole = given.get(read.field, nothing)
                cut[read] = [read.of(value) for value in whole] if read.length else whole
            return cut[read]

        moved: dict[CellKey, int] = defaultdict(int)
        for group in self._groups:
            counts: Mapping[GroupKey, int] = {(): count}
            if group.reads:
                counts = Counter(zip(*map(column, group.reads), strict=True))
            group.add(counts, moved)
        return moved

    def changed(self, pairs: Iterable[tuple[Values | None, Values | None]]) -> dict[CellKey, int]:
        """Return what these changes add: values before and after, None for no record."""
        pairs = list(pairs)
        moved: dict[CellKey, int] = defaultdict(int)
        for group in self._groups:
            counts: Counter[GroupKey] = Counter()
            for before, after in pairs:
                old, new = group.group_key(before), group.group_key(after)
                if old == new:
                    continue
                if old is not None:
                    counts[old] -= 1
                if new is not None:
                    counts[new] += 1
            group.add(counts, moved)
        return moved


def _reads(contribution: Contribution) -> tuple[_Read, ...]:
    """Return the smallest part of each field that decides the contribution."""
    lengths: dict[str, int] = {}
    for source in (*contribution.dims.values(), contribution.period):
        if source is None or source.how == "const":
            continue
        length, known = _PREFIX.get(source.how, 0), lengths.get(source.name)
        whole = length == 0 or known == 0
        lengths[source.name] = 0 if whole else max(length, known or 0)
    for name in (*contribution.amount.fields, *contribution.where):
        lengths[name] = 0
    return tuple(_Read(name, length) for name, length in sorted(lengths.items()))
