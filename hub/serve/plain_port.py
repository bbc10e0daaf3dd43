"""Plain port: a small HTTP server without TLS, for pages that have nothing of an office.

What may be read here is public to whoever reaches the address, so a page has no name, no code and
no count of an office. Each request gets one answer, within a few seconds, and its connection ends.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from hub.serve.server import CannotListen, must_be_free
from node.address import Address

REQUEST_S = 5.0  # from the connection to the end of the answer
REQUESTS_MAX = 32  # at once; more are closed unanswered


@dataclass(frozen=True, slots=True)
class Page:
    """What a request gets."""

    status: int
    text: str
    content_type: str = "text/plain; charset=utf-8"


class PlainPort(ThreadingHTTPServer):
    """Serves pages by their path. Raises: CannotListen."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = REQUESTS_MAX

    def __init__(
        self, at: Address, pages: Mapping[str, Callable[[], Page]], *, request_s: float = REQUEST_S
    ) -> None:
        must_be_free(at)
        if ":" in at.host:
            self.address_family = socket.AF_INET6
        self.pages = pages
        self._request_s = request_s
        self._slots = threading.BoundedSemaphore(REQUESTS_MAX)
        try:
            super().__init__((at.host, at.port), _Answer)
        except OSError as error:
            raise CannotListen(str(at), "the port was just taken", "端口刚被占用") from error
        self.address = str(Address(at.host, self.server_address[1]))

    def server_bind(self) -> None:
        """Bind without the usual look-up of our own name in DNS, which can take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def start(self) -> None:
        """Answer from now on."""
        threading.Thread(target=self.serve_forever, name="plain port", daemon=True).start()

    def close(self) -> None:
        """Answer no more."""
        self.shutdown()
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, unless too many are at work."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer; whoever sends or reads too slowly is cut off."""
        timer = threading.Timer(self._request_s, _cut_off, (request,))
        timer.daemon = True
        timer.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            timer.cancel()
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no fault of ours; nothing else can fail in an answer."""


def _cut_off(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended by itself


class _Answer(BaseHTTPRequestHandler):
    server: PlainPort
    server_version = "silian"
    sys_version = ""

    def do_GET(self) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        found = page() if page is not None else Page(404, "not found\n")
        body = found.text.encode()
        self.send_response(found.status)
        self.send_header("Content-Type", found.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: a probe comes every few seconds."""
