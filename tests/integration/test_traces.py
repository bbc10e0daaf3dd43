"""Traces: spans of exchanges and jobs where somebody asked for them, and nothing elsewhere."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from hub.api.tokens import token_of
from hub.client.client import OfficeClient, wall_ms
from hub.serve.maintenance import yesterday
from hub.serve.process import Process
from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.jobs import Job
from node.setup import init_office
from node.spans import NO_SPANS, Spans
from sync.model.errors import SilianError
from tests.support.edits import premises
from tests.support.silian import serving, silian
from tests.support.tier import GARDEN, STREET, eventually

LINK = "silian.link.v1.LinkService/"
SECRET = "张三家"
KEYS = {"rpc.system", "rpc.service", "rpc.method", "silian.office", "silian.job", "error.type"}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    base = tmp_path_factory.mktemp("traced")
    catalogue = load_catalogue()
    for code in (STREET, GARDEN):
        config = OfficeConfig(unit=code, sync_interval_s=1)
        init_office(base / code, config, catalogue, rng=random.Random(code))
    return base / STREET, base / GARDEN


@contextmanager
def process_of(folder: Path, spans: Spans) -> Iterator[Process]:
    process = Process([folder], wall_ms=wall_ms, rng=random.Random(1), spans=spans)
    try:
        process.start()
        yield process
    finally:
        process.stop()


def recorder() -> tuple[Spans, InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Spans(provider.get_tracer("silian")), exporter


def names(exporter: InMemorySpanExporter) -> set[str]:
    return {span.name for span in exporter.get_finished_spans()}


def texts(spans: Iterator[ReadableSpan] | tuple[ReadableSpan, ...]) -> str:
    return " ".join(span.to_json() for span in spans)


def test_exchanges_are_traced_at_both_ends_and_jobs_where_they_run_without_any_value(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    above, at_street = recorder()
    below, at_garden = recorder()
    with process_of(folders[0], above) as street:
        monkeypatch.setenv("SILIAN_PARENT", street.server.address)
        with process_of(folders[1], below) as garden:
            office = next(iter(garden.served.values())).office
            premises(office, SECRET)
            for exporter in (at_garden, at_street):
                eventually(lambda e=exporter: {f"{LINK}Hello", f"{LINK}Push"} <= names(e))
            job = Job("daily", yesterday, lambda _office, _period: SECRET)
            assert garden.jobs.run_due(office, job)
            assert "job daily" in names(at_garden)
    for span in (*at_garden.get_finished_spans(), *at_street.get_finished_spans()):
        assert set(span.attributes or {}) <= KEYS
        assert not span.events  # where the library keeps texts of exceptions
    assert not {n for n in names(at_garden) if n.endswith("/Watch")}
    assert SECRET not in texts(at_garden.get_finished_spans())
    assert SECRET not in texts(at_street.get_finished_spans())


def test_a_refused_call_has_the_code_of_its_error_and_not_its_text(
    folders: tuple[Path, Path],
) -> None:
    spans, exporter = recorder()
    with (
        process_of(folders[0], spans) as street,
        OfficeClient.connect(street.server.local, token_of(folders[0])) as office,
        pytest.raises(SilianError),
    ):
        office.search_units(text=SECRET)
    (span,) = exporter.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "unknown_unit"
    assert SECRET not in span.to_json()


def test_without_a_tracer_nothing_is_made() -> None:
    assert NO_SPANS.span("a", {}) is NO_SPANS.span("b", {"c": 1})
    assert not NO_SPANS.on


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Yield the address of what takes traces by OTLP, and what has come."""
    came: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", came
        finally:
            server.shutdown()
            thread.join()


def test_a_served_office_sends_its_spans_to_the_collector_that_the_environment_names(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with collector() as (address, came):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        with serving(folders[0]):
            assert silian("unit", "find", STREET, "--dir", folders[0]).exit == 0
        assert {path for path, _ in came} == {"/v1/traces"}
        sent = b"".join(body for _, body in came)
    assert b"silian.office.v1.OfficeService/SearchUnits" in sent


WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
import hub.serve.process
from hub.serve.traces import spans_asked
from structlog.testing import capture_logs
import structlog
with capture_logs() as logs:
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}
    spans, close = spans_asked(asked, structlog.get_logger())
close()
print(spans.on, [each["event"] for each in logs])
print(spans_asked({}, None)[0].on)
"""


def test_without_the_extra_the_program_runs_and_says_that_nothing_is_sent() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split("\n")[:2] == ["False ['traces_not_sent']", "False"]
