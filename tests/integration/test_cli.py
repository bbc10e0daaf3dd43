"""Every verb of the command line, on offices that are served and on one that is not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.core import TyperGroup as Group
from typer.main import get_command

from hub.cli.exits import Exit
from hub.cli.main import app
from tests.support.enrolled import until
from tests.support.silian import COMMUNITY, STREET, Ran, on_terminal, serving, silian

ROOT = Path(__file__).resolve().parents[2]
PREMISES = ("name=一号楼", "use=office", "area_m2=660", "tenure=owned")


@dataclass(frozen=True, slots=True)
class Network:
    """A street and one of its communities, both served."""

    street: Path
    community: Path

    def above(self, *arguments: object, **more: str) -> Ran:
        return silian(*arguments, "--dir", self.street, **more)

    def below(self, *arguments: object, **more: str) -> Ran:
        return silian(*arguments, "--dir", self.community, **more)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    base = tmp_path_factory.mktemp("offices")
    found = Network(base / "street", base / "community")
    assert silian("init", "--dir", found.street, "--unit", STREET).exit == 0
    with serving(found.street) as address:
        made = silian("init", "--dir", found.community, "--unit", COMMUNITY, "--parent", address)
        assert made.exit == 0
        with serving(found.community):
            assert found.below("sync", "now", "--wait", 30).exit == 0
            yield found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An office that nobody serves."""
    folder = tmp_path_factory.mktemp("alone") / "office"
    made = silian("init", "--dir", folder, "--unit", "万家花园社区", "--json")
    assert made.json["code"] == COMMUNITY
    return folder


@pytest.fixture(scope="module")
def premises(network: Network) -> str:
    """The id of a record that the street has too."""
    made = network.below("record", "create", "premises", *PREMISES, "--json")
    assert made.exit == 0, made.err
    assert network.below("sync", "now", "--wait", 30).exit == 0
    return str(made.json["id"])


# -- the office -----------------------------------------------------------------------------------


def test_init_leaves_a_token_that_only_its_owner_reads(alone: Path) -> None:
    assert (alone / "api.token").stat().st_mode & 0o777 == 0o600


def test_status_shows_the_link_and_the_offices_below(network: Network) -> None:
    own = network.below("status", "--json").json
    assert own["link"]["connected"] is True
    tree = network.above("status", "--tree", "--json").json
    assert {o["unit"]["code"]: o["received"] for o in tree["offices"]} == {
        STREET: True, COMMUNITY: True,
    }  # fmt: skip
    assert (tree["sums"]["offices"], tree["sums"]["received"]) == (18, 2)
    assert {c["code"]: c["offices"] for c in tree["causes"]}["never_contacted"] == 16
    shown = network.above("status", "--tree").out
    assert "万家花园社区" in shown
    assert "18 offices: 2 connected before, 16 never, connected now 1" in shown
    assert "18 个：已联网 2，从未联网 16" in network.above("status", "--tree", lang="zh").out
    assert len(shown.splitlines()) < 10  # and not a line for each office that never was


def test_what_was_never_received_is_null_in_json_and_a_dash_for_people(network: Network) -> None:
    found = network.above("status", "--tree", "--never", "--json").json
    assert len(found["offices"]) == 18
    never = [o for o in found["offices"] if not o["received"]]
    assert len(never) == 16
    for office in never:
        for name in (
            "connected", "last_contact_ms", "exact_ms", "waiting_up", "waiting_age_ms",
            "waiting_down", "conflicts", "quarantined",
        ):  # fmt: skip
            assert office[name] is None, name
    own = next(o for o in found["offices"] if o["unit"]["code"] == STREET)
    assert own["conflicts"] == 0
    line = next(
        row for row in network.above("status", "--tree", "--never").out.splitlines()
        if never[0]["unit"]["name"] in row and never[0]["unit"]["code"] in row
    )  # fmt: skip
    assert line.split()[2:] == ["-", "-", "0/1", "-", "-"]


