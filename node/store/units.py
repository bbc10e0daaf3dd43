"""Units in the store: dated records of the first tree, and the city's later decisions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from node.domain.unit_csv import BadUnitFile, read_units
from node.domain.units import BadTree, Level, Tree, Unit
from node.store import meta
from node.store.engine import NotAStore
from sync.model.errors import ErrorKind, SilianError
from sync.store.sql import sql

_COLUMNS = "f_unit_id, f_unit_code, f_name, f_level, f_parent, f_valid_from, f_valid_to"


TREES_KEPT = 32  # trees are immutable: the offices of a process share them


@lru_cache(maxsize=TREES_KEPT)
def base_units(content: str, since: date) -> tuple[Unit, ...]:
    """Return the units that a store started from: they were checked when they were stored.

    Raises: NotAStore.
    """
    try:
        return read_units(content.encode(), "tree", since)
    except BadUnitFile as error:
        raise NotAStore("-", "its tree of units is damaged") from error


class NoTreeYet(SilianError):
    """The day asked about is before the first tree of units that this office knows."""

    code = "no_tree_yet"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, day: date, first: date) -> None:
        super().__init__(
            f"there is no tree of units for {day}: it begins on {first}",
            f"{day} 没有行政区划数据，最早为 {first}",
            remedy_en=f"Ask for {first} or a later day.",
            remedy_zh=f"请选择 {first} 或之后的日期。",
        )


def first_day(tx: Connection) -> date:
    """Return the first day of the oldest tree."""
    return date.fromisoformat(meta.get(tx, meta.TREE_FROM) or "")


def tree_on(tx: Connection, day: date) -> Tree:
    """Return the tree of a day, from the first tree and the city's later decisions.

    Raises: BadTree while only half of a reorganisation has arrived; NoTreeYet.
    """
    since = first_day(tx)
    if day < since:
        raise NoTreeYet(day, since)
    return _tree(meta.get(tx, meta.TREE) or "", since, _decided(tx), day)


def dated_units(tx: Connection) -> tuple[Unit, ...]:
    """Return every dated record of every unit; a decided one replaces its base."""
    since = first_day(tx)
    return _joined(base_units(meta.get(tx, meta.TREE) or "", since), _decided(tx))


def whole_tree_on(tx: Connection, day: date) -> tuple[Tree, str]:
    """Return the tree of a day, and why some decisions are left out of it; "" when none is.

    An office starts whatever a unit's record contains: decisions that make no tree are left out,
    the newest first, until the rest makes one. Raises: NoTreeYet.
    """
    try:
        return tree_on(tx, day), ""
    except BadTree as error:
        why = error.en
    since, content = first_day(tx), meta.get(tx, meta.TREE) or ""
    decided = _readable(tx)
    for made in sorted({created for created, _ in decided}, reverse=True):
        try:
            return _tree(content, since, tuple(u for _, u in decided), day), why
        except BadTree:
            decided = [(created, unit) for created, unit in decided if created != made]
    return _tree(content, since, (), day), why


def readable_units(tx: Connection) -> tuple[Unit, ...]:
    """Return as `dated_units`, without the records that have no meaning."""
    base = base_units(meta.get(tx, meta.TREE) or "", first_day(tx))
    return _joined(base, tuple(unit for _, unit in _readable(tx)))


@lru_cache(maxsize=TREES_KEPT)
def _tree(content: str, since: date, decided: tuple[Unit, ...], day: date) -> Tree:
    return Tree(_joined(base_units(content, since), decided), day)


def _joined(base: tuple[Unit, ...], decided: tuple[Unit, ...]) -> tuple[Unit, ...]:
    records = {(u.unit_id, u.valid_from): u for u in (*base, *decided)}
    return tuple(records.values())


def _decided(tx: Connection) -> tuple[Unit, ...]:
    """Return the city's decisions. Raises: BadTree, for an invalid record."""
    try:
        return _records(tx)
    except (TypeError, ValueError) as error:
        raise BadTree("a unit's record means nothing", "单位记录内容无效") from error


def _records(tx: Connection) -> tuple[Unit, ...]:
    return tuple(_unit(row) for _, *row in _rows(tx))


def _readable(tx: Connection) -> list[tuple[bytes, Unit]]:
    """Return the city's decisions that can be read, each with the version that made it."""
    found: list[tuple[bytes, Unit]] = []
    for created, *row in _rows(tx):
        try:
            found.append((bytes(created), _unit(row)))
        except (TypeError, ValueError):
            continue  # `tree_on` reports it
    return found


def _rows(tx: Connection) -> Iterator[Sequence[Any]]:
    yield from tx.exec_driver_sql(
        sql(
            tx,
            f"SELECT created, {_COLUMNS} FROM r_unit "  # noqa: S608
            "WHERE causal_length % 2 = 1 ORDER BY id",
        )
    )


def _unit(row: Sequence[Any]) -> Unit:
    unit, code, name, level, parent, since, until = row
    return Unit(
        unit_id=unit, code=code, name=name, level=Level(level), parent_id=parent,
        valid_from=date.fromisoformat(since),
        valid_to=date.fromisoformat(until) if until else None,
    )  # fmt: skip
