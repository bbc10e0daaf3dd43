"""The day's work on the command line: what waits, orders over all targets, reports of figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from node.services.overview.today import COMMANDS, Source
from tests.support.filled import Pair, served_pair
from tests.support.silian import COMMUNITY, STREET, Ran, answering, on_terminal, silian
from tests.support.verbs import verbs

MONEY = ("--fund", "F10", "--year", "2026")


def good(ran: Ran) -> Ran:
    assert ran.exit == 0, ran.err
    return ran


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with served_pair(tmp_path_factory.mktemp("pair")) as found:
        yield found


@pytest.fixture(scope="module")
def filled(pair: Pair) -> Pair:
    """One thing of every kind that waits for the community."""
    for name in ("一号楼", "二号楼"):
        good(pair.below("record", "create", "premises", f"name={name}", "use=office",
                        "area_m2=100"))  # fmt: skip
    seen = pair.below("record", "show", "premises", "二号楼", "--json").json["record"]
    change = ("record", "change", "premises", "二号楼")
    good(pair.below(*change, "remark=甲"))
    good(pair.below(*change, "remark=乙", "--version-token", seen["version_token"], "--force"))
    pair.sync()
    ask = ("correction", "ask", "premises", "一号楼", "area_m2=10", "--reason", "实测")
    good(pair.above(*ask, "--unit", COMMUNITY, "--due", "2098-12-31"))
    good(pair.above("money", "appropriate", "1000", *MONEY))
    good(pair.above("money", "release", "200", "--to", COMMUNITY, *MONEY))
    issue = ("work", "issue", "楼道灯排查", "--duty", "undertakes", "--due", "2097-12-31")
    good(pair.above(*issue, "--below", STREET, "--yes"))
    pair.sync()
    return pair


def tasks(ran: Ran) -> list[dict[str, Any]]:
    return list(good(ran).json["items"])


def test_today_lists_every_source_by_deadline_with_a_command_that_works(filled: Pair) -> None:
    found = tasks(filled.below("today", "--json"))
    sources = [task["source"] for task in found]
    assert set(sources) >= {"work", "correction", "money", "conflict"}
    due = [task["due_ms"] for task in found]
    dated = [each for each in due if each is not None]
    assert dated == sorted(dated)
    assert due[: len(dated)] == dated
    assert len(dated) == 2
    for task in found:
        if task["source"] != "money":  # its command acts
            good(filled.below(*task["command"]))


def test_the_command_that_today_shows_for_a_problem_can_be_typed_as_shown(
    tmp_path: Path,
) -> None:
    """A community without a parent has a problem; what explains it takes no folder."""
    home = tmp_path / "home"
    good(silian("init", "--dir", home, "--unit", COMMUNITY))
    shown = good(silian("today", "--dir", home, lang="en")).out
    commands = [
        line.split() for line in shown.splitlines() if line.startswith("    silian explain")
    ]
    assert commands, shown
    for _, *command in commands:
        good(silian(*command))


def test_every_command_that_today_can_name_is_a_verb() -> None:
    assert {" ".join(words) for words in COMMANDS.values()} <= verbs().keys()
    assert COMMANDS.keys() == set(Source)


def test_what_status_counts_is_named_once_in_today(filled: Pair) -> None:
    codes = {task["code"] for task in tasks(filled.below("today", "--json"))}
    assert not codes & {"conflicts", "money_waiting", "corrections", "work_overdue"}


def test_today_leaves_out_what_was_done(filled: Pair) -> None:
    def money() -> list[dict[str, Any]]:
        found = tasks(filled.below("today", "--json"))
        return [task for task in found if task["source"] == "money"]

    (waiting,) = money()
    good(filled.below(*waiting["command"], "--as", "王敏"))
    assert money() == []


def test_today_shows_whole_commands_on_a_narrow_terminal(filled: Pair) -> None:
    shown = on_terminal("today", "--lang", "zh", "--dir", filled.community, columns=80)
    (work,) = (t for t in tasks(filled.below("today", "--json")) if t["source"] == "work")
    assert f"silian work show {work['id']}" in shown
    assert "本单位现在可办理：" in shown


def test_work_below_a_unit_is_counted_and_not_issued_without_a_yes(pair: Pair) -> None:
    issue = ("work", "issue", "消防检查", "--duty", "undertakes", "--below", STREET)
    ran = pair.above(*issue)
    assert ran.exit == 2
    assert "17 units" in ran.err
    assert good(pair.above("order", "ls", "--text", "消防检查", "--json")).json["total"] == 0
    shown = answering(*issue, "--dir", pair.street, "--lang", "en", answers=["n"])
    assert "Issue it to 17 units? [y/N]" in shown
    assert "nothing was done" in shown
    assert good(pair.above("order", "ls", "--text", "消防检查", "--json")).json["total"] == 0


def test_work_below_a_unit_goes_to_those_whose_records_fit(filled: Pair) -> None:
    issue = ("work", "issue", "小房整改", "--duty", "undertakes", "--below", STREET, "--yes")
    done = good(filled.above(*issue, "--where", "社区用房.建筑面积<=100", "--json")).json
    assert [each["assignee"]["name"] for each in done["assignments"]] == ["万家花园社区"]
    ran = filled.above(*issue, "--where", "社区用房.建筑面积>100")
    assert ran.exit == 2
    assert "0 units: none" in ran.err
    ran = filled.above(*issue, "--where", "area_m2>100")
    assert ran.exit == 2
    assert "register.field=value" in ran.err


def test_an_order_says_who_of_all_its_targets_is_done_and_who_never_connected(
    filled: Pair,
) -> None:
    order = good(filled.above("order", "show", "楼道灯排查", "--json")).json
    assert order["order"]["targets"] == len(order["targets"]) == 17
    assert order["order"]["done"] == 0
    assert order["order"]["never_received"] == 16
    as_clerk = ("--as", "王敏")
    for step in (("accept",), ("progress",), ("claim",)):
        more = ("50",) if step == ("progress",) else ()
        good(filled.below("work", *step, "楼道灯排查", *more, *as_clerk))
    filled.sync()
    order = good(filled.above("order", "show", "楼道灯排查", "--json")).json
    assert order["order"]["done"] == 1
    assert [t["unit"]["name"] for t in order["targets"] if t["done"]] == ["万家花园社区"]
    shown = good(filled.above("order", "show", "楼道灯排查")).out
    assert "1 of 17 done" in shown
    assert "never connected" in shown
    assert "楼道灯排查" in good(filled.above("order", "ls", "--open")).out
    (issuers,) = (
        t for t in tasks(filled.above("today", "--json")) if t["title"]["zh"] == "楼道灯排查"
    )
    assert issuers["code"] == "claimed"
    assert "verify" in issuers["steps"]


def test_a_report_has_no_figure_without_its_completeness(filled: Pair) -> None:
    found = good(filled.above("report", "--by", "community", "--json")).json
    assert len(found["rows"]) == 17
    assert len(found["columns"]) > 20
    for column in found["columns"]:
        assert column["counts"] is not None
        assert column["counts"]["expected"] > 0
    for row in found["rows"]:
        for cell in row["cells"]:
            assert (
                cell["figure"] is None
                or cell["counts"] is not None
                or (
                    cell["figure"]["display"] == "1"  # the unit itself, which the tree counts
                )
            )


def test_the_rows_of_a_report_add_up_to_its_total(filled: Pair) -> None:
    found = good(filled.above("report", "--by", "社区", "--indicator", "K2,K3", "--json")).json
    assert [c["indicator"]["id"] for c in found["columns"]] == ["K2", "K3"]
    for at, column in enumerate(found["columns"]):
        parts = [row["cells"][at]["figure"]["numerator"] or 0 for row in found["rows"]]
        assert sum(parts) == (column["total"]["numerator"] or 0)


def test_a_report_shows_targets_and_a_total_row(filled: Pair) -> None:
    shown = good(filled.above("report", "--by", "community", "--indicator", "K5", lang="zh")).out
    assert "闸弄口街道合计" in shown
    assert "目标" in shown
    assert "已填报" in shown


def test_a_month_without_a_closing_has_no_figure_and_says_so(filled: Pair) -> None:
    ran = good(filled.above("report", "--indicator", "K2", "--month", "2020-01", "--json"))
    (column,) = ran.json["columns"]
    assert column["missing"] == "no_closing"
    assert column["total"] is None
    ran = good(filled.above("report", "--indicator", "K2", "--month", "2020-01"))
    assert "2020-01: nothing was closed for it" in ran.err
    assert "not closed" in ran.out
    assert "0/0" not in ran.out
    ran = good(
        filled.above("report", "--indicator", "K2", "--month", "2020-01", "--by", "community")
    )
    assert "0/0" not in ran.out
    assert filled.above("report", "--month", "2020-13").exit == 2


def test_what_a_report_is_asked_for_twice_is_in_it_once(filled: Pair) -> None:
    ran = good(filled.above("report", "--indicator", "K2,K2", "--indicator", "K2"))
    assert ran.out.count("K2 ") == 1


def test_a_report_goes_into_a_workbook_with_numbers_and_over_no_other_file(
    filled: Pair, tmp_path: Path
) -> None:
    out = tmp_path / "报表.xlsx"
    write = ("report", "--by", "community", "--indicator", "K2,K5,K34", "--out", out)
    good(filled.above(*write, lang="zh"))
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["汇总", "分单位", "说明"]
    rows = list(book["分单位"].iter_rows(values_only=True))
    assert rows[0][:3] == ("代码", "单位", "总户数（户）") or rows[0][:2] == ("代码", "单位")
    assert len(rows) == 1 + 17 + 2
    (own,) = (row for row in rows if row[1] == "万家花园社区")
    assert isinstance(own[2], int | float | str)
    assert "/" in str(own[3])
    again = filled.above(*write)
    assert again.exit == 7
    good(filled.above(*write, "--force"))
    assert filled.above("report", "--out", tmp_path / "a.csv").exit == 2
