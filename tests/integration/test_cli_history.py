"""Who changed a record, and from what, as the command tells it; ends and the way back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.filled import Pair, served_pair
from tests.support.silian import COMMUNITY

HALL = ("name=一号楼", "use=office", "area_m2=320.5", "tenure=owned")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with served_pair(tmp_path_factory.mktemp("pair")) as found:
        yield found


def hall(pair: Pair, name: str) -> str:
    made = pair.below("record", "create", "premises", f"name={name}", *HALL[1:], "--as", "王敏",
                      "--json")  # fmt: skip
    assert made.exit == 0, made.err
    return str(made.json["id"])


def test_both_offices_see_who_changed_what_from_what_to_what(pair: Pair) -> None:
    record = hall(pair, "甲楼")
    change = ("record", "change", "premises", record)
    assert pair.below(*change, "area_m2=400", "--as", "李军", "--reason", "复测").exit == 0
    assert pair.below(*change, "area_m2=330", "--as", "王敏").exit == 0
    pair.sync()
    for run in (pair.below, pair.above):
        unit = ("--unit", COMMUNITY)
        shown = run("record", "show", "premises", record, *unit, "--history", "--json").json
        edits = [
            (e["unit"]["code"], e["actor"], e["reason"], c["old"], c["new"])
            for e in shown["history"]
            for c in e["changes"]
            if c["field"] == "area_m2"
        ]
        assert edits == [
            (COMMUNITY, "王敏", "", None, 32_050),
            (COMMUNITY, "李军", "复测", 32_050, 40_000),
            (COMMUNITY, "王敏", "", 40_000, 33_000),
        ]
        assert shown["remains"]["whole"] is True
        people = run("record", "show", "premises", record, *unit, "--history", lang="zh").out
        (line,) = [each for each in people.splitlines() if "李军" in each]
        assert "320.50" in line
        assert "400.00" in line
        assert "历史完整" in people


def test_every_verb_that_writes_records_takes_the_person(pair: Pair, tmp_path: Path) -> None:
    """And without --as the login stands for one, so that nobody is nobody."""
    file = tmp_path / "a.csv"
    file.write_text("用房名称,用途,建筑面积\n乙楼,办公,10\n", encoding="utf-8")
    taken = pair.below("import", file, "--register", "premises", "--as", "录入员", "--json")
    assert taken.exit == 0, taken.err
    found = pair.below("record", "ls", "premises", "--where", "name=乙楼", "--json").json
    record = found["items"][0]["id"]
    for verb, more in (
        ("change", ("remark=新",)), ("end", ("--reason", "拆除")), ("restore", ()),
    ):  # fmt: skip
        done = pair.below("record", verb, "premises", record, *more, "--as", f"经办{verb}")
        assert done.exit == 0, done.err
    assert pair.below("record", "change", "premises", record, "remark=又").exit == 0
    shown = pair.below("record", "show", "premises", record, "--history", "--json").json
    assert [(e["kind"], e["actor"]) for e in shown["history"]][:-1] == [
        ("created", "录入员"), ("changed", "经办change"), ("ended", "经办end"),
        ("restored", "经办restore"),
    ]  # fmt: skip
    assert shown["history"][-1]["actor"] != ""
    assert shown["history"][2]["reason"] == "demolished"
    assert "拆除" in pair.below("record", "show", "premises", record, "--history", lang="zh").out


def test_a_decided_conflict_is_listed_with_what_was_not_taken_at_both_offices(pair: Pair) -> None:
    record = hall(pair, "丙楼")
    seen = pair.below("record", "show", "premises", record, "--json").json["record"][
        "version_token"
    ]
    change = ("record", "change", "premises", record)
    assert pair.below(*change, "remark=甲说").exit == 0
    forced = pair.below(*change, "remark=乙说", "--version-token", seen, "--force", "--json")
    (conflict,) = forced.json["conflicts"]
    shown = pair.below("conflict", "show", conflict)
    assert "suggested to decide" in shown.out
    assert "may as well" in shown.out  # the street may, and so may the community
    decide = ("--take", "value", "--value", "remark=第三", "--reason", "现场核实", "--as", "赵")
    assert pair.below("conflict", "resolve", conflict, *decide).exit == 0
    pair.sync()
    for run in (pair.below, pair.above):
        (one,) = [c for c in run("conflict", "ls", "--settled", "--json").json["items"]
                  if c["id"] == conflict]  # fmt: skip
        assert (one["loser"]["value"], one["decision"]["value"]) == ("甲说", "第三")
        assert (one["decision"]["actor"], one["decision"]["reason"]) == ("赵", "现场核实")
        listed = run("record", "show", "premises", record, "--unit", COMMUNITY, "--history").out
        assert all(value in listed for value in ("甲说", "乙说", "第三"))
    assert conflict not in str(pair.below("conflict", "ls", "--json").json)


def test_a_conflict_reads_as_the_record_does(pair: Pair) -> None:
    """In the words of the person, with decimals and labels, and decided in them, too."""
    record = hall(pair, "己楼")
    shown = pair.below("record", "show", "premises", record, "--json").json["record"]
    change = ("record", "change", "premises", record)
    assert pair.below(*change, "area_m2=330").exit == 0
    forced = pair.below(
        *change, "area_m2=340.5", "--version-token", shown["version_token"], "--force", "--json"
    )
    (conflict,) = forced.json["conflicts"]
    for verb in (("conflict", "ls"), ("conflict", "show", conflict)):
        shown = pair.below(*verb, lang="zh").out
        assert all(word in shown for word in ("社区用房", "建筑面积", "330.00", "340.50"))
        assert "premises" not in shown
        assert "待处理" in shown or verb[1] == "ls"
    both = pair.below("conflict", "resolve", conflict, "--take", "shown", "--reason", "x",
                      "--alike", "--same-writers", "--json")  # fmt: skip
    assert (both.exit, both.error["code"]) == (2, "usage")
    decide = ("--take", "value", "--value", "建筑面积=335", "--reason", "复测")
    done = pair.below("conflict", "resolve", conflict, *decide, lang="zh")
    assert done.exit == 0, done.err
    assert "采用 335.00" in done.out


def test_what_is_no_name_is_refused_in_a_line(pair: Pair) -> None:
    for bad, code in (
        ("王" * 101, "bad_attribution"), ("a\x1b[2J", "usage"), ("王\n敏", "bad_attribution"),
    ):  # fmt: skip
        refused = pair.below("record", "create", "premises", "name=丁", "--as", bad, "--json")
        assert (refused.exit, refused.error["code"]) == (2, code)


def test_text_that_is_no_utf_8_is_refused_in_a_line(pair: Pair) -> None:
    refused = pair.below("record", "create", "premises", "name=\udcff", "--json")
    assert (refused.exit, refused.error["code"]) == (2, "usage")


def test_a_script_ends_a_record_without_a_question_and_a_person_is_asked(pair: Pair) -> None:
    from tests.support.silian import answering

    record = hall(pair, "戊楼")
    asked = answering("record", "end", "premises", record, "--dir", pair.community, "--lang", "en",
                      answers=("", "n"))  # fmt: skip
    assert "Why (Given back, Demolished" in asked
    assert "nothing was done" in asked
    assert pair.below("record", "show", "premises", record, "--json").json["record"]["alive"]
    answering("record", "end", "premises", record, "--dir", pair.community, "--lang", "en",
              answers=("Demolished", "y"))  # fmt: skip
    shown = pair.below("record", "show", "premises", record, "--history", "--json").json
    assert shown["record"]["alive"] is False
    assert shown["history"][-1]["reason"] == "demolished"
    back = pair.below("record", "restore", "premises", record, "--reason", "记错", "--json")
    assert back.json["alive"] is True
    again = pair.below("record", "restore", "premises", record, "--json")
    assert (again.exit, again.error["code"]) == (7, "not_ended")
    assert pair.below("record", "end", "premises", record).exit == 0


WRITERS = {
    "record create", "record change", "record end", "record restore", "import", "unit import",
    "conflict resolve", "correction ask", "correction accept", "correction refuse",
    "correction withdraw", "duplicate close", "quarantine close", "clone reset",
}  # fmt: skip


def test_every_verb_that_writes_records_has_the_option_that_names_the_person() -> None:
    from tests.integration.test_cli_shape import TREE, TyperGroup

    for verb in WRITERS:
        command = TREE
        for word in verb.split():
            assert isinstance(command, TyperGroup)
            command = command.commands[word]
        assert any("--as" in option.opts for option in command.params), verb
