"""What is written can be read back unchanged, runs nothing, and helps a clerk to fill it in."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from datetime import date

import openpyxl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from node.domain.catalogue import load_catalogue
from node.domain.days import LAST
from node.domain.register import Field, Register
from node.domain.sheet_values import read_value
from node.domain.units import Level
from node.domain.validate import check
from node.workbook import errors
from node.workbook.annotate import annotate
from node.workbook.faults import RowFault
from node.workbook.reader import Table
from node.workbook.text import guard, unguard
from node.workbook.writer import template, write_csv, write_xlsx
from sync.model.change import Value
from tests.support.tables import read_table

REGISTERS = load_catalogue().registers
WRITERS: dict[str, Callable[..., int]] = {"a.xlsx": write_xlsx, "a.csv": write_csv}
Row = dict[str, Value]

TEXTS = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=20),
    st.sampled_from(["=1+1", "'=1", "''@x", "-", "+86", "_x0041_", "a\nb", '"', "330104", "0012"]),
)


def values_of(field: Field) -> st.SearchStrategy[Value]:
    codes = sorted(field.choices)
    if field.type == "choice":
        return st.sampled_from(codes)
    if field.type == "set":
        return st.sets(st.sampled_from(codes), min_size=1).map(lambda s: ",".join(sorted(s)))
    if field.type == "date":
        return st.dates(date(1990, 1, 1), LAST).map(str)
    if field.type == "bool":
        return st.integers(0, 1)
    if field.type in ("int", "decimal"):
        low, high = (int(b) if b is not None else 0 for b in (field.minimum, field.maximum))
        return st.integers(low, high or 10_000)
    return TEXTS.map(lambda text: _kept(field, text)).filter(lambda text: text is not None)


def _kept(field: Field, text: str) -> Value:
    try:
        return read_value(field, text)
    except Exception:
        return None


def rows_of(register: Register) -> st.SearchStrategy[list[Row]]:
    usual = [f for f in register.fields.values() if f.form in ("", "code")]
    required = {f.name: values_of(f) for f in usual if f.required}
    optional = {f.name: values_of(f) for f in usual if not f.required}
    return st.lists(st.fixed_dictionaries(required, optional=optional), min_size=1, max_size=4)


def parsed(register: Register, table: Table) -> list[Row]:
    found = []
    for _, cells in table.rows:
        stored, faults = check(register, cells, Level.COMMUNITY)
        assert [f.code for f in faults if not f.code.startswith("rule_")] == []
        found.append(stored)
    return found


@pytest.mark.parametrize("filename", sorted(WRITERS))
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("name", ["premises", "service_outlet", "community_worker", "election"])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_records_round_trip(filename: str, lang: str, name: str, data: st.DataObject) -> None:
    register = REGISTERS[name]
    rows = data.draw(rows_of(register))
    out = io.BytesIO()
    assert WRITERS[filename](out, register, rows, lang) == len(rows)
    table = read_table(out.getvalue(), filename, register)
    assert parsed(register, table) == rows
    assert table.unknown_headers == ()


def test_an_identity_number_round_trips_with_all_its_digits() -> None:
    register = REGISTERS["resident"]
    row: Row = {"id_number": "999999199001010015", "name": "甲", "birth_date": "1990-01-01"}
    for filename, write in WRITERS.items():
        out = io.BytesIO()
        write(out, register, [row])
        assert (
            read_table(out.getvalue(), filename, register).rows[0][1]["id_number"]
            == row["id_number"]
        )


@given(st.text(max_size=8))
@example("'=1")
@example("''")
def test_the_protective_apostrophe_is_removed_exactly(text: str) -> None:
    assert unguard(guard(text)) == text
    assert guard(text)[:1] not in ("=", "+", "-", "@", "\t", "\r", "\0")


def test_nothing_that_is_written_is_a_formula() -> None:
    register = REGISTERS["premises"]
    row: Row = {"name": "=HYPERLINK(1)", "use": "office", "area_m2": 100, "remark": "@SUM(A1)"}
    xlsx, text = io.BytesIO(), io.BytesIO()
    write_xlsx(xlsx, register, [row])
    write_csv(text, register, [row])
    sheet = openpyxl.load_workbook(xlsx).worksheets[0]
    assert {cell.data_type for cells in sheet.iter_rows(min_row=2) for cell in cells} <= {"s", "n"}
    assert text.getvalue().startswith(b"\xef\xbb\xbf")
    _, cells = csv.reader(io.StringIO(text.getvalue().decode("utf-8-sig"), newline=""))
    assert [cell[0] for cell in cells if cell] == ["'", "办", "1", "'"]


def test_a_template_has_the_writers_columns_only_dropdowns_and_notes() -> None:
    out = io.BytesIO()
    template(out, REGISTERS["premises"], level=Level.COMMUNITY)
    book = openpyxl.load_workbook(out)
    sheet = book["社区用房"]
    header = [cell.value for cell in sheet[1]]
    assert "用途" in header
    assert "核定面积" not in header  # the street's
    assert sheet.freeze_panes == "A2"
    lists = {str(v.sqref).split(":")[0]: v.formula1 for v in sheet.data_validations.dataValidation}
    assert lists["B2"] == '"办公,活动,服务"'
    assert sheet.column_dimensions["A"].number_format == "@"
    notes = {str(row[0]): row[1:] for row in book["说明"].iter_rows(values_only=True)}
    assert notes["用途"][0] == "是"
    assert notes["用途"][3] == "办公、活动、服务"
    assert read_table(out.getvalue(), "a.xlsx", REGISTERS["premises"]).rows == []


def test_options_too_long_for_a_cell_are_on_a_hidden_sheet() -> None:
    choices = {f"c{i}": (f"选项{i}" * 12, f"Option {i}" * 9) for i in range(9)}
    field = Field(name="kind", zh="类别", en="Kind", type="choice", choices=choices)
    register = Register(name="long", zh="长", en="Long", lane="bulk", audience="local", level=None,
                        key=(), fields={"kind": field})  # fmt: skip
    out = io.BytesIO()
    template(out, register)
    book = openpyxl.load_workbook(out)
    assert book["选项"].sheet_state == "hidden"
    (rule,) = book["长"].data_validations.dataValidation
    assert rule.formula1 == "'选项'!$A$2:$I$2"
    assert [c.value for c in book["选项"][2]] == [zh for zh, _ in choices.values()]


PREMISES = REGISTERS["premises"]
FAULT = RowFault(3, "C", "area_m2", "not_a_number", "Area is no number.", "建筑面积不是数字。",
                 "Write digits.", "请只填数字。")  # fmt: skip


def clerks_book() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["登记表"])
    sheet.append(["用房名称", "用途", "建筑面积"])
    sheet.append(["一号楼", "办公", "约一百"])
    sheet["E3"] = "旁注"
    sheet["A4"] = "=1+1"
    sheet["A4"].data_type = "s"
    sheet.merge_cells("A1:D1")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_the_annotated_copy_is_the_same_workbook_with_the_faults_in_it() -> None:
    data = clerks_book()
    table = read_table(data, "a.xlsx", PREMISES)
    copy = annotate(data, table, [FAULT])
    sheet = openpyxl.load_workbook(io.BytesIO(copy)).worksheets[0]
    assert [c.value for c in sheet[2]] == ["用房名称", "用途", "建筑面积", None, None, "错误"]
    assert [c.value for c in sheet[3]][4:] == ["旁注", "建筑面积不是数字。请只填数字。"]
    assert sheet["C3"].fill.start_color.rgb == "FFFFC7CE"
    assert sheet["B3"].fill.fill_type is None
    assert sheet["A4"].data_type == "s"
    again = read_table(copy, "a.xlsx", PREMISES)
    assert (again.rows, again.unknown_headers) == (table.rows, ())


def test_a_corrected_copy_loses_its_old_marks_when_it_is_annotated_again() -> None:
    data = clerks_book()
    copy = annotate(data, read_table(data, "a.xlsx", PREMISES), [FAULT])
    clean = annotate(copy, read_table(copy, "a.xlsx", PREMISES), [])
    sheet = openpyxl.load_workbook(io.BytesIO(clean)).worksheets[0]
    assert sheet["F3"].value is None
    assert sheet["C3"].fill.fill_type is None
    assert sheet.max_column == 6


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_an_annotated_csv_keeps_its_encoding_separator_and_cells(encoding: str) -> None:
    data = "登记表\r\n用房名称;用途;建筑面积\r\n'=一;办公;约一百\r\n".encode(encoding)
    table = read_table(data, "a.csv", PREMISES)
    copy = annotate(data, table, [FAULT])
    assert copy.decode(encoding).splitlines() == [
        "登记表", "用房名称;用途;建筑面积;错误",
        "'=一;办公;约一百;建筑面积不是数字。请只填数字。"
    ]  # fmt: skip
    assert read_table(copy, "a.csv", PREMISES).rows == table.rows
    assert annotate(copy, read_table(copy, "a.csv", PREMISES), [FAULT]) == copy


def test_an_old_xls_cannot_be_annotated_and_the_refusal_names_the_remedy() -> None:
    table = read_table(clerks_book(), "a.xlsx", PREMISES)
    old = Table(**{name: getattr(table, name) for name in table.__slots__} | {"kind": "xls"})
    with pytest.raises(errors.NotAnnotatable) as refused:
        annotate(b"", old, [FAULT])
    assert ".xlsx" in refused.value.remedy_zh


def test_an_office_is_opened_without_the_libraries_that_write_workbooks() -> None:
    probe = "import sys, hub.api.files; print({'openpyxl', 'xlsxwriter'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
