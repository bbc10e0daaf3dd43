"""The Python client of an office: the same calls whether it is served elsewhere or opened here."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from hub.api.tokens import ACTOR_KEY, TOKEN_KEY, token_of
from hub.client.calls import SERVICE, Calls
from node.address import must_be_protected
from node.store.folder_lock import OfficeBusy, lock_info
from sync.model.attribution import attributed
from sync.model.errors import ErrorKind, SilianError
from sync.rpc.channel import OPTIONS
from sync.rpc.status import RemoteRefusal, read_refusal, status_texts

__all__ = ["CallFailed", "OfficeClient", "RemoteRefusal", "Unreachable"]

if TYPE_CHECKING:
    from hub.api.call_context import CallContext
    from node.host import LinkedOffice

CALL_TIMEOUT_S = 60.0
LONG_TIMEOUT_S = 3_600.0  # import, export, verify: they report their progress
BUSY_WAIT_S = 3.0
_POLL_S = 0.05


class Unreachable(SilianError):
    """Nobody answers at the office's address."""

    code = "unreachable"
    kind = ErrorKind.UNREACHABLE

    def __init__(self, address: str, reason: str, reason_zh: str) -> None:
        super().__init__(
            f"no office answers at {address}: {reason}",
            f"{address} 没有应答：{reason_zh}",
            remedy_en="Is it being served there? Check the address and the network.",
            remedy_zh="请确认服务已启动，并检查地址和网络。",
        )


class CallFailed(SilianError):
    """The office's program failed; what it did is in its log."""

    code = "internal"
    kind = ErrorKind.INTERNAL

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the office's program failed: {why}",
            f"单位程序出错：{why}",
            remedy_en="See the office's log, and report it.",
            remedy_zh="请查看该单位的日志并报告。",
        )


class Transport(Protocol):
    """One way of reaching an office."""

    def call(self, name: str, request: Any) -> Any:
        """Make a call by its name: a message, or an iterator of them where it streams."""

    def close(self) -> None: ...


class OfficeClient(Calls):
    """One office: each call of the contract is a method, its fields are keywords (docs/api.md).

    Use it as a context manager. A call raises SilianError with a stable `code`, texts in both
    languages and remedies, wherever the office runs.
    """

    def __init__(self, transport: Transport, where: str) -> None:
        super().__init__(transport.call)
        self._transport = transport
        self.at = where

    @classmethod
    def connect(
        cls, where: Path | str, token: str = "", *, actor: str = "",
        busy_wait_s: float = BUSY_WAIT_S,
    ) -> OfficeClient:  # fmt: skip
        """Reach the office of a folder, served or not, or the one at an address by its token.

        `actor`: who calls; the office's audit log names it. `busy_wait_s`: how long to wait for
        another command that has the office open.
        Raises: Unprotected, BadConfig, OfficeBusy, StoreUnavailable, NewerSchema, OlderSchema.
        """
        if isinstance(where, str):
            return cls(Remote(where, token, actor), where)
        return cls(_of_folder(where, token, actor, busy_wait_s), str(where))

    @property
    def served(self) -> bool:
        """Whether another process serves the office."""
        return isinstance(self._transport, Remote)

    def close(self) -> None:
        """Close the connection, or the store."""
        self._transport.close()

    def __enter__(self) -> OfficeClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Remote:
    """An office that a process serves."""

    def __init__(self, address: str, token: str, actor: str = "") -> None:
        must_be_protected(address)  # the token would go in the clear
        self._address = address
        self._metadata = ((TOKEN_KEY, token), (ACTOR_KEY, attributed(actor).actor.encode()))
        self._channel = grpc.insecure_channel(address, options=OPTIONS)

    def call(self, name: str, request: Any) -> Any:
        method = SERVICE.methods_by_name[name]
        made: dict[tuple[bool, bool], Callable[..., Any]] = {
            (False, False): self._channel.unary_unary,
            (False, True): self._channel.unary_stream,
            (True, True): self._channel.stream_stream,
        }
        make = made[method.client_streaming, method.server_streaming]
        call = make(
            f"/{SERVICE.full_name}/{name}",
            request_serializer=_serialized,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        timeout_s = LONG_TIMEOUT_S if method.server_streaming else CALL_TIMEOUT_S
        stated = _Stated(request) if method.client_streaming else None
        try:
            reply = call(stated or request, timeout=timeout_s, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._refusal(error) from error
        if stated is not None:
            stated.began(reply)
        return self._stream(reply, stated) if method.server_streaming else reply

    def close(self) -> None:
        self._channel.close()

    def _stream(self, replies: Any, stated: _Stated | None) -> Iterator[Message]:
        try:
            yield from replies
        except grpc.RpcError as error:
            if stated is not None and stated.failed is not None:
                raise stated.failed from None
            raise self._refusal(error) from error
        finally:
            replies.cancel()

    def _refusal(self, error: grpc.RpcError) -> SilianError:
        refusal = read_refusal(error)
        if refusal is not None:
            return refusal
        code: grpc.StatusCode = error.code()
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return Unreachable(self._address, *status_texts(error))
        return CallFailed(f"{code.name.lower()}: {error.details()}"[:200])


class _Stated:
    """What a call streams to an office; when it cannot be read to its end, the call is cancelled.

    gRPC reads it in a thread of its own, where an error would be lost, and half of a file sent.
    """

    def __init__(self, messages: Iterator[Message]) -> None:
        self._messages = messages
        self._call: Any = None
        self._begun = threading.Event()
        self.failed: Exception | None = None

    def began(self, call: Any) -> None:
        self._call = call
        self._begun.set()

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        try:
            return next(self._messages)
        except StopIteration:
            raise
        except Exception as error:
            self.failed = error
            self._begun.wait(CALL_TIMEOUT_S)
            self._call.cancel()
            raise StopIteration from None


class Local:
    """An office that nobody serves, opened in this process: the same functions, no wire."""

    def __init__(self, office: LinkedOffice, actor: str = "") -> None:
        from hub.api.call_context import CallContext
        from hub.api.service import METHODS

        self._office = office
        self._context: CallContext = CallContext(office, actor=attributed(actor).actor)
        self._methods = METHODS

    def call(self, name: str, request: Any) -> Any:
        return self._methods[name].answer(self._context, request)

    def close(self) -> None:
        self._office.close()


def wall_ms() -> int:
    """Return the machine's clock: milliseconds since 1970 UTC, and nothing before that."""
    return max(0, time.time_ns() // 1_000_000)


def _serialized(message: Message) -> bytes:
    return message.SerializeToString()


def _of_folder(folder: Path, token: str, actor: str, busy_wait_s: float) -> Transport:
    """Open the office of a folder; wait a little while another command has it open."""
    give_up = time.monotonic() + busy_wait_s
    while True:
        facts = lock_info(folder)
        if facts is not None and facts.get("address"):
            return Remote(str(facts["address"]), token or token_of(folder), actor)
        try:
            return Local(_opened(folder), actor)
        except OfficeBusy:
            # A command that will soon be done, or a server that has not published its address yet.
            if time.monotonic() > give_up:
                raise
            time.sleep(_POLL_S)


def _opened(folder: Path) -> LinkedOffice:
    from node.open import open_office

    return open_office(folder, wall_ms=wall_ms, rng=random.SystemRandom())
