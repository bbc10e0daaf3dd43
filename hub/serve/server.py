"""The gRPC server of a process: one address for all of its offices, limits, health."""

from __future__ import annotations

import ipaddress
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from hub.serve.capacity import Capacity
from hub.serve.interceptors import TranslateErrors
from sync.model.errors import SilianError
from sync.model.limits import MESSAGE_BYTES_MAX

WORKERS_MAX = 16
OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),
    ("grpc.keepalive_permit_without_calls", 1),
)


class CannotListen(SilianError):
    """The address is in use, or not this machine's."""

    code = "cannot_listen"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"cannot listen on {address}",
            f"无法监听 {address}",
            remedy_en="Is another program using the port? Choose another with --listen.",
            remedy_zh="端口可能被占用, 请用 --listen 指定其他端口。",
        )


class Exposed(SilianError):
    """The address can be reached from other machines, and there is no TLS yet."""

    code = "exposed"

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address} can be reached from other machines without TLS",
            f"{address} 未启用 TLS, 不能对外监听",
            remedy_en="Listen on 127.0.0.1, or set allow_plaintext if the network is closed.",
            remedy_zh="请监听 127.0.0.1; 若网络完全封闭, 可设置 allow_plaintext。",
        )


class Server:
    """Starts and stops the process's gRPC server."""

    def __init__(
        self, address: str, *, allow_plaintext: bool = False, capacity: Capacity | None = None
    ) -> None:
        if not allow_plaintext and not _loopback(address):
            raise Exposed(address)
        capacity = capacity or Capacity()
        self._workers = ThreadPoolExecutor(WORKERS_MAX, thread_name_prefix="grpc")
        self._server = grpc.server(
            self._workers,
            interceptors=[TranslateErrors()],
            options=(*OPTIONS, ("grpc.max_concurrent_streams", capacity.streams)),
            maximum_concurrent_rpcs=capacity.calls,  # a call beyond it is refused at once
        )
        self._health = health.HealthServicer(experimental_non_blocking=True)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._address = address
        self.address = ""

    def add(self, handler: grpc.GenericRpcHandler) -> None:
        self._server.add_generic_rpc_handlers((handler,))

    def start(self) -> str:
        """Listen and serve; return the address with its real port. Raises: CannotListen."""
        try:
            port = self._server.add_insecure_port(self._address)
        except RuntimeError:
            port = 0
        if port == 0:
            raise CannotListen(self._address)
        host = self._address.rpartition(":")[0]
        self.address = f"{host}:{port}"
        self._server.start()
        self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        return self.address

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, let those under way end within `grace_s`, and stop."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait(grace_s + 1)
        self._workers.shutdown(wait=False, cancel_futures=True)


def _loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
