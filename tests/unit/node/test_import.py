"""Sheets taken in: whole or by valid rows, twice without a change, broken off and finished."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from node.office import Office
from node.services.records import edits
from node.services.records.exporting import PersonalRegister, export_register
from node.services.records.importing import (
    ImportBrokenOff,
    annotated,
    import_register,
    import_workbook,
)
from node.services.records.rules import NotKeptHere, SystemRegister
from node.workbook.errors import ColumnsMissing, SheetNotFound
from node.workbook.writer import SheetBook, template
from sync.model import limits
from sync.model.change import Edit, Value
from tests.support.tables import import_table, read_table
from tests.unit.node.offices import (
    CATALOGUE,
    COMMUNITY,
    OTHER,
    STREET,
    Clock,
    exchange,
    new_office,
    send_up,
)

HEADER = "用房名称,用途,建筑面积"
FILE = "用房.csv"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def community(tmp_path: Path, clock: Clock) -> Iterator[Office]:
    office = new_office(tmp_path / "c", COMMUNITY, clock)
    yield office
    office.close()


@pytest.fixture
def street(tmp_path: Path, clock: Clock) -> Iterator[Office]:
    office = new_office(tmp_path / "s", STREET, clock)
    yield office
    office.close()


def sheet(*rows: str, header: str = HEADER) -> bytes:
    return "\r\n".join((header, *rows)).encode()


def rooms(count: int, area: int = 10) -> bytes:
    return sheet(*(f"房{n:05},办公,{area}" for n in range(count)))


def stored(office: Office, register: str = "premises") -> dict[Value, dict[str, Value]]:
    (key, *_) = CATALOGUE.registers[register].key
    found: dict[Value, dict[str, Value]] = {}
    token = ""
    while True:
        page = edits.list_records(office, register, limit=500, after=token)
        found |= {r.values[key]: dict(r.values) for r in page.records}
        token = page.next
        if not token:
            return found


def area(office: Office) -> int:
    with office.store.read() as tx:
        rows = tx.exec_driver_sql("SELECT f_measure, f_amount FROM r_cell").fetchall()
    return sum(amount for measure, amount in rows if measure == "premises_area")


def position(office: Office) -> int:
    with office.store.read() as tx:
        return int(tx.exec_driver_sql("SELECT arrival FROM log_head").scalar_one())


def test_new_changed_and_unchanged_rows_are_distinguished_and_counted(community: Office) -> None:
    import_table(community, "premises", sheet("东楼,办公,10", "西楼,活动,20"), FILE)
    data = sheet("东楼,办公,10", "西楼,活动,25", "南楼,服务,30")
    done = import_table(community, "premises", data, FILE)
    assert (done.read, done.new, done.changed, done.unchanged, done.refused) == (3, 1, 1, 1, 0)
    assert done.done
    assert area(community) == 1_000 + 2_500 + 3_000


def test_the_same_file_twice_changes_nothing(community: Office) -> None:
    data = rooms(20)
    import_table(community, "premises", data, FILE)
    before = position(community)
    again = import_table(community, "premises", data, FILE)
    assert (again.new, again.changed, again.unchanged) == (0, 0, 20)
    assert position(community) == before


def test_a_dry_run_reports_what_would_be_done_and_does_nothing(community: Office) -> None:
    would = import_table(community, "premises", rooms(3), FILE, dry_run=True)
    assert (would.new, would.done) == (3, False)
    assert stored(community) == {}


def test_one_bad_row_rejects_the_file_or_only_itself_as_chosen(community: Office) -> None:
    data = sheet("东楼,办公,10", "西楼,仓库,很大", ",办公,5")
    whole = import_table(community, "premises", data, FILE)
    assert (whole.done, whole.new, whole.refused) == (False, 1, 2)
    assert stored(community) == {}
    assert [(f.row, f.column, f.field, f.code) for f in whole.faults] == [
        (3, "B", "use", "not_a_choice"),
        (3, "C", "area_m2", "not_a_number"),
        (4, "A", "name", "required"),
    ]
    assert all(f.en and f.zh and f.suggestion_zh for f in whole.faults)
    part = import_table(community, "premises", data, FILE, mode="valid")
    assert (part.done, part.new, part.refused) == (True, 1, 2)
    assert list(stored(community)) == ["东楼"]


def test_an_import_whose_every_row_is_refused_reports_no_write(
    community: Office,
) -> None:
    report = import_table(community, "premises", sheet("东楼,仓库,1"), FILE, mode="valid")
    assert (report.done, report.read, report.refused) == (False, 1, 1)
    assert stored(community) == {}
    good = sheet("东楼,办公,10")
    assert import_table(community, "premises", good, FILE, mode="valid").done
    again = import_table(community, "premises", good, FILE, mode="valid")
    assert (again.done, again.unchanged) == (True, 1)  # taken in, though nothing was left to write


def test_a_fault_repeated_in_every_row_is_one_line_of_the_summary(community: Office) -> None:
    data = sheet(*(f"房{n},仓库,1" for n in range(40)))
    report = import_table(community, "premises", data, FILE)
    assert len(report.faults) == 40
    (group,) = report.summary
    assert (group.code, group.count) == ("not_a_choice", 40)


def test_a_summary_names_the_row_that_its_text_is_about(community: Office) -> None:
    alike = import_table(community, "premises", sheet("东楼,仓库,10", "西楼,仓库,1"), FILE).summary[
        0
    ]
    assert alike.text("en").startswith("2 x (rows 2, 3): ")
    data = sheet("东楼,办公,10", "东楼,办公,11", "西楼,办公,1", "西楼,办公,2")
    (group,) = import_table(community, "premises", data, FILE).summary
    assert group.text("en").startswith("2 x (rows 3, 5), of which row 3: ")
    assert group.text("zh").startswith("2 处（第 3、5 行），其中第 3 行：")


def test_a_key_that_comes_twice_in_the_file_is_a_fault_of_the_later_row(
    community: Office,
) -> None:
    data = sheet("东楼,办公,10", "西楼,办公,10", "东楼,办公,11")
    report = import_table(community, "premises", data, FILE, mode="valid")
    assert [(f.row, f.column, f.code) for f in report.faults] == [(4, "A", "duplicate_key")]
    assert "第 2 行" in report.faults[0].zh
    assert stored(community)["东楼"]["area_m2"] == 1_000


def test_fields_without_a_column_are_kept_and_an_empty_cell_does_what_was_chosen(
    community: Office,
) -> None:
    full = "用房名称,用途,建筑面积,地址,备注"
    import_table(community, "premises", sheet("东楼,办公,10,一号,旧", header=full), FILE)
    partly = "用房名称,用途,建筑面积,地址"
    data = sheet("东楼,办公,11,", header=partly)
    import_table(community, "premises", data, FILE)
    kept = stored(community)["东楼"]
    assert (kept["area_m2"], kept["address"], kept["remark"]) == (1_100, "一号", "旧")
    report = import_table(community, "premises", data, FILE, blank="clear")
    assert report.changed == 1
    cleared = stored(community)["东楼"]
    assert (cleared["address"], cleared["remark"]) == (None, "旧")


def test_a_value_of_another_level_is_accepted_only_if_unchanged(
    community: Office, street: Office
) -> None:
    import_table(community, "premises", rooms(1), FILE)
    send_up(community, street)
    (made,) = edits.list_records(street, "premises", subtree=True).records
    edits.change(street, "premises", made.unit, made.id, {"verified_area_m2": "9"})
    exchange(community, street)
    header = HEADER + ",核定面积"
    good = import_table(
        community, "premises", sheet("房00000,办公,12,9", header=header), FILE
    )  # fmt: skip
    assert (good.changed, good.refused) == (1, 0)
    bad = import_table(community, "premises", sheet("房00000,办公,12,8", header=header), FILE)
    assert [(f.column, f.code) for f in bad.faults] == [("D", "not_owner")]


def test_a_rule_over_a_field_missing_from_the_sheet_is_checked_against_the_stored_value(
    community: Office,
) -> None:
    header = "网点名称,网点类型,开办日期,停办日期"
    import_table(
        community, "service_outlet", sheet("店,网点,2020-01-01,2026-01-01", header=header), FILE
    )
    late = sheet("店,网点,2026-02-01", header="网点名称,网点类型,开办日期")
    report = import_table(community, "service_outlet", late, FILE)
    assert [(f.row, f.column, f.code) for f in report.faults] == [(2, "C", "rule_at_most")]


def test_an_interrupted_import_is_finished_by_the_same_file(community: Office) -> None:
    class Killed(Exception):
        pass

    def kill(done: int, rows: int) -> None:
        assert rows == 2_500
        raise Killed

    data = rooms(2_500)
    with pytest.raises(Killed):
        import_table(community, "premises", data, FILE, progress=kill)
    assert len(stored(community)) == limits.TRANSACTION_CHANGES_MAX
    calls: list[tuple[int, int]] = []
    done = import_table(
        community, "premises", data, FILE, progress=lambda *at: calls.append(at)
    )  # fmt: skip
    assert (done.new, done.unchanged) == (1_500, 1_000)
    assert calls == [(2_000, 2_500), (2_500, 2_500)]
    assert len(stored(community)) == 2_500
    assert area(community) == 2_500 * 1_000


@pytest.mark.parametrize("sheets", [1, 3])
def test_a_store_that_fails_in_the_middle_says_how_many_rows_are_in_and_the_rest_come_later(
    community: Office, sheets: int
) -> None:
    rows = 4_500
    data = many_sheets(*(rows_of(f"{n}-", rows // sheets) for n in range(sheets)))

    def fill(done: int, _rows: int) -> None:
        if done == 1_000:
            pages(community, most=pages(community) + 20)  # as a disk that has this much left

    with pytest.raises(ImportBrokenOff) as failed:
        import_register(community, "premises", data, "a.xlsx", progress=fill)
    done = len(stored(community))
    assert 0 < done < rows
    assert f"; {done} of {rows} rows are in" in failed.value.en
    pages(community, most=pages(community))  # the store was opened again: as full as it was
    with pytest.raises(ImportBrokenOff) as failed:
        import_register(community, "premises", data, "a.xlsx")
    pages(community, most=1_000_000)
    assert len(stored(community)) == done
    error = failed.value
    assert f"{done} of {rows} rows are in" in error.en
    assert f"{rows} 行中已写入 {done} 行" in error.zh
    assert (error.code, error.retryable) == ("store_unavailable", True)
    assert "same file again" in error.remedy_en
    assert "同一文件" in error.remedy_zh
    again = import_register(community, "premises", data, "a.xlsx").reports
    assert sum(r.unchanged for r in again) == done
    assert sum(r.new for r in again) == rows - done
    assert area(community) == rows * 1_000


def pages(office: Office, most: int | None = None) -> int:
    """Return how many pages the store has; with `most`, let it have no more."""
    connection = office.store._writer.raw_connection()
    try:
        cursor = connection.cursor()
        if most is not None:
            cursor.execute(f"PRAGMA max_page_count={most}")
        return int(cursor.execute("PRAGMA page_count").fetchone()[0])
    finally:
        connection.close()


Rows = list[list[object]]


def rows_of(prefix: str, count: int) -> Rows:
    return [[f"房{prefix}{n:05}", "办公", 10] for n in range(count)]


def many_sheets(*sheets: Rows, names: tuple[str, ...] = (), hidden: str = "") -> bytes:
    """Return a workbook of sheets with the header of premises: 1幢, 2幢, ... if not named."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        for number, rows in enumerate(sheets):
            name = names[number] if names else f"{number + 1}幢"
            page = book.add_worksheet(name)
            if name == hidden:
                page.hide()
            else:
                page.activate()
            for at, row in enumerate([HEADER.split(","), *rows]):
                page.write_row(at, 0, row)
    return out.getvalue()


