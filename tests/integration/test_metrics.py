"""The metrics port of a process: real offices, real HTTP, and no harm from whoever asks."""

from __future__ import annotations

import random
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from hub.client.client import wall_ms
from hub.serve.metrics_port import AT_ONCE, SILENT_S
from hub.serve.process import Process
from hub.serve.server import CannotListen
from node.config import load_config
from node.services.health.problems import Severity
from node.store.job_runs import note_end
from tests.support.enrolled import enrolled, idle, served
from tests.support.filled import filled_pair
from tests.support.scrape import page, scrape
from tests.support.silian import COMMUNITY as COMMUNITY_CODE
from tests.support.silian import STREET as STREET_CODE
from tests.support.silian import silian
from tests.support.tier import CITY, DISTRICT, eventually

ANY = "127.0.0.1:0"
JOBS = {"close_period", "compare", "retention", "seal"}


@contextmanager
def process_of(*folders: Path) -> Iterator[Process]:
    process = Process(folders, wall_ms=wall_ms, rng=random.Random("metrics"))
    try:
        process.start()
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A street and a community with something in every list; nothing serves them any more."""
    with filled_pair(tmp_path_factory.mktemp("filled")) as pair:
        return pair.street, pair.community


@pytest.fixture
def both(filled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Process]:
    monkeypatch.setenv("SILIAN_METRICS", ANY)
    with process_of(*filled) as process:
        yield process


def test_no_label_carries_more_than_the_office_its_children_its_jobs_and_severities(
    both: Process,
) -> None:
    street = served(both, STREET_CODE).office
    below = {street.tree.get(unit).code for unit in street.tree.children(street.identity.unit)}
    for each in both.served.values():
        each.office.store.write(
            lambda tx: note_end(tx, "retention", "2026-07-01", state="done", now_ms=1, detail="x")
        )
    samples = scrape(both.metrics_address)
    allowed = {
        "office": {STREET_CODE, COMMUNITY_CODE},
        "child": below,
        "job": JOBS,
        "severity": {each.name.lower() for each in Severity},
    }
    seen: set[str] = set()
    for name, labels in samples.labelled():
        if name == "silian_build_info":
            assert labels.keys() == {"version", "python"}
            continue
        assert labels.keys() <= allowed.keys(), name
        for label, value in labels.items():
            assert value in allowed[label], (name, label, value)
            seen.add(label)
        if "child" in labels:
            assert labels["office"] == STREET_CODE
    assert seen == allowed.keys()


def test_a_label_distinguishes_the_offices_of_one_process_at_one_port(both: Process) -> None:
    samples = scrape(both.metrics_address)
    for code in (STREET_CODE, COMMUNITY_CODE):
        assert samples.get("silian_office_up", office=code) == 1
        assert (samples.get("silian_store_bytes", office=code) or 0) > 0


def test_the_command_line_shows_the_same_numbers(both: Process, filled: tuple[Path, Path]) -> None:
    samples = scrape(both.metrics_address)
    for code, folder in zip((STREET_CODE, COMMUNITY_CODE), filled, strict=True):
        found = silian("status", "--json", "--dir", folder).json
        own = found["offices"][0]
        assert samples.get("silian_conflicts", office=code) == own["conflicts"]
        assert samples.get("silian_quarantined_changes", office=code) == own["quarantined"]
        assert samples.get("silian_outbox_entries", office=code) == own["waiting_up"]
        assert found["machine"]["certificate_days"] is None
        assert samples.get("silian_certificate_days_left", office=code) is None
        shown = silian("status", "--dir", folder)
        assert "store" in shown.out
        assert "数据库" in silian("status", "--dir", folder, lang="zh").out
    assert any(
        silian("status", "--json", "--dir", each).json["offices"][0]["conflicts"] for each in filled
    )


def test_without_the_setting_no_port_is_opened(filled: tuple[Path, Path]) -> None:
    assert load_config(filled[1]).metrics == ""
    with process_of(filled[1]) as process:
        assert process.metrics_address == ""
        assert not [t for t in threading.enumerate() if t.name in ("metrics", "readings_0")]


def test_a_port_alone_is_one_of_loopback(
    filled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILIAN_METRICS", "9464")
    assert load_config(filled[1]).metrics == "127.0.0.1:9464"
    monkeypatch.setenv("SILIAN_METRICS", "[::1]:0")
    with process_of(filled[1]) as process:
        assert process.metrics_address.startswith("[::1]:")
        assert scrape(process.metrics_address).get("silian_office_up", office=COMMUNITY_CODE) == 1


def test_a_metrics_port_that_is_taken_is_named_and_no_office_stays_open(
    filled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("SILIAN_METRICS", at)
        process = Process([filled[1]], wall_ms=wall_ms, rng=random.Random(1))
        with pytest.raises(CannotListen, match=at):
            process.start()
    with process_of(filled[1]) as again:
        assert again.metrics_address == at


def test_only_one_page_is_there_and_it_can_only_be_read(both: Process) -> None:
    host, _, port = both.metrics_address.rpartition(":")

    def answer(line: str) -> str:
        with socket.create_connection((host, int(port)), 20) as link:
            link.sendall(f"{line} HTTP/1.0\r\n\r\n".encode())
            return link.makefile("rb").readline().decode()

    assert " 404 " in answer("GET /")
    assert " 404 " in answer("GET /metrics/../office.toml")
    assert " 405 " in answer("POST /metrics")
    assert " 200 " in answer("GET /metrics")


def test_whoever_connects_and_is_silent_keeps_neither_monitor_nor_office_waiting_for_ever(
    both: Process, filled: tuple[Path, Path]
) -> None:
    host, _, port = both.metrics_address.rpartition(":")
    with ExitStack() as open_:
        for _ in range(4 * AT_ONCE):
            open_.enter_context(socket.create_connection((host, int(port)), 20))
        assert silian("status", "--dir", filled[1]).exit == 0

        def answers() -> bool:
            try:
                return "silian_office_up" in page(both.metrics_address, timeout_s=2 * SILENT_S)
            except OSError:
                return False  # too many at once

        eventually(answers)
    assert len([t for t in threading.enumerate() if "process_request" in t.name]) <= AT_ONCE


def test_an_enrolled_office_shows_how_long_its_certificate_is_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with enrolled(tmp_path) as offices:
        offices.make(CITY)
        offices.make(DISTRICT, CITY)
        monkeypatch.setenv("SILIAN_METRICS", ANY)
        city, district = offices.serve(CITY), offices.serve(DISTRICT)
        idle(district, DISTRICT)
        samples = scrape(district.metrics_address)
        left = (88, 89)  # it was issued for 89 days and a moment ago, by a clock of the city
        assert samples.get("silian_certificate_days_left", office=DISTRICT) in left
        shown = silian("status", "--json", "--dir", tmp_path / DISTRICT).json
        assert shown["machine"]["certificate_days"] in left
        assert samples.get("silian_link_up", office=DISTRICT) == 1
        assert abs(samples.get("silian_clock_offset_seconds", office=DISTRICT) or 60) < 60
        above = scrape(city.metrics_address)
        assert above.get("silian_child_link_up", office=CITY, child=DISTRICT) == 1
        assert above.get("silian_clock_offset_seconds", office=CITY) is None


def test_an_office_whose_store_is_gone_takes_no_other_off_the_page(
    filled: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SILIAN_METRICS", ANY)
    street, community = (shutil.copytree(each, tmp_path / each.name) for each in filled)
    with process_of(street, community) as process:
        office = served(process, COMMUNITY_CODE).office
        (community / "office.db").rename(community / "elsewhere.db")
        office.store._reader.dispose()
        samples = scrape(process.metrics_address)
        assert samples.get("silian_office_up", office=COMMUNITY_CODE) == 0
        assert samples.get("silian_outbox_entries", office=COMMUNITY_CODE) is None
        assert samples.get("silian_office_up", office=STREET_CODE) == 1
        assert samples.get("silian_outbox_entries", office=STREET_CODE) is not None
        (community / "elsewhere.db").rename(community / "office.db")
