"""Units: the offices' places in the tree, as dated records, and the tree at one date.

A unit's identity is its `unit_id`; code, name, level and parent belong to a dated record and may
change. `valid_from` is the first day of a record, `valid_to` the first day
after it (None: still open), so two records that touch never overlap.
"""

from __future__ import annotations

import difflib
import hashlib
import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from itertools import pairwise

from sync.model.errors import ErrorKind, SilianError

SUGGESTIONS_MAX = 5
"""How many near matches a refusal names; more would hide the right one."""


class Level(IntEnum):
    """The four levels; a unit's parent is always exactly one level up."""

    CITY = 0
    DISTRICT = 1
    STREET = 2
    COMMUNITY = 3

    @property
    def zh(self) -> str:
        """Return the Chinese name."""
        return ("市", "区", "街道", "社区")[self]

    @property
    def en(self) -> str:
        """Return the English word, as files and commands spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Unit:
    """One dated record of a unit: its code, name, level and parent during [from, to)."""

    unit_id: int
    code: str
    name: str
    level: Level
    parent_id: int | None
    valid_from: date
    valid_to: date | None = None

    def open_on(self, day: date) -> bool:
        """Return whether this record is the one in force on `day`."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


def unit_id_for(code: str, valid_from: date) -> int:
    """Return the permanent id of a unit first seen with `code` on `valid_from`.

    Returns: 1 to 2**63 - 1. Every office computes the same id from the shipped file without asking.
    The date distinguishes a unit from a later one with the same code.
    """
    digest = hashlib.sha256(f"silian:unit:{code}:{valid_from.isoformat()}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1 or 1


class UnknownUnit(SilianError):
    """No unit has this code, name or path on that day."""

    code = "unknown_unit"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, asked: str, as_of: date, suggestions: Iterable[str] = ()) -> None:
        self.asked = asked
        self.suggestions = tuple(suggestions)
        near, near_zh = "; ".join(self.suggestions), "；".join(self.suggestions)
        super().__init__(
            f"No unit is called {asked!r} on {as_of}.",
            f"{as_of} 没有与“{asked}”对应的单位。",
            remedy_en=f"Nearest: {near}." if near else "Check the code, the name and the date.",
            remedy_zh=f"最接近的有：{near_zh}。" if near else "请核对代码、名称和日期。",
        )


class AmbiguousUnit(SilianError):
    """Several units have the name; use one of the paths in `candidates`."""

    code = "ambiguous_unit"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, asked: str, candidates: Iterable[str]) -> None:
        self.asked = asked
        self.candidates = tuple(candidates)
        listed, listed_zh = "; ".join(self.candidates), "；".join(self.candidates)
        super().__init__(
            f"{len(self.candidates)} offices are called {asked!r}.",
            f"有 {len(self.candidates)} 个单位叫“{asked}”。",
            remedy_en=f"Give the path or the code of one: {listed}.",
            remedy_zh=f"请写出完整路径或代码：{listed_zh}。",
        )


class BadTree(SilianError):
    """The dated records do not make a tree; correct the records named in the text.

    The office then keeps its former tree: it never shows a part of a reorganisation.
    """

    code = "bad_tree"
    kind = ErrorKind.MALFORMED

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(
            en,
            zh,
            remedy_en="Correct the dated records of the units named.",
            remedy_zh="请更正所列单位的有效期记录。",
        )