def test_sheets_of_one_register_are_one_import(community: Office) -> None:
    bad = [["房b", "仓库", 1]]
    report = import_register(community, "premises", many_sheets(rows_of("a", 2), bad), "a.xlsx")
    assert [(r.sheet, r.done, r.refused) for r in report.reports] == [
        ("1幢", False, 0),
        ("2幢", False, 1),
    ]
    assert stored(community) == {}  # one bad row of one sheet keeps all of them out
    calls: list[tuple[int, int]] = []
    good = many_sheets(rows_of("a", 2), rows_of("b", 3))
    done = import_register(
        community, "premises", good, "a.xlsx", progress=lambda *at: calls.append(at)
    )
    assert [r.new for r in done.reports] == [2, 3]
    assert calls == [(2, 5), (5, 5)]
    assert (done.skipped, done.notes) == ((), ())


def test_a_key_that_comes_on_two_sheets_is_a_fault_that_names_the_other(
    community: Office,
) -> None:
    data = many_sheets(rows_of("a", 2), [["房Ａ00001", "办公", 3]])
    report = import_register(community, "premises", data, "a.xlsx")
    (fault,) = report.reports[1].faults
    assert (fault.code, fault.row) == ("duplicate_key", 2)
    assert "工作表“1幢”第 3 行" in fault.zh
    assert 'row 3 of sheet "1幢"' in fault.en