def test_a_status_is_asked_for_a_unit_and_by_cause_page_by_page(network: Network) -> None:
    one = network.above("status", "--tree", "--unit", "万家花园社区", "--json").json
    assert [o["unit"]["code"] for o in one["offices"]] == [COMMUNITY]
    assert one["causes"] == []
    first = network.above(
        "status", "--tree", "--problems", "--cause", "never_contacted", "--limit", 10, "--json"
    ).json
    assert (len(first["problems"]), first["total"], first["next"]) == (10, 16, "10")
    second = network.above(
        "status", "--tree", "--problems", "--cause", "never_contacted", "--limit", 10,
        "--after", first["next"], "--json",
    ).json  # fmt: skip
    assert (len(second["problems"]), second["next"]) == (6, "")
    shown = network.above(
        "status", "--tree", "--problems", "--cause", "never_contacted", "--limit", 2
    )
    assert "16 in all, next page: --after 2" in shown.err
    unknown = network.above("status", "--tree", "--problems", "--cause", "holez", "--json")
    assert (unknown.exit, unknown.error["code"]) == (3, "unknown_cause")


@pytest.mark.parametrize("options", [
    ("--unit", "万家花园社区"), ("--depth", "2"), ("--never",), ("--problems",), ("--after", "3"),
    ("--limit", "3"), ("--tree", "--cause", "holes"), ("--tree", "--problems", "--never"),
])  # fmt: skip
def test_an_option_of_status_that_would_be_ignored_is_refused(
    network: Network, options: tuple[str, ...]
) -> None:
    refused = network.above("status", *options, "--json")
    assert (refused.exit, refused.error["code"]) == (2, "usage")


def test_compare_reports_that_both_copies_are_equal(network: Network, premises: str) -> None:
    done = network.below("compare", "--json")
    assert (done.exit, done.json["outcome"]) == (0, "equal"), done.err
    assert done.json["units"] >= 1
    assert network.below("compare", "--deep", "--no-repair").exit == 0
    assert network.below("repair", "ls", "--json").json == {"items": [], "next": "", "total": 0}


def test_retention_shows_the_log_and_truncates_nothing_without_the_setting(
    network: Network, premises: str
) -> None:
    looked = network.below("retention", "--dry-run", "--json")
    assert looked.exit == 0, looked.err
    assert (int(looked.json["low_water_mark"]), looked.json["log_days"]) == (0, 0)
    assert int(looked.json["entries"]) >= 1
    done = network.below("retention", "--json")
    assert int(done.json["truncated_entries"]) == 0
    assert done.json["entries"] == looked.json["entries"]
    output = network.below("retention").out
    assert "the log is kept" in output
    assert "ended records keep their values" in output
    assert (done.json["tombstone_days"], done.json["kept"]) == (0, [])


def test_compare_needs_a_parent_and_a_process_that_serves(network: Network, alone: Path) -> None:
    assert network.above("compare").exit == Exit.CONFLICT
    assert silian("compare", "--dir", alone).exit in (Exit.CONFLICT, Exit.UNREACHABLE)


def test_status_check_exits_with_6_when_offices_have_never_reported(network: Network) -> None:
    assert network.above("status", "--tree", "--check").exit == 6
    assert network.below("status", "--check").exit == 0


def test_an_office_that_is_not_served_answers_the_same_verbs(alone: Path) -> None:
    found = silian("status", "--dir", alone, "--json").json
    assert (found["link"]["state"], found["offices"][0]["unit"]["code"]) == (
        "not_served",
        COMMUNITY,
    )


def test_durability_shows_up_to_which_level_a_record_is_durable(
    network: Network, premises: str
) -> None:
    def places() -> list[tuple[str, str]]:
        found = network.below("where", "premises", premises, "--json").json
        return [(p["unit"]["name"], p["state"]) for p in found["places"]]

    until(lambda: ("闸弄口街道", "safe") in places())  # its signed receipt comes a moment later
    found = network.below("where", "premises", premises, "--json").json
    assert places() == [
        ("万家花园社区", "safe"),
        ("闸弄口街道", "safe"),
        ("上城区", "waiting"),
        ("杭州市", "waiting"),
    ]
    shown = network.below("where", "premises", premises).out
    assert "waiting" in shown
    assert re.search(r"^as of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$", shown, re.MULTILINE)
    assert int(found["as_of_ms"]) > 0


def test_units_are_found_by_part_of_a_name_and_listed(network: Network) -> None:
    found = network.above("unit", "find", "万家", "--json").json
    assert found["items"][0]["code"] == COMMUNITY
    listed = network.above("unit", "ls", "闸弄口街道", "--json").json
    assert len(listed["items"]) == 18
    assert "闸弄口街道" in network.above("unit", "ls").out


