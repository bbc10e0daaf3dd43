"""What a cell shows is what is read: the same marks by whatever program wrote the file."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from openpyxl.worksheet.formula import ArrayFormula

from node.domain.catalogue import load_catalogue
from node.domain.register import Register
from node.domain.units import Level
from node.domain.validate import check
from node.workbook import errors
from node.workbook.annotate import annotate
from node.workbook.cells import Area
from node.workbook.faults import RowFault
from node.workbook.limits import Limits
from node.workbook.marks import Marks, mark_areas, marked
from node.workbook.reader import Table
from sync.model.change import Value
from tests.support.tables import read_table

INPUTS = Path(__file__).resolve().parents[2] / "data" / "cases" / "xls"
REGISTERS = load_catalogue().registers
PREMISES = REGISTERS["premises"]
HEADER = ["用房名称", "用途", "建筑面积", "地址", "备注"]


def by_openpyxl(fill: Callable[[Any], None], header: list[str] = HEADER) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(header)
    fill(sheet)
    return saved(book)


def saved(book: openpyxl.Workbook) -> bytes:
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def by_xlsxwriter(fill: Callable[[Any, Any], None], **options: object) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, **options}) as book:
        sheet = book.add_worksheet("社区用房")
        sheet.write_row(0, 0, HEADER)
        fill(book, sheet)
    return out.getvalue()


def with_xml(data: bytes, part: str, *changes: tuple[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            for before, after in changes if name == part else ():
                assert before.encode() in text
                text = text.replace(before.encode(), after.encode())
            new.writestr(name, text)
    return out.getvalue()


SHEET1 = "xl/worksheets/sheet1.xml"


def table(data: bytes, filename: str = "a.xlsx", register: Register = PREMISES) -> Table:
    return read_table(data, filename, register)


def read(
    data: bytes, filename: str = "a.xlsx", register: Register = PREMISES
) -> list[tuple[int, dict[str, Value], list[tuple[str, str]]]]:
    """Return (row, good values, (field, code) of its faults) of each row."""
    found = []
    for number, cells in table(data, filename, register).rows:
        stored, faults = check(register, cells, Level.COMMUNITY)
        found.append((number, stored, sorted((f.field, f.code) for f in faults)))
    return found


def faults(data: bytes, filename: str = "a.xlsx") -> dict[int, list[tuple[str, str]]]:
    return {number: found for number, _, found in read(data, filename) if found}


# -- formulas ------------------------------------------------------------------------------------


def test_a_formula_of_a_program_that_cannot_calculate_is_no_empty_cell_and_no_zero() -> None:
    def fill(_book: Any, sheet: Any) -> None:
        sheet.write_row(1, 0, ["甲", "办公", 1])
        sheet.write_formula(1, 3, '="一"')  # this library writes 0 for the result
        sheet.write_formula(1, 4, '="一"', None, "")
        sheet.write_row(2, 0, ["乙", "办公"])
        sheet.write_formula(2, 2, "=1+1", None, 2)
        sheet.write_formula(2, 4, '="c"', None, "c")

    data = by_xlsxwriter(fill)
    not_yet = "formula_not_calculated"
    assert faults(data) == {2: [("address", not_yet), ("remark", not_yet)]}
    assert read(data)[1][1] == {"name": "乙", "use": "office", "area_m2": 200, "remark": "c"}
    calculated = with_xml(data, "xl/workbook.xml", (' fullCalcOnLoad="1"', ""))
    _, stored, _ = read(calculated)[0]  # Excel has saved it: 0 is what the formula gives
    assert stored["address"] == "0"
    assert "remark" not in stored


def test_every_cell_that_an_array_formula_would_fill_waits_for_its_result() -> None:
    def op(sheet: Any) -> None:
        sheet.append(["甲", "办公", 1])
        sheet.append(["乙", "办公", 1])
        sheet.append(["丙", "办公", 1])
        sheet["D2"] = ArrayFormula("D2:D3", "=A2:A3")

    def xw(_book: Any, sheet: Any) -> None:
        for row, name in enumerate("甲乙丙", start=1):
            sheet.write_row(row, 0, [name, "办公", 1])
        sheet.write_array_formula("D2:D3", "{=A2:A3}")

    for data in (by_openpyxl(op), by_xlsxwriter(xw)):
        assert faults(data) == {key: [("address", "formula_not_calculated")] for key in (2, 3)}


def test_a_row_that_holds_a_formula_without_a_result_and_nothing_else_is_a_row() -> None:
    def fill(sheet: Any) -> None:
        sheet.append(["甲", "办公", 1])
        sheet["D9"] = "=1"

    assert [number for number, _, _ in read(by_openpyxl(fill))] == [2, 9]


def test_a_formula_as_heading_is_a_column_without_a_heading() -> None:
    data = by_openpyxl(lambda sheet: sheet.append(["甲", "办公", 1, "一号"]))
    book = openpyxl.load_workbook(io.BytesIO(data))
    book.worksheets[0]["D1"] = '="地址"'
    (note,) = table(saved(book)).notes
    assert (note.code, note.column, note.count) == ("column_without_heading", "D", 1)


@pytest.mark.parametrize("error", ["#N/A", "#REF!", "#SPILL!", "#CALC!", "#FIELD!", "#BLOCKED!"])
@pytest.mark.parametrize("quote", ['"', "'"])
def test_any_error_is_named_whichever_it_is_and_however_it_is_written(
    error: str, quote: str
) -> None:
    data = by_openpyxl(lambda sheet: sheet.append(["甲", "办公", 1, 7]))
    cell = f'<c r="D2" t={quote}e{quote}><f>X()</f><v>{error}</v></c>'
    changed = with_xml(data, SHEET1, ('<c r="D2" t="n"><v>7</v></c>', cell))
    assert faults(changed) == {2: [("address", "excel_error")]}
    assert str(table(changed).rows[0][1]["address"]) == error


@pytest.mark.parametrize("text", ["#N/A", "#DIV/0!", "#SPILL!", "#UNKNOWN!", "#GETTING_DATA",
                                  "Err:502", "#NAME?"])  # fmt: skip
def test_an_error_that_a_csv_shows_is_one_too(text: str) -> None:
    csv = f"{','.join(HEADER)}\n甲,办公,1,{text},\n".encode()
    assert faults(csv, "a.csv") == {2: [("address", "excel_error")]}


@pytest.mark.parametrize(
    "text", ["A1E2", "1E2", "#3", "#A1", "#3!号", "E+11", "3.3E+1室", "Err:x", "C#"]
)
def test_a_code_that_only_looks_like_what_excel_shows_stays_good(text: str) -> None:
    csv = f"{','.join(HEADER)}\n甲,办公,1,{text},\n".encode()
    assert [stored["address"] for _, stored, _ in read(csv, "a.csv")] == [text]


@pytest.mark.parametrize("text", ["3.30102E+11", "1.33E+10", "-1.5E-07", "3,3E+11", "3.3e+11",
                                  "########", "##", "#"])  # fmt: skip
def test_what_excel_shows_in_place_of_a_text_is_none(text: str) -> None:
    csv = f'{",".join(HEADER)}\n甲,办公,1,"{text}",\n'.encode()
    assert faults(csv, "a.csv") == {2: [("address", "text_mangled")]}


@pytest.mark.parametrize("rows", [1, 20])
def test_an_open_quotation_mark_is_named_and_does_not_hide_the_header(rows: int) -> None:
    good = "".join(f"甲{n},办公,1,x,\n" for n in range(rows))
    csv = f'{",".join(HEADER)}\n{good}乙,办公,1,"x,\n丙,办公,1,x,\n'.encode()
    with pytest.raises(errors.WorkbookUnreadable, match=f"after row {rows + 1}"):
        read(csv, "a.csv")


def test_a_number_that_is_not_one_is_not_empty() -> None:
    data = by_openpyxl(lambda sheet: sheet.append(["甲", "办公", 1, 7]))
    changed = with_xml(data, SHEET1, ('<c r="D2" t="n"><v>7</v>', '<c r="D2" t="n"><v>NaN</v>'))
    assert faults(changed) == {2: [("address", "not_a_number")]}


# -- number formats and types ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "format_", "address", "area"),
    [
        (7, "0000", "0007", 700),
        (7, '"A-"000', "A-007", "not_a_number"),
        (1010203, "000-00-00", "101-02-03", "not_a_number"),
        (7, "General", "7", 700),
        (7, "@", "7", 700),
        (7, ";;;", "text_mangled", "not_a_number"),
        (0, "0;-0;;@", "text_mangled", 0),
        (13800000000, "0_ ", "13800000000", "out_of_range"),
        (3.1, "0.00", "3.10", 310),
        (1234.5, "#,##0.00_);[Red]\\(#,##0.00\\)", "text_mangled", 123450),
        (1234.5, '_ * #,##0.00_ ;_ * \\-#,##0.00_ ;_ * "-"??_ ;_ @_ ', "text_mangled", 123450),
        (0, '_ * #,##0.00_ ;_ * \\-#,##0.00_ ;_ * "-"??_ ;_ @_ ', "text_mangled", 0),
        (1.2, '0.00"万"', "1.20万", "not_a_number"),
        (12345, '0!.0,"万"', "text_mangled", "not_a_number"),
        (12345, '[>=10000]0!.0,"万";0', "text_mangled", "not_a_number"),
        (12000, "0,", "text_mangled", "not_a_number"),
        (0.5, "0%", "text_mangled", "not_a_number"),
        (0.5, "0.00%", "text_mangled", "not_a_number"),
        (12, '0" m²"', "12 m²", 1200),
        (12, "0㎡", "12㎡", 1200),
        (12, '[$¥-804]#,##0', "text_mangled", "not_a_number"),
        (330102000000, "0.00E+00", "text_mangled", "out_of_range"),
        (7, "[DBNum2][$-804]General", "text_mangled", 700),
        (0, '0;-0;""', "text_mangled", 0),
    ],
)  # fmt: skip
def test_a_number_is_read_as_its_format_shows_it_or_refused(
    number: float, format_: str, address: str, area: int | str
) -> None:
    def fill(book: Any, sheet: Any) -> None:
        style = book.add_format({"num_format": format_})
        sheet.write_row(1, 0, ["甲", "办公", 1])
        sheet.write_number(1, 3, number, style)
        sheet.write_row(2, 0, ["乙", "办公"])
        sheet.write_number(2, 2, number, style)

    (_, as_text, text_faults), (_, as_number, number_faults) = read(by_xlsxwriter(fill))
    assert as_text.get("address", *[code for _, code in text_faults]) == address
    assert as_number.get("area_m2", *[code for _, code in number_faults]) == area


@pytest.mark.parametrize("cell", ["￥1,200.50", "¥1200.5", "1200.50元", "1,200.50"])
def test_money_in_its_own_sign_is_money(cell: str) -> None:
    register = REGISTERS["placement"]
    stored, found = check(register, {"subsidy": cell}, Level.COMMUNITY, partial=True)
    assert (stored, found) == ({"subsidy": 120050}, [])


def test_days_times_and_truths_are_no_texts_and_no_numbers() -> None:
    def fill(sheet: Any) -> None:
        sheet.append(["甲", "办公", 1, datetime.date(2024, 5, 1)])
        sheet.append(["乙", "办公", 1, datetime.time(12, 30)])
        sheet.append(["丙", "办公", 1, datetime.timedelta(hours=30)])
        sheet.append(["丁", "办公", True, True])
        sheet.append(["戊", "办公", datetime.date(2024, 5, 1)])
        sheet.append(["己", "办公", datetime.timedelta(hours=30)])

    data = by_openpyxl(fill)
    assert faults(data) == {
        **{key: [("address", "text_mangled")] for key in (2, 3, 4)},
        **{key: [("area_m2", "not_a_number")] for key in (5, 6, 7)},
    }
    assert read(data)[3][1]["address"] == "TRUE"  # as the cell shows it


def test_a_day_in_a_column_of_days_is_read_by_the_date_system_of_its_workbook() -> None:
    register = REGISTERS["service_outlet"]

    def fill(book: Any, sheet: Any) -> None:
        day = book.add_format({"num_format": 'yyyy"年"m"月"d"日"'})
        sheet.write_row(0, 0, ["网点名称", "网点类型", "开办日期"])
        for row, (number, style) in enumerate(
            [(43951, None), (43951, day), (20240501, None), (2024, None), (0, day),
             (20240501, book.add_format({"num_format": "0000-00-00"}))],
            start=1,
        ):  # fmt: skip
            sheet.write_row(row, 0, [f"店{row}", "网点"])
            sheet.write_number(row, 2, number, style)

    def days(data: bytes) -> list[Value]:
        return [stored.get("opened_on") for _, stored, _ in read(data, "a.xlsx", register)]

    given_1900 = ["2020-04-30", "2020-04-30", "2024-05-01", None, None, "2024-05-01"]
    assert days(by_xlsxwriter(fill)) == given_1900
    given_1904 = ["2024-05-01", "2024-05-01", "2024-05-01", None, None, "2024-05-01"]
    assert days(by_xlsxwriter(fill, date_1904=True)) == given_1904


# -- merged cells --------------------------------------------------------------------------------


def rows_merged(*areas: str) -> bytes:
    def fill(sheet: Any) -> None:
        for n in range(2, 6):
            sheet.append([f"房{n}", "办公", n, f"地{n}", f"注{n}"])
        for area in areas:
            sheet.merge_cells(area)

    return by_openpyxl(fill)


def test_a_cell_merged_downwards_gives_every_row_its_value_but_a_number() -> None:
    found = read(rows_merged("B2:B3", "D2:D4", "C4:C5"))
    assert [stored.get("address") for _, stored, _ in found] == ["地2", "地2", "地2", "地5"]
    assert [code for _, _, code in found] == [[], [], *[[("area_m2", "merged_cell")]] * 2]
    notes = table(rows_merged("D2:D4")).notes
    assert [(n.code, n.count) for n in notes] == [("merged_cells", 1)]
    assert "D2:D4" in notes[0].en


def test_a_cell_merged_over_two_fields_is_the_value_of_neither() -> None:
    for area, rows in (("D3:E3", [3]), ("D2:E4", [2, 3, 4]), ("C3:D3", [3]), ("A3:E3", [3])):
        found = faults(rows_merged(area))
        assert list(found) == rows
        for codes in found.values():
            assert {code for _, code in codes} == {"merged_cell"}
    (_, cells), *_ = [row for row in table(rows_merged("D3:E3")).rows if row[0] == 3]
    _, found_faults = check(PREMISES, cells, Level.COMMUNITY)
    assert all("D3:E3" in f.en and "D3:E3" in f.zh for f in found_faults)


def test_a_cell_merged_with_a_column_that_is_no_field_is_the_value_of_the_field_it_begins_in() -> (
    None
):
    def fill(sheet: Any) -> None:
        sheet["E1"] = None
        sheet.append(["甲", "办公", 1, "一号楼", None])
        sheet.append(["乙", "办公", 1, None, None])
        sheet.merge_cells("D1:E1")
        sheet.merge_cells("D2:E2")

    data = by_openpyxl(fill)
    assert (faults(data), table(data).notes) == ({}, ())
    assert read(data)[0][1]["address"] == "一号楼"
    book = openpyxl.load_workbook(io.BytesIO(data))
    sheet = book.worksheets[0]
    sheet.unmerge_cells("D1:E1")
    sheet["D1"], sheet["E1"] = None, "地址"
    assert faults(saved(book)) == {2: [("address", "merged_cell")]}


def test_a_heading_merged_into_the_rows_below_is_no_value_of_theirs() -> None:
    assert faults(rows_merged("D1:D3")) == {key: [("address", "merged_cell")] for key in (2, 3)}


def test_records_of_two_lines_each_are_one_record_each() -> None:
    def fill(sheet: Any) -> None:
        for n in (2, 4):
            sheet.append([f"房{n}", "办公", n, f"地{n}"])
            sheet.append([])
            for column in "ABCD":
                sheet.merge_cells(f"{column}{n}:{column}{n + 1}")

    found = read(by_openpyxl(fill))
    assert [(n, s["area_m2"], codes) for n, s, codes in found] == [(2, 200, []), (4, 400, [])]


def test_values_hidden_under_a_merged_cell_are_not_read() -> None:
    data = with_xml(
        rows_merged(), SHEET1,
        ("</sheetData>", '</sheetData><mergeCells><mergeCell ref="D2:D3"/></mergeCells>'),
    )  # fmt: skip
    assert [stored["address"] for _, stored, _ in read(data)] == ["地2", "地2", "地4", "地5"]


def test_an_empty_merged_cell_is_empty() -> None:
    def fill(sheet: Any) -> None:
        sheet.append(["甲", "办公", 1])
        sheet.append(["乙", "办公", 1])
        sheet.merge_cells("D2:E3")

    data = by_openpyxl(fill)
    assert (faults(data), table(data).notes) == ({}, ())


def test_a_merged_formula_without_a_result_is_unknown_in_every_row() -> None:
    def fill(sheet: Any) -> None:
        sheet.append(["甲", "办公", 1, "=1"])
        sheet.append(["乙", "办公", 1])
        sheet.merge_cells("D2:D3")

    assert faults(by_openpyxl(fill)) == {
        key: [("address", "formula_not_calculated")] for key in (2, 3)
    }


def test_a_merged_cell_whose_row_is_refused_can_be_annotated() -> None:
    data = rows_merged("D2:E3", "C4:C5")
    found = table(data)
    marked_rows = [
        RowFault(n, column, "address", "merged_cell", "Merged.", "合并。")
        for n in (2, 3) for column in "DE"
    ]  # fmt: skip
    copy = annotate(data, found, marked_rows, notes=found.notes)
    sheet = openpyxl.load_workbook(io.BytesIO(copy)).worksheets[0]
    assert sheet["F3"].value == "合并。\n合并。"
    assert str(next(iter(sheet.merged_cells.ranges))) in ("D2:E3", "C4:C5")


# -- rows, columns -------------------------------------------------------------------------------


def codes_of(data: bytes, filename: str = "a.xlsx") -> list[tuple[str, str, tuple[int, ...], int]]:
    return [(n.code, n.column, n.rows, n.count) for n in table(data, filename).notes]


def test_hidden_rows_and_columns_are_read_and_noted_however_they_were_hidden() -> None:
    def op(sheet: Any) -> None:
        for name in "甲乙丙丁":
            sheet.append([name, "办公", 1, "一号", "注"])
        sheet.auto_filter.ref = "A1:E5"
        sheet.row_dimensions[3].hidden = True
        sheet.row_dimensions.group(4, 4, hidden=True)
        sheet.column_dimensions.group("D", "E", hidden=True)

    def xw(_book: Any, sheet: Any) -> None:
        for row, name in enumerate("甲乙丙丁", start=1):
            sheet.write_row(row, 0, [name, "办公", 1, "一号", "注"])
        sheet.set_row(2, None, None, {"hidden": True})
        sheet.set_row(3, 0)
        sheet.set_column("D:D", 0)
        sheet.set_column("E:E", None, None, {"level": 1, "hidden": True})

    for data in (by_openpyxl(op), by_xlsxwriter(xw)):
        assert codes_of(data) == [
            ("hidden_rows", "", (3, 4), 2), ("hidden_column", "D", (), 0),
            ("hidden_column", "E", (), 0),
        ]  # fmt: skip
        assert len(table(data).rows) == 4


def test_every_value_that_no_field_takes_is_counted_by_its_column() -> None:
    def fill(sheet: Any) -> None:
        sheet["F1"] = "图片"
        sheet.append(["甲", "办公", 1, "", "", "p.jpg", "旁注"])
        sheet.append(["乙", "办公", 1, "", "", "", 3])
        sheet.append([None, None, None, None, None, "q.jpg"])
        sheet["J3"] = "远"

    assert codes_of(by_openpyxl(fill)) == [
        ("unknown_heading", "F", (2, 4), 2), ("column_without_heading", "G", (2, 3), 2),
        ("column_without_heading", "J", (3,), 1), ("row_outside", "", (4,), 1),
    ]  # fmt: skip


def test_a_header_that_is_repeated_is_left_out_and_a_different_one_refuses_what_follows() -> None:
    rows = [["甲", "办公", 1], [], HEADER, ["乙", "办公", 1], ["用途", "用房名称", "建筑面积"],
            ["办公", "丙", 1]]  # fmt: skip
    data = by_openpyxl(lambda sheet: [sheet.append(row) for row in rows])
    found = table(data)
    assert [number for number, _ in found.rows] == [2, 5, 6, 7]
    assert [(f.row, f.code) for f in found.faults] == [(6, "second_header"), (7, "second_header")]
    assert codes_of(data) == [("repeated_header", "", (4,), 1)]
    assert found.blank_rows == 1


def test_rows_after_a_footer_are_read_and_the_footer_is_refused() -> None:
    rows = [["甲", "办公", 1], ["制表人：某某"], [], ["乙", "办公", 2]]
    data = by_openpyxl(lambda sheet: [sheet.append(row) for row in rows])
    assert faults(data) == {3: [("area_m2", "required"), ("use", "required")]}
    assert [number for number, _, _ in read(data)] == [2, 3, 5]


# -- the old .xls ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["marks.xls", "marks-1904.xls"])
def test_an_old_xls_shows_the_same_marks(name: str) -> None:
    """Rows 2 to 10, as tests/data/cases/xls/make.py wrote them."""
    data = (INPUTS / name).read_bytes()
    not_yet = "formula_not_calculated"
    assert faults(data, name) == {
        2: [("area_m2", "not_a_number")],  # 1.2 shown as 1.20万
        3: [("address", not_yet), ("area_m2", "not_a_number")],  # 0.5 shown as 50%
        4: [("area_m2", not_yet)],
        7: [("address", "merged_cell"), ("remark", "merged_cell")],
        8: [("address", "text_mangled")],  # a day
        9: [("area_m2", "excel_error")],
        10: [("area_m2", "not_a_number")],  # TRUE
    }
    addresses = [stored.get("address") for _, stored, _ in read(data, name)]
    assert addresses[0] == "0007"
    assert addresses[3:5] == ["一号楼", "一号楼"]
    assert str(table(data, name).rows[7][1]["area_m2"]) == "#N/A"
    assert [(n.code, n.column) for n in table(data, name).notes] == [
        ("merged_cells", ""), ("hidden_rows", ""), ("hidden_column", "E")
    ]  # fmt: skip


def test_a_day_number_of_an_old_xls_is_counted_by_its_date_system() -> None:
    register = REGISTERS["service_outlet"]
    for name, day in (("days.xls", "2020-04-30"), ("days-1904.xls", "2024-05-01")):
        rows = read((INPUTS / name).read_bytes(), name, register)
        assert [stored["opened_on"] for _, stored, _ in rows] == [day, day]


# -- bounds --------------------------------------------------------------------------------------


def test_what_a_file_says_of_far_cells_costs_no_more_than_its_bounds() -> None:
    small = Limits(rows_max=50, columns_max=10, cells_max=400)
    with pytest.raises(errors.WorkbookTooLarge):
        mark_areas(Marks(), [Area(1, 0, 10**6, 10**4)] * 2, small)
    wide = Marks(merges=[Area(1, 0, 10**6, 10**4)])
    (row,) = marked(iter([(1, ["x"])]), wide, small)
    assert len(row[1]) == small.columns_max
    many = Marks(merges=[Area(1, n, 10**6, n) for n in range(11)])
    with pytest.raises(errors.WorkbookTooLarge):
        list(marked(iter([(1, ["x"])]), many, small))


# -- CSV -----------------------------------------------------------------------------------------

LINE = "用房名称,用途,建筑面积,地址\r\n甲,办公,1.5,一号\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le",
                                      "utf-16-be"])  # fmt: skip
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_csv_is_read_in_the_encodings_of_its_writers_with_or_without_a_byte_order_mark(
    encoding: str, separator: str
) -> None:
    data = LINE.replace(",", separator).encode(encoding)
    good = {"name": "甲", "use": "office", "area_m2": 150, "address": "一号"}
    assert read(data, "a.csv") == [(2, good, [])]


def test_a_nul_in_a_cell_is_a_fault_of_that_cell() -> None:
    assert faults("用房名称,用途,建筑面积\n甲\0,办公,1\n乙,办公,2\n".encode(), "a.csv") == {
        2: [("name", "control_character")]
    }


def test_empty_cells_behind_the_last_heading_are_nothing() -> None:
    csv = b"name,use,area_m2,,,\na,office,1,,,\nb,office,2\n"
    assert (faults(csv, "a.csv"), table(csv, "a.csv").notes) == ({}, ())


def test_headings_are_known_in_any_width_and_form_and_behind_a_line_of_excels_own() -> None:
    text = 'sep=;\n"\ufeff用房\u200b名称*";ＵＳＥ;建筑面积（㎡）\n甲;办公;1\n'
    assert faults(text.encode(), "a.csv") == {}
    assert codes_of(text.encode(), "a.csv") == [("rows_above_header", "", (1,), 1)]


@pytest.mark.parametrize(
    ("cell", "value"),
    [('="0007"', "0007"), ("'0007", "0007"), ("`0007", "0007"), ("'0007'", "0007"),
     ("\t0007", "0007"), ("0007\t", "0007"), ("'3-1-101", "3-1-101"), ("'３－１", "3－1"),
     ("'90年代'", "'90年代'"), ("'a b", "a b"), ("'东楼", "东楼"), ("'东'楼", "'东'楼"),
     ('="a ""b"""', 'a "b"')],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_marks_that_mean_text_come_off_a_code(cell: str, value: str, kind: str) -> None:
    row = ["甲", "办公", "1", cell]
    if kind == "csv":
        quoted = cell.replace('"', '""')
        data = f'{",".join(HEADER[:4])}\n甲,办公,1,"{quoted}"\n'.encode()
    else:
        book = openpyxl.Workbook()
        sheet = book.active
        assert sheet is not None
        sheet.append(HEADER)
        sheet.append(row)
        sheet["D2"].data_type = "s"
        data = saved(book)
    assert [stored.get("address") for _, stored, _ in read(data, f"a.{kind}")] == [value]
