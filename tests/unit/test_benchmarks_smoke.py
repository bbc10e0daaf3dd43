"""The benchmarks run and say what they found in the form that is promised; no figure is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.__main__ import main


def test_a_comparison_reads_no_record_when_all_are_equal_and_finds_ten_with_few_bytes(
    tmp_path: Path,
) -> None:
    output = tmp_path / "bench.json"
    arguments = ["--only", "digest_equal", "digest_ten", "--rows", "2000", "--runs", "1"]
    assert main([*arguments, "--output", str(output)]) == 0
    found = {i["measure"]: i["value"] for i in json.loads(output.read_text(encoding="utf-8"))}
    assert found["digest_equal_reads"] == 0
    assert 0 < found["digest_equal_bytes"] < 2_000
    assert found["digest_equal_bytes"] < found["digest_ten_bytes"] < 100_000
    assert found["digest_ten_time"] > 0


@pytest.mark.soak
def test_protected_and_unprotected_offices_are_measured_in_turn(tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    arguments = ["--only", "tls", "--rows", "50", "--runs", "1", "--output", str(output)]
    assert main(arguments) == 0
    found = {i["measure"]: i for i in json.loads(output.read_text(encoding="utf-8"))}
    assert {"tls_tiers_new", "tls_single_edit_p50", "tls_handshakes", "tls_reconnect"} <= set(found)
    assert all(item["value"] > 0 and item["ratio"] for item in found.values())


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
