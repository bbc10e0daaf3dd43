"""Formula money at the command line: the rule alone, and a year's plan shown, put in, sent down."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from hub.cli.exits import Exit
from tests.support.silian import Ran, silian

TREE = """code,name,level,parent_code
330100000000,试市,city,
330102000000,试区,district,330100000000
330102013000,试街道,street,330102000000
330102013001,甲社区,community,330102013000
"""
UNITS = ("甲社区", "试街道", "试区", "试市")  # each below the next


def formula(*arguments: object) -> list[dict[str, object]]:
    ran = silian("money", "formula", *arguments, "--json")
    assert ran.exit == 0, ran.err
    lines: list[dict[str, object]] = ran.json["lines"]
    return lines


def test_the_rule_alone_gives_a_line_a_fund_and_payer_without_an_office() -> None:
    """N8 begins with 4,000 yuan a hundred households, N9 is 64,000, N10 10 yuan a member."""
    lines = formula("--year", 2004, "--households", 1000, "--members", 120, "--committee")
    assert [(x["fund"], x["payer"], x["amount_fen"], x["rule"]) for x in lines] == [
        ("F1", "city", 4_000_000, "N8"),
        ("F2", "district", 4_000_000, "N8"),
        ("F3", "city", 6_400_000, "N9"),
        ("F4", "city", 60_000, "N10"),
        ("F4", "district", 60_000, "N10"),
    ]
    assert len({x["version"] for x in lines}) == 1
    grown = formula("--year", 2006, "--households", 1000)
    assert [x["amount_fen"] for x in grown] == [4_410_000, 4_410_000, 0, 0, 0]
    reported = silian("money", "formula", "--year", 2004, "--households", 1000, lang="zh")
    assert "80,000.00 元" in reported.out


@pytest.mark.parametrize(
    "wrong",
    [("--year", "2003", "--households", "1"), ("--year", "2026", "--households", "-1"),
     ("--year", "2026", "--households", "1,0"), ("--year", "2026"), ("--year", "9999999",
     "--households", "1")],
)  # fmt: skip
def test_a_rule_that_has_no_answer_says_so(wrong: tuple[str, ...]) -> None:
    assert silian("money", "formula", *wrong).exit == Exit.USAGE


def test_the_rule_for_the_years_end_covers_the_gap_first_and_carries_the_rest() -> None:
    """N18, without an office: 1,000 yuan of income, a gap of 400, 100 of tax, 50 unspent."""
    asked = (
        "money",
        "year-end",
        "--income",
        "1000",
        "--gap",
        "400",
        "--tax",
        "100",
        "--surplus",
        "50",
    )
    found = silian(*asked, "--json").json
    assert (found["gap_covered_fen"], found["tax_fen"]) == (40_000, 10_000)
    assert (found["rewards_fen"], found["carried_fen"], found["rule"]) == (27_500, 27_500, "N18")
    assert "275.00" in silian(*asked, lang="zh").out
    assert silian("money", "year-end", "--income", "-1").exit == Exit.USAGE


# -- a plan -----------------------------------------------------------------------------------


@pytest.fixture
def city(tmp_path: Path) -> Path:
    """A city that knows one community: 1,000 households, 200 Party members, a committee."""
    (tmp_path / "tree.csv").write_text(TREE, encoding="utf-8")
    for unit in UNITS:
        made = silian("init", "--dir", tmp_path / unit, "--unit", unit, "--tree",
                      tmp_path / "tree.csv", "--tree-from", "2020-01-01")  # fmt: skip
        assert made.exit == 0, made.err
    rows = "\n".join(["户号,住户类别", *(f"{n},常住" for n in range(1000))])
    (tmp_path / "households.csv").write_text(rows, encoding="utf-8")
    below = tmp_path / UNITS[0]
    taken = silian("import", tmp_path / "households.csv", "--register", "household", "--dir", below)
    assert taken.exit == 0, taken.err
    party = ("name=甲社区党委", "kind=committee", "members_n=200")
    assert silian("record", "create", "party_organisation", *party, "--dir", below).exit == 0
    for lower, upper in pairwise(UNITS):
        file = tmp_path / f"{lower}.bundle"
        written = silian("bundle", "write", file, "--to", upper, "--dir", tmp_path / lower)
        assert written.exit == 0, written.err
        key = silian("bundle", "show", file, "--json").json["key"]
        read = silian("bundle", "read", file, "--trust", key, "--dir", tmp_path / upper)
        assert read.exit == 0, read.err
    return tmp_path / UNITS[-1]


def planned(city: Path, *arguments: object) -> Ran:
    return silian("money", "plan", "--year", "2026", *arguments, "--dir", city, "--json")


def test_a_plan_is_shown_then_put_in_once_and_sent_down_as_far_as_it_is_held(city: Path) -> None:
    shown = planned(city)
    assert shown.exit == 0, shown.err
    due = {line["fund"]: line["due_fen"] for line in shown.json["lines"]}
    rule = formula("--year", 2026, "--households", 1000, "--members", 200, "--committee")
    of_city = {x["fund"]: x["amount_fen"] for x in rule if x["payer"] == "city"}
    assert due == of_city
    assert shown.json["postings"] == []
    assert silian("money", "ls", "--dir", city, "--json").json["total"] == 0  # only shown
    limited = planned(city, "--appropriate", "--budget", "F1=1,000", "--fund", "F1")
    assert [p["amount_fen"] for p in limited.json["postings"]] == [100_000]
    whole = planned(city, "--appropriate", "--as", "张")
    put = {p["fund"]: p["amount_fen"] for p in whole.json["postings"]}
    assert put == {**of_city, "F1": int(str(of_city["F1"])) - 100_000}
    assert planned(city, "--appropriate").json["postings"] == []
    sent = planned(city, "--release", "--fund", "社区党务工作经费", "--note", "首批")
    assert [(p["fund"], p["amount_fen"], p["note"]) for p in sent.json["postings"]] == [
        ("F3", 6_400_000, "首批")
    ]
    assert "甲社区" in silian("money", "plan", "--year", "2026", "--dir", city, lang="zh").out


@pytest.mark.parametrize(
    ("arguments", "exit_", "code"),
    [
        (("--appropriate", "--release"), 2, "usage"),
        (("--budget", "F1=5"), 2, "usage"),
        (("--note", "x"), 2, "usage"),
        (("--appropriate", "--budget", "F1=1,50"), 2, "usage"),
        (("--appropriate", "--budget", "F1=1", "--budget", "F1=2"), 2, "usage"),
        (("--fund", "F5"), 2, "bad_allocation"),
        (("--fund", "F99"), 2, "bad_allocation"),
        (("--appropriate", "--budget", "F9=1"), 2, "bad_allocation"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], exit_: int, code: str
) -> None:
    assert silian("init", "--dir", tmp_path / "here", "--unit", "甲社区", "--tree", tree(tmp_path),
                  "--tree-from", "2020-01-01").exit == 0  # fmt: skip
    ran = planned(tmp_path / "here", *arguments)
    assert (ran.exit, ran.error["code"]) == (exit_, code)


def tree(folder: Path) -> Path:
    (folder / "tree.csv").write_text(TREE, encoding="utf-8")
    return folder / "tree.csv"
