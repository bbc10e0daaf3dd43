"""What the reader takes from a clerk's file, what it tolerates, and what it refuses."""

from __future__ import annotations

import base64
import contextlib
import datetime
import io
import struct
import zipfile
import zlib
from collections.abc import Callable

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.domain.catalogue import load_catalogue
from node.workbook import errors
from node.workbook.faults import RowFault, column_letter, grouped
from node.workbook.limits import Limits
from node.workbook.package import sheet_extent
from node.workbook.reader import Table
from sync.model.errors import SilianError
from tests.support.tables import read_table

REGISTERS = load_catalogue().registers
PREMISES = REGISTERS["premises"]
RESIDENT = REGISTERS["resident"]
HEADER = ["用房名称", "用途", "建筑面积"]
ROW = ["一号楼", "办公", 120.5]
NAMED = {"name": "一号楼", "use": "办公", "area_m2": 120.5}


def workbook(rows: list[list[object]], title: str = "Sheet1", at: str = "A1") -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    first = sheet[at]
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            sheet.cell(first.row + i, first.column + j, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_part(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for entry in old.infolist():
            content = old.read(entry)
            new.writestr(entry.filename, change(content) if entry.filename == name else content)
    return out.getvalue()


def with_cells(xml: str) -> bytes:
    body = f"<sheetData>{xml}</sheetData>".encode()
    return with_part(
        workbook([HEADER, ROW]),
        "xl/worksheets/sheet1.xml",
        lambda old: (
            old[: old.index(b"<sheetData>")] + body + old[old.index(b"</sheetData>") + 12 :]
        ),
    )


def read(data: bytes, filename: str = "a.xlsx", **more: object) -> Table:
    return read_table(data, filename, PREMISES, **more)  # type: ignore[arg-type]


def test_a_header_under_titles_is_found_and_rows_keep_the_numbers_that_excel_shows() -> None:
    title = ["闸弄口街道社区用房登记表"]
    table = read(workbook([title, [], HEADER, ROW, [], ROW, [None], [" "]], at="C4"))
    assert table.header_row == 6
    assert table.headers == {2: "name", 3: "use", 4: "area_m2"}
    assert table.rows == [(7, NAMED), (9, NAMED)]
    assert table.blank_rows == 1  # row 8; what follows row 9 is the sheet's end, not its rows
    assert table.column_of("area_m2") == "E"


@pytest.mark.parametrize(
    "header",
    [
        ["用房名称*", " 用 途 ", "建筑面积（m²）"],
        ["Premises name", "USE", "Area"],
        ["name", "use", "area_m2"],
        ["名称", "使用性质", "面积(平方米)"],
    ],
)
def test_headings_are_recognised_by_label_name_and_alias_in_both_languages(
    header: list[str],
) -> None:
    assert read(workbook([header, ROW])).rows == [(2, NAMED)]


def test_the_sheet_named_after_the_register_wins_else_the_one_whose_header_fits() -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook([["请先阅读"]], title="说明")))
    for title, place in (("表二", "二号楼"), ("社区用房", "三号楼")):
        sheet = book.create_sheet(title)
        sheet.append(HEADER)
        sheet.append([place, "活动", 1])
        out = io.BytesIO()
        book.save(out)
        table = read(out.getvalue())
        assert (table.sheet, table.rows[0][1]["name"]) == (title, place)
    assert read(out.getvalue(), sheet="表二").rows[0][1]["name"] == "二号楼"
    with pytest.raises(errors.SheetNotFound, match="表二"):
        read(out.getvalue(), sheet="表九")


def test_cells_keep_their_type_so_that_validation_can_explain_what_excel_did() -> None:
    header = ["公民身份号码", "姓名", "出生日期", "是否党员"]
    day = datetime.datetime(1990, 1, 2, 3, 4)  # noqa: DTZ001 - Excel knows no time zone
    rows = [
        header,
        ["999999199001020018", "甲", day, True],
        [999999199001020018, "乙", 32875, "是"],
    ]
    (_, first), (_, second) = read_table(workbook(rows), "a.xlsx", RESIDENT).rows
    assert first == {
        "id_number": "999999199001020018",
        "name": "甲",
        "birth_date": day,
        "party_member": True,
    }
    assert isinstance(second["id_number"], float)
    assert isinstance(second["birth_date"], float)


