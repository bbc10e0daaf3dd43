"""Checks between the lines of a file of units: they must form one tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from node.domain.units import Level


@dataclass(frozen=True, slots=True, order=True)
class UnitFault:
    """One fault of one line (counted from 1), and its remedy."""

    line: int
    code: str
    en: str
    zh: str


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One parsed line of the file; None marks a cell with a fault of its own."""

    line: int
    code: str | None
    name: str | None
    level: Level | None
    parent_code: str | None  # "" at the root

    @property
    def called(self) -> str:
        """Return the row's name for a text, else its code."""
        return self.name or self.code or "?"


def tree_faults(rows: Sequence[UnitRow]) -> Iterator[UnitFault]:
    """Yield faults between lines; a fault of several lines is reported for each."""
    by_code: dict[str, UnitRow] = {}
    for row in rows:
        if row.code is not None:
            by_code.setdefault(row.code, row)
    yield from _shared(
        rows,
        lambda row: row.code,
        "duplicate_code",
        lambda row, others: (
            f"code {row.code} is also on line {others}; every office has its own code.",
            f"代码 {row.code} 与第 {others} 行重复；每个单位的代码必须唯一。",
        ),
    )
    yield from _shared(
        rows,
        lambda row: (row.parent_code, row.name) if row.parent_code and row.name else None,
        "duplicate_name",
        lambda row, others: (
            f"{row.name} is also on line {others} under the same parent; rename or remove one.",
            f"同一上级之下，{row.name}与第 {others} 行同名；请改名或删除其一。",
        ),
    )
    yield from _root_faults(rows)
    for row in rows:
        yield from _parent_faults(row, by_code)
    yield from _cycle_faults(rows, by_code)


def _shared(
    rows: Sequence[UnitRow],
    key_of: Callable[[UnitRow], object],
    code: str,
    texts: Callable[[UnitRow, str], tuple[str, str]],
) -> Iterator[UnitFault]:
    groups: dict[object, list[UnitRow]] = {}
    for row in rows:
        if (key := key_of(row)) is not None:
            groups.setdefault(key, []).append(row)
    for group in groups.values():
        for row in group if len(group) > 1 else ():
            others = ", ".join(str(other.line) for other in group if other is not row)
            yield UnitFault(row.line, code, *texts(row, others))


def _root_faults(rows: Sequence[UnitRow]) -> Iterator[UnitFault]:
    cities = [row for row in rows if row.level is Level.CITY]
    unsure = any(row.level is None for row in rows)
    if not cities and not unsure:
        yield UnitFault(
            1,
            "no_root",
            "no line is the city; add one with level city and an empty parent_code.",
            "没有“市”这一行；请补上一行，层级为市，上级代码留空。",
        )
    for row in cities if len(cities) > 1 else ():
        others = ", ".join(str(other.line) for other in cities if other is not row)
        yield UnitFault(
            row.line,
            "two_roots",
            f"{row.called} is a city, and so is line {others}; a file holds one city.",
            f"{row.called}的层级为市，第 {others} 行也是；一个文件只能有一个市。",
        )


def _parent_faults(row: UnitRow, by_code: dict[str, UnitRow]) -> Iterator[UnitFault]:
    if row.level is None or row.parent_code is None:
        return
    if row.level is Level.CITY:
        if row.parent_code:
            yield UnitFault(
                row.line,
                "wrong_level",
                f"{row.called} is a city but names a parent, {row.parent_code}; "
                "leave parent_code empty or correct the level.",
                f"{row.called}的层级为市，却填了上级 {row.parent_code}；请留空上级代码或改正层级。",
            )
        return
    needed = Level(row.level - 1)
    if not row.parent_code:
        yield UnitFault(
            row.line,
            "no_parent",
            f"{row.called} is a {row.level.en} without a parent; give the code of its {needed.en}.",
            f"{row.called}（{row.level.zh}）没有上级；请填写所属“{needed.zh}”的代码。",
        )
        return
    parent = by_code.get(row.parent_code)
    if parent is None:
        yield UnitFault(
            row.line,
            "orphan_parent",
            f"the parent {row.parent_code} of {row.called} is not in the file; "
            f"correct it or add that {needed.en}.",
            f"{row.called}的上级 {row.parent_code} 不在文件中；请改正，或补上该“{needed.zh}”。",
        )
    elif parent.level is not None and parent.level is not needed:
        yield UnitFault(
            row.line,
            "wrong_level",
            f"{row.called} is a {row.level.en}, its parent {parent.called} on line {parent.line} "
            f"is a {parent.level.en}; a parent is exactly one level up, here a {needed.en}.",
            f"{row.called}的层级为“{row.level.zh}”，而第 {parent.line} 行的上级{parent.called}"
            f"为“{parent.level.zh}”；上级须恰好高一级，即“{needed.zh}”。",
        )


def _cycle_faults(rows: Sequence[UnitRow], by_code: dict[str, UnitRow]) -> Iterator[UnitFault]:
    done: set[int] = set()
    for start in rows:
        trail: dict[int, UnitRow] = {}
        row: UnitRow | None = start
        while row is not None and row.line not in done and row.line not in trail:
            trail[row.line] = row
            row = by_code.get(row.parent_code) if row.parent_code else None
        if row is not None and row.line in trail:
            lines = list(trail)
            cycle = lines[lines.index(row.line) :]
            named = " -> ".join(str(line) for line in [*cycle, cycle[0]])
            for line in cycle:
                yield UnitFault(
                    line,
                    "cycle",
                    f"is its own ancestor (lines {named}); correct the parent_code of one of them.",
                    f"上级关系成环（第 {named} 行）；请改正其中一行的上级代码。",
                )
        done.update(trail)
