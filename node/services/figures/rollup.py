"""Rollup: a question about a part of the tree, answered with its completeness, or refused."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from node.domain.indicators import Indicator, UnknownDimension
from node.domain.units import Level, Tree, UnknownUnit
from node.services.figures.completeness import Completeness
from node.services.figures.days_counted import follow_days
from node.services.figures.query import BY_UNIT, NoClosing, Question, Row, Shown, TreeQuestion
from sync.model.errors import ErrorKind, SilianError

if TYPE_CHECKING:
    from node.office import Office

__all__ = ["AS_IS", "AS_WAS", "BY_UNIT", "Answer", "BadQuestion", "NoClosing", "Row", "Shown",
           "UnknownIndicator", "answer"]  # fmt: skip

AS_IS = "as-is"  # today's tree
AS_WAS = "as-was"  # the tree of the day asked for


class UnknownIndicator(SilianError):
    """No indicator has this id; take one of the nearest, or list them."""

    code = "unknown_indicator"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, asked: str, near: Iterable[str]) -> None:
        listed = ", ".join(near)
        super().__init__(
            f"There is no indicator {asked[:40]!r}.",
            f"没有“{asked[:40]}”这个指标。",
            remedy_en=f"Nearest: {listed}." if listed else "List the indicators.",
            remedy_zh=f"最接近的有：{listed}。" if listed else "请先查看指标清单。",
        )


class BadQuestion(SilianError):
    """No figure can answer the question: the day, the history, the month or the level is wrong."""

    code = "bad_question"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, what: str, what_zh: str, remedy: str, remedy_zh: str) -> None:
        super().__init__(what, what_zh, remedy_en=remedy, remedy_zh=remedy_zh)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The value of an indicator over a unit and all below it, and how complete that is."""

    indicator: Indicator
    unit: int
    code: str
    name: str
    by: str | None
    as_of: date
    history: str
    closing: str  # the month's end that stock figures are of; "" when they are of now
    answered_ms: int
    shown: Shown
    rows: tuple[Row, ...]
    completeness: Completeness


def answer(
    office: Office,
    indicator_id: str,
    unit: int | None = None,
    by: str | None = None,
    as_of: date | None = None,
    history: str = AS_IS,
    *,
    level: Level | None = None,
) -> Answer:
    """Answer one question about `unit` (ourselves when None) and all below it.

    `by`: "unit" for the units one level down, or one of the indicator's dimensions. `as_of`: a
    past day counts what happened up to it, and shows stocks of the newest closing
    up to it. `history`: under today's tree, or under that of the day. `level`: instead of `by`, the
    units of this level, however far below.
    Raises: UnknownIndicator, UnknownDimension, UnknownUnit, BadQuestion, NoClosing.
    """
    indicator = office.catalogue.indicators.get(indicator_id)
    if indicator is None:
        near = difflib.get_close_matches(indicator_id, office.catalogue.indicators, 5, 0.3)
        raise UnknownIndicator(indicator_id, near)
    if by not in (None, BY_UNIT, *indicator.dimensions):
        raise UnknownDimension(indicator, str(by))
    follow_days(office, writing=False)
    today = office.today()
    day = as_of or today
    if day > today:
        raise BadQuestion(
            f"{day} has not come yet.", f"{day} 尚未到来。",
            "Ask for today or a past day.", "请查询今天或以前的日期。",
        )  # fmt: skip
    if history not in (AS_IS, AS_WAS):
        raise BadQuestion(
            f"{history[:20]!r} is no history.", f"“{history[:20]}”不是有效口径。",
            f"Ask for `{AS_IS}` or `{AS_WAS}`.", f"请填 `{AS_IS}` 或 `{AS_WAS}`。",
        )  # fmt: skip
    now = office.tree
    tree = office.tree_on(day) if history == AS_WAS and day != today else now
    asked = office.identity.unit if unit is None else unit
    at = tree.get(asked)
    if not tree.within(asked, office.identity.unit):
        raise UnknownUnit(f"{at.code} {at.name}", day, [_named(tree, office.identity.unit)])
    with office.store.read() as tx:
        if indicator.source == "tree":
            question: Question = TreeQuestion(office, tx, indicator, asked, now, tree, day)
        else:
            question = Question(office, tx, indicator, asked, now, tree, day)
        return Answer(
            indicator=indicator,
            unit=asked,
            code=at.code,
            name=at.name,
            by=by,
            as_of=day,
            history=history,
            closing=question.closing,
            answered_ms=office.clock.now_ms(),
            shown=question.shown(asked),
            rows=question.rows(asked, by) if level is None else question.rows_at(asked, level),
            completeness=question.completeness(),
        )


def _named(tree: Tree, unit: int) -> str:
    at = tree.get(unit)
    return f"{at.code} {at.name}"
