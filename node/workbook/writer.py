"""Write a register's records for people: .xlsx, CSV, an empty template; the reader reads them back.

Stored values become what a clerk would type (labels, dates, numbers); identity numbers and every
other text are written as text, never as a formula and never as a number.
"""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

from node.domain.register import Field, Register
from node.domain.units import Level
from node.workbook.faults import column_letter
from node.workbook.package import too_large
from node.workbook.sheets import NOT_READ
from node.workbook.text import guard
from sync.model.change import Value

__all__ = ["SheetBook", "shown", "template", "write_csv", "write_xlsx"]

TEMPLATE_ROWS = 10_000
"""Rows of a template (and below an export) that get dropdowns and keep typed ids as text."""

EXCEL_ROWS_MAX = 1_048_575  # below the header
_LIST_CHARACTERS_MAX = 255  # Excel's bound on a dropdown's options given in the cell itself
_FIRST_EXCEL_DAY = datetime.date(1900, 3, 1)  # Excel counts a 29 February 1900 before it

_YES_NO = {"zh": ("否", "是"), "en": ("No", "Yes")}
_BETWEEN = {"zh": "、", "en": ", "}
_NOTES = {"zh": "说明", "en": "Notes"}
_OPTIONS = {"zh": "选项", "en": "Options"}

Shown = str | int | Decimal | datetime.date | None
Rows = Iterable[Mapping[str, Value]]


def shown(field: Field, value: Value, lang: str = "zh") -> Shown:
    """Return a stored value as a clerk would type it; validation turns it back unchanged.

    A code that this catalogue does not know is shown as it is: a newer office may have sent it.
    """
    if value is None:
        return None
    if field.type == "bool":
        return _YES_NO[lang][1 if value else 0]
    if field.type == "date":
        return datetime.date.fromisoformat(str(value))
    if field.type == "decimal":
        return Decimal(value).scaleb(-field.scale)
    if field.type == "choice":
        return _label(field, str(value), lang)
    if field.type == "set":
        codes = [code for code in str(value).split(",") if code]
        return _BETWEEN[lang].join(_label(field, code, lang) for code in codes)
    return value


class SheetBook:
    """One .xlsx under way, a sheet a register, written row by row in constant memory.

    Use as a context manager; nothing is on disk before it ends. `target`: a path or binary file.
    `in_memory` keeps every cell until the end: a third faster, for small books.
    """

    def __init__(
        self, target: str | Path | BinaryIO, lang: str = "zh", *, in_memory: bool = False
    ) -> None:
        import xlsxwriter  # here, because most verbs import this module and write no book

        self._lang = lang
        self._book = xlsxwriter.Workbook(
            str(target) if isinstance(target, Path) else target, {"constant_memory": not in_memory}
        )
        self._options: Any = None
        self._options_used = 0
        make = self._book.add_format
        self._head = make({"bold": True, "bg_color": "#DDEBF7", "border": 1, "text_wrap": True})
        self._must = make({"bold": True, "bg_color": "#FCE4D6", "border": 1, "text_wrap": True})
        self._text, self._day = make({"num_format": "@"}), make({"num_format": "yyyy-mm-dd"})
        self._whole = make({"num_format": "0"})
        self._tenths: dict[int, Any] = {}

    def __enter__(self) -> SheetBook:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._book.close()

    def add_notes(self, lines: Iterable[Iterable[str]]) -> None:
        """Add the sheet of notes: plain text, one list of cells a line, below the line that says
        that an import does not read it.
        """
        sheet = self._book.add_worksheet(_NOTES[self._lang])
        sheet.set_column(0, 5, 24)
        for row, cells in enumerate([[NOT_READ[self._lang]], *lines]):
            for column, cell in enumerate(cells):
                sheet.write_string(row, column, cell)

    def add_register(
        self, register: Register, rows: Rows, fields: Iterable[Field] | None = None
    ) -> int:
        """Add the register's sheet, named after it, and return the number of rows written.

        `fields`: the columns, in order; all fields if not given.
        Raises: WorkbookTooLarge past Excel's own bound on rows; export as CSV instead.
        """
        columns = list(register.fields.values() if fields is None else fields)
        sheet = self._book.add_worksheet(sheet_name(register, self._lang))
        formats = [self._format(field) for field in columns]
        sheet.freeze_panes(1, 0)
        for column, field in enumerate(columns):
            label = field.label(self._lang)
            # The column's format keeps an id as text that is typed in later.
            sheet.set_column(column, column, max(10, 2 * len(label) + 2), formats[column])
            sheet.write_string(0, column, label, self._must if field.required else self._head)
        row = 0
        for row, values in enumerate(rows, start=1):
            if row > EXCEL_ROWS_MAX:
                raise too_large(f"more than {EXCEL_ROWS_MAX} rows", f"超过 {EXCEL_ROWS_MAX} 行")
            for column, field in enumerate(columns):
                value = values.get(field.name)
                if value is not None:
                    self._write(sheet, row, column, field, value, formats[column])
        self._add_dropdowns(sheet, columns, row + TEMPLATE_ROWS)
        return row

    def _write(
        self, sheet: Any, row: int, column: int, field: Field, value: Value, style: Any
    ) -> None:
        if field.type == "text":
            status = sheet.write_string(row, column, guard(str(value), runs=False), style)
        elif field.type == "int":
            status = sheet.write_number(row, column, value, style)
        else:
            cell = shown(field, value, self._lang)
            if isinstance(cell, Decimal):
                status = sheet.write_number(row, column, float(cell), style)
            elif isinstance(cell, datetime.date) and cell >= _FIRST_EXCEL_DAY:
                status = sheet.write_datetime(row, column, cell, style)
            else:
                status = sheet.write_string(row, column, str(cell), style)
        if status:  # the library only reports that it wrote nothing, or truncated the text
            raise too_large(
                f"row {row + 1}, {field.en}: more than a cell can hold",
                f"第 {row + 1} 行“{field.zh}”超出单元格容量",
            )

    def _format(self, field: Field) -> Any:
        if field.type == "decimal":
            if field.scale not in self._tenths:
                zeros = "0." + "0" * field.scale if field.scale else "0"
                self._tenths[field.scale] = self._book.add_format({"num_format": zeros})
            return self._tenths[field.scale]
        return {"date": self._day, "int": self._whole}.get(field.type, self._text)

    def _add_dropdowns(self, sheet: Any, columns: list[Field], last_row: int) -> None:
        for column, field in enumerate(columns):
            options = list(reversed(_YES_NO[self._lang])) if field.type == "bool" else []
            if field.type == "choice":
                options = [_label(field, code, self._lang) for code in field.choices]
            if not options:
                continue
            fits = len(",".join(options)) <= _LIST_CHARACTERS_MAX
            inline = fits and not any("," in option for option in options)
            source = options if inline else self._options_range(options)
            rule = {"validate": "list", "source": source, "ignore_blank": not field.required}
            sheet.data_validation(1, column, min(last_row, EXCEL_ROWS_MAX), column, rule)

    def _options_range(self, options: list[str]) -> str:
        """Write a long list to a hidden sheet, a line for each field below the first one; return
        its address.
        """
        name = _OPTIONS[self._lang]
        if self._options is None:
            self._options = self._book.add_worksheet(name)
            self._options.hide()
            self._options.write_string(0, 0, NOT_READ[self._lang])
            self._options_used = 1
        for column, option in enumerate(options):
            self._options.write_string(self._options_used, column, option)
        self._options_used += 1
        row, last = self._options_used, column_letter(len(options) - 1)
        return f"='{name}'!$A${row}:${last}${row}"


