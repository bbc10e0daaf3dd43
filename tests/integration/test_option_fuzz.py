"""Whatever a person types, a verb ends in one line and an exit code of the table, never in a trace.

Each option of each verb is given what it is not made for. A part of the values is tried each time,
another one for each verb; all of them with SILIAN_SOAK=1.
"""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.cli.exits import Exit
from hub.client.client import OfficeClient, wall_ms
from hub.serve.process import Process
from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.setup import init_office
from tests.integration.test_option_pairs import ASKING, VALUES, VERBS, forms
from tests.support.silian import Ran, silian
from tests.support.verbs import Parameter, Verb

EXTREMES = (
    "", " ", "0", "-0", "-1", "1,50", "1_0", "1e3", "1e30", "1e-30", "NaN", "-inf", "0x1f",
    "1.005", "9" * 32, str(2**31), str(2**32), str(2**63), str(-(2**63)), "9" * 400,
    "２０２６", "٣", "½", "10²", "9999-12-31", "0001-01-01", "2026-02-30", "2026-W01-1",
    "+2026-01-01", "3000-01-01", "🙂🙂", "﷽", "a\0b", "\udcff", "\x1b[2J", "\u202egnp", "\n",
    "x=", "=x", "x" * 70_000, "../../../etc/passwd", "/dev/null", "'; DROP TABLE meta; --",
    "%s%n{}", "F1", "上城区", "-", "--",
)  # fmt: skip
TRIED = len(EXTREMES) if os.environ.get("SILIAN_SOAK") else 5  # of them, of each option
TABLE = {int(each) for each in Exit} - {int(Exit.FAILURE)}
SLOW = {"verify": "reads everything, and takes no option"}
PATHS = ("../../../etc/passwd", "/dev/null", "x" * 70_000)  # others would be made here
FILES = {"file", "files", "body_file", "out", "annotated", "target"}


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("city") / "here"
    init_office(folder, OfficeConfig(unit="杭州市"), load_catalogue(), rng=random.Random(3))
    process = Process([folder], wall_ms=wall_ms, rng=random.Random(4))
    process.start()
    try:
        yield folder
    finally:
        process.stop()


def chosen(verb: Verb, parameter: Parameter) -> list[str]:
    chance = random.Random(zlib.crc32(f"{verb.name} {parameter.name}".encode()))
    return chance.sample(EXTREMES, TRIED)


def usual(verb: Verb, parameter: Parameter, folder: Path) -> str:
    if parameter.name in FILES:
        return str(folder / f"{parameter.name}.csv")
    return VALUES.get(parameter.name, "上城区" if parameter.name in ("to", "unit") else "premises")


def ran(verb: Verb, given: dict[str, str], city: Path) -> Ran:
    line = verb.line(given)
    at = line.index("--")
    return silian(*line[:at], "--dir", city, "--json", *line[at:])


@pytest.mark.parametrize("name", [name for name in ASKING if name not in SLOW])
def test_no_option_of_any_verb_ends_in_a_trace(
    city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    verb, wrong = VERBS[name], []
    (tmp_path / "file.csv").write_text("name\n甲\n", encoding="utf-8")
    base = next(forms(verb))
    for parameter in verb.own:
        if parameter.flag:
            continue
        for text in chosen(verb, parameter):
            if parameter.name in FILES and text not in PATHS:
                continue
            given = {p.name: usual(verb, p, tmp_path) for p in verb.own if p.name in base}
            done = ran(verb, given | {parameter.name: text}, city)
            if done.exit not in TABLE:
                wrong.append((parameter.name, text[:60], done.exit, done.err[:300]))
    assert not wrong


def test_the_office_that_was_fuzzed_still_works(city: Path) -> None:
    with OfficeClient.connect(city) as office:
        assert office.status().offices[0].unit.name == "杭州市"
