"""docs/operations.md and deploy/ name every setting, exit, problem and log event that there is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from hub.cli.exits import MEANINGS, Exit
from node.config import FILE, OfficeConfig, load_config
from node.services.health.problems import TEXTS

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
SAMPLES = sorted((ROOT / "deploy/config").glob("*.toml"))


def section(heading: str) -> str:
    """Return the text below a heading."""
    _, found, after = TEXT.partition(f"\n## {heading}\n")
    assert found
    return after.partition("\n## ")[0]


def test_every_exit_is_explained_as_the_program_explains_it() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (.*?) \|", text, re.MULTILINE)
    assert rows[:-1] == [(f"{exit_:d}", MEANINGS[exit_][1]) for exit_ in Exit]
    assert rows[-1][0] == "130"  # the shell's own number for Ctrl-C


def test_every_setting_is_documented_and_no_other() -> None:
    named = re.findall(r"^\| `(\w+)` \|", section("Settings"), re.MULTILINE)
    assert named == list(OfficeConfig.model_fields)


def test_every_default_is_documented_as_it_is() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", section("Settings"), re.MULTILINE))
    shown = {
        name: {"": "empty", (): "none"}.get(info.default, str(info.default).lower())
        for name, info in OfficeConfig.model_fields.items()
        if not info.is_required()
    }
    assert {name: rows[name].strip("`") for name in shown} == shown


def test_every_exit_code_is_documented() -> None:
    named = {int(number) for number in re.findall(r"^\| (\d+) \|", section("Exit codes"), re.M)}
    assert set(map(int, Exit)) <= named


def test_every_problem_of_status_is_documented_with_its_severity() -> None:
    rows = re.findall(r"^\| (`.*?`) \| (\w+) \|", section("Health"), re.MULTILINE)
    named = {code: severity for codes, severity in rows for code in re.findall(r"`(\w+)`", codes)}
    assert named == {code: text[0].name.lower() for code, text in TEXTS.items()}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_sample_is_a_valid_setting(sample: Path, tmp_path: Path) -> None:
    shutil.copy(sample, tmp_path / FILE)
    assert load_config(tmp_path).unit


def test_there_is_a_sample_for_each_level() -> None:
    assert {path.stem for path in SAMPLES} == {"city", "district", "street", "community"}