def test_of_several_sheets_the_one_named_after_the_register_is_read_and_the_others_named(
    community: Office,
) -> None:
    names = ("社区用房", "社区用房2025", "草稿")
    data = many_sheets(
        rows_of("a", 1), rows_of("b", 1), rows_of("c", 1), names=names, hidden="草稿"
    )
    report = import_register(community, "premises", data, "a.xlsx")
    assert [r.sheet for r in report.reports] == ["社区用房"]
    assert [(n.code, n.sheet, n.attention) for n in report.notes] == [
        ("sheet_left_out", "社区用房2025", True),
        ("hidden_sheet", "草稿", False),
    ]
    assert report.skipped == ("社区用房2025", "草稿")
    both = import_register(
        community, "premises", data, "a.xlsx", sheets=["草稿", " 社区用房２０２５"]
    )
    assert [r.sheet for r in both.reports] == ["草稿", "社区用房2025"]


def test_a_hidden_sheet_alone_is_refused_and_read_when_it_is_asked_for(community: Office) -> None:
    data = many_sheets(rows_of("a", 1), [], names=("数据", "封面"), hidden="数据")
    book = openpyxl.load_workbook(io.BytesIO(data))
    book["封面"].delete_rows(1)
    out = io.BytesIO()
    book.save(out)
    with pytest.raises(SheetNotFound, match="数据"):
        import_register(community, "premises", out.getvalue(), "a.xlsx")
    asked = import_register(community, "premises", out.getvalue(), "a.xlsx", sheets=["数据"])
    assert asked.reports[0].new == 1


