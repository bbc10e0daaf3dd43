"""No option is dropped: of any two that a verb takes, both count, or they are refused together.

The pairs are made from the program itself, so that a new verb or option is tried as well.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.recorder import Recorder, recording
from tests.support.silian import Ran, silian
from tests.support.verbs import Parameter, Verb, verbs

VERBS = verbs()
# These look at the machine, or work on the folder itself, and ask no office anything.
ALONE = {
    "init", "serve", "demo", "doctor", "explain", "version", "db upgrade", "db check", "db backup",
    "config show", "config check", "bundle show", "money formula", "money year-end", "db restore",
    "join", "invite",  # a folder of letters: tests/processes/test_enrolment.py
    "seal key", "seal restore", "seal give", "seal take", "seal write",  # files of the folder:
    # tests/integration/test_carried_sealed.py
}  # fmt: skip
ASKING = sorted(VERBS.keys() - ALONE)
# Of verbs that need one of several parameters: each way to say it.
FORMS: dict[str, list[tuple[str, ...]]] = {
    "money receive": [("transfer",), ("all_",)],
    "money return": [("transfer",), ("amount", "fund", "year")],
    "quarantine retry": [("quarantined_change",), ("all_",)],
    "work issue": [("to",), ("below", "yes")],
    "template": [("register",), ("sample",)],
    "audit prove": [("entry",), ("figure",), ("payment",)],
}
ONE_VALUE = {"now"}  # `sync now` says nothing else
# `yes` answers a question that only a terminal is asked, `everyone` lengthens a table of which JSON
# has all: test_cli_history.py and test_cli.py have them.
ON_TERMINAL = {"yes", "everyone"}
# What it overwrites is written only for a workbook with faults; test_outputs.py has one.
AFTER_A_FAULT = {("import", "force")}
ID = "0123456789abcdef" * 2
OTHER = "fedcba9876543210" * 2
VALUES = {
    "amount": "12.50", "counted": "12.40", "fee": "7", "year": "2025", "limit": "7", "offset": "3",
    "percent": "40", "score": "90", "workload": "4", "duration": "5", "max_bytes": "1000",
    "wait": "1.5", "due": "2098-01-01", "as_of": "2026-02-03", "on": "2097-01-01", "now": "now",
    "budget": "F1=5", "within": "30d", "level": "street", "month": "2026-01",
    "where": "name=x", "values": "name=x", "value": "name=x", "take": "value", "kind": "csv",
    "entry": "3", "figure": "K5", "payment": ID,
    "order": ID, "transfer": ID, "assignment": OTHER, "record": ID, "conflict": ID, "request": ID,
    "case": ID, "quarantined_change": ID, "posting": ID,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a verb that names a file by itself writes it there


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorder]:
    with recording(tmp_path_factory.mktemp("office") / "here") as recorder:
        yield recorder


class Tried:
    """Runs one verb and says everything that came of it."""

    def __init__(self, office: Recorder, verb: Verb, folder: Path) -> None:
        self._office, self._verb, self._folder = office, verb, folder
        self._seen: dict[tuple[frozenset[str], bool], tuple[Ran, Any]] = {}
        (folder / "in.csv").write_text("name\n甲\n", encoding="utf-8")

    def ran(self, names: frozenset[str]) -> Ran:
        return self._once(names, occupied=False)[0]

    def came(self, names: frozenset[str], *, occupied: bool = False) -> object:
        """Return what was asked, written and said; the same for the same line.

        `occupied`: the files that the verb would write are there already, which --force is about.
        """
        ran, came = self._once(names, occupied=occupied)
        good = (0, 6, 7, 75) if occupied else (0, 6, 75)
        assert ran.exit in good, (self._verb.name, sorted(names), ran)
        return came

    def _once(self, names: frozenset[str], *, occupied: bool) -> tuple[Ran, Any]:
        if (names, occupied) not in self._seen:
            written_alone: list[str] = []
            if occupied:
                _asked, files_alone, *_rest = self._once(names - {"force"}, occupied=False)[1]
                written_alone = [name for name, _content in files_alone]
            given = {p.name: self._value(p, names) for p in self._verb.own if p.name in names}
            line = self._verb.line(given)
            at = line.index("--")
            self._office.taken()
            for name in written_alone:
                (self._folder / name).write_bytes(b"before")
            ran = silian(*line[:at], "--dir", self._office.folder, "--json", *line[at:])
            files = [p for p in sorted(self._folder.iterdir()) if p.name != "in.csv"]
            written = [(p.name, p.read_bytes()) for p in files]
            for path in files:
                path.unlink()
            asked = self._office.taken()
            assert ran.exit != 2 or not asked, "what is refused asks the office nothing"
            self._seen[names, occupied] = ran, (asked, written, ran.out, ran.exit)
        return self._seen[names, occupied]

    def _value(self, parameter: Parameter, names: frozenset[str]) -> str:
        if parameter.name in ("file", "files", "body_file"):
            new = self._verb.name == "bundle write"
            return str(self._folder / ("out.bundle" if new else "in.csv"))
        if self._verb.name == "export" and parameter.name == "out" and "kind" in names:
            return str(self._folder / f"out.{VALUES['kind']}")  # a name of another kind is refused
        if parameter.name in ("out", "annotated", "target"):
            return str(self._folder / f"{parameter.name}.xlsx")
        if self._verb.name == "work issue" and parameter.name == "where":
            return "premises.name=x"
        if self._verb.name == "report" and parameter.name == "by":
            return "street"
        if self._verb.name == "money ls" and parameter.name == "kind":
            return "spend"
        return VALUES.get(parameter.name, f"x-{parameter.name}")


def forms(verb: Verb) -> Iterator[frozenset[str]]:
    must = {p.name for p in verb.own if p.required}
    for way in FORMS.get(verb.name, [()]):
        yield frozenset(must | set(way))


def counts_here(verb: str, option: Parameter) -> bool:
    """Say whether an option can make a difference in these tests at all."""
    name = option.name
    return name not in ONE_VALUE | ON_TERMINAL and (verb, name) not in AFTER_A_FAULT


def refused_together(ran: Ran, one: Parameter, other: Parameter) -> bool:
    """Say whether a run was refused because of the pair, or of one of them without its partner."""
    if ran.exit != 2 or ran.error["code"] != "usage":
        return False
    shown = [p.opt or p.name.strip("_").upper() for p in (one, other)]
    return any(text in ran.error["message"] for text in shown)


@pytest.mark.parametrize("name", ASKING)
def test_of_any_two_options_both_count_or_they_are_refused(
    office: Recorder, tmp_path: Path, name: str
) -> None:
    verb, dropped = VERBS[name], []
    tried = Tried(office, verb, tmp_path)
    for base in forms(verb):
        optional = [p for p in verb.own if p.name not in base and counts_here(name, p)]
        for one, other in itertools.combinations(optional, 2):
            both = base | {one.name, other.name}
            ran = tried.ran(both)
            if refused_together(ran, one, other):
                continue
            for left in (one, other):
                less = both - {left.name}
                if refused_together(tried.ran(less), one, other):
                    continue  # it needs its partner, so it counts
                occupied = "force" in both
                if tried.came(both, occupied=occupied) == tried.came(less, occupied=occupied):
                    dropped.append((sorted(base), left.name, sorted({one.name, other.name})))
    assert not dropped


@pytest.mark.parametrize("name", ASKING)
def test_each_option_counts_by_itself_or_names_what_it_needs(
    office: Recorder, tmp_path: Path, name: str
) -> None:
    verb = VERBS[name]
    tried = Tried(office, verb, tmp_path)
    for base in forms(verb):
        for each in verb.own:
            if each.name in base or not counts_here(name, each):
                continue
            more = base | {each.name}
            if not refused_together(tried.ran(more), each, each):
                there = each.name == "force"
                came, alone = tried.came(more, occupied=there), tried.came(base, occupied=there)
                assert came != alone, (name, sorted(base), each.name)


def test_a_counted_sum_is_never_dropped_by_receiving_all() -> None:
    for lang, words in (("en", "do not go together"), ("zh", "不能同时使用")):
        ran = silian("money", "receive", "--all", "--counted", "29999", lang=lang)
        assert ran.exit == 2
        assert words in ran.err
        assert "--all" in ran.err
        assert "--counted" in ran.err


def test_a_variable_of_the_environment_is_no_option_that_was_typed(office: Recorder) -> None:
    ran = silian(
        "money", "receive", "--all", "--dir", office.folder, "--json",
        env={"SILIAN_ACTOR": "出纳", "SILIAN_DIR": "/nowhere"},
    )  # fmt: skip
    assert ran.exit == 0