class Tree:
    """The units in force on one day, as an immutable tree; all methods return unit ids.

    Raises: BadTree when records of one unit overlap, or the records of the day are not one
    tree: one root at city level, every other parent present and exactly one level up, codes
    unique, names unique under one parent.
    """

    __slots__ = ("_by_code", "_by_id", "_by_name", "_children", "_dated", "_order", "_records",
                 "_span", "as_of", "root")  # fmt: skip

    as_of: date
    root: int

    def __init__(self, units: Iterable[Unit], as_of: date) -> None:
        self.as_of = as_of
        self._records = tuple(units)
        _refuse_overlaps(self._records)
        self._by_id = {unit.unit_id: unit for unit in self._records if unit.open_on(as_of)}
        self._by_code = _codes_of(self._by_id.values(), as_of)
        self._children = _children_of(self._by_id, as_of)
        self.root = _root_of(self._by_id.values(), as_of)
        # Filled at first use: most callers need only a unit or its ancestors.
        self._order: tuple[int, ...] = ()
        self._span: dict[int, tuple[int, int]] = {}
        self._by_name: dict[str, tuple[int, ...]] = {}
        self._dated: dict[int, tuple[Unit, ...]] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, unit_id: object) -> bool:
        return unit_id in self._by_id

    def __iter__(self) -> Iterator[Unit]:
        """Yield every unit, a parent before its children, siblings by code."""
        return (self._by_id[unit_id] for unit_id in self.subtree(self.root))

    def get(self, unit_id: int) -> Unit:
        """Return the record in force. Raises: UnknownUnit when the unit is not open that day."""
        try:
            return self._by_id[unit_id]
        except KeyError:
            raise UnknownUnit(f"#{unit_id}", self.as_of, self._once_with_id(unit_id)) from None

    def find(self, text: str) -> Unit:
        """Return the unit a person means by a code, a name, or a path such as 上城区/闸弄口街道.

        A path may start at any level; each part must be the parent of the next.
        Raises: AmbiguousUnit with every path that fits; UnknownUnit with the nearest ones.
        """
        asked = text.strip()
        if asked in self._by_code:
            return self._by_code[asked]
        parts = [part.strip() for part in asked.strip("/").split("/")]
        fits = [i for i in self._names().get(parts[-1], ()) if self._ends_with(i, parts)]
        if not fits:
            raise UnknownUnit(asked, self.as_of, self._near(asked))
        if len(fits) > 1:
            raise AmbiguousUnit(asked, map(self._described, fits))
        return self._by_id[fits[0]]

    def parent(self, unit_id: int) -> int | None:
        """Return the parent's id, or None at the root."""
        return self.get(unit_id).parent_id

    def children(self, unit_id: int) -> tuple[int, ...]:
        """Return the ids one level down, by code."""
        self.get(unit_id)
        return self._children.get(unit_id, ())

    def level(self, unit_id: int) -> Level:
        """Return the unit's level."""
        return self.get(unit_id).level

    def ancestors(self, unit_id: int) -> tuple[int, ...]:
        """Return the ids above, parent first, root last, without the unit itself."""
        above = []
        up = self.get(unit_id).parent_id
        while up is not None:
            above.append(up)
            up = self._by_id[up].parent_id
        return tuple(above)

    def subtree(self, unit_id: int) -> tuple[int, ...]:
        """Return the ids of the unit and of all below it, a parent before its children."""
        self.get(unit_id)
        self._lay_out()
        start, end = self._span[unit_id]
        return self._order[start:end]

    def within(self, unit_id: int, ancestor_id: int) -> bool:
        """Return whether the unit is `ancestor_id` or below it; constant time."""
        return unit_id == ancestor_id or ancestor_id in self.ancestors(unit_id)

    def levels_ever(self, unit_id: int) -> frozenset[Level]:
        """Return every level that the unit's dated records give it; none when it has no record."""
        return frozenset(unit.level for unit in self._all_dated().get(unit_id, ()))

    def was_below(self, unit_id: int, ancestor_id: int) -> bool | None:
        """Return whether the unit is below another, or was or will be; None: one has no record."""
        dated = self._all_dated()
        if unit_id not in dated or ancestor_id not in dated:
            return None
        reached, at = set[int](), {unit_id}
        while at:
            at = {unit.parent_id for i in at for unit in dated.get(i, ()) if unit.parent_id}
            at -= reached
            reached |= at
        return ancestor_id in reached

    def next_hop(self, frm: int, target: int) -> int | None:
        """Return the child of `frm` on the way down to `target`; None if it is not below `frm`."""
        self.get(frm)
        at = target
        for up in self.ancestors(target):
            if up == frm:
                return at
            at = up
        return None

    def path(self, unit_id: int) -> str:
        """Return the names from the root down, as 杭州市/上城区/闸弄口街道."""
        ids = (*reversed(self.ancestors(unit_id)), unit_id)
        return "/".join(self._by_id[i].name for i in ids)

    def _all_dated(self) -> dict[int, tuple[Unit, ...]]:
        if not self._dated:
            found: dict[int, list[Unit]] = {}
            for unit in self._records:
                found.setdefault(unit.unit_id, []).append(unit)
            self._dated = {unit_id: tuple(units) for unit_id, units in found.items()}
        return self._dated

    def _lay_out(self) -> None:
        """List the tree depth first, so that a subtree is one slice of the list."""
        if self._span:
            return
        order: list[int] = []
        stack = [self.root]
        while stack:
            unit_id = stack.pop()
            order.append(unit_id)
            stack.extend(reversed(self._children.get(unit_id, ())))
        size = dict.fromkeys(order, 1)
        for unit_id in reversed(order):
            up = self._by_id[unit_id].parent_id
            if up is not None:
                size[up] += size[unit_id]
        self._order = tuple(order)
        # Assigned last: two threads may both do this, but none sees a span without its order.
        self._span = {unit_id: (at, at + size[unit_id]) for at, unit_id in enumerate(order)}

    def _names(self) -> dict[str, tuple[int, ...]]:
        if not self._by_name:
            names: dict[str, list[int]] = {}
            for unit in self:
                names.setdefault(unit.name, []).append(unit.unit_id)
            self._by_name = {name: tuple(ids) for name, ids in names.items()}
        return self._by_name

    def _ends_with(self, unit_id: int, parts: list[str]) -> bool:
        ids = (unit_id, *self.ancestors(unit_id))
        names = [self._by_id[i].name for i in ids]
        return names[: len(parts)] == parts[::-1]

    def _described(self, unit_id: int) -> str:
        return f"{self._by_id[unit_id].code} {self.path(unit_id)}"

    def _near(self, asked: str) -> list[str]:
        """Return the nearest units for a text that matches none, the nearest first."""
        if asked.isdecimal():
            once = {u.unit_id for u in self._records if u.code == asked} & self._by_id.keys()
            near = heapq.nsmallest(SUGGESTIONS_MAX, self._by_code, lambda c: _distance(c, asked))
            ids = [*sorted(once), *(self._by_code[code].unit_id for code in near)]
        else:
            last = asked.rstrip("/").rpartition("/")[2].strip()
            containing = [name for name in self._names() if last and last in name]
            similar = difflib.get_close_matches(last, self._names(), SUGGESTIONS_MAX, 0.5)
            ids = [i for name in (*containing, *similar) for i in self._names()[name]]
        return [self._described(i) for i in dict.fromkeys(ids)][:SUGGESTIONS_MAX]

    def _once_with_id(self, unit_id: int) -> list[str]:
        """Return a closed or future unit's own records: then the caller's date is wrong."""
        return [
            f"{unit.code} {unit.name} ({unit.valid_from} - {unit.valid_to or ''})"
            for unit in self._records
            if unit.unit_id == unit_id
        ][:SUGGESTIONS_MAX]