def test_a_sheet_with_part_of_the_header_is_named(community: Office) -> None:
    data = many_sheets(rows_of("a", 1), [["房b", "办公", 1]])
    book = openpyxl.load_workbook(io.BytesIO(data))
    book["2幢"]["C1"] = "面积合计"
    out = io.BytesIO()
    book.save(out)
    report = import_register(community, "premises", out.getvalue(), "a.xlsx")
    assert [(n.code, n.sheet, n.attention) for n in report.notes] == [
        ("sheet_left_out", "2幢", True)
    ]
    assert "part of the header" in report.notes[0].en


def test_a_sheet_of_a_workbook_that_may_hold_records_is_named(community: Office) -> None:
    names = ("社区用房", "住户", "社区用房2025", "空")
    data = many_sheets(rows_of("a", 1), [], rows_of("b", 1), [], names=names, hidden="住户")
    book = openpyxl.load_workbook(io.BytesIO(data))
    book["空"].delete_rows(1)
    book.create_chartsheet("图")
    out = io.BytesIO()
    book.save(out)
    report = import_workbook(community, out.getvalue(), "a.xlsx")
    assert [r.sheet for r in report.reports] == ["社区用房"]
    assert set(report.skipped) == {"住户", "社区用房2025", "空", "图"}
    assert {(n.code, n.sheet, n.attention) for n in report.notes} == {
        ("hidden_sheet", "住户", False),
        ("sheet_left_out", "社区用房2025", True),
        ("sheets_without_header", "", False),
    }


def test_our_own_template_filled_in_leaves_nothing_to_look_at(community: Office) -> None:
    for name in ("premises", "resident", "facility_set", "service_outlet"):
        out = io.BytesIO()
        template(out, CATALOGUE.registers[name])
        report = import_register(community, name, out.getvalue(), "a.xlsx")
        assert report.notes == ()


