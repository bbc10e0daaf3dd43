"""The rules of a run in CI, tried on small suites of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPPING_TEST = """
import pytest
@pytest.mark.skip(reason={reason!r})
def test_one(): pass
"""
SKIPPING_MODULE = "import pytest; pytest.skip({reason!r}, allow_module_level=True)"


def run_suite(folder: Path, source: str, *, ci: bool, options: list[str]) -> tuple[int, str]:
    """Run one test file under this project's conftest: its exit code and what it printed."""
    (folder / "test_small.py").write_text(source, encoding="utf-8")
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", *options]
    command += ["-p", "no:cacheprovider", f"--rootdir={folder}", str(folder)]
    done = subprocess.run(
        command, cwd=ROOT, env=environment | ({"CI": "true"} if ci else {}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "with workers"])
@pytest.mark.parametrize("source", [SKIPPING_TEST, SKIPPING_MODULE], ids=["test", "module"])
def test_ci_fails_on_a_skip_and_reports_why(
    tmp_path: Path, source: str, options: list[str]
) -> None:
    source = source.format(reason="no database here")
    code, output = run_suite(tmp_path, source, ci=True, options=options)
    assert code not in (0, 5)
    assert "nothing may be skipped: no database here" in output


def test_ci_accepts_a_skip_that_the_platform_requires(tmp_path: Path) -> None:
    source = SKIPPING_TEST.format(reason="platform: needs Windows")
    code, output = run_suite(tmp_path, source, ci=True, options=[])
    assert (code, "1 skipped" in output) == (0, True)


def test_a_test_may_be_skipped_outside_ci(tmp_path: Path) -> None:
    source = SKIPPING_TEST.format(reason="no database here")
    code, output = run_suite(tmp_path, source, ci=False, options=[])
    assert (code, "1 skipped" in output) == (0, True)