def test_a_failed_formula_is_not_read_as_an_empty_cell() -> None:
    cell = '<c r="{0}1" t="inlineStr"><is><t>{1}</t></is></c>'
    head = "".join(cell.format("ABC"[i], label) for i, label in enumerate(HEADER))
    data = with_cells(
        f'<row r="1">{head}</row>'
        '<row r="2"><c r="A2" s="0" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="C2"><v>3</v></c></row>'
    )
    assert read(data).rows == [(2, {"name": "#DIV/0!", "area_m2": 3.0})]


def test_unknown_headings_are_listed_with_the_nearest_field_and_an_error_column_is_not_one() -> (
    None
):
    table = read(workbook([[*HEADER, "产权性", "", "图片", "错误"], ROW]))
    assert [(u.column, u.text, u.nearest) for u in table.unknown_headers] == [
        ("D", "产权性", "tenure"),
        ("F", "图片", None),
    ]


def test_all_missing_required_columns_are_named_at_once_with_the_nearest_heading() -> None:
    with pytest.raises(errors.ColumnsMissing) as refused:
        read(workbook([["名称", "用途用途用途", "备注"], ROW]))
    assert "用途、建筑面积" in refused.value.zh
    assert "B 列“用途用途用途”" in refused.value.remedy_zh


def test_two_columns_of_one_field_are_refused_with_their_letters() -> None:
    with pytest.raises(errors.ColumnDuplicated, match=r"Area \(C\+D\)"):
        read(workbook([[*HEADER, "面积"], ROW]))


def test_a_sheet_without_the_registers_header_is_refused_with_the_required_headings() -> None:
    with pytest.raises(errors.HeaderNotFound) as refused:
        read(workbook([["品名", "单价"], ["a", 1]]))
    assert "用房名称、用途、建筑面积" in refused.value.remedy_zh


CSV = "社区用房,,\r\n用房名称,用途,建筑面积\r\n一号楼,办公,120.5\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_is_read_in_each_encoding_and_separator_that_excel_writes(
    encoding: str, separator: str
) -> None:
    table = read(CSV.replace(",", separator).encode(encoding), "a.csv")
    assert table.rows == [(3, {**NAMED, "area_m2": "120.5"})]
    assert (table.separator, table.header_row) == (separator, 2)


def test_a_comma_in_the_cells_does_not_outvote_the_separator_of_the_header() -> None:
    text = "a,b,c,d,e,f,g\n用房名称\t用途\t建筑面积\n一,二,三,四,五,六\t办公\t1\n"
    assert read(text.encode(), "a.csv").rows[0][1]["name"] == "一,二,三,四,五,六"


@pytest.mark.parametrize("separator", [*"|，；、｜^~:：/·¦*&#=", "\x01", "\x1f"])
def test_whatever_mark_divides_the_header_separates_the_cells(separator: str) -> None:
    """People type a CSV in Chinese, systems export it with marks of their own."""
    table = read(CSV.replace(",", separator).encode(), "a.csv")
    assert table.rows == [(3, {**NAMED, "area_m2": "120.5"})]
    assert (table.separator, table.unknown_headers) == (separator, ())


def test_a_mark_of_several_characters_leaves_no_column_out() -> None:
    table = read(CSV.replace(",", "||").encode(), "a.csv")
    assert table.rows == [(3, {**NAMED, "area_m2": "120.5"})]
    assert table.notes == (table.notes[0],)  # of the title above the header


def test_a_usual_separator_is_not_outvoted_by_a_mark_in_the_title() -> None:
    text = "请填写用房名称、用途、建筑面积、备注、地址、核定面积\n" + CSV
    assert read(text.encode(), "a.csv").separator == ","


@pytest.mark.parametrize("spaces", [" ", "   ", "\u3000", " \xa0"])
def test_a_header_divided_by_spaces_is_refused_as_that(spaces: str) -> None:
    with pytest.raises(errors.HeaderNotFound, match="Only spaces") as refused:
        read(CSV.replace(",", spaces).encode(), "a.csv")
    assert "逗号" in refused.value.remedy_zh


def test_bytes_that_are_neither_encoding_are_refused_with_the_byte_at_which_each_fails() -> None:
    with pytest.raises(errors.EncodingUnknown, match=r"utf-8: byte 1; gb18030: byte 3"):
        read(b"a\xb0\xa1\xff\xff", "a.csv")


def test_damaged_utf8_is_not_read_as_gb18030() -> None:
    data = CSV.encode() + "二号楼".encode()[:-1] + "，办公".encode()
    assert data.decode("gb18030", "replace")  # which would be read as nonsense, in silence
    with pytest.raises(errors.EncodingUnknown, match="utf-8: byte"):
        read(data, "a.csv")


