"""A store that is gone is reported, and never created again: that would hide the loss."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.interfaces import DBAPIConnection

from node.setup import DATABASE
from node.store.engine import StoreMissing, open_store, sqlite_driver, sqlite_url
from tests.support.account import as_another_account, is_root
from tests.support.silian import COMMUNITY, SERVE, STREET, Ran, serving, silian

VERBS = (
    ("status",), ("serve",), ("record", "ls", "premises"), ("doctor",), ("config", "check"),
    ("db", "check"), ("db", "upgrade"), ("db", "backup", "copy.db"), ("verify",),
)  # fmt: skip


@pytest.fixture
def office(tmp_path: Path) -> Path:
    folder = tmp_path / "office"
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    return folder


def refused(ran: Ran, exit_: int, code: str) -> None:
    assert (ran.exit, ran.error["code"]) == (exit_, code), ran.err
    assert ran.error["hint"]


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_no_verb_makes_a_store_that_is_gone(
    office: Path, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(office.parent)
    for path in office.glob(f"{DATABASE}*"):
        path.unlink()
    reported = silian(*verb, "--dir", office, "--json")
    if verb == ("doctor",):
        found = {f["check"]: f for f in reported.json["items"]}
        assert (reported.exit, found["store"]["good"]) == (6, False)
        assert "silian db restore" in found["store"]["en"]
    else:
        refused(reported, 7, "store_missing")
        assert "silian db restore" in reported.error["hint"]
    assert not (office / DATABASE).exists()
    assert not (office.parent / "copy.db").exists()


def test_a_store_that_is_empty_is_as_good_as_gone(office: Path) -> None:
    for path in office.glob(f"{DATABASE}*"):
        path.unlink()
    (office / DATABASE).touch(mode=0o600)
    for verb in (("status",), ("db", "upgrade"), ("db", "check")):
        refused(silian(*verb, "--dir", office, "--json"), 7, "store_missing")
    assert silian("doctor", "--dir", office).exit == 6


def test_a_store_that_vanishes_under_an_open_office_is_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / DATABASE
    store = open_store(sqlite_url(path), create=True)
    assert store.lost() is False
    path.unlink()
    store._reader.dispose()
    store._writer.dispose()
    with pytest.raises(StoreMissing), store.read() as tx:
        tx.exec_driver_sql("SELECT 1")
    assert not path.exists()
    assert store.lost() is True
    store.close()


def test_a_served_office_whose_file_was_replaced_says_so(tmp_path: Path) -> None:
    office = tmp_path / "city"
    silian("init", "--dir", office, "--unit", "杭州市")
    with serving(office):
        assert silian("status", "--check", "--dir", office).exit == 0
        copy = office / "copy"
        shutil.copy(office / DATABASE, copy)
        copy.replace(office / DATABASE)
        found = silian("status", "--check", "--dir", office, "--json")
        assert (found.exit, [p["code"] for p in found.json["problems"]]) == (6, ["store"])


def test_a_database_of_another_program_is_no_store(office: Path) -> None:
    (office / DATABASE).unlink()
    made = sqlite_driver.connect(office / DATABASE)
    made.execute("CREATE TABLE alembic_version (version_num TEXT)")
    made.execute("INSERT INTO alembic_version VALUES ('abc')")
    made.commit()
    made.close()
    for verb in (("status",), ("db", "upgrade")):
        refused(silian(*verb, "--dir", office, "--json"), 7, "not_a_store")


@pytest.mark.parametrize("put", ["setting", "file"])
def test_the_store_of_another_unit_does_not_work_under_this_one(
    office: Path, tmp_path: Path, put: str
) -> None:
    if put == "setting":
        settings = office / "office.toml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text.replace(COMMUNITY, STREET), encoding="utf-8")
    else:
        other = tmp_path / "street"
        silian("init", "--dir", other, "--unit", STREET)
        shutil.copy(other / DATABASE, office / DATABASE)
    before = (office / DATABASE).read_bytes()
    for verb in (("status",), ("serve",), ("config", "check")):
        reported = silian(*verb, "--dir", office, "--json")
        refused(reported, 7, "bad_config")
        assert "闸弄口街道" in reported.error["message"] or STREET in reported.error["message"]
    assert silian("doctor", "--dir", office).exit == 6
    assert (office / DATABASE).read_bytes() == before  # not even a key was put into it


@pytest.mark.skipif(not is_root(), reason="platform: only root may become another account")
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_store_that_may_not_be_written_says_so_and_is_not_tried_for_ever(
    office: Path, what: str
) -> None:
    with as_another_account(office):
        (office / DATABASE if what == "file" else office).chmod(0o400 if what == "file" else 0o500)
        for verb in (("status",), ("serve",), ("db", "check")):
            reported = silian(*verb, "--dir", office, "--json")
            # In a folder like that not even the lock can be taken.
            refused(reported, 4, "store_read_only" if what == "file" else "file_forbidden")
            assert reported.error["retryable"] is False
        assert silian("doctor", "--dir", office).exit == 6


@pytest.mark.skipif(not is_root(), reason="platform: only root may become another account")
def test_another_accounts_office_is_refused_in_a_line(office: Path) -> None:
    office.parent.chmod(0o755)
    with as_another_account():
        for verb in (("status",), ("doctor",), ("db", "check")):
            refused(silian(*verb, "--dir", office, "--json"), 4, "file_forbidden")


# -- a backup put back ----------------------------------------------------------------------------


def test_a_backup_is_put_back_and_what_was_there_stays_next_to(
    office: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.db"
    assert silian("db", "backup", copy, "--dir", office).exit == 0
    silian("record", "create", "service_outlet", "name=后来", "kind=outlet", "--dir", office)
    refused(silian("db", "restore", copy, "--dir", office, "--json"), 7, "file_exists")
    assert names(office) == {"后来"}
    done = silian("db", "restore", copy, "--dir", office, "--force", "--json")
    assert done.exit == 0, done.err
    assert names(office) == set()
    kept = Path(done.json["aside"][0])
    assert kept.name.startswith("office.replaced-")
    shutil.copy(kept, tmp_path / "kept.db")
    assert silian("db", "restore", tmp_path / "kept.db", "--dir", office, "--force").exit == 0
    assert names(office) == {"后来"}


def test_a_whole_backup_makes_the_office_again_where_nothing_is_left(
    office: Path, tmp_path: Path
) -> None:
    silian("record", "create", "service_outlet", "name=网点", "kind=outlet", "--dir", office)
    whole = tmp_path / "whole.tar"
    made = silian("db", "backup", whole, "--whole", "--dir", office, "--json")
    assert made.json["holds"] == ["office.toml", "signing.key", "office.db"]
    key = (office / "signing.key").read_bytes()
    shutil.rmtree(office)
    assert silian("db", "restore", whole, "--dir", office).exit == 0
    assert names(office) == {"网点"}
    assert (office / "signing.key").read_bytes() == key
    assert stat_of(office) == 0o700


@pytest.mark.parametrize("kind", ["junk", "empty", "cut", "of another unit", "missing", "tar"])
def test_what_is_no_backup_of_this_office_changes_nothing(
    office: Path, tmp_path: Path, kind: str
) -> None:
    source = tmp_path / "source"
    match kind:
        case "junk":
            source.write_bytes(b"nothing of the kind" * 400)
        case "empty":
            source.touch()
        case "cut":
            silian("db", "backup", source, "--dir", office)
            source.write_bytes(source.read_bytes()[:200_000])
        case "of another unit":
            silian("init", "--dir", tmp_path / "street", "--unit", STREET)
            silian("db", "backup", source, "--dir", tmp_path / "street")
        case "tar":
            import tarfile

            with tarfile.open(source, "w") as archive:
                archive.add(office / "office.toml", "office.toml")
    before = {path.name: path.read_bytes() for path in office.iterdir()}
    reported = silian("db", "restore", source, "--dir", office, "--force", "--json")
    assert reported.exit in (3, 7), reported.err
    assert str(source) in reported.error["message"]
    after = {
        path.name: path.read_bytes() for path in office.iterdir() if path.name != "office.lock"
    }
    assert after == {name: content for name, content in before.items() if name != "office.lock"}


def test_a_backup_is_not_put_back_under_a_running_office(office: Path, tmp_path: Path) -> None:
    silian("db", "backup", tmp_path / "copy.db", "--dir", office)
    with serving(office):
        reported = silian(
            "db", "restore", tmp_path / "copy.db", "--force", "--dir", office, "--json"
        )
        refused(reported, 75, "office_busy")


def test_a_backup_that_fails_leaves_nothing_of_itself(office: Path, tmp_path: Path) -> None:
    for verb in (("db", "backup", tmp_path / "no" / "x.db"), ("db", "backup", tmp_path)):
        reported = silian(*verb, "--dir", office, "--json")
        assert reported.exit in (2, 3, 4), reported.err
    (office / DATABASE).write_bytes((office / DATABASE).read_bytes()[:50_000] + b"rot" * 30_000)
    reported = silian("db", "backup", tmp_path / "x.db", "--dir", office, "--json")
    refused(reported, 7, "not_a_store")
    assert sorted(os.listdir(tmp_path)) == ["office"]


def names(office: Path) -> set[str]:
    found = silian("record", "ls", "service_outlet", "--dir", office, "--json")
    assert found.exit == 0, found.err
    return {record["values"]["name"] for record in found.json["items"]}


def stat_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_store_whose_tree_of_units_has_rotted_needs_a_backup(office: Path) -> None:
    made = sqlite_driver.connect(office / DATABASE)
    made.execute("UPDATE meta SET value = substr(value, 1, 400) || 'x,,,' WHERE key='tree'")
    made.commit()
    made.close()
    run = silian("status", "--dir", office, "--json")
    refused(run, 7, "not_a_store")
    assert "silian db restore" in run.error["hint"]


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_disk_that_is_full_while_an_office_is_made_leaves_nothing_and_asks_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    plain, commits = DefaultDialect.do_commit, count()

    def do_commit(dialect: DefaultDialect, connection: DBAPIConnection) -> None:
        if next(commits) >= room:
            raise sqlite_driver.OperationalError("database or disk is full")
        plain(dialect, connection)

    monkeypatch.setattr(DefaultDialect, "do_commit", do_commit)
    made = silian("init", "--dir", tmp_path / "o", "--unit", COMMUNITY, "--json")
    if next(commits) <= room:
        return  # so many commits it does not make
    assert (made.exit, made.error["code"]) == (75, "store_unavailable"), made.err
    assert "Free disk space" in made.error["hint"]
    assert not (tmp_path / "o").exists()


def test_a_store_that_takes_no_more_while_a_file_is_imported_is_one_line_and_loses_no_row(
    office: Path, tmp_path: Path
) -> None:
    file, blocks = tmp_path / "many.csv", (office / DATABASE).stat().st_size // 512 + 200
    file.write_text("户号,住户类别\n" + "".join(f"H{n:05d},常住\n" for n in range(6_000)))
    verb = ["import", str(file), "--register", "household", "--dir", str(office)]
    ran = subprocess.run(  # the shell sets the limit, for a file as a full disk does for all
        ["sh", "-c", f'ulimit -f {blocks}; exec "$@"', "sh", sys.executable, "-c", SERVE, *verb],
        capture_output=True, timeout=120, check=False, env=os.environ | {"SILIAN_LANG": "en"},
    )  # fmt: skip
    stated = ran.stderr.decode()
    assert (ran.returncode, stated.count("\n")) == (75, 1), stated
    found = re.search(r"(\d+) of 6000 rows are in", stated)
    assert found, stated
    again = silian(*verb, "--json").json["reports"][0]
    assert (again["unchanged"], again["new"]) == (int(found[1]), 6_000 - int(found[1]))
