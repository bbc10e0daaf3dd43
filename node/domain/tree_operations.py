"""Tree operations: turn the tree of one day into the tree of a later day; unit ids stay.

A new file of units never replaces the tree. `diff_units` says what happened to each unit, and
`apply_operations` writes that as dated records, so every earlier day still has its own tree.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from node.domain.units import Level, Tree, Unit, unit_id_for
from sync.model.errors import ErrorKind, SilianError


class OperationKind(StrEnum):
    """What happened to a unit. A unit may be renamed, recoded and moved on one day."""

    CREATE = "create"
    RENAME = "rename"
    RECODE = "recode"
    MOVE = "move"
    CLOSE = "close"


class Match(StrEnum):
    """Why a line of a new file was matched with a known unit; the surest first."""

    CODE = "code"
    NAME = "name"  # the same name under the same parent
    UNIQUE_NAME = "unique_name"  # the only unit of the name at its level, before and after


@dataclass(frozen=True, slots=True)
class TreeOperation:
    """One change to one unit, from `on` onward. Only the fields its kind changes are set."""

    kind: OperationKind
    unit_id: int
    on: date
    code: str | None = None
    name: str | None = None
    level: Level | None = None
    parent_id: int | None = None
    matched_by: Match | None = None  # None: created, closed, or given by a person


class BadTreeOperation(SilianError):
    """An operation does not fit its units; nothing was applied."""

    code = "bad_tree_operation"
    kind = ErrorKind.INVALID_ARGUMENT


def diff_units(old: Tree, new_file_units: Iterable[Unit], on: date) -> list[TreeOperation]:
    """Return the operations on `on` that turn `old` into the tree of a new file.

    A unit is matched by its code, then by its name under the same parent, then by a name that only
    one unit of its level has in either tree (so a street that moved district with a new code keeps
    its id). A code is no proof if names changed places around it: then the names decide. Units
    without a match are created or closed.

    Args: old as of `on`; new_file_units as read with `valid_from` on `on` or before, their ids
        are used only to tell parent from child.
    Returns: creations and changes from the root down, then closings from the leaves up.
    Raises: BadTree when the units are no tree; BadTreeOperation when the file is of another
        city, or when a code that was first used on `on` is given to a second unit on that day.
    """
    if old.as_of != on:
        raise ValueError(f"the old tree is of {old.as_of}, the operations of {on}")
    new = Tree(new_file_units, on)
    known = _known_again(old, new)
    if new.root not in known:
        ours, theirs = old.get(old.root), new.get(new.root)
        raise BadTreeOperation(
            f"The file is of {theirs.code} {theirs.name}; this tree is {ours.code} {ours.name}.",
            f"文件属于 {theirs.code} {theirs.name}，而本网为 {ours.code} {ours.name}。",
            remedy_en="Import the file of this city; a city keeps its code or its name.",
            remedy_zh="请导入本市的文件；市的代码和名称不能同时改变。",
        )
    ids = {
        unit.unit_id: known[unit.unit_id][0].unit_id
        if unit.unit_id in known
        else unit_id_for(unit.code, on)
        for unit in new
    }
    operations: list[TreeOperation] = []
    for unit in new:
        parent_id = None if unit.parent_id is None else ids[unit.parent_id]
        target = replace(unit, unit_id=ids[unit.unit_id], parent_id=parent_id)
        if unit.unit_id in known:
            before, match = known[unit.unit_id]
            operations.extend(_changes(before, target, on, match))
        elif target.unit_id in old:
            raise _already_open(target, on)
        else:
            operations.append(_creation(target, on))
    kept = set(ids.values())
    gone = [unit_id for unit_id in old.subtree(old.root) if unit_id not in kept]
    operations.extend(TreeOperation(OperationKind.CLOSE, i, on) for i in reversed(gone))
    return operations


def apply_operations(
    units: Iterable[Unit], operations: Iterable[TreeOperation]
) -> tuple[Unit, ...]:
    """Return the dated records after the operations; earlier days stay unchanged.

    Operations of one day take effect together, in the order given; between days, by date.
    Raises: BadTreeOperation when a unit is not open on the day, was already created, or has a
        record that begins later (operations on a unit are given in the order of their dates);
        BadTree when any day from the first operation on would not have one complete tree.
    """
    records: dict[int, list[Unit]] = {}
    for unit in sorted(units, key=lambda unit: unit.valid_from):
        records.setdefault(unit.unit_id, []).append(unit)
    ordered = sorted(operations, key=lambda operation: operation.on)
    for operation in ordered:
        dated = records.setdefault(operation.unit_id, [])
        records[operation.unit_id] = _applied(dated, operation)
    result = tuple(unit for dated in records.values() for unit in dated)
    if ordered:
        for day in _days_of_change(result, ordered[0].on):
            Tree(result, day)  # raises BadTree
    return result


_Known = dict[int, tuple[Unit, Match]]


def _known_again(old: Tree, new: Tree) -> _Known:
    """Return new id -> (the old unit, why), level by level, a parent before its children."""
    known: _Known = {}
    for level in Level:
        befores = [unit for unit in old if unit.level is level]
        afters = [unit for unit in new if unit.level is level]
        pairs = [
            *_by_code(befores, afters, known, ambiguous_wanted=False),
            *_by_name(befores, afters, known),
            *_by_unique_name(befores, afters),
            *_by_code(befores, afters, known, ambiguous_wanted=True),
        ]
        # The surest pair of each unit wins; both sides are used once.
        taken: set[int] = set()
        for before, after, match in pairs:
            if after.unit_id not in known and before.unit_id not in taken:
                known[after.unit_id] = (before, match)
                taken.add(before.unit_id)
    return known


_Pair = tuple[Unit, Unit, Match]
_Place = tuple[int | None, str]  # the old id of the parent, None if it is new, and the name


def _by_code(
    befores: list[Unit], afters: list[Unit], known: _Known, *, ambiguous_wanted: bool
) -> Iterator[_Pair]:
    """Yield the pairs that share a code: those that the names contradict, or all others."""
    code_before = {unit.code: unit for unit in befores}
    places_before = {_place(unit) for unit in befores}
    places_after = {_new_place(unit, known) for unit in afters}
    for after in afters:
        before = code_before.get(after.code)
        if before is None:
            continue
        # In a renumbered list each code belongs to the neighbour: 003 is now what 002 was. Records
        # would follow the code into the wrong office, so here the name decides.
        was, became = _place(before), _new_place(after, known)
        ambiguous = was != became and (was in places_after or became in places_before)
        if ambiguous is ambiguous_wanted:
            yield before, after, Match.CODE


def _by_name(befores: list[Unit], afters: list[Unit], known: _Known) -> Iterator[_Pair]:
    place_before = {_place(unit): unit for unit in befores}
    for after in afters:
        before = place_before.get(_new_place(after, known))
        if before is not None:
            yield before, after, Match.NAME


def _place(unit: Unit) -> _Place:
    return unit.parent_id, unit.name


def _new_place(unit: Unit, known: _Known) -> _Place:
    """Return the place of a unit of the new file, by the parent's old id.

    No old unit but the root has a place under None, so a child of a new parent matches none.
    """
    parent = known.get(unit.parent_id) if unit.parent_id is not None else None
    return (parent[0].unit_id if parent else None), unit.name


def _by_unique_name(befores: list[Unit], afters: list[Unit]) -> Iterator[_Pair]:
    """Yield pairs with a name that no other unit of the level has, open or new.

    Counted over all units, not only those without a match: a second 新城社区 anywhere makes the
    name no proof, and a wrong match would give one office's records to another.
    """
    count_before = Counter(unit.name for unit in befores)
    count_after = Counter(unit.name for unit in afters)
    named = {unit.name: unit for unit in befores}
    for after in afters:
        if count_before[after.name] == count_after[after.name] == 1:
            yield named[after.name], after, Match.UNIQUE_NAME


def _changes(before: Unit, target: Unit, on: date, match: Match) -> Iterator[TreeOperation]:
    if before.name != target.name:
        yield TreeOperation(
            OperationKind.RENAME, before.unit_id, on, name=target.name, matched_by=match
        )
    if before.code != target.code:
        yield TreeOperation(
            OperationKind.RECODE, before.unit_id, on, code=target.code, matched_by=match
        )
    if before.parent_id != target.parent_id:
        yield TreeOperation(
            OperationKind.MOVE, before.unit_id, on, parent_id=target.parent_id, matched_by=match
        )


def _creation(unit: Unit, on: date) -> TreeOperation:
    return TreeOperation(
        OperationKind.CREATE, unit.unit_id, on, unit.code, unit.name, unit.level, unit.parent_id
    )


def _already_open(unit: Unit, on: date) -> BadTreeOperation:
    return BadTreeOperation(
        f"{unit.code} {unit.name} would get the id of a unit that took that code on {on} too.",
        f"{unit.code} {unit.name} 的编号与 {on} 当天启用同一代码的单位相同。",
        remedy_en="Import the file as of the next day.",
        remedy_zh="请改用次日作为生效日期导入。",
    )


def _applied(dated: list[Unit], operation: TreeOperation) -> list[Unit]:
    """Return one unit's records, by date, after one operation on it."""
    on = operation.on
    if operation.kind is OperationKind.CREATE:
        if dated:
            raise _refused(operation, "it exists already", "该单位已存在")
        return [_created(operation)]
    if not dated or not dated[-1].open_on(on):
        if any(unit.valid_from > on for unit in dated):
            raise _refused(
                operation,
                f"it has a record that begins on {dated[-1].valid_from}, later",
                f"该单位已有自 {dated[-1].valid_from} 起的后续记录",
            )
        raise _refused(operation, "it is not open on that day", "该单位当日不存在或已撤销")
    current = dated[-1]
    # A record of the same day was never in force: it is replaced, not cut to nothing.
    past = dated[:-1] if current.valid_from == on else [*dated[:-1], replace(current, valid_to=on)]
    if operation.kind is OperationKind.CLOSE:
        return past
    return [*past, _changed(replace(current, valid_from=on), operation)]


