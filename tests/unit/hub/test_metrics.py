"""Metrics and `silian status` agree; what is not known is absent; labels are few."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from hub.api.call_context import CallContext
from hub.api.office import get_status, get_tree_status
from hub.cli.to_json import to_json
from hub.serve.metrics import OfficeMetrics, read
from node.services.health.status import HOUR_MS
from node.store.job_runs import note_end
from sync.wire.office.v1 import office_pb2 as pb
from tests.support.network import CITY, EAST, NORTH, A, B, C, Network
from tests.support.scrape import Samples, published, samples_of

CHILD = {
    "silian_child_outbox_entries": ("waiting_up", 1),
    "silian_child_lag_seconds": ("waiting_age_ms", 1_000),
    "silian_child_waiting_entries": ("waiting_down", 1),
    "silian_child_conflicts": ("conflicts", 1),
    "silian_child_quarantined_changes": ("quarantined", 1),
    "silian_child_link_up": ("connected", 1),
    "silian_child_last_contact_timestamp_seconds": ("last_contact_ms", 1_000),
    "silian_child_complete_timestamp_seconds": ("exact_ms", 1_000),
}
OWN = {
    "silian_outbox_entries": ("waiting_up", 1),
    "silian_lag_seconds": ("waiting_age_ms", 1_000),
    "silian_conflicts": ("conflicts", 1),
    "silian_quarantined_changes": ("quarantined", 1),
    "silian_link_up": ("connected", 1),
    "silian_last_contact_timestamp_seconds": ("last_contact_ms", 1_000),
}
MACHINE = {
    "silian_certificate_days_left": ("certificate_days", 1),
    "silian_store_bytes": ("store_bytes", 1),
    "silian_clock_offset_seconds": ("clock_offset_ms", 1_000),
}
JOB = {
    "silian_job_runs_total": ("runs", 1),
    "silian_job_failures_total": ("failures", 1),
    "silian_job_last_success_timestamp_seconds": ("last_success_ms", 1_000),
}
MOMENTS = {"last_contact_ms", "exact_ms"}  # 0 is never


@dataclass
class Link:
    """A link as `status` asks about it."""

    connected: bool
    reason: str = ""
    reason_zh: str = ""
    state: Any = None


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def net(tmp_path: Path, templates: Path) -> Iterator[Network]:
    made = Network(tmp_path, (A, B, NORTH, EAST), templates=templates)
    yield made
    made.close()


def scraped(net: Network, code: str, link: Link | None = None) -> Samples:
    registry = CollectorRegistry()
    registry.register(OfficeMetrics(lambda: [(code, read(net[code], link))]))
    text = generate_latest(registry).decode()
    assert list(text_string_to_metric_families(text))  # as OpenMetrics has it
    return samples_of(text)


def expected(line: dict[str, Any], metrics: dict[str, tuple[str, int]]) -> dict[str, float]:
    """Return what metrics must say, by what `status` says; nothing of what it does not know."""
    found = {}
    for name, (field, scale) in metrics.items():
        value = line[field]
        if value is not None and not (field in MOMENTS and value == 0):
            found[name] = float(value) / scale
    return found


def test_metrics_show_what_status_shows_of_an_office_and_its_children(net: Network) -> None:
    net.create(A, "premises", name="a", use="office", area_m2=100)
    net.settle()
    net.create(NORTH, "service_outlet", name="n", kind="elderly")
    net.forward(25 * HOUR_MS)
    net[NORTH].peer_status.record_contact(net.unit(B), connected=False, waiting_down=7)
    for at, state in ((1_000, "done"), (2_000, "failed")):
        net[NORTH].store.write(
            lambda tx, at=at, state=state: note_end(  # type: ignore[misc]
                tx, "retention", f"2026-07-{at}", state=state, now_ms=at, detail=""
            )
        )
    net[NORTH].clock.follow(net.ms + 2_500)
    context = CallContext(net[NORTH])  # type: ignore[arg-type]  # only what status asks of it
    found = to_json(get_status(context, pb.GetStatusRequest()))
    tree = to_json(get_tree_status(context, pb.GetTreeStatusRequest(never=True)))
    samples = scraped(net, NORTH)
    own = expected(found["offices"][0], OWN) | expected(found["machine"], MACHINE)
    assert own["silian_clock_offset_seconds"] == 2.5
    assert own["silian_lag_seconds"] == 25 * HOUR_MS / 1_000 + 2.5
    assert {name: samples.get(name, office=NORTH) for name in (*OWN, *MACHINE)} == {
        name: own.get(name) for name in (*OWN, *MACHINE)
    }
    (job,) = found["jobs"]
    for name, value in expected(job, JOB).items():
        assert samples.get(name, office=NORTH, job="retention") == value
    severities = [each["severity"] for each in found["problems"]]
    for severity in ("alarm", "warning", "notice"):
        shown = samples.get("silian_problems", office=NORTH, severity=severity)
        assert shown == severities.count(severity)
    assert severities
    children = [each for each in tree["offices"] if each["unit"]["code"] != NORTH]
    assert [each["unit"]["code"] for each in children] == [A, B, C]
    for child in children:
        code, wanted = child["unit"]["code"], expected(child, CHILD)
        assert samples.get("silian_child_seen", office=NORTH, child=code) == child["received"]
        assert {name: samples.get(name, office=NORTH, child=code) for name in CHILD} == {
            name: wanted.get(name) for name in CHILD
        }


def test_what_an_office_does_not_know_is_absent_and_never_0(net: Network) -> None:
    alone = scraped(net, NORTH)
    absent = (
        "silian_link_up", "silian_last_contact_timestamp_seconds", "silian_certificate_days_left",
        "silian_clock_offset_seconds",
    )  # fmt: skip
    assert {name: alone.get(name, office=NORTH) for name in absent} == dict.fromkeys(absent)
    for child in (A, B, C):
        assert alone.get("silian_child_seen", office=NORTH, child=child) == 0
        assert {name: alone.get(name, office=NORTH, child=child) for name in CHILD} == (
            dict.fromkeys(CHILD)
        )
    assert not any(name.startswith("silian_job") for name, _ in alone.values)
    assert alone.get("silian_office_up", office=NORTH) == 1
    linked = scraped(net, NORTH, Link(connected=False, reason="no route"))
    assert linked.get("silian_link_up", office=NORTH) == 0


def test_the_city_has_no_outbox_for_it_has_no_parent(tmp_path: Path, templates: Path) -> None:
    net = Network(tmp_path, (CITY,), templates=templates)
    with closing(net):
        samples = scraped(net, CITY)
    assert samples.get("silian_outbox_entries", office=CITY) is None
    assert samples.get("silian_lag_seconds", office=CITY) is None
    assert samples.get("silian_conflicts", office=CITY) == 0


def test_of_an_office_that_cannot_be_read_only_that_is_shown(net: Network) -> None:
    registry = CollectorRegistry()
    latest = [(A, None), (B, read(net[B], None))]
    registry.register(OfficeMetrics(lambda: latest))
    samples = samples_of(generate_latest(registry).decode())
    assert samples.get("silian_office_up", office=A) == 0
    assert samples.get("silian_office_up", office=B) == 1
    assert {labels["office"] for name, labels in samples.labelled() if name != "silian_office_up"
            and "office" in labels} == {B}  # fmt: skip


def test_every_name_that_is_published_is_one_that_may_be_asked_for(net: Network) -> None:
    net.settle()
    net[NORTH].store.write(
        lambda tx: note_end(tx, "retention", "2026-07-01", state="done", now_ms=1, detail="")
    )
    net[NORTH].clock.follow(net.ms)
    found = {name for name, _ in scraped(net, NORTH, Link(connected=True)).values}
    found = {name.removesuffix("_created") for name in found}
    missing = {"silian_certificate_days_left", "silian_last_contact_timestamp_seconds"}
    assert found - published() == set()
    assert published() - found <= missing
