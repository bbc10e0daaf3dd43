"""What clerks' files hold that a program may take for something else: each input, its answer.

The inputs lie in tests/data/cases; docs/cases.md says which kind each stands for and where it is
held. Every test runs the command as a clerk does, on an office that nobody serves.
"""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from hub.cli.exits import Exit
from tests.support.silian import Ran, silian

CASES = Path(__file__).resolve().parents[1] / "data" / "cases"
Verb = Callable[..., Ran]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A community's office as `init` leaves it."""
    folder = tmp_path_factory.mktemp("cases") / "office"
    assert silian("init", "--dir", folder, "--unit", "万家花园社区").exit == 0
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Verb:
    """Run a verb on a fresh office."""
    folder = tmp_path / "office"
    shutil.copytree(made, folder)
    return lambda *arguments, **more: silian(*arguments, "--dir", folder, **more)


@pytest.fixture
def take(run: Verb) -> Verb:
    """Import a file of the cases into a register; what came of it is JSON on standard output."""

    def take(file: str, register: str, *more: object) -> Ran:
        return run("import", CASES / file, "--register", register, "--json", *more)

    return take


def listed(run: Verb, register: str) -> list[dict[str, Any]]:
    found = run("record", "ls", register, "--json")
    assert found.exit == 0, found.err
    return [record["values"] for record in found.json["items"]]


def column(run: Verb, register: str, name: str) -> list[Any]:
    return sorted((values.get(name) or "") for values in listed(run, register))


def counts(ran: Ran) -> tuple[int, ...]:
    """Return rows read, new, changed, unchanged, refused, over all sheets."""
    names = ("read", "new", "changed", "unchanged", "refused")
    return tuple(sum(int(each[name]) for each in ran.json["reports"]) for name in names)


def codes(ran: Ran) -> list[tuple[int, str]]:
    return [(int(f["row"]), f["code"]) for r in ran.json["reports"] for f in r["faults"]]


def notes(ran: Ran) -> list[str]:
    """Return the English notes of the sheets, then of the workbook."""
    of_sheets = [note for report in ran.json["reports"] for note in report["notes"]]
    return [note["text"]["en"] for note in (*of_sheets, *ran.json["notes"])]


# -- merged data cells ---------------------------------------------------------------------------


def test_every_member_under_a_merged_household_number_has_it(run: Verb, take: Verb) -> None:
    done = take("03-merged-data-cells/family.xlsx", "resident")
    assert (done.exit, counts(done)) == (0, (3, 3, 0, 0, 0))
    assert column(run, "resident", "household_no") == ["3-101"] * 3
    assert column(run, "resident", "phone") == ["0571-11111111"] * 3
    assert "2 merged cells were read for every row: D2:D4, E2:E4." in notes(done)


def test_a_merged_cell_clears_nothing_that_is_stored_below_its_first_row(
    run: Verb, take: Verb
) -> None:
    for name in "甲乙":
        values = (f"name={name}", "use=office", "area_m2=1", "address=旧址")
        assert run("record", "create", "premises", *values).exit == 0
    done = take("03-merged-data-cells/premises.xlsx", "premises", "--clear-blank")
    assert (done.exit, counts(done)) == (0, (2, 0, 2, 0, 0))
    assert column(run, "premises", "address") == ["一号楼"] * 2


# -- what Excel left in a CSV, marks that mean text ------------------------------------------------


def test_what_a_narrow_column_or_a_power_of_ten_left_is_no_key(run: Verb, take: Verb) -> None:
    done = take("04-what-excel-left-in-a-csv/households.csv", "household", "--valid-only")
    assert done.exit == Exit.PROBLEMS
    assert codes(done) == [(2, "text_mangled"), (3, "text_mangled"), *[(4, "text_mangled")] * 2]
    assert listed(run, "household") == []


def test_marks_that_mean_text_come_off_and_one_number_is_one_household(
    run: Verb, take: Verb
) -> None:
    done = take("19-marks-that-mean-text/households.csv", "household")
    assert codes(done) == [(5, "duplicate_key")]
    done = take("19-marks-that-mean-text/households.csv", "household", "--valid-only")
    assert column(run, "household", "hh_no") == ["0007", "0008", "0009"]


# -- one key in several spellings ----------------------------------------------------------------


def test_a_household_typed_in_full_width_is_the_same_household(run: Verb, take: Verb) -> None:
    assert counts(take("05-one-key-two-widths/first.csv", "household")) == (1, 1, 0, 0, 0)
    again = take("05-one-key-two-widths/second.csv", "household")
    assert (again.exit, counts(again)) == (0, (1, 0, 0, 1, 0))
    assert column(run, "household", "hh_no") == ["3-1-101"]
    assert run("rollup", "K2", "--json").json["figure"]["numerator"] == 1


def test_eight_spellings_of_four_numbers_are_four_rows_and_four_faults(
    run: Verb, take: Verb
) -> None:
    done = take("05-one-key-two-widths/variants.csv", "household", "--valid-only")
    assert codes(done) == [(row, "duplicate_key") for row in (3, 5, 7, 9)]
    assert counts(done) == (8, 4, 0, 0, 4)
    first = ["3-1-101", "3-1-102", "3-1-103A"]
    assert column(run, "household", "hh_no")[:3] == first  # as each was spelled first