def write_xlsx(
    target: str | Path | BinaryIO, register: Register, rows: Rows, lang: str = "zh"
) -> int:
    """Write records of one register as .xlsx and return how many. Raises: WorkbookTooLarge."""
    with SheetBook(target, lang) as book:
        return book.add_register(register, rows)


def write_csv(
    target: str | Path | BinaryIO, register: Register, rows: Rows, lang: str = "zh"
) -> int:
    """Write records as CSV (RFC 4180, UTF-8 with BOM for Chinese Excel); return how many.

    Text that a spreadsheet would run (= + - @ TAB CR first) gets an apostrophe before it, which
    the reader removes; numbers stay numbers, with their minus sign.
    """
    if isinstance(target, str | Path):
        with open(target, "wb") as file:
            return write_csv(file, register, rows, lang)
    columns = list(register.fields.values())
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="")
    out = csv.writer(text, lineterminator="\r\n")
    out.writerow([guard(field.label(lang)) for field in columns])
    written = 0
    for values in rows:
        out.writerow([_csv_cell(field, values.get(field.name), lang) for field in columns])
        written += 1
    text.detach()  # flushes, and leaves the caller's file open
    return written


def template(
    target: str | Path | BinaryIO,
    register: Register,
    lang: str = "zh",
    level: Level | None = None,
) -> None:
    """Write an empty sheet to fill in, and notes on every column.

    With `level`, only the columns that an office of that level may write.
    """
    fields = [f for f in register.fields.values() if level is None or level in f.owners]
    with SheetBook(target, lang) as book:
        book.add_register(register, (), fields)
        book.add_notes(_notes(fields, lang))


def sheet_name(register: Register, lang: str = "zh") -> str:
    """Return the register's label as Excel takes it: 31 characters, none of []:*?/\\ in it."""
    label = register.zh if lang == "zh" else register.en
    return "".join("_" if c in "[]:*?/\\" else c for c in label).strip("'")[:31]


def _label(field: Field, code: str, lang: str) -> str:
    zh_en = field.choices.get(code)
    return code if zh_en is None else zh_en[0 if lang == "zh" else 1]


def _csv_cell(field: Field, value: Value, lang: str) -> str:
    cell = shown(field, value, lang)
    if cell is None:
        return ""
    return guard(cell) if isinstance(cell, str) else str(cell)


def _notes(fields: list[Field], lang: str) -> Iterable[list[str]]:
    zh = lang == "zh"
    yield ["列名", "是否必填", "类型", "单位", "可填内容"] if zh else [
        "Column", "Required", "Type", "Unit", "May hold"
    ]  # fmt: skip
    for field in fields:
        labels = _BETWEEN[lang].join(_label(field, code, lang) for code in field.choices)
        yield [
            field.label(lang),
            _YES_NO[lang][field.required],
            _TYPES[field.type][0 if zh else 1],
            field.unit,
            labels,
        ]


_TYPES = {
    "text": ("文字", "text"),
    "int": ("整数", "whole number"),
    "bool": ("是/否", "yes/no"),
    "date": ("日期，如 2026-07-01", "date, as 2026-07-01"),
    "decimal": ("数字", "number"),
    "choice": ("选择一项", "one of"),
    "set": ("可多项，用顿号隔开", "any of, with commas between"),
}