def _created(operation: TreeOperation) -> Unit:
    if operation.code is None or operation.name is None or operation.level is None:
        raise _refused(operation, "it needs a code, a name and a level", "缺少代码、名称或层级")
    return Unit(
        operation.unit_id,
        operation.code,
        operation.name,
        operation.level,
        operation.parent_id,
        operation.on,
    )


def _changed(unit: Unit, operation: TreeOperation) -> Unit:
    match operation.kind:
        case OperationKind.RENAME if operation.name is not None:
            return replace(unit, name=operation.name)
        case OperationKind.RECODE if operation.code is not None:
            return replace(unit, code=operation.code)
        case OperationKind.MOVE if operation.parent_id is not None:
            return replace(unit, parent_id=operation.parent_id)
    raise _refused(operation, "it does not say to what", "未说明变更后的内容")


def _refused(operation: TreeOperation, en: str, zh: str) -> BadTreeOperation:
    named = operation.name or operation.code or f"#{operation.unit_id}"
    return BadTreeOperation(
        f"{operation.kind} of {named} on {operation.on}: {en}.",
        f"{operation.on} 对 {named} 的操作 {operation.kind}：{zh}。",
        remedy_en="Compare the file with the tree of that day and import it again.",
        remedy_zh="请对照当日的单位树，重新导入文件。",
    )


def _days_of_change(units: Iterable[Unit], first: date) -> list[date]:
    """Return the days from `first` on when the tree is not what it was the day before."""
    days = {first}
    for unit in units:
        days.add(unit.valid_from)
        if unit.valid_to is not None:
            days.add(unit.valid_to)
    return sorted(day for day in days if day >= first)