# -- records --------------------------------------------------------------------------------------


def test_registers_are_listed_and_described(network: Network) -> None:
    listed = network.below("register", "ls", "--json").json
    assert "premises" in {r["name"] for r in listed["items"]}
    one = network.below("register", "show", "premises", "--json").json
    area = next(f for f in one["fields"] if f["name"] == "area_m2")
    assert (area["type"], area["owners"]) == ("decimal", [3])
    assert "建筑面积" in network.below("register", "show", "premises", lang="zh").out


def test_a_record_is_created_changed_deleted_and_restored(network: Network, premises: str) -> None:
    made = network.below(
        "record", "create", "premises", "name=二号楼", *PREMISES[1:], "--json"
    ).json
    record = made["id"]
    assert made["values"]["area_m2"] == 66000
    changed = network.below(
        "record",
        "change",
        "premises",
        record,
        "area_m2=70.5",
        "--version-token",
        made["version_token"],
        "--json",
    )
    assert changed.json["values"]["area_m2"] == 7050
    shown = network.below("record", "show", "premises", record, "--history", lang="zh")
    assert "70.50" in shown.out
    listed = network.below("record", "ls", "premises", "--where", "name=二号楼", "--json").json
    assert [r["id"] for r in listed["items"]] == [record]
    assert network.below("record", "end", "premises", record, "--json").json["alive"] is False
    left = network.below("record", "ls", "premises", "--json").json
    assert [r["id"] for r in left["items"]] == [premises]


def test_the_street_lists_what_its_communities_keep(network: Network, premises: str) -> None:
    found = network.above("record", "ls", "premises", "--subtree", "--json").json
    assert [(r["id"], r["unit"]["code"]) for r in found["items"]] == [(premises, COMMUNITY)]


def test_a_list_aligns_wide_characters(network: Network, premises: str) -> None:
    from rich.cells import cell_len

    lines = network.below("record", "ls", "premises", lang="zh").out.splitlines()
    head, row = lines[0], lines[1]
    column = cell_len(head[: head.index("用途")])
    assert cell_len(row[: row.index("办公")]) == column


def test_exported_files_are_imported_unchanged(
    network: Network, premises: str, tmp_path: Path
) -> None:
    for name in ("out.xlsx", "out.csv"):
        file = tmp_path / name
        written = network.below("export", "premises", "--out", file, "--json")
        assert written.json["records"] == 1
        back = network.below("import", file, "--register", "premises", "--json")
        assert (back.exit, back.json["reports"][0]["unchanged"]) == (0, 1)
    assert list(tmp_path.glob(".*")) == []


def test_a_filled_in_template_is_imported(alone: Path, tmp_path: Path) -> None:
    import openpyxl

    file = tmp_path / "template.xlsx"
    assert silian("template", "premises", "--dir", alone, "--out", file, lang="zh").exit == 0
    book = openpyxl.load_workbook(file)
    sheet = book.worksheets[0]
    heads = [cell.value for cell in sheet[1]]
    for head, value in {"用房名称": "三号楼", "用途": "活动", "建筑面积": 12.5}.items():
        sheet.cell(2, heads.index(head) + 1, value)
    book.save(file)
    tried = silian("import", file, "--register", "workbook", "--dry-run", "--dir", alone, "--json")
    report = tried.json["reports"][0]
    assert (tried.exit, report["new"], report["done"]) == (0, 1, False)
    taken = silian("import", file, "--register", "premises", "--dir", alone, "--json")
    assert taken.json["reports"][0]["done"] is True


def test_a_bad_file_is_refused_entirely_or_imported_without_its_bad_rows(
    network: Network, tmp_path: Path
) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("用房名称,用途,建筑面积\n甲楼,办公,10\n乙楼,天上,20\n", encoding="utf-8")
    marked = tmp_path / "marked.csv"
    whole = network.below("import", file, "--register", "premises", "--annotated", marked, "--json")
    report = whole.json["reports"][0]
    assert (whole.exit, report["done"], report["refused"]) == (6, False, 1)
    assert report["faults"][0]["row"] == 3
    assert "Errors" in marked.read_text(encoding="utf-8")
    good = network.below("import", file, "--register", "premises", "--valid-only", lang="zh")
    assert (good.exit, "第 3 行" in good.out) == (6, True)
    found = network.below("record", "ls", "premises", "--where", "name=甲楼", "--json").json
    record = found["items"][0]["id"]
    assert network.below("record", "end", "premises", record).exit == 0


