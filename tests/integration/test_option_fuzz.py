"""Every option of every verb at and beyond its edges: a line and an exit of the table, no trace."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from hub.cli.exits import Exit
from hub.cli.main import app
from tests.support.extremes import extreme, verbs
from tests.support.silian import COMMUNITY, Ran, serving, silian

ROOT: Any = get_command(app)
assert isinstance(ROOT, TyperGroup)
VERBS = dict(verbs(ROOT))
ROUNDS = int(os.environ.get("SOAK_ROUNDS", "40"))
ALLOWED = {*map(int, Exit)} - {Exit.FAILURE}


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("fuzz") / "office"
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    with serving(folder):
        yield folder


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An office that nobody serves: verbs open it for themselves."""
    folder = tmp_path_factory.mktemp("fuzz") / "alone"
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    return folder


def tried(verb: tuple[str, ...], seed: int, office: Path, work: Path) -> None:
    rng = random.Random(f"{' '.join(verb)} {seed}")
    (work / "text.csv").write_text("用房名称,建筑面积\n甲,1e400\n", encoding="utf-8")
    words = extreme(rng, VERBS[verb], work)
    folder: tuple[str, ...] = ("--dir", str(office))
    if verb[0] == "init":
        folder = ("--dir", str(work / "made"))
    if not any("--dir" in p.opts for p in VERBS[verb].params):
        folder = ()
    json: tuple[str, ...] = ("--json",) if rng.random() < 0.5 else ()
    ran: Ran = silian(*verb, *folder, *json, *words, lang=rng.choice(("en", "zh")), faults=True)
    again = f"silian {' '.join(verb)} {words!r}"
    assert ran.exit in ALLOWED, f"{again}: {ran.exit} {ran.err[-500:]}"
    assert "Traceback" not in ran.err, again


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_verb_answers_values_beyond_every_edge_in_a_line(
    office: Path, tmp_path: Path, verb: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tried(verb, 0, office, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_a_verb_answers_many_values_beyond_every_edge_in_a_line(
    office: Path, alone: Path, tmp_path: Path, verb: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for seed in range(1, ROUNDS + 1):
        tried(verb, seed, alone if seed % 4 == 0 else office, tmp_path)
