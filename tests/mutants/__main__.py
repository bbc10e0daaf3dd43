"""`python -m tests.mutants`: break the product in a copy, one lie at a time; a test must notice."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import CRASH, SEEDS, Mutant

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("node", "hub", "sync", "deploy", "tests", "docs/examples", "pyproject.toml")
SEEDS_MAX = 50
TIMEOUT_S = 1_800
UNCHANGED = Mutant("nothing is changed", "all", "", "", "")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`by`: the seed and the invariant, or the test that noticed; "" when nobody did."""

    @property
    def as_expected(self) -> bool:
        return not self.trouble and bool(self.by) == (self.mutant is not UNCHANGED)

    @property
    def label(self) -> str:
        if self.trouble:
            return "NO RUN"
        if self.mutant is UNCHANGED:
            return "sound" if self.as_expected else "NOT SOUND"
        return "killed" if self.as_expected else "ALIVE"

    mutant: Mutant
    by: str
    took_s: float
    trouble: str = ""  # why it did not run at all


def main() -> int:
    """Print who noticed each mutant, and return 0 when all were noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="mutants whose name holds this text")
    parser.add_argument("--jobs", type=int, default=2, help="mutants at once")
    args = parser.parse_args()
    chosen = [m for m in MUTANTS if args.only in m.name]
    selected = chosen if args.only else [UNCHANGED, *chosen]
    with (
        tempfile.TemporaryDirectory(prefix="silian-sound-") as folder,
        ThreadPoolExecutor(args.jobs) as pool,
    ):
        _copy(ROOT, Path(folder))  # one copy for all: the checkout may change meanwhile
        failed = 0
        for verdict in pool.map(judged, selected, repeat(Path(folder))):
            failed += not verdict.as_expected
            name = f"{verdict.mutant.name} ({verdict.mutant.promise})"
            reason = verdict.trouble or verdict.by or "-"
            print(f"{verdict.label:9} {name}: {reason}, {verdict.took_s:.0f} s", flush=True)
    print(f"{len(chosen)} mutants, {failed} not as they should be")
    return 1 if failed else 0


def judged(mutant: Mutant, pristine: Path) -> Verdict:
    """Run what must notice a mutant, in a copy of the product that has it."""
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="silian-mutant-") as folder:
        copy = Path(folder)
        _copy(pristine, copy)
        if mutant.file:
            _mutate(copy / mutant.file, mutant)
        environment = os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            _command(mutant), cwd=copy, env=environment, capture_output=True, text=True,
            check=False, timeout=TIMEOUT_S,
        )  # fmt: skip
    by = _noticed_by(done.stdout)
    trouble = done.stderr.strip()[-200:] if done.returncode and not by else ""
    return Verdict(mutant, by, time.monotonic() - began_s, trouble)


def _copy(source: Path, folder: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "benchmarks")
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name, ignore=ignored)
        else:
            shutil.copy(source / name, folder / name)


def _mutate(path: Path, mutant: Mutant) -> None:
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) != 1:
        raise ValueError(f"{mutant.name}: its text does not stand once in {mutant.file}")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")


def _command(mutant: Mutant) -> list[str]:
    if mutant.killer in (SEEDS, CRASH):
        mode = "crash" if mutant.killer == CRASH else "fast"
        seeds = SEEDS_MAX if mutant is not UNCHANGED else SEEDS_MAX // 3
        return [sys.executable, "-m", "tests.mutants.hunt", mode, str(seeds)]
    return [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutant.killer]


def _noticed_by(output: str) -> str:
    lines = [
        line for line in output.splitlines() if line.startswith(("seed ", "FAILED ", "ERROR "))
    ]
    return lines[-1][:160] if lines else ""


if __name__ == "__main__":
    sys.exit(main())
