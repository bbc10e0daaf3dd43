"""Drilldown: from sums that differ to the records that do, in few questions. Pure.

A child asks its parent, level by level: which units differ, which of their buckets, which parts of
a bucket, which records of a part. Each level is asked about all that differs on the level before,
in steps of a bounded number of records, so that no step takes long.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from sync.merge.digest import PRIME
from sync.model.change import RecordKey
from sync.model.limits import DIGEST_PARTS_MAX, DIGEST_STEP_BUCKETS, DIGEST_STEP_ROWS
from sync.model.report import BucketKey, UnitKey

K = TypeVar("K", bound=Hashable)
PART_ROWS = 32  # about so many records in a part: its records are listed when it differs
REPAIR_ROWS = 50  # records joined in one step


class Sum(NamedTuple):
    """How many records, and the sum of their hashes."""

    records: int = 0
    hash_sum: int = 0


NO_RECORDS = Sum()


def apart(mine: Mapping[K, Sum], theirs: Mapping[K, Sum]) -> list[K]:
    """Return the keys whose sums differ, in order; what is not named has no records."""
    keys = [
        k
        for k in mine.keys() | theirs.keys()
        if mine.get(k, NO_RECORDS) != theirs.get(k, NO_RECORDS)
    ]
    return sorted(keys)  # type: ignore[type-var]


def width_of(count: int) -> int:
    """Return into how many parts a bucket of so many records is divided: a power of two."""
    width = 1
    while width * PART_ROWS < count and width < DIGEST_PARTS_MAX:
        width *= 2
    return width


def part_of(record_id: bytes, width: int) -> int:
    """Return the part of its bucket that a record is in; the bucket is named by the last byte."""
    return int.from_bytes(record_id[12:15], "big") % width


def parts_of(checksums: Mapping[bytes, int], width: int) -> list[int]:
    """Return the sum of the checksums of each part's records."""
    sums = [0] * width
    for record_id, checksum in checksums.items():
        sums[part_of(record_id, width)] += checksum
    return [total % PRIME for total in sums]


def parts_apart(mine: Sequence[int], theirs: Sequence[int]) -> list[int]:
    return [n for n, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b]


def rows_apart(
    mine: Mapping[bytes, int], theirs: Mapping[bytes, int], width: int, parts: Iterable[int]
) -> list[bytes]:
    """Return the records of these parts that only one side has, or that differ, in order."""
    wanted = set(parts)
    ids = {i for i in mine.keys() | theirs.keys() if part_of(i, width) in wanted}
    return sorted(i for i in ids if mine.get(i) != theirs.get(i))


def steps(counts: Mapping[BucketKey, int]) -> Iterator[list[BucketKey]]:
    """Divide buckets into steps of a bounded number of records; a larger bucket is a step alone."""
    step: list[BucketKey] = []
    rows = 0
    for key in sorted(counts):
        if step and (rows + counts[key] > DIGEST_STEP_ROWS or len(step) >= DIGEST_STEP_BUCKETS):
            yield step
            step, rows = [], 0
        step.append(key)
        rows += counts[key]
    if step:
        yield step


class Query(NamedTuple):
    """The next question. `level`: units, buckets, parts or rows; the matching list is filled."""

    level: str
    units: tuple[UnitKey, ...] = ()
    buckets: tuple[BucketKey, ...] = ()
    rows: tuple[RecordKey, ...] = ()


class DrillDown:
    """One comparison at the child: it is given what was found, and returns what to ask next.

    `read`: buckets (by number) whose records are read and compared though their sums are equal:
    a sum does not show that a record was changed in the database directly. `repair`: ask for
    rows, too.
    """

    def __init__(self, *, read: Iterable[int] = (), repair: bool = True) -> None:
        self.read = frozenset(read)
        self._repair = repair
        self._units_asked = False
        self._units: list[UnitKey] = []  # whose buckets are to be asked for
        self._steps: list[list[BucketKey]] = []
        self._rows: list[RecordKey] = []
        self._recheck: set[BucketKey] = set()  # to be read again after the repair
        self._reasons: dict[RecordKey, str] = {}
        self._found: dict[RecordKey, bool] = {}  # every record that differed: whether it still does

    def next_query(self) -> Query | None:
        """Return what to ask next; None when all is known (and repaired)."""
        if not self._units_asked:
            return Query("units")
        if self._rows:
            return Query("rows", rows=tuple(self._rows[:REPAIR_ROWS]))
        if self._units:
            return Query("buckets", units=tuple(self._units[:DIGEST_STEP_BUCKETS]))
        if not self._steps and self._recheck:
            self._steps += steps(dict.fromkeys(self._recheck, DIGEST_STEP_ROWS))
            self._recheck.clear()
        if self._steps:
            return Query("parts", buckets=tuple(self._steps[0]))
        return None

    @property
    def found(self) -> list[RecordKey]:
        """Every record that differed."""
        return sorted(self._found)

    @property
    def left(self) -> list[tuple[RecordKey, str]]:
        """Those that still differ, and why as far as it is known."""
        return [(n, self._reasons.get(n, "")) for n in self.found if self._found[n]]

    def on_units(self, differing: Iterable[UnitKey], own_units: Iterable[UnitKey]) -> None:
        """The units whose sums differ. `own_units`: all that this side has."""
        self._units_asked = True
        self._units = sorted({*differing, *own_units} if self.read else set(differing))

    def on_buckets(self, counts: Mapping[BucketKey, int]) -> None:
        """Buckets of the units last asked about that differ or are to be read, and how many
        records the side with more of them has.
        """
        del self._units[:DIGEST_STEP_BUCKETS]
        self._steps += steps(counts)

    def on_rows(
        self,
        differing: Iterable[RecordKey],
        again: Iterable[BucketKey] = (),
        recheck: Iterable[BucketKey] = (),
    ) -> None:
        """The records of the buckets last asked about that differ.

        `again`: buckets whose list was cut short. `recheck`: those of which a kept sum is not that
        of the records; when these are the same, the sum is checked again.
        """
        del self._steps[0]
        differing = list(differing)
        fresh = [name for name in differing if name not in self._found]
        self._found |= dict.fromkeys(differing, True)
        if self._repair:
            self._rows += fresh
            self._steps += [[key] for key in again if fresh]
            self._recheck |= {key for key in recheck if fresh}

    def on_repaired(
        self, left: Mapping[RecordKey, str] | None = None, again: Collection[RecordKey] = ()
    ) -> None:
        """The rows last asked about are the same on both sides, except those with a reason.

        `again`: those of them that are asked about once more.
        """
        left = left or {}
        self._found |= {name: name in left for name in self._rows[:REPAIR_ROWS]}
        self._reasons |= left
        del self._rows[:REPAIR_ROWS]
        self._rows += sorted(again)