def test_a_cell_that_looks_empty_and_is_not_known_clears_nothing(community: Office) -> None:
    full = "用房名称,用途,建筑面积,地址"
    import_table(community, "premises", sheet("东楼,办公,10,一号", header=full), FILE)
    for cell in ("\u200b", "\u3000", "\ufeff"):  # nothing to see: an empty cell
        kept = import_table(community, "premises", sheet(f"东楼,办公,10,{cell}", header=full), FILE)
        assert (kept.unchanged, kept.refused) == (1, 0)
    for cell in ("#N/A", "########", "#SPILL!"):
        data = sheet(f"东楼,办公,10,{cell}", header=full)
        bad = import_table(community, "premises", data, FILE, blank="clear", mode="valid")
        assert (bad.refused, bad.done) == (1, False)
    assert stored(community)["东楼"]["address"] == "一号"


def test_two_records_that_were_spelled_apart_before_stay_two_and_come_back_from_an_export(
    community: Office,
) -> None:
    one, two = sheet("A-1,办公,10"), sheet("Ａ－２,办公,20")
    import_table(community, "premises", one, FILE)
    import_table(community, "premises", two, FILE)
    (made,) = [
        r for r in edits.list_records(community, "premises").records
        if r.values["name"] == "A－2"
    ]  # fmt: skip
    spell(community, made.id, "a-1")
    again = import_table(community, "premises", sheet("A-1,办公,10", "a-1,办公,21"), FILE)
    assert (again.refused, again.unchanged, again.changed) == (0, 1, 1)
    assert {k: v["area_m2"] for k, v in stored(community).items()} == {"A-1": 1_000, "a-1": 2_100}


def spell(office: Office, record: bytes, name: str) -> None:
    """Give a record a key as a program that compared exactly would have."""
    unit = office.identity.unit

    def work(_tx: object) -> list[Edit]:
        return [edits.changed(office, office.catalogue.registers["premises"], unit, record,
                                  {"name": name})]  # fmt: skip

    office.commit(work)


def test_edits_made_while_an_import_runs_are_neither_doubled_nor_lost(
    community: Office,
) -> None:
    def meddle(done: int, rows: int) -> None:
        if done == 1_000:
            form = {"name": "房01500", "use": "活动", "area_m2": "99", "remark": "手工"}
            edits.create(community, "premises", form)

    done = import_table(community, "premises", rooms(2_000), FILE, progress=meddle)
    assert (done.new, done.changed) == (1_999, 1)
    assert len(stored(community)) == 2_000
    met = stored(community)["房01500"]
    assert (met["use"], met["area_m2"], met["remark"]) == ("office", 1_000, "手工")


def test_an_import_restores_a_deleted_record_and_keeps_a_renamed_one_separate(
    community: Office,
) -> None:
    import_table(community, "premises", sheet("东楼,办公,10", "西楼,办公,10"), FILE)
    by_name = {r.values["name"]: r for r in edits.list_records(community, "premises").records}
    edits.end(community, "premises", by_name["东楼"].id)
    west = by_name["西楼"]
    edits.change(community, "premises", west.unit, west.id, {"name": "旧西楼"})
    report = import_table(community, "premises", sheet("东楼,办公,10", "西楼,办公,10"), FILE)
    assert report.new == 2
    assert set(stored(community)) == {"东楼", "西楼", "旧西楼"}
    assert area(community) == 3_000


def test_an_import_accepts_one_row_per_unit_of_a_singleton_register(community: Office) -> None:
    header = "党建活动室,警务室"
    report = import_table(community, "facility_set", sheet("是,否", "否,否", header=header), FILE)
    assert [(f.row, f.code) for f in report.faults] == [(3, "duplicate_key")]
    for cells, counts in (("是,否", (1, 0, 0)), ("是,是", (0, 1, 0)), ("是,是", (0, 0, 1))):
        done = import_table(community, "facility_set", sheet(cells, header=header), FILE)
        assert (done.new, done.changed, done.unchanged) == counts


def test_only_the_offices_that_keep_a_register_import_it(community: Office, street: Office) -> None:
    with pytest.raises(NotKeptHere):
        import_table(street, "premises", rooms(1), FILE)
    with pytest.raises(SystemRegister):
        import_table(community, "posting", rooms(1), FILE)
    with pytest.raises(ColumnsMissing):
        import_table(community, "premises", sheet("东楼", header="用房名称"), FILE)


