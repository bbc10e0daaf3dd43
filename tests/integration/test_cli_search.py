"""Searching and exporting records as a clerk does: by part of a name, range, order, columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.silian import COMMUNITY, Ran, on_terminal, silian

PEOPLE = """姓名,公民身份号码,出生日期,性别,联系电话,所属户号
张秀敏,110101194003072313,1940-03-07,女,13900000001,H1
张敏,110101195003072318,1950-03-07,女,13900000002,H1
王建国,110101196003072312,1960-03-07,男,13900000003,H2
"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("search") / "office"
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    people = folder.parent / "people.csv"
    people.write_text(PEOPLE, encoding="utf-8")
    done = silian("import", people, "--register", "居民", "--dir", folder, "--json")
    assert done.exit == 0, done.out
    hall = ("name=秀敏楼", "use=office", "area_m2=10")
    assert silian("record", "create", "premises", *hall, "--dir", folder).exit == 0
    return folder


def names(ran: Ran) -> list[str]:
    assert ran.exit == 0, ran.err
    return [r["values"]["name"] for r in ran.json["items"]]


def test_a_person_is_found_by_part_of_a_name_in_one_register_or_in_all(office: Path) -> None:
    at = ("--dir", office, "--json")
    listed = names(silian("record", "ls", "居民", "--search", "敏", *at))
    assert sorted(listed) == ["张敏", "张秀敏"]  # in the order of their ids
    found = silian("record", "ls", "--search", "秀敏", *at)
    assert sorted(names(found)) == ["张秀敏", "秀敏楼"]
    assert {r["register"] for r in found.json["items"]} == {"resident", "premises"}
    people = silian("record", "ls", "--search", "13900000003", "--dir", office, lang="zh")
    assert "联系电话=13900000003" in people.out
    nobody = silian("record", "ls", "--dir", office, "--json")
    assert (nobody.exit, nobody.error["code"]) == (2, "bad_request")


def test_a_list_is_narrowed_by_comparisons_and_ranges_and_sorted(office: Path) -> None:
    at = ("--dir", office, "--json")
    for where, found in {
        "出生日期<=1950-12-31": ["张敏", "张秀敏"],
        "出生日期≥1950-01-01": ["王建国", "张敏"],
        "birth_date=1945-01-01..1955-01-01": ["张敏"],
        "姓名~张": ["张敏", "张秀敏"],
        "性别!=女": ["王建国"],
        "phone=": [],
    }.items():
        ran = silian("record", "ls", "resident", "--where", where, "--sort", "-birth_date", *at)
        assert names(ran) == found, where
    several = ("--where", "姓名~张", "--where", "所属户号=H1", "--sort", "出生日期", "--limit", 1)
    first = silian("record", "ls", "resident", *several, *at)
    second = silian("record", "ls", "resident", *several, "--after", first.json["next"], *at)
    assert names(first) + names(second) == ["张秀敏", "张敏"]


def test_only_the_columns_asked_for_are_shown(office: Path) -> None:
    out = silian("record", "ls", "居民", "--columns", "姓名，phone", "--dir", office, lang="zh").out
    assert out.splitlines()[0].split() == ["编号", "姓名", "联系电话"]
    asked = ("--columns", "居民姓名,生日", "--dir", office)  # as a sheet may name them
    out = silian("record", "ls", "居民", *asked, lang="zh").out
    assert out.splitlines()[0].split() == ["编号", "姓名", "出生日期"]
    bad = silian("record", "ls", "居民", "--columns", "年龄", "--dir", office, "--json")
    assert (bad.exit, bad.error["code"]) == (2, "usage")
    assert (
        "出生日期"
        in silian("record", "ls", "居民", "--columns", "年龄", "--dir", office, lang="zh").err
    )


def test_an_export_has_what_the_list_has(office: Path, tmp_path: Path) -> None:
    file = tmp_path / "old.csv"
    asked = ("--where", "出生日期<=1950-12-31", "--sort", "出生日期", "--columns", "姓名,出生日期")
    done = silian(
        "export", "居民", *asked, "--out", file, "--dir", office, "--lang", "zh", "--json"
    )
    assert done.json["records"] == 2
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    assert lines == ["姓名,出生日期", "张秀敏,1940-03-07", "张敏,1950-03-07"]
    back = silian(
        "export", "居民", "--search", "建国", "--out", tmp_path / "a.xlsx", "--dir", office
    )
    assert back.exit == 0
    again = silian("import", tmp_path / "a.xlsx", "--register", "居民", "--dir", office, "--json")
    assert again.json["reports"][0]["unchanged"] == 1


@pytest.mark.parametrize(
    "asked",
    [
        ("--where", "姓名"), ("--where", "姓名>张"), ("--where", "没有=1"), ("--sort", "没有"),
        ("--where", "出生日期=昨天"), ("--where", "party_member~是"),
        ("--sort", "name,phone,sex,status"), ("--search", "a " * 9), ("--where", "出生日期>="),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_with_what_to_write(
    office: Path, asked: tuple[str, str]
) -> None:
    refused = silian("record", "ls", "resident", *asked, "--dir", office, "--json")
    assert refused.exit == 2
    assert refused.error["hint"]
    assert len(silian("record", "ls", "resident", *asked, "--dir", office).err.splitlines()) == 1


def test_found_records_fit_a_terminal(office: Path) -> None:
    shown = on_terminal("record", "ls", "--search", "敏", "--dir", office, columns=80)
    from rich.cells import cell_len

    from tests.integration.test_cli_ids import clean

    assert max(map(cell_len, clean(shown))) <= 80
