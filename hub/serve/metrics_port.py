"""The metrics port: OpenMetrics over plain HTTP, on an address of its own, for reading only.

It shares nothing with gRPC: neither its threads nor its limits. So a monitor that asks too often,
or too slowly, costs the offices nothing.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog
from prometheus_client import CollectorRegistry, make_wsgi_app

from hub.serve.metrics import OfficeMetrics, Reading
from hub.serve.readings import Readings
from hub.serve.server import CannotListen, must_be_free
from node.address import Address, address
from node.trouble import system_zh

PATH = "/metrics"
AT_ONCE = 16  # connections; one beyond them is closed
SILENT_S = 5.0  # a connection that is silent for so long is closed


class MetricsPort:
    """Serves the metrics of a process's offices at one address."""

    def __init__(self, listen: str, sources: Mapping[str, Callable[[], Reading]]) -> None:
        self._asked = address(listen, any_port=True)
        self._readings = Readings(sources, log=structlog.get_logger())
        registry = CollectorRegistry(auto_describe=False)
        registry.register(OfficeMetrics(self._readings.latest))
        self._app = _only_metrics(make_wsgi_app(registry))
        self._server: _Server | None = None

    def start(self) -> str:
        """Listen and answer; return the address with its real port. Raises: CannotListen."""
        must_be_free(self._asked)
        try:
            self._server = _Server(self._asked)
        except OSError as error:
            raise CannotListen(str(self._asked), str(error).lower(), system_zh(error)) from None
        self._server.set_app(self._app)
        threading.Thread(
            target=self._server.serve_forever,
            name="metrics",
            daemon=True,
            kwargs={"poll_interval": 0.1},
        ).start()
        return str(Address(self._asked.host, self._server.server_port))

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        self._readings.close()


Start = Callable[[str, list[tuple[str, str]]], Any]
App = Callable[[dict[str, Any], Start], Iterable[bytes]]


def _only_metrics(app: App) -> App:
    """Return an app that has one page."""

    def at_path(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            return app(environ, start)
        start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"only {PATH} is here\n".encode()]

    return at_path


class _Handler(WSGIRequestHandler):
    timeout = SILENT_S

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a request is no event of an office."""


class _Server(ThreadingMixIn, WSGIServer):
    """A few connections at once, each in a thread that ends with the process."""

    daemon_threads = True

    def __init__(self, at: Address) -> None:
        found = socket.getaddrinfo(
            at.host, at.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        self.address_family, _, _, _, place = found[0]
        self._free = threading.Semaphore(AT_ONCE)
        super().__init__(place[:2], _Handler)  # type: ignore[arg-type]

    def server_bind(self) -> None:
        """Bind without looking for the host's name, for which the library would ask DNS."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a connection that its monitor has given up."""
