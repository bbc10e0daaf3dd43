"""Headings: which row of a file is the header, and which of its columns is which field."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from node.domain.register import Register, plain_header
from node.workbook.cells import Cell, Merged, Rows, is_blank
from node.workbook.errors import ColumnDuplicated, ColumnsMissing
from node.workbook.faults import column_letter

HEADER_ROWS = 10
"""The header is one of the first ten rows that are not blank; titles may stand above it."""

FAULT_COLUMN = "错误"
"""The heading of the column that an annotated copy adds; a corrected copy may keep it."""

NEAR = 0.6
"""How alike a heading and a field's must be for a hint; of two characters both: 序号 is no 户号."""

FAULT_COLUMNS = (FAULT_COLUMN, "Errors")


@dataclass(frozen=True, slots=True)
class UnknownHeader:
    """A heading that is no field of the register, and the field it may have meant."""

    column: str  # letter
    text: str
    nearest: str | None  # field name


@dataclass(frozen=True, slots=True)
class Fit:
    """How much of a register's header a sheet has near its top.

    `fields`: different fields that one row names; `whole`: at least two, and all that are
    required. One heading alone may be there by chance.
    """

    fields: int = 0
    whole: bool = False

    @property
    def is_part(self) -> bool:
        """Whether a person would take the sheet for one of the register's."""
        return self.fields > 1


def head(rows: Rows) -> Iterator[tuple[int, list[Cell]]]:
    """Yield the first rows that are not blank."""
    found = 0
    for number, cells in rows:
        if any(not is_blank(cell) for cell in cells):
            yield number, cells
            found += 1
            if found == HEADER_ROWS:
                return


def best_fit(rows: Iterable[tuple[int, list[Cell]]], register: Register) -> Fit:
    """Return how well the best of a few rows would do as the header."""
    fits = (fit(cells, register) for _, cells in rows)
    return max(fits, key=lambda fit: fit.fields, default=Fit())


def fit(cells: list[Cell], register: Register) -> Fit:
    """Return how well a row would do as the header."""
    named = {
        each.name
        for i, cell in enumerate(cells)
        if (each := register.field_for(heading(cell, i))) is not None
    }
    return Fit(len(named), len(named) > 1 and not _lacking(register, named))


def heading(cell: Cell, index: int) -> str:
    """Return what a cell is as a heading. One merged downwards heads its column in every row."""
    if isinstance(cell, Merged):
        cell = cell.value if index == cell.area.first_column else ""
    return "" if is_blank(cell) else str(cell).strip()


def is_fault_heading(text: str) -> bool:
    """Return whether a heading is that of an earlier annotation; notes may be below it."""
    return text.split("\n", maxsplit=1)[0].strip() in FAULT_COLUMNS


def columns_of(
    header: list[Cell], register: Register, sheet: str
) -> tuple[dict[int, str], tuple[UnknownHeader, ...]]:
    """Return which column is which field; refuse doubled and missing ones, all named at once."""
    found: dict[int, str] = {}
    unknown: list[UnknownHeader] = []
    for index, cell in enumerate(header):
        text = heading(cell, index)
        if not text:
            continue
        known = register.field_for(text)
        if known is not None:
            found[index] = known.name
        elif not is_fault_heading(text):
            unknown.append(UnknownHeader(column_letter(index), text, _nearest(text, register)))
    names = list(found.values())
    doubled = [each for each in register.fields if names.count(each) > 1]
    if doubled:
        raise _doubled(register, doubled, found, sheet)
    if missing := _lacking(register, names):
        raise _missing(register, missing, unknown, sheet)
    return found, tuple(unknown)


def _lacking(register: Register, names: Sequence[str] | set[str]) -> list[str]:
    """Return the required fields that are not among the names."""
    return [f.name for f in register.fields.values() if f.required and f.name not in names]


def _nearest(text: str, register: Register) -> str | None:
    fields = {plain_header(label): each.name
              for each in register.fields.values() for label in each.headers()}  # fmt: skip
    plain = plain_header(text)
    near = difflib.get_close_matches(plain, fields, n=1, cutoff=NEAR)
    within = [
        label for label in fields if len(label) > 1 and label in plain
    ]  # with words around it
    found = near or sorted(within, key=len, reverse=True)
    return fields[found[0]] if found else None


def _doubled(
    register: Register, names: list[str], found: dict[int, str], sheet: str
) -> ColumnDuplicated:
    def where(name: str) -> str:
        return "+".join(column_letter(i) for i, each in found.items() if each == name)

    listed_en = "; ".join(f"{register.fields[n].en} ({where(n)})" for n in names)
    listed_zh = "；".join(f"{register.fields[n].zh}（{where(n)} 列）" for n in names)
    return ColumnDuplicated(
        f"{_on(sheet)[0]}more than one column is the same field: {listed_en}.",
        f"{_on(sheet)[1]}有重复的列：{listed_zh}。",
        remedy_en="Delete or rename the columns that are not meant.",
        remedy_zh="请删除或改名多余的列。",
    )


def _missing(
    register: Register, names: list[str], unknown: list[UnknownHeader], sheet: str
) -> ColumnsMissing:
    listed_en = ", ".join(register.fields[n].en for n in names)
    listed_zh = "、".join(register.fields[n].zh for n in names)
    maybe = [each for each in unknown if each.nearest in names]
    hint_en = "".join(f" Column {u.column} ({u.text}) may be meant." for u in maybe)
    hint_zh = "".join(f"{u.column} 列“{u.text}”可能就是所缺的列。" for u in maybe)
    return ColumnsMissing(
        f"{_on(sheet)[0]}required columns are missing: {listed_en}.",
        f"{_on(sheet)[1]}缺少必填列：{listed_zh}。",
        remedy_en=f"Add them, or rename the columns that hold them.{hint_en}",
        remedy_zh=f"请补上这些列，或修改对应列的列名。{hint_zh}",
    )


def _on(sheet: str) -> tuple[str, str]:
    """Return how a refusal about one sheet begins, in English and Chinese."""
    return (f'In sheet "{sheet}" ', f"工作表“{sheet}”") if sheet else ("In the file ", "文件")
