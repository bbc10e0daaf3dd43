"""Sealed backups that are carried as files: written, kept by a parent, given back, put back."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.cli.store import WHOLE
from node.sealed.kept import FOLDER
from node.sealed.recovery_key import RECOVERY_FILE
from node.setup import DATABASE
from tests.integration.test_cli_chinese import english
from tests.support.silian import COMMUNITY, STREET, Ran, silian


@dataclass(frozen=True)
class Pair:
    """A community, its street, a stick, and the print from the safe."""

    base: Path

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def print(self) -> Path:
        return self.base / "print.txt"

    def run(self, *words: object, at: str = "home", lang: str = "en") -> Ran:
        return silian(*words, "--dir", self.base / at, "--json", lang=lang)

    def done(self, *words: object, at: str = "home") -> Ran:
        ran = self.run(*words, at=at)
        assert ran.exit == 0, ran.err
        return ran

    def enter(self, number: str) -> None:
        self.done("record", "create", "household", f"hh_no={number}", "kind=resident")

    def households(self) -> set[str]:
        listed = self.done("record", "ls", "household").json["items"]
        return {each["values"]["hh_no"] for each in listed}


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    made = Pair(tmp_path)
    for at, unit in (("home", COMMUNITY), ("street", STREET)):
        made.done("init", "--unit", unit, at=at)
    made.done("seal", "key", "--out", made.print)
    return made


def test_a_carried_backup_is_kept_by_the_parent_and_put_back(pair: Pair) -> None:
    pair.enter("3-101")
    first, second, back = (pair.base / name for name in ("first", "second", "back"))
    pair.done("seal", "write", first)
    pair.enter("3-102")
    pair.done("seal", "write", second)
    assert stat.S_IMODE(second.stat().st_mode) == 0o600
    assert b"3-101" not in second.read_bytes()
    for file in (first, second, second):
        pair.done("seal", "take", file, at="street")
    refused = pair.run("seal", "take", first, at="street")
    assert (refused.exit, refused.error["code"]) == (7, "sealed_older")
    pair.done("seal", "give", COMMUNITY, back, at="street")
    assert back.read_bytes() == second.read_bytes()
    pair.enter("3-103")
    (pair.home / DATABASE).unlink()
    pair.done("seal", "restore", back, "--key", pair.print)
    assert pair.households() == {"3-101", "3-102"}


def test_nothing_takes_the_place_of_a_store_unasked(pair: Pair) -> None:
    pair.enter("3-101")
    first, second, theirs = (pair.base / name for name in ("first", "second", "theirs"))
    pair.done("seal", "write", first)
    pair.enter("3-102")
    pair.done("seal", "write", second)
    (pair.base / "street" / RECOVERY_FILE).write_bytes((pair.home / RECOVERY_FILE).read_bytes())
    pair.done("seal", "write", theirs, at="street")
    before = (pair.home / DATABASE).read_bytes()
    for words, code in (
        ((second,), "file_exists"),
        ((first,), "sealed_older"),
        ((first, "--force"), "sealed_older"),
        ((second, "--number", 1), "sealed_older"),
        ((theirs, "--force"), "sealed_of_another"),
    ):
        refused = pair.run("seal", "restore", *words)
        assert refused.error["code"] == code, words
        chinese = silian("seal", "restore", *words, "--dir", pair.home, lang="zh").err
        assert not english(chinese.replace(str(pair.base), ""))
        assert (pair.home / DATABASE).read_bytes() == before
        assert not [path for path in (pair.home / FOLDER).iterdir() if path.is_file()]
    (aside,) = pair.done("seal", "restore", first, "--older", "--force").json["aside"]
    assert Path(aside).exists()
    assert pair.households() == {"3-101"}


def test_the_recovery_key_is_made_once_and_printed_again_on_request(pair: Pair) -> None:
    again = pair.run("seal", "key")
    assert (again.exit, again.error["code"]) == (7, "recovery_key_exists")
    assert pair.done("seal", "key", "--again").json["key"] in pair.print.read_text()
    assert RECOVERY_FILE in WHOLE
    assert RECOVERY_FILE in pair.done("db", "backup", pair.base / "all", "--whole").json["holds"]
    shown = silian("seal", "key", "--again", "--dir", pair.home, lang="zh")
    assert shown.exit == 0
    listed = pair.done("seal", "ls").json
    assert listed["kept"] == []


def test_a_parent_keeps_backups_of_its_own_children_only(pair: Pair) -> None:
    file = pair.base / "file"
    pair.done("seal", "write", file)
    refused = pair.run("seal", "take", file)
    assert (refused.exit, refused.error["code"]) == (2, "not_our_child")
    missing = pair.run("seal", "give", COMMUNITY, pair.base / "out", at="street")
    assert (missing.exit, missing.error["code"]) == (3, "sealed_missing")