def test_a_long_import_shows_its_progress_on_a_terminal_and_not_in_json(
    alone: Path, tmp_path: Path
) -> None:
    file = tmp_path / "long.csv"
    rows = "".join(f"长楼{n},办公,10\n" for n in range(2_500))
    file.write_text(f"用房名称,用途,建筑面积\n{rows}", encoding="utf-8")
    seen = on_terminal("import", file, "--register", "premises", "--dir", alone, "--lang", "en")
    assert re.findall(r"importing.*?(\d+)%", seen)[-1] == "100"
    again = silian("import", file, "--register", "premises", "--dir", alone, "--json")
    assert again.err == ""
    report = again.json["reports"][0]
    assert (report["read"], report["unchanged"], report["refused"]) == (2_500, 2_500, 0)


# -- figures --------------------------------------------------------------------------------------


def test_a_figure_comes_with_its_completeness(network: Network) -> None:
    outlet = network.below(
        "record", "create", "service_outlet", "name=便民点", "kind=outlet", "--json"
    )
    assert outlet.exit == 0, outlet.err
    network.below("sync", "now", "--wait", 30)
    listed = network.above("indicator", "ls", "--json").json
    area = next(i["id"] for i in listed["items"] if i["label"]["zh"] == "服务网点数")
    found = network.above("rollup", area, "--by", "unit", "--json").json
    assert found["figure"]["value"] == "1"
    assert {g["key"]: g["figure"]["value"] for g in found["groups"]}[COMMUNITY] == "1"
    assert (found["completeness"]["expected"], found["completeness"]["reported"]) == (17, 1)
    assert network.above("rollup", area, "--check").exit == 6
    people = network.above("rollup", area, "--by", "unit", lang="zh").out
    assert "已联网 1/17，已填报 1/17，数据完整 1/17" in people
    assert "服务网点：有记录 1/17，零报告 0" in people


def test_a_unit_that_was_never_received_has_no_figure_in_json_and_a_dash_for_people(
    network: Network,
) -> None:
    found = network.above("rollup", "K2", "--by", "unit", "--json").json
    groups = {g["key"]: g for g in found["groups"]}
    assert groups[COMMUNITY]["figure"]["unknown"]  # connected, and nothing filled in
    assert groups[COMMUNITY]["figure"]["numerator"] is None
    assert groups[COMMUNITY]["counts"] == {
        "expected": 1, "received": 1, "reported": 0, "complete": 0,
    }  # fmt: skip
    never = groups.pop("330102013001")
    assert never["figure"] == {
        "numerator": None, "denominator": None, "value": "", "display": "", "met": None,
        "suppressed": False, "unknown": True,
        "numerator_undecided": 0, "denominator_undecided": 0, "withheld_offices": 0,
    }  # fmt: skip
    assert never["counts"]["received"] == 0
    row = next(
        line for line in network.above("rollup", "K5", "--by", "unit").out.splitlines()
        if line.startswith("330102013001")
    )  # fmt: skip
    assert row.split()[2:] == ["-", "-", "-", "0/1"]


def test_all_that_is_behind_is_named_in_json_and_counted_for_people(network: Network) -> None:
    found = network.above("rollup", "K2", "--json").json["completeness"]
    assert len(found["laggards"]) == found["laggards_total"] == 17
    filled = {each["unit"]["code"]: each for each in found["laggards"]}[COMMUNITY]
    assert (filled["lag"], filled["missing"]) == ("not_filled", ["household"])
    shown = network.above("rollup", "K2").out
    assert "and 7 more: --all names them" in shown
    assert (
        "万家花园社区: nothing filled in (Household)" in network.above("rollup", "K2", "--all").out
    )
    assert "未填报（住户）" in network.above("rollup", "K2", "--all", lang="zh").out


