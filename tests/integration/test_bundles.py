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


class Courier:
    """Four folders, and somebody who carries files between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stick = folder / "stick"
        self.stick.mkdir()
        self.number = 0
        for name in (CITY, DISTRICT, STREET, HOME):
            self.silian(name, "init", "--unit", name)

    def run(self, office: str, *arguments: str) -> tuple[int, str, str]:
        where = () if arguments[:2] == ("bundle", "show") else ("--dir", str(self.folder / office))
        done = CliRunner().invoke(app, [*arguments, "--json", "--lang", "en", *where])
        return done.exit_code, done.stdout, done.stderr

    def silian(self, office: str, *arguments: str) -> dict:
        code, out, error = self.run(office, *arguments)
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
        route = (HOME, STREET, DISTRICT, CITY)
        for lower, upper in pairwise(route):
            self.carry(lower, upper)
        for upper, lower in pairwise(reversed(route)):
            self.carry(upper, lower)

    def premises(self, office: str) -> dict[str, str]:
        listed = self.silian(office, "record", "ls", "premises", "--unit", HOME)
        return {r["id"]: r["values"]["name"] for r in listed["items"]}


@pytest.fixture
def courier(tmp_path: Path) -> Courier:
    return Courier(tmp_path)


def new(outcome: dict) -> int:
    return sum(int(lane.get("new", 0)) for lane in outcome["lanes"])


@pytest.mark.timeout(500)
def test_by_bundles_alone_the_city_receives_everything_once_and_nothing_is_quarantined(courier):
    for name in ("活动室", "办公室"):
        courier.silian(HOME, "record", "create", "premises", f"name={name}", "use=活动",
                     "area_m2=20")  # fmt: skip
    courier.round()
    (record,) = (i for i, name in courier.premises(CITY).items() if name == "活动室")
    courier.silian(HOME, "record", "change", "premises", record, "name=大活动室")
    issued = courier.silian(STREET, "work", "issue", "走访", "--to", HOME,
                          "--due", "2030-01-01", "--as", "甲", "--duty", "undertakes")  # fmt: skip
    assert issued
    courier.round()
    assert courier.premises(CITY) == courier.premises(HOME)
    assert sorted(courier.premises(CITY).values()) == sorted(["大活动室", "办公室"])
    assert courier.silian(HOME, "work", "ls")["items"]
    assert new(courier.carry(HOME, STREET)) > 0  # the receipt of the work
    again = courier.write(STREET, DISTRICT)
    courier.silian(DISTRICT, "bundle", "read", str(again))
    assert new(courier.silian(DISTRICT, "bundle", "read", str(again))) == 0
    for office in (CITY, DISTRICT, STREET, HOME):
        status = courier.silian(office, "status")
        assert status["offices"][0].get("quarantined", 0) == 0
        assert courier.run(office, "verify")[0] == 0
    where = courier.silian(HOME, "where", "premises", record)
    assert {place["state"] for place in where["places"]} == {"safe"}


@pytest.mark.timeout(500)
def test_a_restored_link_resumes_where_the_bundles_ended(courier):
    import random

    from hub.client.client import wall_ms
    from hub.serve.process import Process
    from node.config import load_config, write_config

    courier.silian(HOME, "record", "create", "premises", "name=活动室", "use=活动", "area_m2=20")
    courier.carry(HOME, STREET)
    courier.carry(STREET, HOME)
    courier.silian(HOME, "record", "create", "premises", "name=办公室", "use=办公", "area_m2=9")
    street = Process([courier.folder / STREET], wall_ms=wall_ms, rng=random.Random(1),
                     listen="127.0.0.1:0")  # fmt: skip
    try:
        address = street.start()
        config = load_config(courier.folder / HOME).model_copy(update={"parent": address})
        write_config(courier.folder / HOME, config)
        home = Process([courier.folder / HOME], wall_ms=wall_ms, rng=random.Random(2))
        try:
            home.start()
            assert courier.silian(HOME, "sync", "now", "--wait", "40")["done"]
            file = courier.write(HOME, STREET)  # through the processes that serve
            assert new(courier.silian(STREET, "bundle", "read", str(file))) == 0
            courier.silian(HOME, "record", "create", "premises", "name=书房", "use=服务",
                         "area_m2=9")  # fmt: skip
            assert courier.silian(HOME, "sync", "now", "--wait", "40")["done"]
            assert courier.premises(STREET) == courier.premises(HOME)
            assert len(courier.premises(STREET)) == 3
        finally:
            home.stop()
    finally:
        street.stop()
    assert courier.run(STREET, "verify")[0] == 0


def test_an_invalid_bundle_request_is_refused_with_its_exit_code_and_nothing_is_overwritten(
    courier,
):
    courier.silian(HOME, "record", "create", "premises", "name=活动室", "use=活动", "area_m2=20")
    file = courier.write(HOME, STREET)
    assert courier.run(HOME, "bundle", "write", str(file), "--to", STREET)[0] == 7
    assert courier.run(HOME, "bundle", "write", str(file) + "2", "--to", CITY)[0] == 4
    assert [p.name for p in courier.stick.iterdir()] == [file.name]
    assert courier.run(DISTRICT, "bundle", "read", str(file))[0] == 4
    shown = courier.silian(HOME, "bundle", "show", str(file))
    assert shown["streams"][0]["audience"] == "up:city"
    assert "活动室" not in json.dumps(shown, ensure_ascii=False)
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    code, _, error = courier.run(STREET, "bundle", "read", str(file))
    assert (code, json.loads(error)["code"]) == (6, "bundle_damaged")
    assert courier.premises(STREET) == {}