def test_an_unclosed_quotation_mark_does_not_swallow_the_rest_of_the_file() -> None:
    with pytest.raises(errors.WorkbookUnreadable, match="after row 3"):
        read((CSV + '"二号楼,办公,1\r\n三号楼,办公,2\r\n').encode(), "a.csv")


def test_a_csv_row_longer_than_its_header_is_a_fault_because_its_cells_have_slipped() -> None:
    table = read((CSV + "二,号楼,办公,1\r\n").encode(), "a.csv")
    assert [(f.row, f.column, f.code) for f in table.faults] == [(4, "D", "row_too_long")]


SMALL = Limits(file_bytes_max=20_000, unpacked_bytes_max=100_000, entries_max=20, rows_max=50,
               columns_max=30, cells_max=500)  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04" + b"0" * 20_000,
        with_part(workbook([HEADER]), "xl/styles.xml", lambda old: old + b" " * 100_000),
        workbook([HEADER, *[ROW] * 50]),
        workbook([HEADER], at="AC1"),
        workbook([HEADER, *[ROW] * 40], at="M1"),
        with_cells('<row r="1"><c r="A1"><v>1</v></c><c r="XFD1048576"><v>1</v></c></row>'),
        with_cells("<row r='1'><c r = 'XFD1048576' ><v>1</v></c></row>"),
        with_cells('<row r="1"><c t="n" r="ZZZZ99999999"><v>1</v></c></row>'),
        with_cells("<row>" + "<c><v>1</v></c>" * 31 + "</row>"),
        with_cells('<row r="1"><c r="A1" x="/>"><v>1</v></c><c r="AZ1" x="/>"><v>1</v></c></row>'),
    ],
    ids=["bytes", "unpacked", "rows", "columns", "cells", "far cell", "other spelling",
         "impossible reference", "without references", "tag end in an attribute"],
)  # fmt: skip
def test_a_file_over_a_limit_is_refused_before_it_is_read(data: bytes) -> None:
    with pytest.raises(errors.WorkbookTooLarge) as refused:
        read(data, limits=SMALL)
    assert refused.value.remedy_zh


def test_empty_formatted_cells_far_away_do_not_make_a_sheet_too_large() -> None:
    far = '<row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>'
    data = with_part(
        workbook([HEADER, ROW]),
        "xl/worksheets/sheet1.xml",
        lambda old: old.replace(b"</sheetData>", far.encode()),
    )
    assert read(data).rows == [(2, NAMED)]


@pytest.mark.parametrize(
    ("cells", "extent"),
    [
        ("", (0, 0)),
        ('<c r="B2" t="n"><v>1</v></c><c r="AA9" s="1"/><c r="C1" />', (2, 2)),
        ('<c r="A10"><v>1</v></c><c r="AB2"><v>1</v></c>', (10, 28)),
        ('<x:c r="C7"><v>1</v></x:c><c r="B2"/>', (7, 3)),
        ('<c r="B2"><is><t>a:c b</t></is></c>', (2, 2)),
        ("<c r='B2'><v>1</v></c><c><v>1</v></c>", (2, 3)),
        ('<c\nr="D4"><v>1</v></c>', (4, 4)),
    ],
)
def test_a_sheet_is_measured_to_its_last_cell_however_its_cells_are_spelled(
    cells: str, extent: tuple[int, int]
) -> None:
    sheet = f'<sheetData xmlns:x="x"><row r="1">{cells}</row></sheetData>'
    assert sheet_extent(sheet.encode()) == extent


def test_too_many_parts_are_refused() -> None:
    out = io.BytesIO(workbook([HEADER]))
    with zipfile.ZipFile(out, "a") as archive:
        for i in range(20):
            archive.writestr(f"docProps/{i}.xml", "<a/>")
    with pytest.raises(errors.WorkbookTooLarge, match="parts"):
        read(out.getvalue(), limits=SMALL)


def overlapping() -> bytes:
    """Two directory entries that inflate the same bytes (CVE-2024-0450)."""
    data = workbook([HEADER])
    at = data.index(b"PK\x01\x02")
    end = data.rindex(b"PK\x05\x06")
    size = 46 + struct.unpack_from("<H", data, at + 28)[0]
    again = data[at : at + size].replace(b"docProps", b"docQrops")
    count, directory = struct.unpack_from("<HI", data, end + 10)
    tail = struct.pack("<4s4HIIH", b"PK\x05\x06", 0, 0, count + 1, count + 1,
                       directory + size, at, 0)  # fmt: skip
    return data[:end] + again + tail


