"""deploy/monitoring agrees with the metrics that the program publishes, and its rules work."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.scrape import published

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/monitoring"
RULES = (FOLDER / "alerts.yml").read_text(encoding="utf-8")
RULE_TESTS = (FOLDER / "alerts_test.yml").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "grafana.json").read_text(encoding="utf-8"))
METRIC = re.compile(r"\bsilian_\w+")
EXPRESSIONS = [each["expr"] for panel in DASHBOARD["panels"] for each in panel["targets"]]


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    return found


def ran(*command: str | Path) -> str:
    """Run a tool in the folder; return what it printed once it was content."""
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def in_rules() -> set[str]:
    return {name for line in RULES.splitlines() if "expr:" in line for name in METRIC.findall(line)}


def in_dashboard() -> set[str]:
    lists = [
        each["query"]["query"] for each in DASHBOARD["templating"]["list"] if "datasource" in each
    ]
    return {name for text in (*EXPRESSIONS, *lists) for name in METRIC.findall(text)}


def test_every_metric_of_rules_and_dashboard_is_published() -> None:
    assert in_rules() - published() == set()
    assert in_dashboard() - published() == set()
    assert in_rules()


def test_the_dashboard_shows_every_metric() -> None:
    assert published() - in_dashboard() == set()


def test_every_metric_is_documented_and_no_other() -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`silian_.*?) \|", text, re.MULTILINE)
    named = [name for row in rows for name in METRIC.findall(row)]
    assert sorted(named) == sorted(published())


def test_every_rule_is_tried_and_says_what_is_wrong_and_what_to_do() -> None:
    alerts = re.findall(r"- alert: (\w+)", RULES)
    assert set(re.findall(r"alertname: (\w+)", RULE_TESTS)) == set(alerts)
    assert len(alerts) == len(set(alerts))
    for part in RULES.split("- alert: ")[1:]:
        assert re.search(r"severity: (critical|warning)", part), part
        assert "summary:" in part, part
        assert "action:" in part, part
    assert len(re.findall(r"exp_labels:", RULE_TESTS)) == len(alerts)


def test_the_rules_fire_when_they_should_and_not_when_they_should_not(promtool: str) -> None:
    assert "SUCCESS" in ran(promtool, "test", "rules", "alerts_test.yml")


def test_prometheus_accepts_the_sample_configuration_and_its_rules(promtool: str) -> None:
    assert "SUCCESS" in ran(promtool, "check", "config", "prometheus.yml")


def test_prometheus_can_read_every_question_of_the_dashboard(promtool: str, tmp_path: Path) -> None:
    questions = [text.replace("$office", ".*") for text in EXPRESSIONS]
    rules = [{"record": f"panel:{at}", "expr": text} for at, text in enumerate(questions)]
    written = tmp_path / "panels.json"  # JSON is YAML
    written.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), "utf-8")
    assert f"{len(questions)} rules found" in ran(promtool, "check", "rules", written)


def test_no_two_panels_lie_on_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_prometheus_reads_the_page_as_the_program_writes_it(promtool: str, tmp_path: Path) -> None:
    """`promtool check metrics` also finds names that are not as the field writes them."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import generate_latest

    from hub.serve.metrics import OfficeMetrics

    registry = CollectorRegistry()
    registry.register(OfficeMetrics(lambda: [("330100000000", None)]))
    page = generate_latest(registry)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
