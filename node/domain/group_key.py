"""Group keys of records: what a contribution reads of them; each group is computed only once.

A contribution reads a few fields of a record, often only the year of a date. Records with the same
values of these add the same. So they are counted first (in C) and computed once: a thousand
residents have two sexes and some ninety years of birth. The result equals that of `Register.fold`
over single records; tests/property/test_contribution_laws.py compares the two.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import NamedTuple

from node.domain.contribution import CellKey, Contribution, Day
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

    def __init__(
        self, reads: tuple[_Read, ...], days: tuple[str, str], members: Sequence[Contribution]
    ) -> None:
        self.reads = reads
        self.since, self.until = days
        self._names = [read.field for read in reads]
        self._members = members
        self._cells_by_key: dict[GroupKey, list[tuple[CellKey, int]]] = {}

    def group_key(self, values: Values | None, day: Day) -> GroupKey | None:
        """Return what decides a record's share; None for a record that does not count that day."""
        if values is None or not self._in_force(values, day):
            return None
        return tuple([read.of(values.get(read.field)) for read in self.reads])

    def _in_force(self, values: Values, day: Day) -> bool:
        if not (self.since or self.until):
            return True
        since, until = values.get(self.since), values.get(self.until)
        return self._members[0].in_force(since, until, day)

    def in_force(
        self, since: Sequence[Value], until: Sequence[Value], day: Day
    ) -> Iterable[bool] | None:
        """Return which of many records count on a day; None: all of them."""
        if not (self.since or self.until):
            return None
        judge = self._members[0].in_force
        return [judge(*both, day) for both in zip(since, until, strict=True)]

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
        groups: dict[tuple[tuple[_Read, ...], tuple[str, str]], list[Contribution]]
        groups = defaultdict(list)
        for each in contributions:
            groups[_reads(each), (each.since, each.until)].append(each)
        self._groups = [_Group(*read, members) for read, members in groups.items()]

    def created(
        self, fields: Sequence[str], columns: Sequence[Sequence[Value]], count: int, day: Day
    ) -> dict[CellKey, int]:
        """Return what `count` new records add on a day; `columns[i][k]` is field i of record k."""
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
            since, until = (given.get(name, nothing) for name in (group.since, group.until))
            counts = group.in_force(since, until, day)
            if not group.reads and counts is None:
                group.add({(): count}, moved)
                continue
            seen: Iterable[GroupKey] = [()] * count
            if group.reads:
                seen = zip(*map(column, group.reads), strict=True)
            group.add(Counter(seen if counts is None else compress(seen, counts)), moved)
        return moved

    def come(self, records: Iterable[Values], before: Day, after: Day) -> dict[CellKey, int]:
        """Return what these records add when they are counted up to another day than before."""
        moved: dict[CellKey, int] = defaultdict(int)
        records = list(records)
        for group in self._groups:
            if not (group.since or group.until):
                continue
            counts: Counter[GroupKey] = Counter()
            for values in records:
                _exchange(counts, group.group_key(values, before), group.group_key(values, after))
            group.add(counts, moved)
        return moved

    def changed(
        self, pairs: Iterable[tuple[Values | None, Values | None]], day: Day
    ) -> dict[CellKey, int]:
        """Return what these records' changes add on a day: values before and after, None for no
        record."""
        pairs = list(pairs)
        moved: dict[CellKey, int] = defaultdict(int)
        for group in self._groups:
            counts: Counter[GroupKey] = Counter()
            for before, after in pairs:
                _exchange(counts, group.group_key(before, day), group.group_key(after, day))
            group.add(counts, moved)
        return moved


def _exchange(counts: Counter[GroupKey], old: GroupKey | None, new: GroupKey | None) -> None:
    if old == new:
        return
    if old is not None:
        counts[old] -= 1
    if new is not None:
        counts[new] += 1


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
