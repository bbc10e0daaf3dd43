"""A clerk's file as it comes: no value is refused with its cell, what is not read is named."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import openpyxl
import pytest

from node.domain.catalogue import load_catalogue
from node.domain.register import Register
from node.domain.units import Level
from node.domain.validate import check
from node.workbook import errors
from node.workbook.reader import Table
from node.workbook.text import guard, is_formula, unguard
from tests.support.tables import read_table

REGISTERS = load_catalogue().registers
HOUSEHOLD = REGISTERS["household"]
HEADER = ("户号", "类别", "备注")


def csv_of(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def xlsx_of(rows: Sequence[Sequence[object]]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for number, row in enumerate(rows, start=1):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(number, column, value)
            if isinstance(value, str):
                cell.data_type = "s"  # also where it looks like a formula
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read(data: bytes, filename: str = "a.csv", register: Register = HOUSEHOLD) -> Table:
    return read_table(data, filename, register)


def codes(table: Table, register: Register = HOUSEHOLD) -> list[tuple[str, ...]]:
    checked = (check(register, cells, Level.COMMUNITY) for _, cells in table.rows)
    return [tuple(fault.code for fault in faults) for _, faults in checked]


def kept(table: Table, field: str = "hh_no") -> list[object]:
    return [check(HOUSEHOLD, cells, Level.COMMUNITY)[0].get(field) for _, cells in table.rows]


# -- formulas in a CSV ----------------------------------------------------------------------------

FORMULAS = (
    '=TEXT(17,"0000")', "=17+1", "=A1", '="0019"&"1"', '=HYPERLINK("x","0022")', "=-5", "=+5",
    "='1'!A1", "=(3)", "=$A$1", "=@A1", "={1,2}", "=[a.xlsx]甲!A1", "=#REF!", "= 1 + 1",
    "=求和(A1)", "@SUM(1,2)", "+SUM(A1:A3)", "-ABS(A1)", "＝SUM(A1)", "=cmd|'/C calc'!A0",
)  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_in_a_csv_is_a_value_of_no_field(text: str) -> None:
    rows = [HEADER, (text, "常住", ""), ("0002", "常住", text)]
    assert codes(read(csv_of(rows))) == [("formula_not_calculated",)] * 2


@pytest.mark.parametrize(
    "text", ["-5", "+86 571 1234", "=", "==", "=> 见附件", "-见附件", "@李四", "a=1", "-甲(户主)"]
)
def test_a_remark_that_is_no_formula_stays_as_it_is_written(text: str) -> None:
    table = read(csv_of([HEADER, ("0001", "常住", text)]))
    assert kept(table, "remark") == [text]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_a_text_where_its_file_marks_it_as_text(
    text: str,
) -> None:
    assert unguard(guard(text)) == text
    guarded = read(csv_of([HEADER, ("0001", "常住", guard(text))]))
    workbook = read(xlsx_of([HEADER, ("0001", "常住", text)]), "a.xlsx")
    assert kept(guarded, "remark") == kept(workbook, "remark") == [text]


def test_a_mark_that_means_text_is_no_formula() -> None:
    assert not is_formula("0007")
    table = read(csv_of([HEADER, ('="0007"', "常住", "")]))
    assert kept(table) == ["0007"]


# -- quotation marks around a code ----------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["‘0013", "’0013", "＇0013", "ʼ0013", "´0013", "‘0013’", "“0013”", '"0013"', "「0013」",
     "′0013", "'0013", "`0013", "＂0013＂"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_quotation_mark_of_any_script_is_no_part_of_a_code(text: str, kind: str) -> None:
    rows = [HEADER, (text, "常住", "")]
    table = read(csv_of(rows)) if kind == "csv" else read(xlsx_of(rows), "a.xlsx")
    assert kept(table) == ["0013"]


def test_quotation_marks_in_a_remark_stay() -> None:
    table = read(csv_of([HEADER, ("0001", "常住", "“110”已登记"), ("2", "常住", "‘见附件")]))
    assert kept(table, "remark") == ["“110”已登记", "‘见附件"]


# -- what is not read is named --------------------------------------------------------------------


@pytest.mark.parametrize("heading", ["序号", "序", "No.", "行号", "编次"])
@pytest.mark.parametrize(
    "numbers", [(1, 2, 3), ("1", "2", "3"), ("１", "２", "３"), (1.0, 2.0, 3.0)]
)
def test_a_column_that_numbers_the_rows_is_left_out_for_that_reason(
    heading: str, numbers: tuple[object, ...]
) -> None:
    rows: list[tuple[object, ...]] = [(heading, "户号", "类别")]
    rows += [(number, f"A{at}", "常住") for at, number in enumerate(numbers)]
    (note,) = read(xlsx_of(rows), "a.xlsx").notes
    assert (note.code, note.column, note.count) == ("running_number", "A", 3)
    assert heading in note.en
    assert heading in note.zh


def test_a_running_number_without_order_is_not_taken_for_another_column() -> None:
    rows = [("序号", "户号", "类别"), ("1", "A", "常住"), ("7", "B", "常住")]
    (note,) = read(csv_of(rows)).notes
    assert note.code == "unknown_heading"
    assert "may be meant" not in note.en


def test_a_heading_that_is_nearly_that_of_a_field_gets_its_hint() -> None:
    rows = [("户号", "类别", "备注栏"), ("1", "常住", "x")]
    (note,) = read(csv_of(rows)).notes
    assert "Remark may be meant" in note.en


@pytest.mark.parametrize("heading", ["类别：", "类别:", "类别 ：", "*类别：", "类 别"])
def test_a_heading_with_a_colon_is_known(heading: str) -> None:
    table = read(csv_of([("户号：", heading), ("1", "常住")]))
    assert kept(table) == ["1"]
    assert not table.notes


@pytest.mark.parametrize("encoding", ["utf-32", "utf-16", "utf-8-sig", "gb18030"])
def test_a_csv_is_read_by_the_mark_of_its_encoding(encoding: str) -> None:
    text = csv_of([HEADER, ("0001", "常住", "甲")]).decode()
    assert kept(read(text.encode(encoding)), "remark") == ["甲"]


# -- files without anything -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx", "a.xls", "a.txt", "a"])
def test_an_empty_file_is_called_empty_whatever_its_name(name: str) -> None:
    with pytest.raises(errors.WorkbookError, match="empty"):
        read(b"", name)


@pytest.mark.parametrize("text", ["\ufeff", "\n\n", ",,,\n,,\n", "\ufeff\r\n \r\n"])
def test_a_file_of_blank_rows_only_is_named_as_that(text: str) -> None:
    with pytest.raises(errors.HeaderNotFound, match="nothing but blank rows"):
        read(text.encode())


def test_a_sheet_without_a_cell_is_called_empty() -> None:
    with pytest.raises(errors.HeaderNotFound, match='Sheet "Sheet" is empty'):
        read(xlsx_of([]), "a.xlsx")


def test_a_header_without_rows_says_that_nothing_came_of_it() -> None:
    table = read(csv_of([HEADER]))
    assert [note.code for note in table.notes] == ["no_rows"]