def lying_about_its_size() -> bytes:
    """A part whose directory entry announces 10 bytes and whose data inflates to a million."""
    data = bytearray(workbook([HEADER]))
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bomb.compress(b" " * 1_000_000) + bomb.flush()
    out = io.BytesIO(bytes(data))
    with zipfile.ZipFile(out, "a", 8) as archive:
        archive.writestr("bomb.bin", b" " * 1_000_000)
    data = bytearray(out.getvalue())
    entry = data.rindex(b"PK\x01\x02")
    assert struct.unpack_from("<I", data, entry + 20)[0] == len(packed)
    struct.pack_into("<II", data, entry + 16, zlib.crc32(b" " * 10), len(packed))
    struct.pack_into("<I", data, entry + 24, 10)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        overlapping(),
        lying_about_its_size(),
        with_part(workbook([HEADER]), "xl/workbook.xml",
                  lambda old: b'<!DOCTYPE x [<!ENTITY a SYSTEM "a.txt">]>' + old),
        with_part(workbook([HEADER]), "xl/styles.xml",
                  lambda old: old.decode().encode("utf-16")),
    ],
    ids=["overlap", "size", "dtd", "utf-16"],
)  # fmt: skip
def test_structures_that_no_office_program_writes_are_refused_as_unsafe(data: bytes) -> None:
    with pytest.raises(errors.WorkbookUnsafe):
        read(data)


def test_a_macro_in_the_workbook_is_ignored() -> None:
    out = io.BytesIO(workbook([HEADER, ROW]))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 not a project")
    assert read(out.getvalue(), "a.xlsm").rows == [(2, NAMED)]


@pytest.mark.parametrize(
    ("data", "filename", "code"),
    [
        (b"", "a.xlsx", "workbook_unreadable"),
        (b"", "a.csv", "workbook_unreadable"),
        (b"%PDF-1.7", "a.pdf", "workbook_unsupported"),
        (b"<html><table>", "a.xls", "workbook_unreadable"),
        (workbook([HEADER])[:-30], "a.xlsx", "workbook_unreadable"),
        (with_part(workbook([HEADER]), "xl/workbook.xml", lambda old: old[:90]), "a.xlsx",
         "workbook_unreadable"),
    ],
)  # fmt: skip
def test_damage_is_reported_with_a_stable_code_in_two_languages(
    data: bytes, filename: str, code: str
) -> None:
    with pytest.raises(errors.WorkbookError) as refused:
        read(data, filename)
    assert refused.value.code == code
    assert refused.value.en
    assert refused.value.zh
    assert refused.value.remedy_en
    assert refused.value.remedy_zh


def refused_or_read(data: bytes, filename: str) -> None:
    with contextlib.suppress(SilianError):
        read(data, filename, limits=SMALL)


BASE = workbook([["表"], HEADER, ROW])
# An .xls of three rows (a title, HEADER, ROW) as xlwt writes it.
LEGACY_BYTES = zlib.decompress(
    base64.b85decode(
        "c-p&gUhu)fjZzO8(10BSGsD0CoD6J8VvIn{3F8Pb0OkMx2QgtZ2N3@s1w#sOasVTejg?_H?-_Pb9D?HeAp;Y`29|"
        "?Bl7Zn75XUeSF!<%?r7F-7IDy@e$Ov+SEs$hnm;)5yV~_;9N(f9QgGpg9xgM-?514cSi}Zp?TcFwpj8P2d?ftYYp"
        "s6^5NeL{+#{e>SJ6O*xu!tdpD8mU*Dz2Zv2vN(*;8>KIm@_yf<XCtZmM{S0%{?_QwJ0&?0fPuI0+%p+{jb2l@CBA"
        "r4=9X^(^s640Vw_hRh%7*_+%y)28ITP{|Vp(-U>{RPnjW^FgPPMwZ!lbFe$S^GbIZHqg|y{utuqU5|9a^ctbu^GJ"
        "%*P6M!PW;sUFaroXRb2AbseJ-8+lC^auACy)zNXoEAk07@q31t)$UAeq9z4`vI3vw#4w82_{K<0apu0Q-2bNCUWF"
        "hZO&+AQv<IXJ`cJ0BYs~%P_-9EwB!4Fxdn)RT|8e0+S-ZgbSqA0z{z<w`Q=K7O<=u&>mwjxNNVE#MS_^TVDt6kZX"
        "NxuL)$YbAMPRvhKS5LIx#Zb(8|s4}#4MI*dAuvu1+8PJ0;52rVk^f=Nk?VuOQ80P45@&^nHv;V%Ohm?;P*K`I!*z"
        "C%^P2vz|iAv{?4L3m6+9y3%o6BgY}VBIWG^^nkK1@h{cKs=Cc?>)dum`R9X8%QZI9UuS~!zdU9qhJ(_f>AIEM!_f"
        ";1!MwH1C|Necn38{S)ttncIddyUm*TBI!rQbK@dYe5S9QtrmhTmK)Q&blBDz_#=y!5GmDW(J+SdY5C{j_Uc`{ikO"
        "X!|Hp%H1*u7&!_7Bk-1*n&WNVWeTDek1P{Qxu5(EI"
    )
)


