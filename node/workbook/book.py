"""Open a file's bytes as sheets of plain cells, for every kind of file, within all limits."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import python_calamine

from node.workbook.errors import WorkbookError, WorkbookUnsupported
from node.workbook.legacy import MAGIC as LEGACY_MAGIC
from node.workbook.legacy import read_legacy
from node.workbook.limits import Limits
from node.workbook.package import (
    check_cells,
    check_extent,
    clean_package,
    encrypted,
    too_large,
    unreadable,
)
from node.workbook.text import Decoded, decode

Cell = (
    str
    | int
    | float
    | bool
    | datetime.date
    | datetime.datetime
    | datetime.time
    | datetime.timedelta
    | None
)
"""As the file has it: numbers of .xlsx are floats, cells of CSV are text, "" is empty."""

Rows = Iterator[tuple[int, list[Cell]]]
"""(row number as Excel shows it, cells from column A on), blank rows included."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook; each call of `rows()` reads it from the top."""

    name: str
    visible: bool
    rows: Callable[[], Rows]


@dataclass(frozen=True, slots=True)
class Book:
    """An opened file: `kind` is "xlsx", "xls" or "csv"; a CSV has `decoded` and no sheets."""

    kind: str
    sheets: tuple[Sheet, ...] = ()
    decoded: Decoded | None = None


def open_book(data: bytes, filename: str, limits: Limits) -> Book:
    """Open an uploaded file by its bytes; the name only distinguishes text from damage.

    Raises: a WorkbookError, and never anything else, whatever the bytes are.
    """
    if len(data) > limits.file_bytes_max:
        raise too_large(
            f"{len(data)} bytes, at most {limits.file_bytes_max}",
            f"{len(data)} 字节，最多 {limits.file_bytes_max} 字节",
        )
    if data.startswith(b"PK"):
        return _calamine_book(clean_package(data, limits))
    if data.startswith(LEGACY_MAGIC):
        return _legacy_book(data, limits)
    suffix = filename.lower().rpartition(".")[2]
    if suffix in ("csv", "txt", "tsv"):
        return Book("csv", decoded=decode(data))
    if suffix in ("xlsx", "xlsm", "xls"):
        raise unreadable("its content is not what its name says", "文件内容与扩展名不符")
    raise WorkbookUnsupported(
        "Files of this kind are not read here.",
        "不支持此类文件。",
        remedy_en="Save it as .xlsx or as CSV.",
        remedy_zh="请另存为 .xlsx 或 CSV。",
    )


def csv_rows(text: str, separator: str, limits: Limits) -> Rows:
    """Read CSV strictly (RFC 4180): an unclosed quote is an error, not the rest of the file.

    Raises: WorkbookUnreadable naming the row, WorkbookTooLarge past a bound.
    """
    number = columns = 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for number, cells in enumerate(reader, start=1):
            columns = max(columns, len(cells))
            check_cells(check_extent("csv", number, columns, limits), limits)
            yield number, list(cells)
    except csv.Error as bad:
        raise unreadable(
            f"a quotation mark or a line break is wrong after row {number}",
            f"第 {number} 行之后的引号或换行有误",
        ) from bad


def _legacy_book(data: bytes, limits: Limits) -> Book:
    return Book(
        "xls",
        tuple(
            Sheet(name, visible, lambda rows=rows: enumerate(rows, start=1))  # type: ignore[misc]
            for name, visible, rows in read_legacy(data, limits)
        ),
    )


def _calamine_book(data: bytes) -> Book:
    with _refusing():
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        return Book(
            "xlsx",
            tuple(
                Sheet(
                    about.name,
                    about.visible == python_calamine.SheetVisibleEnum.Visible,
                    lambda name=about.name: _calamine_rows(book, name),  # type: ignore[misc]
                )
                for about in book.sheets_metadata
                if about.typ == python_calamine.SheetTypeEnum.WorkSheet
            ),
        )


def _calamine_rows(book: python_calamine.CalamineWorkbook, name: str) -> Rows:
    with _refusing():
        sheet = book.get_sheet_by_name(name)
        if sheet.start is None:
            return
        # The library's rows begin at row 1, but at the first column that is in use.
        before: list[Cell] = [""] * sheet.start[1]
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            yield number, [*before, *cells]


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn any error of the reading library on a damaged file into one refusal."""
    try:
        yield
    except WorkbookError:
        raise
    except python_calamine.PasswordError as bad:
        raise encrypted() from bad
    except Exception as bad:
        raise unreadable("it is damaged", "文件已损坏") from bad
    except BaseException as bad:
        # A panic inside the Rust library is a BaseException of a class that cannot be imported.
        if type(bad).__name__ != "PanicException":
            raise
        raise unreadable("it is damaged", "文件已损坏") from bad