def test_a_key_is_taken_found_and_changed_in_any_spelling(run: Verb) -> None:
    def create(number: str) -> Ran:
        values = (f"hh_no={number}", "kind=resident")
        return run("record", "create", "household", *values, "--json")

    assert create("3-1-101").exit == 0
    other = create("3-1-102")
    assert create("３－１－ 101").error["code"] == "key_taken"
    found = run("record", "ls", "household", "--where", "hh_no=３－１－１０１", "--json")
    assert [record["values"]["hh_no"] for record in found.json["items"]] == ["3-1-101"]
    change = ("record", "change", "household", other.json["id"])
    assert run(*change, "hh_no=3—1—101", "--json").error["code"] == "key_taken"
    assert run(*change, "hh_no=3-1-１０２").exit == 0  # its own, spelled otherwise


# -- sheets, rows and columns that nobody reads --------------------------------------------------


def test_three_sheets_with_one_header_are_all_read(run: Verb, take: Verb) -> None:
    done = take("06-one-sheet-a-building/buildings.xlsx", "household")
    assert (done.exit, counts(done)) == (0, (6, 6, 0, 0, 0))
    assert [report["sheet"] for report in done.json["reports"]] == ["1幢", "2幢", "3幢"]
    assert len(listed(run, "household")) == 6


def test_sheets_that_were_not_chosen_are_named_and_are_no_trouble(take: Verb) -> None:
    done = take("06-one-sheet-a-building/buildings.xlsx", "household", "--sheet", "2幢")
    assert (done.exit, counts(done)) == (0, (2, 2, 0, 0, 0))
    (note,) = done.json["notes"]
    assert (note["code"], note["count"], note["attention"]) == ("sheets_not_chosen", 2, False)
    assert "1幢, 3幢" in note["text"]["en"]
    assert done.json["skipped"] == ["1幢", "3幢"]
    wrong = take("06-one-sheet-a-building/buildings.xlsx", "household", "--sheet", "4幢")
    assert wrong.error["code"] == "workbook_sheet_not_found"


def test_a_hidden_sheet_is_not_read_in_place_of_the_visible_one(run: Verb, take: Verb) -> None:
    done = take("18-hidden-sheet-and-rows/sheets.xlsx", "household")
    assert (done.exit, counts(done)) == (0, (2, 2, 0, 0, 0))
    assert column(run, "household", "hh_no") == ["新-1", "新-2"]
    hidden = [n for n in done.json["notes"] if n["code"] == "hidden_sheet"]
    assert [note["sheet"] for note in hidden] == ["住户"]
    assert set(done.json["skipped"]) == {"说明", "住户"}


def test_a_workbook_import_leaves_a_hidden_sheet_and_names_the_one_that_may_be_meant(
    take: Verb,
) -> None:
    done = take("18-hidden-sheet-and-rows/sheets.xlsx", "workbook")
    assert done.error["code"] == "workbook_sheet_not_found"


def test_a_hidden_row_is_read_and_noted(run: Verb, take: Verb) -> None:
    done = take("18-hidden-sheet-and-rows/rows.xlsx", "premises", "--dry-run")
    assert "1 hidden row was read (row 3)." in notes(done)
    done = take("18-hidden-sheet-and-rows/rows.xlsx", "premises")
    assert (done.exit, counts(done)) == (0, (3, 3, 0, 0, 0))


def test_a_column_without_a_heading_is_named_in_every_output(
    run: Verb, take: Verb, tmp_path: Path
) -> None:
    file = "21-column-without-a-heading/premises.xlsx"
    noted = "Column D has 1 value and no heading: ignored."
    assert notes(take(file, "premises", "--dry-run")) == [noted]
    copy = tmp_path / "copy.xlsx"
    done = run("import", CASES / file, "--register", "premises", "--annotated", copy)
    assert done.exit == 0
    assert noted in done.err
    sheet = openpyxl.load_workbook(copy).worksheets[0]
    heads = [cell.value for cell in sheet[1]]
    assert heads[-1] == f"Errors\n{noted}"
    again = run("import", copy, "--register", "premises", "--json")
    assert notes(again) == [noted]  # and the column of the annotation is not one more
    assert counts(again) == (1, 0, 0, 1, 0)
    assert (
        "D 列没有列名，其中 1 个值未读取。"
        in run("import", CASES / file, "--register", "premises", lang="zh").err
    )


def test_of_two_header_rows_the_lower_heads_the_columns_that_it_divides(take: Verb) -> None:
    done = take("21-column-without-a-heading/twohead.xlsx", "premises")
    assert done.exit == Exit.PROBLEMS
    assert [(f["column"], f["code"]) for f in done.json["reports"][0]["faults"]] == [
        ("D", "not_owner")  # the street's area is read, and it is not this office's to fill in
    ]
    (fault,) = done.json["reports"][0]["faults"]
    assert "filled in by the street, not by this office" in fault["text"]["en"]
    assert notes(done) == ["Rows 1, 2 above the header were not read."]


