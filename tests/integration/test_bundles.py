"""Four offices by the real command line and no line between them: files are carried by hand."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli.main import app

CITY, DISTRICT, STREET, HOME = "杭州市", "上城区", "闸弄口街道", "万家花园社区"


class Hands:
    """Four folders, and somebody who carries files between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stick = folder / "stick"
        self.stick.mkdir()
        self.number = 0
        for name in (CITY, DISTRICT, STREET, HOME):
            self.silian(name, "init", "--unit", name)

    def run(self, office: str, *words: str) -> tuple[int, str, str]:
        where = () if words[:2] == ("bundle", "show") else ("--dir", str(self.folder / office))
        done = CliRunner().invoke(app, [*words, "--json", "--lang", "en", *where])
        return done.exit_code, done.stdout, done.stderr

    def silian(self, office: str, *words: str) -> dict:
        code, out, error = self.run(office, *words)
        assert code == 0, error
        return json.loads(out) if out.strip() else {}

    def write(self, frm: str, to: str) -> Path:
        self.number += 1
        file = self.stick / f"{self.number}.bundle"
        self.silian(frm, "bundle", "write", str(file), "--to", to)
        return file

    def carry(self, frm: str, to: str) -> dict:
        """Write at one side, copy, read at the other; return what came of it."""
        written = self.write(frm, to)
        copied = shutil.copy(written, written.with_suffix(".copy"))
        return self.silian(to, "bundle", "read", str(copied))

    def round(self) -> None:
        """Carry everything up to the city, then everything down."""
        way = (HOME, STREET, DISTRICT, CITY)
        for lower, upper in pairwise(way):
            self.carry(lower, upper)
        for upper, lower in pairwise(reversed(way)):
            self.carry(upper, lower)

    def premises(self, office: str) -> dict[str, str]:
        listed = self.silian(office, "record", "list", "premises", "--unit", HOME)
        return {r["id"]: r["values"]["name"] for r in listed["records"]}


@pytest.fixture
def hands(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def new(outcome: dict) -> int:
    return sum(int(lane.get("new", 0)) for lane in outcome["lanes"])


@pytest.mark.timeout(500)
def test_by_files_alone_the_city_holds_everything_once_and_no_holes(hands):
    for name in ("活动室", "办公室"):
        hands.silian(HOME, "record", "create", "premises", f"name={name}", "use=活动",
                     "area_m2=20")  # fmt: skip
    hands.round()
    (record,) = (i for i, name in hands.premises(CITY).items() if name == "活动室")
    hands.silian(HOME, "record", "change", "premises", record, "name=大活动室")
    issued = hands.silian(STREET, "work", "issue", "走访", "--to", HOME,
                          "--due", "2030-01-01", "--as", "甲", "--duty", "undertakes")  # fmt: skip
    assert issued
    hands.round()
    assert hands.premises(CITY) == hands.premises(HOME)
    assert sorted(hands.premises(CITY).values()) == sorted(["大活动室", "办公室"])
    assert hands.silian(HOME, "work", "ls")["assignments"]
    assert new(hands.carry(HOME, STREET)) > 0  # the receipt of the work
    again = hands.write(STREET, DISTRICT)
    hands.silian(DISTRICT, "bundle", "read", str(again))
    assert new(hands.silian(DISTRICT, "bundle", "read", str(again))) == 0
    for office in (CITY, DISTRICT, STREET, HOME):
        status = hands.silian(office, "status")
        assert status["offices"][0].get("holes", 0) == 0
        assert hands.run(office, "verify")[0] == 0
    where = hands.silian(HOME, "where", "premises", record)
    assert {place["state"] for place in where["places"]} == {"safe"}


@pytest.mark.timeout(500)
def test_a_line_that_comes_back_goes_on_where_the_files_ended(hands):
    import random

    from hub.app import Process
    from hub.client import wall_ms
    from node.config import load_config, write_config

    hands.silian(HOME, "record", "create", "premises", "name=活动室", "use=活动", "area_m2=20")
    hands.carry(HOME, STREET)
    hands.carry(STREET, HOME)
    hands.silian(HOME, "record", "create", "premises", "name=办公室", "use=办公", "area_m2=9")
    street = Process([hands.folder / STREET], wall_ms=wall_ms, rng=random.Random(1),
                     listen="127.0.0.1:0")  # fmt: skip
    try:
        address = street.start()
        config = load_config(hands.folder / HOME).model_copy(update={"parent": address})
        write_config(hands.folder / HOME, config)
        home = Process([hands.folder / HOME], wall_ms=wall_ms, rng=random.Random(2))
        try:
            home.start()
            assert hands.silian(HOME, "sync", "now", "--wait", "40")["done"]
            file = hands.write(HOME, STREET)  # through the processes that serve
            assert new(hands.silian(STREET, "bundle", "read", str(file))) == 0
            hands.silian(HOME, "record", "create", "premises", "name=书房", "use=服务",
                         "area_m2=9")  # fmt: skip
            assert hands.silian(HOME, "sync", "now", "--wait", "40")["done"]
            assert hands.premises(STREET) == hands.premises(HOME)
            assert len(hands.premises(STREET)) == 3
        finally:
            home.stop()
    finally:
        street.stop()
    assert hands.run(STREET, "verify")[0] == 0


def test_what_is_not_in_order_is_refused_with_its_exit_and_nothing_is_overwritten(hands):
    hands.silian(HOME, "record", "create", "premises", "name=活动室", "use=活动", "area_m2=20")
    file = hands.write(HOME, STREET)
    assert hands.run(HOME, "bundle", "write", str(file), "--to", STREET)[0] == 4
    assert hands.run(HOME, "bundle", "write", str(file) + "2", "--to", CITY)[0] == 4
    assert [p.name for p in hands.stick.iterdir()] == [file.name]
    assert hands.run(DISTRICT, "bundle", "read", str(file))[0] == 4
    shown = hands.silian(HOME, "bundle", "show", str(file))
    assert shown["streams"][0]["audience"] == "up:city"
    assert "活动室" not in json.dumps(shown, ensure_ascii=False)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    code, _, error = hands.run(STREET, "bundle", "read", str(file))
    assert (code, json.loads(error)["code"]) == (1, "bundle_damaged")
    assert hands.premises(STREET) == {}