def test_an_office_states_that_it_has_nothing_to_report_and_takes_that_back(
    network: Network,
) -> None:
    def reported() -> int:
        assert network.below("sync", "now", "--wait", 30).exit == 0
        counts = network.above("rollup", "K33", "--json").json["completeness"]["counts"]
        return int(counts["reported"])

    before = reported()
    stated = network.below("record", "none", "aid_case", "--as", "李", "--json")
    assert stated.exit == 0, stated.err
    assert (stated.json["zero"], stated.json["actor"], stated.json["changed"]) == (True, "李", True)
    assert reported() == before + 1
    again = network.below("record", "none", "aid_case", "--as", "王", lang="zh")
    assert "已作零报告，经办人 李" in again.out
    assert network.below("record", "none", "aid_case", "--withdraw", "--json").json["zero"] is False
    assert reported() == before
    outlets = network.below("record", "none", "service_outlet", "--as", "李", "--json")
    assert (outlets.exit, outlets.error["code"]) == (7, "not_empty")
    above = network.above("record", "none", "aid_case", "--as", "李", "--json")
    assert (above.exit, above.error["code"]) == (4, "not_kept_here")


@pytest.mark.parametrize(
    "options", [("--subtree",), ("--unit", "万家花园社区"), ("--unit", "天杭社区"), ()]
)
def test_a_list_of_records_that_never_leave_says_where_they_are(
    network: Network, options: tuple[str, ...]
) -> None:
    refused = network.above("record", "ls", "resident", *options, lang="zh")
    assert refused.exit == Exit.REFUSED
    assert "“居民”台账只在社区保存" in refused.err
    assert "silian rollup K3（居民数）" in refused.err
    output = network.above("record", "ls", "resident", *options, "--json").error
    assert output["code"] == "kept_elsewhere"
    assert "silian rollup K3" in output["hint"]


def test_a_list_points_to_offices_below_only_where_there_are_some(network: Network) -> None:
    assert "--subtree" in network.above("record", "ls", "facility_set").err
    assert "--subtree" not in network.below("record", "ls", "resident").err


def test_verify_finds_everything_equal(network: Network, premises: str) -> None:
    found = network.above("verify", "--json")
    assert (found.exit, found.json["sound"]) == (0, True)
    assert "sound" in network.below("verify").out


# -- work -----------------------------------------------------------------------------------------


def wait_for_work(network: Network, state: str, order: str) -> str:
    """Bring both offices up to date and return the community's assignment in that state."""
    network.below("sync", "now", "--wait", 30)
    found = network.below("work", "ls", "--state", state, "--json").json["items"]
    return next(str(a["id"]) for a in found if a["work_order"] == order)


def test_work_is_issued_done_verified_and_closed(network: Network) -> None:
    issued = network.above(
        "work", "issue", "楼道灯排查", "--to", "万家花园社区", "--duty", "undertakes",
        "--due", "2099-12-31", "--as", "street:li", "--json",
    )  # fmt: skip
    assert issued.exit == 0, issued.err
    order = issued.json["work_order"]
    assignment = wait_for_work(network, "delivered", order)
    for step in (("accept",), ("progress", "40", "--note", "已查两幢"), ("claim",)):
        done = network.below("work", step[0], assignment, *step[1:], "--as", "community:wang")
        assert done.exit == 0, done.err
    network.below("sync", "now", "--wait", 30)
    assert network.above("work", "verify", assignment, "--as", "street:zhao").exit == 0
    assert network.above("work", "appraise", assignment, "90", "--as", "street:li").exit == 0
    closed = network.above("work", "close", assignment, "--as", "street:li", "--json")
    assert closed.json["assignment"]["state"] == "closed"
    shown = network.above("work", "show", assignment, "--json").json
    assert [e["kind"] for e in shown["history"]][-4:] == [
        "claim", "verify", "appraise_result", "close",
    ]  # fmt: skip
    assert "已查两幢" in network.above("work", "show", assignment).out
    assert "closed" in network.above("work", "tree", order).out
    assert "楼道灯排查" in network.above("work", "ls", "--box", "issued", lang="zh").out


def test_work_is_consented_returned_and_dispatched_again(network: Network) -> None:
    order = network.above(
        "work", "issue", "协助摸底", "--to", COMMUNITY, "--duty", "assists", "--json"
    ).json["work_order"]
    assignment = wait_for_work(network, "delivered", order)
    steps = (
        (network.below, "consent", ()),
        (network.below, "accept", ()),
        (network.below, "hand-back", ("--reason", "应由他处办理")),
        (network.above, "take-back", ()),
        (network.above, "dispatch", ("--due", "2099-03-01")),
        (network.below, "return", ("--reason", "材料不全")),
    )
    for office, step, more in steps:
        done = office("work", step, assignment, *more, "--as", "someone")
        assert done.exit == 0, f"{step}: {done.err}"
        network.below("sync", "now", "--wait", 30)
    shown = network.above("work", "show", assignment, "--json").json
    assert shown["assignment"]["state"] == "returned"


