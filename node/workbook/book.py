"""A book of sheets of plain cells, opened from a file's bytes of any kind, within all limits."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial

import python_calamine

from node.workbook.cells import Cell, Rows
from node.workbook.errors import WorkbookError, WorkbookUnreadable, WorkbookUnsupported
from node.workbook.headings import head
from node.workbook.legacy import MAGIC as LEGACY_MAGIC
from node.workbook.legacy import read_legacy
from node.workbook.limits import Limits
from node.workbook.marks import Marks, marked
from node.workbook.package import (
    check_cells,
    check_extent,
    checked_parts,
    encrypted,
    pack,
    too_large,
    unreadable,
)
from node.workbook.text import Decoded, decode
from node.workbook.xlsx import marks_by_sheet


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook; each call of `rows()` reads it from the top."""

    name: str
    visible: bool
    rows: Callable[[], Rows]
    marks: Marks

    @cached_property
    def top(self) -> list[tuple[int, list[Cell]]]:
        """Its first rows that are not blank: the header is among them. Kept, for many ask."""
        return list(head(self.rows()))


@dataclass(frozen=True, slots=True)
class Book:
    """An opened file: `kind` is "xlsx", "xls" or "csv"; a CSV has `decoded` and no sheets.

    `others`: names of sheets that hold no cells: charts, dialogs, macros.
    """

    kind: str
    sheets: tuple[Sheet, ...] = ()
    others: tuple[str, ...] = ()
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
        return _xlsx_book(checked_parts(data, limits), limits)
    if data.startswith(LEGACY_MAGIC):
        return _legacy_book(data, limits)
    if not data:
        raise WorkbookUnreadable(
            "The file is empty (0 bytes).",
            "文件为空（0 字节）。",
            remedy_en="Choose the file that has the rows, or fill in the template and save it.",
            remedy_zh="请选择含有数据的文件，或按模板填写并保存后上传。",
        )
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
    found = read_legacy(data, limits)
    sheets = [
        _sheet(each.name, each.visible, partial(_numbered, each.rows), each.marks, limits)
        for each in found
        if each.rows is not None
    ]
    return Book("xls", tuple(sheets), tuple(each.name for each in found if each.rows is None))


def _numbered(rows: Iterable[list[Cell]]) -> Rows:
    # A row is changed while it is read: the next reading needs it as it was.
    return ((number, list(cells)) for number, cells in enumerate(rows, start=1))


def _xlsx_book(parts: Mapping[str, bytes], limits: Limits) -> Book:
    with _refusing():
        marks = marks_by_sheet(parts, limits)
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(pack(parts)))
        about = book.sheets_metadata
        sheets = [each for each in about if each.typ == python_calamine.SheetTypeEnum.WorkSheet]
        if {each.name for each in sheets} - marks.keys():
            raise unreadable("its structure is damaged", "内部结构已损坏")
        return Book(
            "xlsx",
            tuple(
                _sheet(
                    each.name,
                    each.visible == python_calamine.SheetVisibleEnum.Visible,
                    partial(_calamine_rows, book, each.name),
                    marks[each.name],
                    limits,
                )
                for each in sheets
            ),
            tuple(each.name for each in about if each not in sheets),
        )


def _sheet(
    name: str, visible: bool, rows: Callable[[], Rows], marks: Marks, limits: Limits
) -> Sheet:
    return Sheet(name, visible, lambda: marked(rows(), marks, limits), marks)


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
