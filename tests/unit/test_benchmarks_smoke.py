"""The benchmarks run and say what they found in the form that is promised; no figure is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import main


def test_a_measure_prints_its_table_and_writes_its_items(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "bench.json"
    arguments = ["--only", "local_write", "--rows", "2000", "--runs", "1"]
    assert main([*arguments, "--output", str(output)]) == 0
    (item,) = json.loads(output.read_text(encoding="utf-8"))
    assert item.keys() == {"measure", "value", "unit", "against", "ratio", "runs"}
    assert (item["measure"], item["unit"], item["runs"]) == ("local_write", "rows/s", 1)
    assert item["against"].startswith("raw sqlite3 row + log")
    assert 0 < item["ratio"] < 100
    assert "| local_write |" in capsys.readouterr().out