def _distance(code: str, asked: str) -> tuple[int, int]:
    """Order codes by typing errors: fewest wrong digits, the first of them farthest right."""
    wrong = [i for i, (a, b) in enumerate(zip(code, asked, strict=False)) if a != b]
    return len(wrong) + abs(len(code) - len(asked)), -min(wrong, default=len(code))


def _refuse_overlaps(records: Iterable[Unit]) -> None:
    by_unit: dict[int, list[Unit]] = {}
    for unit in records:
        if unit.valid_to is not None and unit.valid_to <= unit.valid_from:
            raise BadTree(
                f"{unit.code} {unit.name} ends on {unit.valid_to}, before it begins.",
                f"{unit.code} {unit.name} 的终止日期 {unit.valid_to} 不晚于起始日期。",
            )
        by_unit.setdefault(unit.unit_id, []).append(unit)
    for dated in by_unit.values():
        dated.sort(key=lambda unit: unit.valid_from)
        for earlier, later in pairwise(dated):
            if earlier.valid_to is None or earlier.valid_to > later.valid_from:
                raise BadTree(
                    f"Two records of one unit overlap from {later.valid_from}: "
                    f"{earlier.code} {earlier.name} and {later.code} {later.name}.",
                    f"同一单位的两条记录自 {later.valid_from} 起重叠："
                    f"{earlier.code} {earlier.name} 与 {later.code} {later.name}。",
                )


def _codes_of(units: Iterable[Unit], as_of: date) -> dict[str, Unit]:
    by_code: dict[str, Unit] = {}
    for unit in units:
        other = by_code.setdefault(unit.code, unit)
        if other is not unit:
            raise BadTree(
                f"{other.name} and {unit.name} both bear code {unit.code} on {as_of}.",
                f"{as_of}，{other.name}与{unit.name}的代码同为 {unit.code}。",
            )
    return by_code


def _children_of(by_id: dict[int, Unit], as_of: date) -> dict[int, tuple[int, ...]]:
    grouped: dict[int, list[Unit]] = {}
    for unit in by_id.values():
        if unit.parent_id is None:
            continue
        parent = by_id.get(unit.parent_id)
        if parent is None:
            raise BadTree(
                f"The parent of {unit.code} {unit.name} is not open on {as_of}.",
                f"{as_of}，{unit.code} {unit.name} 的上级单位不存在或已撤销。",
            )
        if parent.level != unit.level - 1:
            raise BadTree(
                f"{unit.code} {unit.name} ({unit.level.en}) is below {parent.code} "
                f"{parent.name} ({parent.level.en}); a parent is exactly one level up.",
                f"{unit.code} {unit.name}（{unit.level.zh}）的上级 {parent.code} {parent.name}"
                f"（{parent.level.zh}）不是恰好高一级。",
            )
        grouped.setdefault(unit.parent_id, []).append(unit)
    for parent_id, units in grouped.items():
        units.sort(key=lambda unit: unit.code)
        _refuse_same_names(by_id[parent_id], units, as_of)
    return {parent_id: tuple(u.unit_id for u in units) for parent_id, units in grouped.items()}


def _refuse_same_names(parent: Unit, children: list[Unit], as_of: date) -> None:
    seen: dict[str, Unit] = {}
    for unit in children:
        same_name = seen.setdefault(unit.name, unit)
        if same_name is not unit:
            raise BadTree(
                f"{same_name.code} and {unit.code} are both called {unit.name} under {parent.name} "
                f"on {as_of}.",
                f"{as_of}，{parent.name}下的 {same_name.code} 与 {unit.code} 同名：{unit.name}。",
            )


def _root_of(units: Iterable[Unit], as_of: date) -> int:
    roots = [unit for unit in units if unit.parent_id is None]
    if len(roots) != 1 or roots[0].level is not Level.CITY:
        named = ", ".join(f"{unit.code} {unit.name}" for unit in roots)
        raise BadTree(
            f"A tree has one root, a city; on {as_of} these have no parent: {named or 'none'}.",
            f"一棵树只有一个根（市）；{as_of} 没有上级的单位：{named or '无'}。",
        )
    return roots[0].unit_id
