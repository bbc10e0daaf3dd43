"""Faults of single rows and cells, and their summary: each kind once, with its count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RowFault:
    """One fault in one row, with its place in Excel.

    `row` counts from 1 as Excel shows it; `column` is the letter, "" for the complete row; `field`
    is the register's field name, or "". Texts contain no personal value.
    """

    row: int
    column: str
    field: str
    code: str
    en: str
    zh: str
    suggestion_en: str = ""
    suggestion_zh: str = ""

    def text(self, lang: str = "zh") -> str:
        """Return what is wrong and what to do, in `lang` ("zh" or "en")."""
        if lang == "zh":
            return f"{self.zh}{self.suggestion_zh}".strip()
        return f"{self.en} {self.suggestion_en}".strip()


@dataclass(frozen=True, slots=True)
class FaultGroup:
    """All faults of one code in one field: `count` of them, the first few by row number.

    `alike`: each has this text; else it is that of the first row, and says so.
    """

    code: str
    field: str
    column: str
    count: int
    first_rows: tuple[int, ...]
    en: str
    zh: str
    suggestion_en: str
    suggestion_zh: str
    alike: bool

    def text(self, lang: str = "zh") -> str:
        """Return one line for a summary: count, rows, what, remedy."""
        rows = ("、" if lang == "zh" else ", ").join(str(row) for row in self.first_rows)
        more = self.count > len(self.first_rows)
        if lang == "zh":
            where = f"第 {rows} 行{'等' if more else ''}"
            of_first = "" if self.alike else f"，其中第 {self.first_rows[0]} 行"
            return f"{self.count} 处（{where}）{of_first}：{self.zh}{self.suggestion_zh}".strip()
        where = f"row{'s' if self.count > 1 else ''} {rows}{' and more' if more else ''}"
        of_first = "" if self.alike else f", of which row {self.first_rows[0]}"
        return f"{self.count} x ({where}){of_first}: {self.en} {self.suggestion_en}".strip()


def grouped(faults: Iterable[RowFault], rows_shown: int = 5) -> tuple[FaultGroup, ...]:
    """Group faults by (code, field), the most frequent first, ties by the first row.

    A column with a fault in every row is one line, not thirty thousand.
    """
    by_kind: dict[tuple[str, str], list[RowFault]] = {}
    for fault in faults:
        by_kind.setdefault((fault.code, fault.field), []).append(fault)
    groups = [_group(sorted(same, key=lambda f: f.row), rows_shown) for same in by_kind.values()]
    return tuple(sorted(groups, key=lambda g: (-g.count, g.first_rows, g.code, g.field)))


def joined(faults: Iterable[RowFault], lang: str) -> str:
    """Return the text of a row's fault cell: a line for each fault."""
    return "\n".join(fault.text(lang) for fault in faults)


def column_letter(index: int) -> str:
    """Return Excel's letters of the column at `index`, counted from 0: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index > 0:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _group(same: list[RowFault], rows_shown: int) -> FaultGroup:
    first = same[0]
    return FaultGroup(
        code=first.code,
        field=first.field,
        column=first.column,
        count=len(same),
        first_rows=tuple(fault.row for fault in same[:rows_shown]),
        en=first.en,
        zh=first.zh,
        suggestion_en=first.suggestion_en,
        suggestion_zh=first.suggestion_zh,
        alike=all(fault.text() == first.text() for fault in same),
    )
