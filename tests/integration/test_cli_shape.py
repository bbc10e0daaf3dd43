"""The help of the command: groups, examples that can be typed; a sample to begin with."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from hub.cli.main import app
from hub.cli.shape import EXAMPLES, GROUPS
from tests.support.silian import COMMUNITY, STREET, silian

TREE = get_command(app)


def verbs(group: object, before: str = "") -> Iterator[str]:
    assert isinstance(group, TyperGroup)
    for name, command in group.commands.items():
        path = f"{before} {name}".strip()
        if isinstance(command, TyperGroup):
            yield from verbs(command, path)
        else:
            yield path


def test_every_verb_is_in_a_group_of_the_help() -> None:
    assert isinstance(TREE, TyperGroup)
    shown = {name for name, command in TREE.commands.items() if not command.hidden}
    grouped = {name for _, names in GROUPS for name in names}
    assert shown == grouped
    reported = silian("--help").out
    assert all(title.split()[0] in reported for title, _ in GROUPS)
    assert "Other" not in reported


@pytest.mark.parametrize(
    ("verb", "example"), [(verb, line) for verb, lines in EXAMPLES.items() for line in lines]
)
def test_an_example_in_the_help_is_of_its_verb_and_can_be_typed(verb: str, example: str) -> None:
    assert verb in set(verbs(TREE))
    words = shlex.split(example)
    assert words[0] == "silian"
    assert " ".join(words[1:]).startswith(verb)
    command = TREE
    rest = words[1:]
    while isinstance(command, TyperGroup):
        command = command.commands[rest.pop(0)]
    command.make_context(verb, rest)  # refuses what it does not take
    reported = " ".join(silian(*verb.split(), "--help", env={"COLUMNS": "200"}).out.split())
    assert " ".join(example.split()) in reported


def test_a_group_of_verbs_is_named_by_one_thing_of_theirs() -> None:
    named = list(verbs(TREE))
    groups = {verb.split()[0] for verb in named if " " in verb}
    assert groups
    assert not [group for group in groups if group.endswith("s")]
    assert not [verb for verb in named if verb.endswith(" list")]


# -- the sample -----------------------------------------------------------------------------------


def test_the_sample_makes_the_first_figures_of_a_newcomer_show_something(tmp_path: Path) -> None:
    office, file = tmp_path / "home", tmp_path / "sample.xlsx"
    assert silian("init", "--dir", office, "--unit", COMMUNITY).exit == 0
    made = silian("template", "--sample", "--out", file, "--dir", office, "--json")
    assert made.exit == 0, made.err
    taken = silian("import", file, "--register", "workbook", "--dir", office, "--json")
    assert taken.exit == 0, taken.out
    assert sum(report["new"] for report in taken.json["reports"]) == made.json["records"] > 50
    assert all(report["read"] for report in taken.json["reports"])
    assert not any(notes["notes"] for notes in (taken.json, *taken.json["reports"]))
    for indicator in ("K2", "K3", "K4", "K5", "K12_members", "K14"):
        shown = silian("rollup", indicator, "--dir", office, "--json").json
        assert Fraction(shown["figure"]["value"]) > 0, indicator
    again = silian("import", file, "--register", "workbook", "--dir", office, "--json")
    assert sum(report["unchanged"] for report in again.json["reports"]) == made.json["records"]
    assert silian("verify", "--dir", office).exit == 0


def test_a_sample_of_one_register_is_filled_and_nobody_in_it_is_real(tmp_path: Path) -> None:
    import openpyxl

    office, file = tmp_path / "home", tmp_path / "居民.xlsx"
    assert silian("init", "--dir", office, "--unit", COMMUNITY).exit == 0
    made = silian("template", "居民", "--sample", "--out", file, "--dir", office, lang="zh")
    assert made.exit == 0, made.err
    sheet = openpyxl.load_workbook(file)["居民"]
    heads = [cell.value for cell in sheet[1]]
    numbers = [row[heads.index("公民身份号码")].value for row in sheet.iter_rows(min_row=2)]
    assert len(numbers) > 20
    assert all(number.startswith("99") for number in numbers)  # of no province


def test_a_sample_is_for_a_community_and_a_template_for_a_register(tmp_path: Path) -> None:
    assert silian("init", "--dir", tmp_path / "s", "--unit", STREET).exit == 0
    above = silian("template", "--sample", "--dir", tmp_path / "s", "--json")
    assert (above.exit, above.error["code"]) == (2, "bad_request")
    without = silian("template", "--dir", tmp_path / "s", "--json")
    assert (without.exit, without.error["code"]) == (2, "usage")
