"""Traces: sends spans to a collector of OpenTelemetry if the field's own variables name one.

It needs the extra `silian[otel]`. Calls of other offices and programs are traced where they are
answered, calls to the parent where they are made, and each job where it runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import grpc

from node.office import PROGRAM
from node.spans import Spans
from sync.rpc.channel import Secure

VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
LEAVE_S = 2.0  # so long the last spans may take to be sent when the process stops
Close = Callable[[], None]
Dial = Callable[..., grpc.Channel]


def spans_asked(environment: Mapping[str, str], log: Any) -> tuple[Spans, Close]:
    """Return the spans that the environment asks for, and what sends the last of them."""
    if not any(environment.get(name) for name in VARIABLES):
        return Spans(), lambda: None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        log.warning("traces_not_sent", reason=f"the extra `silian[otel]` is missing: {error.name}")
        return Spans(), lambda: None
    name = environment.get("OTEL_SERVICE_NAME") or "silian"
    resource = Resource.create({"service.name": name, "service.version": PROGRAM})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Spans(provider.get_tracer("silian", PROGRAM)), lambda: _within(provider.shutdown)


def _within(work: Close) -> None:
    """Do some work, and wait for it no longer than the process may take to leave."""
    thread = threading.Thread(target=work, name="traces", daemon=True)
    thread.start()
    thread.join(LEAVE_S)


def traced(dial: Dial, spans: Spans) -> Dial:
    """Return what opens channels, so that their calls are traced."""
    if not spans.on:
        return dial

    def open_(address: str, secure: Secure | None = None) -> grpc.Channel:
        return grpc.intercept_channel(dial(address, secure), _TracedCalls(spans))

    return open_


def rpc(method: str) -> tuple[str, dict[str, str | int]]:
    """Return the name and attributes of a call's span, as OpenTelemetry writes them."""
    name = method.lstrip("/")
    service, _, called = name.rpartition("/")
    return name, {"rpc.system": "grpc", "rpc.service": service, "rpc.method": called}


class _TracedCalls(grpc.UnaryUnaryClientInterceptor):
    """A span for each call to a parent, but for `Watch`, which waits for minutes."""

    def __init__(self, spans: Spans) -> None:
        self._spans = spans

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        if details.method.endswith("/Watch"):
            return continuation(details, request)
        name, attributes = rpc(details.method)
        end = self._spans.begin(name, attributes)
        call = continuation(details, request)
        call.add_done_callback(lambda ended: end(_failure(ended)))
        return call


def _failure(ended: Any) -> str:
    code = ended.code()
    return "" if code is grpc.StatusCode.OK else str(code.name)