def test_encoding_and_headings_that_were_not_understood_are_reported(community: Office) -> None:
    text = sheet("东楼,办公,10,绿", header=HEADER + ",颜色").decode()
    report = import_table(community, "premises", text.encode("gb18030"), FILE)
    assert report.encoding == "gb18030"
    assert [(u.column, u.text) for u in report.unknown_headers] == [("D", "颜色")]
    assert report.new == 1


def test_the_file_is_returned_with_its_faults_next_to_the_rows(community: Office) -> None:
    data = sheet("东楼,办公,10", "西楼,仓库,10")
    report = import_table(community, "premises", data, FILE)
    lines = annotated(data, report).decode().splitlines()
    assert lines[0].endswith(",错误")
    assert lines[1].endswith(",")
    assert "用途" in lines[2]


def workbook(**sheets: list[dict[str, Value]]) -> bytes:
    out = io.BytesIO()
    with SheetBook(out) as book:
        for name, rows in sheets.items():
            book.add_register(CATALOGUE.registers[name], rows)
        book.add_notes([["随便写写"]])
    return out.getvalue()


RESIDENT: dict[str, Value] = {
    "id_number": "110101199003072316",
    "name": "示例",
    "birth_date": "1990-03-07",
    "household_no": "H1",
}


def test_a_workbook_is_imported_sheet_by_sheet_households_first(community: Office) -> None:
    data = workbook(resident=[RESIDENT], household=[{"hh_no": "H1", "kind": "resident"}])
    calls: list[tuple[int, int]] = []
    report = import_workbook(community, data, "a.xlsx", progress=lambda *at: calls.append(at))
    assert [(r.register, r.new, r.done) for r in report.reports] == [
        ("household", 1, True),
        ("resident", 1, True),
    ]
    assert "说明" in report.skipped
    assert calls == [(1, 2), (2, 2)]
    again = import_workbook(community, data, "a.xlsx")
    assert [r.unchanged for r in again.reports] == [1, 1]


def test_a_workbook_with_one_bad_row_is_refused_entirely(community: Office) -> None:
    bad = {**RESIDENT, "birth_date": "1990-03-08"}
    data = workbook(household=[{"hh_no": "H1", "kind": "resident"}], resident=[bad])
    report = import_workbook(community, data, "a.xlsx")
    assert [r.done for r in report.reports] == [False, False]
    assert [f.code for f in report.reports[1].faults] == ["rule_id_birth"]
    assert "1990" not in report.reports[1].faults[0].text()
    assert stored(community, "household") == {}
    with pytest.raises(SheetNotFound):
        import_workbook(community, rooms(1), FILE)


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_an_export_is_imported_without_a_change(community: Office, kind: str) -> None:
    import_table(community, "premises", rooms(5), FILE)
    out = io.BytesIO()
    assert export_register(community, "premises", out, kind=kind) == 5  # type: ignore[arg-type]
    again = import_table(community, "premises", out.getvalue(), f"a.{kind}", blank="clear")
    assert (again.unchanged, again.read) == (5, 5)


def test_a_subtree_is_exported_with_the_units_named_and_persons_never(
    tmp_path: Path, clock: Clock, community: Office, street: Office
) -> None:
    other = new_office(tmp_path / "o", OTHER, clock)
    for office in (community, other):
        import_table(office, "premises", rooms(2), FILE)
        send_up(office, street)
    other.close()
    out = io.BytesIO()
    assert export_register(street, "premises", out, kind="csv", subtree=True) == 4
    lines = out.getvalue().decode("utf-8-sig").splitlines()
    assert lines[0].startswith("单位代码,单位名称,")
    assert sorted({line.split(",")[1] for line in lines[1:]}) == ["乙社区", "甲社区"]
    with pytest.raises(PersonalRegister):
        export_register(street, "resident", io.BytesIO(), subtree=True)
    with pytest.raises(PersonalRegister):
        export_register(street, "resident", io.BytesIO(), unit=community.identity.unit)


def test_an_export_longer_than_a_page_of_the_store_is_complete(community: Office) -> None:
    import_table(community, "premises", rooms(4_001), FILE)
    out = io.BytesIO()
    assert export_register(community, "premises", out, kind="csv") == 4_001
    table = read_table(out.getvalue(), FILE, CATALOGUE.registers["premises"])
    assert len({cells["name"] for _, cells in table.rows}) == 4_001
