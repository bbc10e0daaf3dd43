"""Backup, restore and the way back from an upgrade, by the commands of docs/operations.md."""

from __future__ import annotations

import random
import re
import shlex
import shutil
import sqlite3
import subprocess
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from node.open import open_office
from node.store import migrate
from node.store.engine import open_store, sqlite_url
from tests.storage.test_old_stores import NOW_MS, _unpacked
from tests.support.postgres import SUPERUSER, Server, installation
from tests.support.silian import COMMUNITY, serving, silian

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
RESIDENT = ("id_number=110101199003072316", "name=王小明", "birth_date=1990-03-07")
Rows = dict[str, list[tuple[object, ...]]]


def lines(start: str) -> list[str]:
    """Return the commands of the page's block that has a line which starts so."""
    blocks = re.findall(r"^ *```\n(.*?)^ *```", PAGE, re.MULTILINE | re.DOTALL)
    (block,) = (each for each in blocks if re.search(rf"^ *{re.escape(start)}", each, re.M))
    return [line.strip() for line in block.splitlines()]


def rows_of(database: Path) -> Rows:
    """Return every row of every table, in order."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)
            for (name,) in named.fetchall()
        }


def filled(folder: Path, *options: str) -> None:
    """Make a community with rooms, residents that never leave it, and edits."""
    assert silian("init", "--dir", folder, "--unit", COMMUNITY, *options).exit == 0
    for number in range(3):
        made = silian(
            "record",
            "create",
            "premises",
            f"name=室{number}",
            "use=活动",
            "area_m2=20",
            "--dir",
            folder,
        )
        assert made.exit == 0, made.err
    made = silian("record", "create", "resident", *RESIDENT, "--dir", folder)
    assert made.exit == 0, made.err


def do(line: str, folder: Path, backup: Path) -> None:
    """Run one line of the drill: root's shell of the page is this test's."""
    line = line.replace("/var/lib/silian/drill", str(folder)).replace("FILE", str(backup))
    words = shlex.split(line.removeprefix("runuser -u silian -- "))
    if words[0] == "silian":
        done = silian(*words[1:])
        assert done.exit == 0, f"{line}\n{done.out}{done.err}"
        return
    kept = [word for word in words if word not in ("-o", "-g", "silian")]  # we are no root here
    subprocess.run(kept, check=True)


def test_the_drill_restores_every_row_and_key_onto_an_empty_folder(tmp_path: Path) -> None:
    office, drill, backup = tmp_path / "office", tmp_path / "drill", tmp_path / "night.silian"
    filled(office)
    with serving(office):  # also while it is served
        assert silian("db", "backup", backup, "--whole", "--dir", office).exit == 0
    before = rows_of(office / "office.db")
    assert before["r_resident"]
    assert before["entry"]
    *steps, last = lines("install -d -m 0700 -o silian -g silian /var/lib/silian/drill")
    do(steps[0], drill, backup)
    do(steps[1], drill, backup)
    assert rows_of(drill / "office.db") == before
    for step in steps[2:]:
        do(step, drill, backup)
    for name in ("signing.key", "office.toml"):
        assert (drill / name).read_bytes() == (office / name).read_bytes()
    shown = silian("record", "ls", "resident", "--json", "--dir", drill).json
    assert "王小明" in str(shown)
    do(last, drill, backup)
    assert not drill.exists()


def test_a_damaged_backup_restores_nothing(tmp_path: Path) -> None:
    office, drill, backup = tmp_path / "office", tmp_path / "drill", tmp_path / "night.silian"
    filled(office)
    assert silian("db", "backup", backup, "--whole", "--dir", office).exit == 0
    content = bytearray(backup.read_bytes())
    at = content.index(b"SQLite format 3")
    content[at + 4096 : at + 3 * 4096] = bytes(2 * 4096)
    backup.write_bytes(content)
    drill.mkdir(mode=0o700)
    assert silian("db", "restore", backup, "--dir", drill).exit != 0
    assert not (drill / "office.db").exists()


# -- PostgreSQL -----------------------------------------------------------------------------------


def rows_of_server(url: str) -> Rows:
    parsed = make_url(url)
    with psycopg.connect(
        host=str(parsed.query["host"]), user=SUPERUSER, dbname=parsed.database
    ) as connection:
        named = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"'.encode()), key=repr)
            for (name,) in named
        }


def test_a_database_of_postgresql_comes_back_with_every_row(
    postgres: Server, tmp_path: Path
) -> None:
    office, dump = tmp_path / "office", tmp_path / "night.dump"
    with postgres.fresh_database() as first, postgres.fresh_database() as second:
        filled(office, "--store", first)
        before = rows_of_server(first)
        assert before["r_resident"]
        assert before["entry"]
        for line in lines("pg_dump"):
            named = {"FILE": str(dump), "DATABASE": make_url(first).database or "",
                     "EMPTY": make_url(second).database or ""}  # fmt: skip
            for name, value in named.items():
                line = re.sub(rf"\b{name}\b", value, line)
            program, *options = shlex.split(line)
            subprocess.run(
                [str(installation() / "bin" / program), *options], check=True,
                env={"PGHOST": str(postgres.folder), "PGUSER": SUPERUSER, "PATH": "/usr/bin:/bin"},
            )  # fmt: skip
        assert rows_of_server(second) == before
        toml = office / "office.toml"
        text = toml.read_text("utf-8")
        toml.write_text(
            text.replace(make_url(first).database or "?", make_url(second).database or "?")
        )
        shown = silian("record", "ls", "resident", "--json", "--dir", office)
        assert "王小明" in shown.out
        assert silian("verify", "--dir", office).exit == 0


# -- upgrade and the way back ---------------------------------------------------------------------


@pytest.mark.parametrize("revision", ["0007", "0010"])
def test_the_copy_before_an_upgrade_is_the_way_back(tmp_path: Path, revision: str) -> None:
    """What `db restore` puts back is the old store, row by row, of the old program's schema."""
    office = _unpacked(tmp_path, "street", revision)
    before = rows_of(office / "office.db")
    open_office(office, wall_ms=lambda: NOW_MS, rng=random.Random(1)).close()  # upgrades
    assert rows_of(office / "office.db").keys() != before.keys()
    (copy,) = office.glob("office.before-*.db")
    (step,) = (line for line in lines("systemctl stop silian@street") if "db restore" in line)
    step = re.sub(r"\S+office\.before-SCHEMA\.db", str(copy), step)
    words = shlex.split(step.removeprefix("runuser -u silian -- "))
    done = silian(*words[1:-1], office)
    assert done.exit == 0, done.err
    assert rows_of(office / "office.db") == before
    assert not list(office.glob(".*trial*"))
    assert list(office.glob("office.replaced-*.db"))  # what the newer program had written
    shutil.copy(office / "office.db", tmp_path / "old.db")
    store = open_store(sqlite_url(tmp_path / "old.db"))
    assert migrate.known(store) == revision  # the old program opens it
    store.close()