def test_work_is_declined_extended_and_recalled(network: Network) -> None:
    issued = network.above(
        "work", "issue", "协助调查", "--to", COMMUNITY, "--duty", "assists", "--due", "2099-01-01",
        "--json",
    ).json  # fmt: skip
    assignment = wait_for_work(network, "delivered", issued["work_order"])
    assert network.below("work", "decline", assignment, "--reason", "人手不足").exit == 0
    other = network.above(
        "work", "issue", "送通知", "--to", COMMUNITY, "--duty", "undertakes", "--json"
    ).json
    assignment = wait_for_work(network, "delivered", other["work_order"])
    assert network.above("work", "extend", assignment, "--due", "2099-02-01").exit == 0
    recalled = network.above("work", "recall", assignment, "--reason", "不再需要", "--json")
    assert recalled.json["assignment"]["state"] == "recalled"


# -- money ----------------------------------------------------------------------------------------


def test_money_is_released_returned_and_adds_up(network: Network) -> None:
    fund_options = ("--fund", "F10", "--year", "2026", "--json")
    put = network.above("money", "appropriate", "10,000.50", *fund_options, "--note", "年度安排")
    assert (put.exit, put.json["amount_fen"]) == (0, 1_000_050), put.err
    sent = network.above("money", "release", "6000", "--to", COMMUNITY, *fund_options).json
    refused = network.above("money", "release", "600", "--to", COMMUNITY, *fund_options).json
    network.below("sync", "now", "--wait", 30)
    waiting = network.below("money", "transfers", "--way", "waiting", "--json").json
    assert [t["id"] for t in waiting["items"]] == [sent["transfer"], refused["transfer"]]
    assert network.below("money", "return", refused["transfer"], "--reason", "重复").exit == 0
    alone = network.below("money", "receive", "--all", "--json")
    assert (alone.exit, alone.error["code"]) == (4, "two_persons")
    received = network.below("money", "receive", "--all", "--as", "出纳", "--json")
    assert received.json["items"][0]["kind"] == "receipt"
    spent = network.below("money", "spend", "5000", "--category", "service", *fund_options).json
    assert network.below("money", "reverse", spent["id"]).exit == 0
    assert network.below("money", "spend", "4000", "--category", "service", *fund_options).exit == 0
    given = network.below(
        "money", "return", "--amount", "500", "--reason", "结余", "--fund", "F10", "--year", "2026"
    )
    assert given.exit == 0, given.err
    own = network.below("money", "balance", "--json").json
    assert {b["account"]: b["fen"] for b in own["items"]}["held"] == 150_000
    assert "1,500.00" in network.below("money", "balance").out
    network.below("sync", "now", "--wait", 30)
    whole = network.above("money", "check", "--json")
    assert (whole.exit, whole.json["holds"]) == (0, True)
    assert whole.json["lines"][0]["held_fen"] == 1_000_050 - 400_000
    assert "年度安排" in network.above("money", "ls", lang="zh").out


def test_more_than_the_balance_is_neither_released_nor_spent(network: Network) -> None:
    fund_options = ("--fund", "F9", "--year", "2026", "--assignment", "00" * 16, "--json")
    sent = network.above("money", "release", "1", "--to", COMMUNITY, *fund_options)
    spent = network.above("money", "spend", "1", "--category", "service", *fund_options)
    assert (sent.exit, sent.error["code"]) == (7, "over_release")
    assert (spent.exit, spent.error["code"]) == (7, "over_release")


# -- conflicts and the machine --------------------------------------------------------------------


def test_conflicts_are_listed_even_when_there_are_none(network: Network) -> None:
    assert network.below("conflict", "ls", "--json").json["total"] == 0


