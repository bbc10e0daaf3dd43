"""A lost disk: what only that office had comes back from its parent, who could not read it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from node.sealed.kept import FOLDER
from node.sealed.sealed_file import HEADER_BYTES, read_header
from node.setup import DATABASE
from tests.integration.test_cli_chinese import english
from tests.processes.test_enrolment import DISTRICT, HOME, STREET, Hosts, done, shown_key
from tests.support.silian import Ran, silian

NAME, PHONE = "欧阳测试甲", "13999990001"
LOCAL = ("resident", "household")


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    made = Hosts(tmp_path)
    try:
        yield made
    finally:
        made.stop_all()


def rows(folder: Path, table: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / DATABASE)) as store:
        return sorted(store.execute(f"SELECT * FROM {table}"), key=repr)


def enter_people(hosts: Hosts, *, number: str, name: str) -> None:
    for values in (
        ("household", f"户号={number[-4:]}", "住户类别=resident"),
        ("resident", f"id_number={number}", f"name={name}", f"phone={PHONE}",
         f"birth_date={number[6:10]}-{number[10:12]}-{number[12:14]}"),
    ):  # fmt: skip
        done(silian("record", "create", *values, "--dir", hosts.at(HOME)))


def seal(hosts: Hosts, *words: object, lang: str = "en") -> Ran:
    return silian("seal", *words, "--dir", hosts.at(HOME), "--json", lang=lang)


def problems(hosts: Hosts) -> set[str]:
    found = done(silian("status", "--dir", hosts.at(HOME), "--json")).json["problems"]
    return {each["code"] for each in found}


def test_an_office_that_lost_its_disk_gets_its_residents_back_from_its_parent(
    hosts: Hosts,
) -> None:
    hosts.set_up(DISTRICT, STREET, HOME)
    enter_people(hosts, number="110101199003072316", name=NAME)
    assert "recovery_key_missing" in problems(hosts)
    safe = hosts.folder / "safe.txt"
    done(seal(hosts, "key", "--out", safe))
    assert "sealed_never" in problems(hosts)
    done(seal(hosts, "send"))
    enter_people(hosts, number="110101199003077395", name="欧阳测试乙")
    done(seal(hosts, "send"))
    assert not {"recovery_key_missing", "sealed_never", "sealed_late"} & problems(hosts)
    hosts.synced(HOME)
    done(silian("record", "create", "premises", "用房名称=文体中心", "用途=活动",
                "建筑面积=320.5", "--dir", hosts.at(HOME)))  # fmt: skip
    hosts.synced(HOME)  # written after the backup: the parent has it
    kept = done(silian("seal", "ls", "--dir", hosts.at(STREET), "--json")).json["kept"]
    assert [each["number"] for each in kept] == [2, 1]
    at_street = b"".join(path.read_bytes() for path in hosts.at(STREET).rglob("*")
                         if path.is_file())  # fmt: skip
    for secret in (NAME, PHONE, "110101199003072316", safe.read_text().splitlines()[2]):
        assert secret.encode() not in at_street
    before = lose_the_disk(hosts)

    done(hosts.join(HOME, hosts.invite(STREET, HOME, "--replace")))
    refused_without_harm(hosts, safe)
    restored = done(seal(hosts, "restore", "--key", safe)).json
    assert (restored["number"], len(restored["aside"])) == (2, 1)
    for register in LOCAL:
        assert rows(hosts.at(HOME), f"r_{register}") == before[register]
    assert rows(hosts.at(HOME), "private_cell") == before["private_cell"]
    hosts.serve(HOME)
    hosts.synced(HOME)
    # What went up came back: the same streams, and the same positions in them.
    assert set(before["heads"]) <= set(rows(hosts.at(HOME), "stream"))
    listed = done(silian("record", "ls", "premises", "--dir", hosts.at(HOME), "--json")).out
    assert "文体中心" in listed
    assert shown_key(hosts.at(HOME)) != shown_key(hosts.at("lost"))
    for register in LOCAL:
        assert rows(hosts.at(HOME), f"r_{register}") == before[register]
    done(silian("verify", "--dir", hosts.at(HOME), "--json"))
    enter_people(hosts, number="11010119900307707X", name="欧阳测试丙")
    done(seal(hosts, "send"))  # under the same key, with the next number
    (newest, _) = done(seal(hosts, "ls", "--parent")).json["at_parent"]
    assert newest["number"] == 3
    assert not english(done(silian("seal", "ls", "--parent", "--dir", hosts.at(HOME),
                                   lang="zh")).out)  # fmt: skip


def lose_the_disk(hosts: Hosts) -> dict[str, list[tuple[Any, ...]]]:
    """Stop the office and take its folder away; return what it had."""
    hosts.stop(HOME)
    lost = hosts.at(HOME).rename(hosts.at("lost"))
    return {
        **{register: rows(lost, f"r_{register}") for register in LOCAL},
        "private_cell": rows(lost, "private_cell"),
        "heads": rows(lost, "stream"),
    }


def refused_without_harm(hosts: Hosts, safe: Path) -> None:
    """Try what must not be put back; each is refused in both languages and nothing changes."""
    folder, home = hosts.folder, hosts.at(HOME)
    kept = sorted(hosts.at(STREET).glob(f"{FOLDER}/*/*.sealed"))
    older, newest = folder / "older", folder / "newest"
    done(silian("seal", "give", HOME, newest, "--dir", hosts.at(STREET)))
    done(silian("seal", "give", HOME, older, "--number", "1", "--dir", hosts.at(STREET)))
    assert newest.read_bytes() == kept[-1].read_bytes()

    def changed(name: str, content: bytes) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    content = newest.read_bytes()
    with newest.open("rb") as file:
        header = read_header(file)
    words = safe.read_text().splitlines()
    swapped = changed("swapped", header.packed() + older.read_bytes()[HEADER_BYTES:])
    cases: list[tuple[str, tuple[object, ...]]] = [
        ("bad_recovery_key", (newest, "--key", changed("typo", words[-1][:-1].encode() + b"A7"))),
        ("recovery_key_missing", (newest,)),
        ("sealed_damaged", (changed("short", content[:-1]), "--key", safe)),
        ("sealed_damaged", (changed("long", content + b"x"), "--key", safe)),
        ("sealed_damaged", (changed("flip", content[:-40] + b"?" + content[-39:]), "--key", safe)),
        ("sealed_damaged", (changed("none", b"PK\3\4"), "--key", safe)),
        ("sealed_damaged", (swapped, "--key", safe)),
        ("sealed_older", (older, "--number", "2", "--key", safe)),
        ("sealed_missing", ("--number", "7", "--key", safe)),
    ]
    other = folder / "other"
    done(silian("init", "--dir", other, "--unit", DISTRICT))
    other_key = folder / "other.txt"
    done(silian("seal", "key", "--out", other_key, "--dir", other))
    theirs = folder / "theirs"
    done(silian("seal", "write", theirs, "--dir", other))
    cases.append(("wrong_recovery_key", (newest, "--key", other_key)))
    cases.append(("sealed_of_another", (theirs, "--key", other_key)))
    was = (rows(home, "meta"), sorted(path.name for path in home.iterdir()))
    for code, words_ in cases:
        refused = seal(hosts, "restore", *words_)
        assert (refused.exit != 0, refused.error["code"]) == (True, code), words_
        chinese = silian("seal", "restore", *words_, "--dir", home, lang="zh").err
        assert not english(chinese.replace(str(folder), ""))
        left = sorted(path.name for path in home.iterdir() if path.name != FOLDER)
        assert (rows(home, "meta"), left) == was, code
    shutil.rmtree(other)
