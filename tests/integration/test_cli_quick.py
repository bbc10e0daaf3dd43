"""A command that asks a served office starts quickly: it loads what it needs, and no store."""

from __future__ import annotations

import re

import pytest

from tests.support.environment import Evidence, Place, run_in
from tests.support.silian import COMMUNITY, serving, silian

# What only an office's own process or a help needs.
HEAVY = {
    "alembic", "apscheduler", "cryptography", "openpyxl", "psycopg", "pydantic_settings",
    "python_calamine", "rich.markdown", "sqlalchemy", "structlog", "xlsxwriter",
    "zstandard", "hub.api.service", "hub.serve.process", "node.office", "node.open", "sync.link",
}  # fmt: skip
LOADED = re.compile(r"^import time: .*\| +([\w.]+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Evidence]]:
    """Verbs that ask the served office, each with the modules that it was the first to load."""
    folder = tmp_path_factory.mktemp("quick")
    office, sheet = folder / "office", folder / "a.xlsx"
    assert silian("init", "--unit", COMMUNITY, "--dir", office).exit == 0
    verbs: list[tuple[object, ...]] = [
        ("status",),
        ("today", "--json"),
        ("record", "create", "premises", "name=文体中心", "use=活动", "area_m2=1"),
        ("record", "ls", "premises"),
        ("record", "show", "premises", "不在册"),
        ("export", "premises", "--out", sheet),
        ("import", sheet, "--register", "premises", "--dry-run"),
        ("report", "--by", "community", "--indicator", "K3"),
        ("money", "balance"),
    ]
    place = Place(name="import times", variables={"PYTHONPROFILEIMPORTTIME": "1"})
    with serving(office):
        done = run_in(place, *((*verb, "--dir", office) for verb in verbs))
    return [(" ".join(map(str, verb)), each) for verb, each in zip(verbs, done, strict=True)]


def test_a_command_that_asks_a_served_office_loads_no_store_and_no_workbook(
    ran: list[tuple[str, Evidence]],
) -> None:
    loaded = {verb: set(LOADED.findall(each.err)) for verb, each in ran}
    assert {"grpc", "hub.client.client"} <= set().union(*loaded.values())
    assert {verb: found & HEAVY for verb, found in loaded.items() if found & HEAVY} == {}


def test_those_commands_did_what_they_were_asked(ran: list[tuple[str, Evidence]]) -> None:
    assert [(verb, each.exit) for verb, each in ran if each.exit] == [
        ("record show premises 不在册", 3)
    ]
