"""Every verb that writes a file: over no other without --force, whole or not at all, private."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from hub.cli.main import app
from node.sealed.kept import FOLDER
from node.sealed.sealed_file import read_header
from tests.support.silian import COMMUNITY, SERVE, STREET, Ran, serving, silian

READ = {  # what verbs only read; folders that must be new or empty
    ("init", "tree"), ("serve", "folders"), ("demo", "folder"), ("demo", "tree"),
    ("import", "file"), ("bundle read", "files"), ("bundle show", "file"), ("db restore", "source"),
    ("unit import", "file"), ("work issue", "body_file"),
    ("invite", "from_"), ("invite", "out"), ("join", "letter"), ("join", "tree"),
    ("seal restore", "source"), ("seal restore", "key"), ("seal take", "source"),
}  # fmt: skip
WRITE = {
    "template": ("template", "premises", "--out", "{target}"),
    "export": ("export", "premises", "--out", "{target}"),
    "import": (
        "import", "{folder}/bad.csv", "--register", "premises", "--annotated", "{target}",
    ),
    "bundle write": ("bundle", "write", "{target}", "--to", STREET),
    "report": ("report", "--indicator", "K2", "--out", "{target}"),
    "db backup": ("db", "backup", "{target}"),
    "audit export": ("audit", "export", "--out", "{target}"),
    "audit prove": ("audit", "prove", "--entry", "0", "--out", "{target}"),
    "seal key": ("seal", "key", "--again", "--out", "{target}"),
    "seal write": ("seal", "write", "{target}"),
    "seal give": ("seal", "give", COMMUNITY, "{target}"),
}  # fmt: skip
ELSEWHERE = {"invite"}  # of an authority: test_whole_district.py has its pages
BAD = "用房名称,用途,建筑面积\n乙楼,天上,20\n"
TYPED = b"what somebody has typed all day"


def verbs(group: TyperGroup, before: str = "") -> Iterator[tuple[str, TyperCommand]]:
    for name, command in group.commands.items():
        path = f"{before} {name}".strip()
        if isinstance(command, TyperGroup):
            yield from verbs(command, path)
        elif isinstance(command, TyperCommand):
            yield path, command


def paths_of(command: TyperCommand) -> set[str]:
    taken = (p for p in command.params if isinstance(p, TyperArgument | TyperOption))
    return {str(p.name) for p in taken if "Path" in repr(p.type_descriptor.annotation)}


@dataclass(frozen=True, slots=True)
class CallContext:
    office: Path
    folder: Path

    def run(self, verb: str, target: Path, *more: str) -> Ran:
        stated = [text.format(target=target, folder=self.folder) for text in WRITE[verb]]
        return silian(*stated, *more, "--dir", self.office)

    def command(self, verb: str, target: Path) -> list[str]:
        stated = [text.format(target=target, folder=self.folder) for text in WRITE[verb]]
        return [sys.executable, "-c", SERVE, *stated, "--dir", str(self.office)]


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CallContext]:
    """A served community that has met its street, and a file with a fault."""
    base = tmp_path_factory.mktemp("desk")
    assert silian("init", "--dir", base / "street", "--unit", STREET).exit == 0
    with serving(base / "street") as address:
        office = base / "office"
        silian("init", "--dir", office, "--unit", COMMUNITY, "--parent", address)
        with serving(office):
            assert silian("sync", "now", "--wait", 30, "--dir", office).exit == 0
            (base / "bad.csv").write_text(BAD, encoding="utf-8")
            keep_sealed(office)
            yield CallContext(office, base)


def keep_sealed(office: Path) -> None:
    """Give an office a recovery key, and a sealed backup to keep as if for a child."""
    assert silian("seal", "key", "--dir", office).exit == 0
    assert silian("seal", "write", office / "first", "--dir", office).exit == 0
    with (office / "first").open("rb") as file:
        home = office / FOLDER / f"{read_header(file).unit:016x}"
    home.mkdir(mode=0o700)
    (office / "first").rename(home / f"{1:019d}.sealed")


def test_every_path_that_a_verb_takes_is_known_as_read_or_as_written() -> None:
    command = get_command(app)
    assert isinstance(command, TyperGroup)
    found = {(verb, name) for verb, each in verbs(command) for name in paths_of(each) - {"dir"}}
    written = {verb for verb, _ in found - READ}
    assert written == WRITE.keys() | ELSEWHERE
    forced = {verb for verb, each in verbs(command) if any("Overwrite the file" in (
        getattr(p, "help", "") or "") for p in each.params)}  # fmt: skip
    assert written == forced


@pytest.mark.parametrize("verb", WRITE)
def test_a_file_that_is_there_is_not_overwritten_unless_forced(
    context: CallContext, verb: str, tmp_path: Path
) -> None:
    target = tmp_path / "居民.xlsx"
    target.write_bytes(TYPED)
    refused = context.run(verb, target, "--json")
    assert (refused.exit, refused.error["code"]) == (7, "file_exists"), refused.err
    assert "--force" in refused.error["hint"]
    assert target.read_bytes() == TYPED
    done = context.run(verb, target, "--force")
    assert done.exit == (6 if verb == "import" else 0), done.err
    assert target.read_bytes() != TYPED
    assert os.listdir(tmp_path) == ["居民.xlsx"]


@pytest.mark.parametrize("name", ["a.txt", "a.xls", "a", "a.xlsx.bak"])
@pytest.mark.parametrize("verb", ["template", "export", "report"])
def test_a_spreadsheet_is_not_written_under_the_name_of_another_kind_of_file(
    context: CallContext, verb: str, name: str, tmp_path: Path
) -> None:
    refused = context.run(verb, tmp_path / name, "--json")
    assert (refused.exit, refused.error["code"]) == (2, "usage"), refused.err
    assert ".xlsx" in refused.error["hint"]
    assert not os.listdir(tmp_path)


def test_a_format_and_a_name_that_contradict_each_other_are_refused(
    context: CallContext, tmp_path: Path
) -> None:
    refused = context.run("export", tmp_path / "a.xlsx", "--format", "csv", "--json")
    assert (refused.exit, refused.error["hint"]) == (2, "End the name with .csv.")
    assert context.run("template", tmp_path / "a.csv").exit == 2
    assert context.run("export", tmp_path / "a.CSV").exit == 0
    assert not (tmp_path / "a.CSV").read_bytes().startswith(b"PK")


@pytest.mark.parametrize("verb", WRITE)
def test_what_is_written_is_for_its_owner_only(
    context: CallContext, verb: str, tmp_path: Path
) -> None:
    before = os.umask(0)
    try:
        done = context.run(verb, tmp_path / "new.xlsx")
    finally:
        os.umask(before)
    assert done.exit == (6 if verb == "import" else 0), done.err
    assert stat.S_IMODE((tmp_path / "new.xlsx").stat().st_mode) == 0o600


@pytest.mark.parametrize("verb", WRITE)
def test_a_link_to_nothing_is_a_name_that_is_taken(
    context: CallContext, verb: str, tmp_path: Path
) -> None:
    (tmp_path / "link.xlsx").symlink_to(tmp_path / "elsewhere")
    assert context.run(verb, tmp_path / "link.xlsx", "--json").error["code"] == "file_exists"
    assert os.listdir(tmp_path) == ["link.xlsx"]


@pytest.mark.parametrize("verb", WRITE)
def test_force_writes_through_a_link_and_keeps_it(
    context: CallContext, verb: str, tmp_path: Path
) -> None:
    (tmp_path / "真身").write_bytes(TYPED)
    (tmp_path / "link.xlsx").symlink_to(tmp_path / "真身")
    context.run(verb, tmp_path / "link.xlsx", "--force")
    assert (tmp_path / "link.xlsx").is_symlink()
    assert (tmp_path / "真身").read_bytes() != TYPED


@pytest.mark.parametrize("verb", WRITE)
@pytest.mark.parametrize("where", ["", "no/such/folder/a.xlsx", "pipe"])
def test_a_place_that_no_file_can_take_is_refused_in_a_line(
    context: CallContext, verb: str, where: str, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    refused = context.run(verb, tmp_path / where, "--force", "--json")
    code = refused.error["code"]
    missing = where.startswith("no/")
    assert (refused.exit, code) == ((3, "file_missing") if missing else (2, "not_a_file"))
    assert os.listdir(tmp_path) == ["pipe"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.parametrize("verb", WRITE)
def test_a_write_that_breaks_off_leaves_what_was_there_and_no_half(
    context: CallContext, verb: str, tmp_path: Path
) -> None:
    """The system refuses the verb every byte of a file, as a full disk does."""
    target = tmp_path / "居民.xlsx"
    target.write_bytes(TYPED)
    # The shell sets the limit: a `preexec_fn` would run in a copy of this process, with the threads
    # of gRPC in it.
    ran = subprocess.run(
        ["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", *context.command(verb, target), "--force"],
        capture_output=True, timeout=60, check=False, env=os.environ | {"LANG": "C.UTF-8"},
    )  # fmt: skip
    assert (ran.returncode, ran.stderr.count(b"\n")) == (75, 1), ran.stderr
    if verb != "db backup":  # there SQLite writes, and does not say where
        assert os.fsencode(target) in ran.stderr
    assert target.read_bytes() == TYPED
    assert os.listdir(tmp_path) == ["居民.xlsx"]


def test_a_file_that_appears_while_another_is_written_stays(tmp_path: Path) -> None:
    from hub.cli.outputs import written
    from sync.model.errors import SilianError

    target = tmp_path / "a.xlsx"

    def write() -> None:
        with written(target, force=False) as file:
            file.write(b"ours")
            target.write_bytes(TYPED)

    with pytest.raises(SilianError, match="exists already"):
        write()
    assert target.read_bytes() == TYPED
    assert os.listdir(tmp_path) == ["a.xlsx"]


def test_a_file_system_without_links_gets_its_file_and_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hub.cli import outputs
    from sync.model.errors import SilianError

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")  # what a stick's FAT says

    monkeypatch.setattr(outputs.os, "link", refuse)
    target = tmp_path / "a.xlsx"
    with outputs.written(target, force=False) as file:
        file.write(b"ours")
    assert target.read_bytes() == b"ours"
    with pytest.raises(SilianError), outputs.written(target, force=False) as file:
        file.write(b"later")
    assert target.read_bytes() == b"ours"


def test_a_set_of_bundles_takes_the_place_of_the_older_set_whole(
    context: CallContext, tmp_path: Path
) -> None:
    target = tmp_path / "包"
    for number in (1, 2, 3):
        target.with_name(f"包.{number:03d}").write_bytes(TYPED)
    assert context.run("bundle write", target, "--json").error["code"] == "file_exists"
    done = context.run("bundle write", target, "--force", "--json")
    assert done.exit == 0, done.err
    assert sorted(tmp_path.iterdir()) == sorted(map(Path, done.json["files"]))


def test_default_names_tell_an_empty_sheet_from_one_with_records(
    context: CallContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "居民.xlsx").write_bytes(TYPED)
    names = []
    for verb in ("template", "export"):
        for lang in ("zh", "en"):
            done = silian(verb, "resident", "--dir", context.office, "--lang", lang, "--json")
            names.append(done.json["file"])
    assert names[:2] == ["居民_模板.xlsx", "resident_template.xlsx"]
    assert names[2].startswith("居民_导出_20")
    assert names[3].startswith("resident_export_20")
    assert (tmp_path / "居民.xlsx").read_bytes() == TYPED


def test_an_export_to_a_closed_standard_output_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "office"
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    verb = ("export", "premises", "--format", "csv", "--out", "-", "--dir", str(folder))
    ran = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", SERVE, *verb],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "--out" in ran.stderr