def test_an_old_xls_is_read() -> None:
    table = read(LEGACY_BYTES, "a.xls")
    assert table.rows == [(3, {**NAMED, "area_m2": 120.5})]


def test_an_old_xls_is_measured_before_the_library_allocates_its_cells() -> None:
    at = LEGACY_BYTES.index(struct.pack("<HHHH", 0x027E, 10, 2, 2))  # the number in C3
    far = bytearray(LEGACY_BYTES)
    struct.pack_into("<HH", far, at + 4, 65_535, 255)
    with pytest.raises(errors.WorkbookTooLarge):
        read(bytes(far), "a.xls")


def test_a_workbook_with_a_password_says_so_and_not_that_it_is_damaged() -> None:
    """Excel keeps it as a stream of this name in a file that begins like an .xls."""
    at = LEGACY_BYTES.index("Workbook\0".encode("utf-16-le"))
    name = "EncryptedPackage\0".encode("utf-16-le")
    data = bytearray(LEGACY_BYTES)
    data[at : at + len(name)] = name
    struct.pack_into("<H", data, at + 64, len(name))
    with pytest.raises(errors.WorkbookEncrypted):
        read(bytes(data), "a.xlsx")


def test_a_file_on_which_the_reading_library_aborts_does_not_end_the_process() -> None:
    deadly = bytearray(LEGACY_BYTES)
    deadly[1602] = 0x7F  # the first row of the recorded dimensions then lies past the last
    with pytest.raises(errors.WorkbookUnreadable):
        read(bytes(deadly), "a.xls")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400), st.sampled_from(["a.csv", "a.xlsx", "a.xls", "a"]))
def test_arbitrary_bytes_are_read_or_refused_and_nothing_else(data: bytes, filename: str) -> None:
    refused_or_read(data, filename)
    refused_or_read(b"PK\x03\x04" + data, filename)
    refused_or_read(LEGACY_BYTES[:512] + data, filename)


def damaged(data: st.DataObject, whole: bytes) -> bytes:
    changed = bytearray(whole)
    places = st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255))
    for at, byte in data.draw(st.lists(places, max_size=6)):
        changed[at] = byte
    return bytes(changed[: len(whole) - data.draw(st.integers(0, 40))])


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_workbook_with_bytes_changed_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    refused_or_read(damaged(data, BASE), "a.xlsx")


@settings(max_examples=20, deadline=None)  # each starts a process
@given(st.data())
def test_an_old_xls_with_bytes_changed_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    refused_or_read(damaged(data, LEGACY_BYTES), "a.xls")


SHEET_XML = zipfile.ZipFile(io.BytesIO(BASE)).read("xl/worksheets/sheet1.xml")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_sheet_with_its_xml_changed_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(SHEET_XML) - 1))
    new = data.draw(st.sampled_from([b"<", b">", b'"', b"\0", b"&#x41;", b'r="ZZ9"', b"</row>"]))
    changed = SHEET_XML[:at] + new + SHEET_XML[at + data.draw(st.integers(0, 9)) :]
    refused_or_read(with_part(BASE, "xl/worksheets/sheet1.xml", lambda _: changed), "a.xlsx")


def test_the_same_fault_in_many_rows_is_one_line_with_its_count() -> None:
    faults = [
        RowFault(row, "C", "area_m2", "not_a_number", "Area is not a number.", "建筑面积不是数字。")
        for row in range(30, 2, -1)
    ] + [RowFault(5, "A", "name", "required", "Name is empty.", "用房名称未填。")]
    first, second = grouped(faults, rows_shown=2)
    assert (first.count, first.first_rows, second.count) == (28, (3, 4), 1)
    assert first.text("zh") == "28 处（第 3、4 行等）：建筑面积不是数字。"
    assert second.text("en") == "1 x (row 5): Name is empty."


def test_column_letters_are_those_of_excel() -> None:
    assert [column_letter(i) for i in (0, 25, 26, 701, 702, 16383)] == [
        "A", "Z", "AA", "ZZ", "AAA", "XFD"
    ]  # fmt: skip
