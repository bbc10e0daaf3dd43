"""The gRPC server of a process: its ports for all of its offices, limits, health."""

from __future__ import annotations

import errno
import socket
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from hub.serve.call_pots import SilentCalls, WorkSlots
from hub.serve.capacity import Capacity
from hub.serve.interceptors import GuardCalls
from hub.serve.ports import check_port
from hub.serve.tls import Tls
from node.address import Address, Fault, addresses, enrolment_addresses
from node.bad_config import BadConfig
from node.spans import NO_SPANS, Spans
from node.trouble import system_zh
from sync.model.errors import ErrorKind, SilianError
from sync.model.limits import MESSAGE_BYTES_MAX, PEER_LIMITS, PeerLimits

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
    """The address is in use, or it does not belong to this machine."""

    code = "cannot_listen"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, address: str, why: str, why_zh: str) -> None:
        super().__init__(
            f"cannot listen on {address}: {why}",
            f"无法监听 {address}：{why_zh}",
            remedy_en="Is another program, or this office already, using the port? Choose another "
            "in `listen` or with --listen; the host must be this machine's.",
            remedy_zh="该端口可能已被其他程序或本单位服务占用，请在 listen 设置或 --listen 中指定"
            "其他端口；主机须为本机地址。",
        )


class Exposed(SilianError):
    """Other machines can reach the address, and the connection is not encrypted."""

    code = "exposed"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address} can be reached from other machines without TLS",
            f"{address} 未启用 TLS，不能对外监听",
            remedy_en="Listen on 127.0.0.1, or enrol the office first: `silian cert init` at the "
            "city, an invitation and `silian join` elsewhere.",
            remedy_zh="请监听 127.0.0.1，或先办理入网：市级运行 silian cert init，"
            "其他单位凭邀请函运行 silian join。",
        )


class Server:
    """Starts and stops the process's gRPC server.

    With `tls`, others reach it at `listen` and `enrolment`, and programs at a port of loopback.
    """

    def __init__(
        self, listen: str, *, tls: Tls | None = None, enrolment: str = "",
        capacity: Capacity | None = None, limits: PeerLimits = PEER_LIMITS,
        spans: Spans = NO_SPANS,
    ) -> None:  # fmt: skip
        self._asked = asked(listen)
        self._tls = tls
        self._enrolment = enrolment_addresses(self._asked, enrolment)
        if tls is None:
            for each in self._asked:
                must_be_loopback(each)
        capacity = capacity or Capacity()
        # A thread for each call that is let in: one that waits for its message sleeps in it.
        self._workers = ThreadPoolExecutor(capacity.calls, thread_name_prefix="grpc")
        self._silent = SilentCalls(limits)
        self._server = grpc.server(
            self._workers,
            interceptors=[GuardCalls(self._silent, WorkSlots(), check_port, spans=spans)],
            options=(
                *OPTIONS,
                ("grpc.max_concurrent_streams", capacity.streams),
                ("grpc.max_allowed_incoming_connections", capacity.connections),
                ("grpc.server_handshake_timeout_ms", int(limits.handshake_s * 1_000)),
            ),
            maximum_concurrent_rpcs=capacity.calls,  # a call beyond it is refused at once
        )
        self._health = health.HealthServicer(experimental_non_blocking=True)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self.addresses: tuple[str, ...] = ()  # of the link
        self.local = ""  # where programs of this machine call
        self.enrolments: tuple[str, ...] = ()  # where invited offices enrol; empty: nowhere

    @property
    def address(self) -> str:
        """The first of its addresses; "" before the start."""
        return self.addresses[0] if self.addresses else ""

    def add(self, handler: grpc.GenericRpcHandler) -> None:
        self._server.add_generic_rpc_handlers((handler,))

    def reflect(self, *services: str) -> None:
        """Let programs read the contract of these services; it has nothing about an office."""
        from grpc_reflection.v1alpha import reflection

        names = (*services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)

    def start(self) -> str:
        """Listen and serve; return the first address with its real port. Raises: CannotListen."""
        if self._tls is None:
            self.addresses = tuple(self._open(each, None) for each in self._asked)
            self.local = self.address
        else:
            # Credentials serve one port: gRPC reads their first configuration only once.
            tls = self._tls
            self.addresses = tuple(self._open(each, tls.of_link()) for each in self._asked)
            self.enrolments = tuple(
                self._open(each, tls.of_enrolment()) for each in self._enrolment
            )
            self.local = self._open(Address("127.0.0.1", 0), None)
        self._silent.start()
        self._server.start()
        self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        return self.address

    def _open(self, at: Address, credentials: grpc.ServerCredentials | None) -> str:
        """Open a port; return its address with its real number. Raises: CannotListen."""
        must_be_free(at)  # gRPC would not report why, and would print a line of its own
        try:
            if credentials is None:
                port = self._server.add_insecure_port(str(at))
            else:
                port = self._server.add_secure_port(str(at), credentials)
        except RuntimeError as error:
            raise CannotListen(str(at), "the port was just taken", "端口刚被占用") from error
        return str(Address(at.host, port))

    def serves(self, unit: int) -> None:
        """Register the office with the health service under this name."""
        self._health.set(health_name(unit), health_pb2.HealthCheckResponse.SERVING)

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, let those under way end within `grace_s`, and stop."""
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait(grace_s + 1)
        self._silent.close()
        self._workers.shutdown(wait=False, cancel_futures=True)


def health_name(unit: int) -> str:
    """Return the name under which the health service knows an office; "" is the process."""
    return f"silian.office.{unit}"


def asked(listen: str) -> tuple[Address, ...]:
    """Return the addresses to listen on. Raises: BadConfig."""
    try:
        return addresses(listen, any_port=True)
    except Fault as fault:
        raise BadConfig(
            "--listen", f"{listen[:60]} {fault.en}", f"{listen[:60]} {fault.zh}",
            "Correct it and start again.", "请修正后重新启动。",
        ) from None  # fmt: skip


def must_be_loopback(at: Address) -> None:
    """Raises: Exposed."""
    if not at.loopback:
        raise Exposed(str(at))


def must_be_free(at: Address) -> None:
    """Check whether this machine lets us listen at an address now. Raises: CannotListen."""
    try:
        found = socket.getaddrinfo(
            at.host, at.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise CannotListen(str(at), _why(error), system_zh(error)) from None
    failed: list[OSError] = []
    for family, kind, protocol, _, place in found:
        try:
            with socket.socket(family, kind, protocol) as tried:
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(place)
                tried.listen(1)
        except OSError as error:
            failed.append(error)
    # A name may mean an address that this machine does not have, as ::1 without IPv6.
    taken = next((error for error in failed if error.errno == errno.EADDRINUSE), None)
    if taken or len(failed) == len(found):
        why = taken or failed[0]
        raise CannotListen(str(at), _why(why), system_zh(why)) from None


def _why(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
