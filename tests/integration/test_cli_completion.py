"""What the shell offers after TAB: names that this office knows, and never an error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli.main import app
from tests.support.silian import COMMUNITY, SERVE, silian


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("complete") / "office"
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    for name in ("一号楼", "一号楼西", "文体中心"):
        hall = (f"name={name}", "use=office", "area_m2=1")
        assert silian("record", "create", "premises", *hall, "--dir", folder).exit == 0
    return folder


def offered(line: str, office: Path | None = None) -> list[str]:
    """Ask as bash does; the last word is the one that is being typed."""
    ran = CliRunner().invoke(app, [], env=asked(line, office), prog_name="silian")
    assert (ran.exit_code, ran.stderr) == (0, "")
    return [each for each in ran.stdout.splitlines() if each]


def asked(line: str, office: Path | None = None) -> dict[str, str]:
    """Return the variables with which bash asks."""
    return {
        "_SILIAN_COMPLETE": "complete_bash", "COMP_WORDS": line,
        "COMP_CWORD": str(line.count(" ")), "SILIAN_DIR": str(office or "/nowhere"),
    }  # fmt: skip


def test_the_command_itself_answers_bash(office: Path) -> None:
    line = "silian record show premises 一号"
    ran = subprocess.run(
        [sys.executable, "-c", SERVE], capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | asked(line, office),
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.split() == offered(line, office)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("silian record ls resi", ["resident"]),
        ("silian record ls 居民", ["居民"]),
        ("silian template pre", ["premises"]),
        ("silian record create premises us", ["use="]),
        ("silian record create premises 用途", ["用途="]),
        ("silian record create premises use=ac", ["use=activity"]),
        ("silian record create premises 用途=办", ["用途=办公"]),
        ("silian record ls premises --where area", ["area_m2="]),
        ("silian record ls premises --columns name,ten", ["name,tenure"]),
        ("silian record ls premises --sort checked", ["checked_on"]),
        ("silian money balance --fund F1", ["F1", "F10", "F11", "F12"]),
        ("silian rollup K12_m", ["K12_members", "K12_missing"]),
        ("silian rollup 社区党员", ["社区党员数"]),
    ],
)
def test_names_of_the_catalogue_are_offered_without_an_office(line: str, found: list[str]) -> None:
    assert offered(line) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("silian rollup K3 --unit 万家花园", ["万家花园社区"]),
        ("silian unit ls 33010201300", [f"33010201300{n}" for n in (1, 2, 3, 5, 6, 7, 8, 9)]),
        ("silian record show premises 一号", ["一号楼", "一号楼西"]),
        ("silian record end premises 文", ["文体中心"]),
    ],
)
def test_units_and_records_are_offered_by_the_office(
    office: Path, line: str, found: list[str]
) -> None:
    some = offered(line, office)
    assert set(found) <= set(some) or some == found, some


@pytest.mark.parametrize(
    "line",
    [
        "silian record show premises x", "silian conflict show a", "silian work show a",
        "silian record ls --unit 万", "silian record create nothing us",
        "silian money receive x", "silian duplicate show x", "silian quarantine show x",
    ],
)  # fmt: skip
def test_where_nothing_can_be_offered_nothing_is_shown(line: str, tmp_path: Path) -> None:
    assert offered(line, tmp_path) == []
