"""A district invites its whole subtree at once: streets, and the communities below them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from hub.cli.letters import read_letter
from hub.client.client import wall_ms
from hub.serve.process import Process
from node.config import load_config
from tests.integration.test_cli_chinese import english
from tests.support.edits import premises
from tests.support.enrolled import idle, served
from tests.support.silian import Ran, free_ports, silian
from tests.support.tier import CITY, DISTRICT, GARDEN, ORCHID, STREET, eventually


def good(ran: Ran) -> Any:
    assert ran.exit == 0, ran.err
    return ran


class District:
    """A city and a district that are served, and a folder for each office to come."""

    def __init__(self, base: Path, stack: ExitStack) -> None:
        self.base, self.stack = base, stack
        self.address = {
            code: f"127.0.0.1:{free_ports('127.0.0.1')}" for code in (CITY, DISTRICT, STREET)
        }
        self.letters = base / "letters"
        self.letters.mkdir()
        good(silian("init", "--dir", base / CITY, "--unit", CITY, "--listen", self.address[CITY]))
        good(silian("cert", "init", "--dir", base / CITY))
        self.serve(CITY)
        good(silian("invite", "--dir", base / CITY, "--unit", DISTRICT, "--out", self.letters))
        self.join(DISTRICT, "--listen", self.address[DISTRICT])
        idle(self.serve(DISTRICT), DISTRICT)

    def serve(self, code: str) -> Process:
        process = Process([self.base / code], wall_ms=wall_ms, rng=random.Random(code))
        self.stack.callback(process.stop)
        process.start()
        return process

    def join(self, code: str, *more: object) -> Ran:
        letter = self.letters / f"{code}.invite"
        return good(silian("join", letter, "--dir", self.base / code, "--json", *more))

    def invite(self, *arguments: object, lang: str = "en") -> Ran:
        return silian(
            "invite", "--dir", self.base / DISTRICT, "--out", self.letters, *arguments, lang=lang
        )

    def listed(self, *rows: tuple[str, str], name: str = "list.csv") -> Path:
        path = self.base / name
        table = [("单位", "地址"), *rows]
        if name.endswith(".xlsx"):
            book = openpyxl.Workbook()
            for row in table:
                book.active.append(row)
            book.save(path)
        else:
            text = "".join(f'{code},"{address}"\n' for code, address in table)
            path.write_text(text, encoding="utf-8")
        return path


@pytest.fixture
def district(tmp_path: Path) -> Iterator[District]:
    with ExitStack() as stack:
        yield District(tmp_path, stack)


def test_a_community_enrols_at_its_district_before_its_street_is_there_and_works_with_the_street(
    district: District,
) -> None:
    rows = ((STREET, district.address[STREET]), (GARDEN, ""), (ORCHID, ""))
    pages = district.base / "letters.html"
    for name in ("list.csv", "list.xlsx"):  # the later letters take the place of the earlier
        listed = district.listed(*rows, name=name)
        made = good(
            district.invite("--file", listed, "--print", pages, "--force", "--json", lang="zh")
        )
    assert [each["unit"] for each in made.json["letters"]] == [STREET, GARDEN, ORCHID]
    district.join(GARDEN)
    settings = load_config(district.base / GARDEN)
    host, _, port = district.address[STREET].rpartition(":")
    assert settings.parent == district.address[STREET]
    assert settings.parent_enrolment == f"{host}:{int(port) + 1}"
    garden = district.serve(GARDEN)
    office = served(garden, GARDEN).office
    premises(office, "written while the street was not there")
    district.join(STREET, "--listen", district.address[STREET])
    street = district.serve(STREET)
    idle(garden, GARDEN)
    idle(street, STREET)

    def has() -> bool:
        with served(street, STREET).office.store.read() as tx:
            return bool(tx.exec_driver_sql("SELECT 1 FROM r_premises").all())

    eventually(has)
    before = office.certificates.own()
    good(silian("cert", "renew", "--dir", district.base / GARDEN))
    assert office.certificates.own() != before
    text = pages.read_text(encoding="utf-8")
    assert text.count("<section>") == 3
    for code in (STREET, GARDEN, ORCHID):
        secret = read_letter(district.letters / f"{code}.invite").secret
        assert f"{code}.invite" in text
        assert secret not in text
    seen = re.sub(r"<[^>]*>", " ", text.partition("<body>")[2])
    assert not english(re.sub(r"silian join \S+ --dir DIR|\.invite", "", seen))


def test_a_district_replaces_the_key_of_a_community_only_when_the_letter_says_so(
    district: District,
) -> None:
    listed = district.listed((STREET, district.address[STREET]), (GARDEN, ""))
    good(district.invite("--file", listed))
    district.join(GARDEN)
    (district.base / GARDEN).rename(district.base / "lost")
    good(district.invite("--file", listed))
    letter = district.letters / f"{GARDEN}.invite"
    refused = silian("join", letter, "--dir", district.base / GARDEN, "--json")
    assert refused.error["code"] == "already_enrolled"
    good(district.invite("--file", listed, "--replace"))
    district.join(GARDEN)
    issued = good(silian("cert", "ls", "--dir", district.base / DISTRICT, "--json")).json["items"]
    states = [bool(each["revoked_ms"]) for each in issued if each["unit"]["code"] == GARDEN]
    assert sorted(states) == [False, True]


def test_what_a_list_lacks_is_named_and_nobody_is_invited(district: District) -> None:
    missing = district.invite("--file", district.listed((GARDEN, "")), "--json")
    assert (missing.exit, missing.error["code"]) == (2, "bad_request")
    assert "the list has no address of" in missing.err
    wrong = district.invite("--file", district.listed((STREET, "nowhere"), (GARDEN, "")))
    assert wrong.exit == 2
    assert "should be host:port" in wrong.err
    other = silian("invite", "--dir", district.base / CITY, "--unit", GARDEN, "--out",
                   district.letters, "--json")  # fmt: skip
    assert other.error["code"] == "not_our_child"
    assert [each.stem for each in district.letters.iterdir()] == [DISTRICT]