# -- formulas, formats, dates ----------------------------------------------------------------------


@pytest.mark.parametrize("more", [(), ("--clear-blank",), ("--valid-only", "--clear-blank")])
def test_a_formula_that_was_never_calculated_clears_nothing(
    run: Verb, take: Verb, more: tuple[str, ...]
) -> None:
    assert take("07-formula-never-calculated/stored.xlsx", "premises").exit == 0
    done = take("07-formula-never-calculated/formula.xlsx", "premises", *more)
    assert done.exit == Exit.PROBLEMS
    assert codes(done) == [(2, "formula_not_calculated")]
    (fault,) = done.json["reports"][0]["faults"]
    assert (fault["column"], "no result yet" in fault["text"]["en"]) == ("D", True)
    assert "save it" in fault["suggestion"]["en"]
    assert column(run, "premises", "address") == ["一号"]


def test_zeros_that_a_format_shows_are_read(run: Verb, take: Verb) -> None:
    assert take("08-what-the-cell-shows/zeros.xlsx", "household").exit == 0
    assert column(run, "household", "hh_no") == ["0007", "0008"]


def test_a_number_shown_in_another_unit_is_refused(run: Verb, take: Verb) -> None:
    done = take("08-what-the-cell-shows/wan.xlsx", "premises", "--valid-only")
    assert codes(done) == [(2, "not_a_number"), (3, "not_a_number")]
    assert ['"万"' in f["text"]["en"] for f in done.json["reports"][0]["faults"]] == [True, False]
    assert listed(run, "premises") == []


def test_a_day_number_of_the_1904_system_is_the_day_that_the_cell_shows(
    run: Verb, take: Verb
) -> None:
    assert take("09-1904-without-a-date-format/outlets.xlsx", "service_outlet").exit == 0
    assert column(run, "service_outlet", "opened_on") == ["2024-05-01"] * 2


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_time_of_day_that_a_day_has_no_place_for_is_named_as_left_out(
    run: Verb, tmp_path: Path, kind: str
) -> None:
    days: list[Any] = [
        "2024-05-01 09:30",
        "2024-05-02 00:00:00",
        "2024-05-03T10:00:00",
        "2024-05-04",
    ]
    if kind == "xlsx":
        days = [datetime.fromisoformat(day) for day in days[:3]] + [45416.5]
    rows = [
        ["网点名称", "类别", "开业日期"],
        *(["甲乙丙丁"[i], "outlet", d] for i, d in enumerate(days)),
    ]
    file = tmp_path / f"outlets.{kind}"
    if kind == "csv":
        file.write_text("\n".join(",".join(row) for row in rows), encoding="utf-8")
    else:
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(file)
    for dry in (("--dry-run",), ()):
        done = run("import", file, "--register", "service_outlet", "--json", *dry)
        assert (done.exit, counts(done)) == (0, (4, 4, 0, 0, 0))
        (note,) = done.json["reports"][0]["notes"]
        assert (note["code"], note["column"]) == ("time_left_out", "C")
        assert int(note["count"]) == (2 if kind == "csv" else 3)
        assert "rows 2, 4" in note["text"]["en"]
    assert column(run, "service_outlet", "opened_on") == [f"2024-05-0{n}" for n in (1, 2, 3, 4)]


def test_a_day_that_is_typed_with_a_time_is_refused_with_what_to_write(run: Verb) -> None:
    values = ("name=甲", "kind=outlet", "opened_on=2024-05-01 09:30")
    refused = run("record", "create", "service_outlet", *values, lang="zh")
    assert (refused.exit, "请只填日期" in refused.err) == (Exit.USAGE, True)
    assert listed(run, "service_outlet") == []


# -- all of the export comes back ------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_texts_that_look_like_marks_or_formulas_come_back_from_an_export(
    run: Verb, tmp_path: Path, kind: str
) -> None:
    texts = ['="0007"', "'0008", "''0009", "`12", "=1+1", "'=1+1", "@a", "'甲'", "'12'"]
    for number, text in enumerate(texts):
        values = (f"name=房{number}", "use=office", "area_m2=1", f"remark={text}")
        assert run("record", "create", "premises", *values).exit == 0
    file = tmp_path / f"out.{kind}"
    assert run("export", "premises", "--out", file).exit == 0
    again = run("import", file, "--register", "premises", "--clear-blank", "--json")
    assert counts(again) == (len(texts), 0, 0, len(texts), 0)
    assert column(run, "premises", "remark") == sorted(texts)


def test_a_csv_with_notes_comes_back_with_them_in_its_heading(run: Verb, tmp_path: Path) -> None:
    file, copy = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_text("用房登记表\n用房名称,用途,,建筑面积\n甲,办公,x,1\n", encoding="utf-8")
    done = run("import", file, "--register", "premises", "--annotated", copy, lang="zh")
    assert done.exit == 0
    _, head, _ = csv.reader(io.StringIO(copy.read_text(encoding="utf-8"), newline=""))
    assert head[-1].splitlines() == [
        "错误", "第 1 行位于表头之上，未读取。", "C 列没有列名，其中 1 个值未读取。"
    ]  # fmt: skip