def test_a_conflict_is_shown_and_decided(alone: Path) -> None:
    def run(*arguments: str) -> Ran:
        return silian(*arguments, "--dir", alone, "--json")

    made = run("record", "create", "service_outlet", "name=冲突点", "kind=outlet").json
    change = ("record", "change", "service_outlet", made["id"])
    assert run(*change, "address=甲路1号").exit == 0
    stale = run(*change, "address=乙路2号", "--version-token", made["version_token"])
    assert (stale.exit, stale.error["code"]) == (7, "stale_edit")
    forced = run(*change, "address=乙路2号", "--version-token", made["version_token"], "--force")
    (conflict,) = forced.json["conflicts"]
    assert run("conflict", "ls").json["items"][0]["id"] == conflict
    assert "甲路1号" in silian("conflict", "show", conflict, "--dir", alone).out
    decide = ("conflict", "resolve", conflict, "--take", "loser", "--reason", "以门牌为准")
    assert run(*decide).json["conflict"]["state"] == "resolved"
    again = run(*decide)
    assert (again.exit, again.error["code"]) == (7, "conflict_closed")
    assert run("conflict", "ls").json["total"] == 0


def test_the_store_is_checked_upgraded_and_backed_up(alone: Path, tmp_path: Path) -> None:
    assert silian("db", "check", "--dir", alone, "--json").json == {"faults": [], "sound": True}
    assert silian("db", "upgrade", "--dir", alone).exit == 0
    copy = tmp_path / "copy.db"
    assert silian("db", "backup", copy, "--dir", alone).exit == 0
    assert copy.stat().st_size > 0


def test_a_store_in_use_is_backed_up_too(network: Network, tmp_path: Path) -> None:
    assert network.below("db", "backup", tmp_path / "copy.db").exit == 0


def test_settings_are_shown_with_their_origin_and_checked(alone: Path) -> None:
    shown = silian("config", "show", "--dir", alone, "--json", env={"SILIAN_SYNC_INTERVAL_S": "7"})
    assert shown.json["sync_interval_s"] == {"origin": "environment", "value": 7}
    assert shown.json["unit"]["value"] == COMMUNITY
    checked = silian("config", "check", "--dir", alone, "--json")
    assert (checked.exit, checked.json["problems"]) == (6, ["no_parent"])


def test_doctor_checks_the_machine(alone: Path) -> None:
    found = silian("doctor", "--dir", alone, "--json")
    checks = {f["check"]: f["good"] for f in found.json["items"]}
    assert checks.keys() == {
        "sqlite", "disk", "clock", "files", "folder", "private", "key", "token", "port", "store",
        "no_parent",
    }  # fmt: skip
    assert [check for check, good in checks.items() if not good] == ["no_parent"]
    (alone / "api.token").chmod(0o644)
    assert silian("doctor", "--dir", alone).exit == 6
    (alone / "api.token").chmod(0o600)


def test_codes_are_explained_and_versions_printed() -> None:
    assert "exit 7" in silian("explain", "stale_edit").out
    assert "隔离区" in silian("explain", "quarantined", "--lang", "zh").out
    assert silian("version", "--json").json["silian"]


def test_the_language_is_that_of_the_system_unless_set_otherwise(alone: Path) -> None:
    assert "台账" in silian("register", "ls", "--dir", alone, lang="zh").out
    assert "REGISTER" in silian("register", "ls", "--dir", alone, lang="en").out
    assert "REGISTER" in silian("register", "ls", "--dir", alone, "--lang", "en", lang="zh").out


def test_json_is_one_document_and_nothing_else_on_stdout(alone: Path) -> None:
    ran = silian("unit", "find", "社区", "--limit", 3, "--dir", alone, "--json")
    assert json.loads(ran.out)["total"] > 3
    assert ran.err == ""


# -- documentation --------------------------------------------------------------------------------


def test_every_verb_is_documented_and_no_other() -> None:
    def names(group: Group, before: str) -> Iterator[str]:
        for name, command in group.commands.items():
            if command.hidden:
                continue  # a former name, which goes on
            fund_options = f"{before} {name}"
            yield from (
                names(command, fund_options) if isinstance(command, Group) else [fund_options]
            )

    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `(silian [a-z -]+?)(?: now)?` \|", text, re.MULTILINE))
    command = get_command(app)
    assert isinstance(command, Group)
    assert documented == set(names(command, "silian"))


def test_every_exit_code_is_documented() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    documented = {int(n) for n in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert documented == {*map(int, Exit), 130}
