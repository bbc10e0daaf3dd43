"""A report: many figures of many units in one table, each with its completeness."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from node.domain.units import Level
from node.services.figures.rollup import AS_IS, AS_WAS, Answer, BadQuestion, NoClosing, answer

if TYPE_CHECKING:
    from node.office import Office


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One indicator at the end of one month (""; now). `answer`: None if none was kept then."""

    indicator: str
    month: str
    answer: Answer | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Columns by indicator, then by month. `units`: the rows, in the tree's order."""

    unit: int
    level: Level
    units: tuple[int, ...]
    columns: tuple[Column, ...]
    answered_ms: int


def report(
    office: Office,
    indicators: Sequence[str] = (),
    months: Sequence[str] = (),
    *,
    unit: int | None = None,
    level: Level | None = None,
    as_was: bool = False,
) -> Report:
    """Return the figures of `unit` and of the units of `level` below it (one level below if None).

    `indicators`: their ids; none: every one. `months`: YYYY-MM, each asks for its end, and the
    month that has not ended for today; none: today.
    Raises: as `node.services.figures.rollup.answer`, but not NoClosing.
    """
    asked = office.identity.unit if unit is None else unit
    of_level = level
    if of_level is None:
        of_level = Level(min(office.tree.level(asked) + 1, Level.COMMUNITY))
    if of_level < office.tree.level(asked):
        name, highest = office.tree.get(asked).name, office.tree.level(asked)
        raise BadQuestion(
            f"No {of_level.en} is in {name}.", f"{name}以下没有{of_level.zh}。",
            f"Ask for units of level {highest.en} or below, or for another unit.",
            f"请选择{highest.zh}或以下层级，或查询其他单位。",
        )  # fmt: skip
    columns = tuple(
        Column(
            indicator=indicator, month=month,
            answer=_answer(office, indicator, month, asked, of_level, AS_WAS if as_was else AS_IS),
        )
        for indicator in indicators or tuple(office.catalogue.indicators)
        for month in months or ("",)
    )  # fmt: skip
    tree = office.tree
    return Report(
        unit=asked,
        level=of_level,
        units=tuple(each for each in tree.subtree(asked) if tree.level(each) == of_level),
        columns=columns,
        answered_ms=office.clock.now_ms(),
    )


def month_end(month: str, today: date) -> date:
    """Return the last day of a month, or today if it has not ended. Raises: BadQuestion."""
    found = re.fullmatch(r"(\d{4})-(0[1-9]|1[0-2])", month)
    if found is None or not 1800 <= int(found[1]) <= 2999:
        raise BadQuestion(
            f"{month[:20]!r} is no month.", f"“{month[:20]}”不是有效月份。",
            "Write it as 2026-10.", "请写成 2026-10。",
        )  # fmt: skip
    first = date(int(found[1]), int(found[2]), 1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return today if first <= today < last else last


def _answer(
    office: Office, indicator: str, month: str, unit: int, level: Level, history: str
) -> Answer | None:
    day = month_end(month, office.today()) if month else None
    try:
        return answer(office, indicator, unit, None, day, history, level=level)
    except NoClosing:
        return None
