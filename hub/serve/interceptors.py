"""Interceptors of every call: turn refusals into statuses and keep failures out of sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
import structlog
from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pool import Default as default_pool
from google.protobuf.message import DecodeError

from hub.serve.call_pots import SilentCalls, WorkSlots, is_control
from hub.serve.ports import WrongPort
from hub.serve.traces import rpc
from node.spans import NO_SPANS, Spans
from node.trouble import refusal_of
from sync.codec.parts import BadParts, check_message
from sync.model.errors import Malformed, SilianError
from sync.model.limits import MESSAGE_PARTS_MAX
from sync.rpc.status import status_of, to_grpc

_OFFICE_CALLS = ".OfficeService/"  # a person's own values; between offices it is our mistake
_OF_VALUES = (ArithmeticError, ValueError)

log = structlog.get_logger()

Check = Callable[[str, grpc.ServicerContext], None]

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]


def refuse(context: grpc.ServicerContext, error: SilianError) -> NoReturn:
    """End a call with a refusal: its status, its English text, and all of it for programs."""
    context.abort_with_status(to_grpc(error))


class GuardCalls(grpc.ServerInterceptor):
    """Each call waits for its message and for its slot; then refusals become statuses.

    Anything else is logged here and not sent to the caller. Every handler is
    registered as one of a stream of requests, which is the same on the wire: only such a handler is
    called before the message has come.
    """

    def __init__(
        self, silent: SilentCalls, slots: WorkSlots, check: Check = lambda _name, _context: None,
        *, spans: Spans = NO_SPANS,
    ) -> None:  # fmt: skip
        """`check`: refuses a call of this name before its message has come."""
        self._silent, self._slots, self._check, self._spans = silent, slots, check, spans
        self._known: dict[str, tuple[Handler, Handler]] = {}  # method -> unchanged, guarded

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Handler | None],
        details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        handler = continuation(details)
        if handler is None:
            return None
        plain, guarded = self._known.get(details.method, (None, handler))
        if plain is not handler:
            guarded = self._guarded(handler, details.method)
            self._known[details.method] = (handler, guarded)
        return guarded

    def _guarded(self, handler: Handler, name: str) -> Handler:
        read, write = _or_malformed(handler.request_deserializer, name), handler.response_serializer
        if handler.unary_unary is not None:
            call = self._unary(handler.unary_unary, name)
            return grpc.stream_unary_rpc_method_handler(call, read, write)
        if handler.unary_stream is not None:
            # A handler that answers later from elsewhere is no generator, and holds no slot.
            if getattr(handler.unary_stream, "experimental_non_blocking", False):
                later = self._later(handler.unary_stream, name)
                return grpc.stream_stream_rpc_method_handler(later, read, write)
            stream = self._stream(handler.unary_stream, name)
            return grpc.stream_stream_rpc_method_handler(stream, read, write)
        if handler.stream_stream is not None:
            both = self._both(handler.stream_stream, name)
            return grpc.stream_stream_rpc_method_handler(both, read, write)
        return handler

    def _first(self, requests: Iterator[Any], context: grpc.ServicerContext, name: str) -> Any:
        self._check(name, context)
        request = self._silent.first(requests, context)
        if isinstance(request, Malformed):
            raise request
        return request

    def _unary(self, method: Callable[..., Any], name: str) -> Callable[..., Any]:
        about = rpc(name)

        def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            try:
                request = self._first(requests, context, name)
                with (
                    self._slots.hold(control=is_control(name, request)),
                    self._spans.span(*about),
                ):
                    return method(request, context)
            except grpc.RpcError:
                raise  # the call is over
            except Exception as error:
                _end(context, name, error)

        return call

    def _stream(self, method: Callable[..., Any], name: str) -> Callable[..., Any]:
        about = rpc(name)

        def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            try:
                request = self._first(requests, context, name)
                with self._slots.hold(control=False), self._spans.span(*about):
                    yield from method(request, context)
            except grpc.RpcError:
                raise
            except Exception as error:
                _end(context, name, error)

        return call

    def _both(self, method: Callable[..., Any], name: str) -> Callable[..., Any]:
        about = rpc(name)

        def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            try:
                first = self._first(requests, context, name)
                with self._slots.hold(control=False), self._spans.span(*about):
                    yield from method(_sound(chain((first,), requests)), context)
            except grpc.RpcError:
                raise
            except Exception as error:
                _end(context, name, error)

        return call

    def _later(self, method: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(
            requests: Iterator[Any], context: grpc.ServicerContext, send: Callable[[Any], None]
        ) -> None:
            try:
                request = self._first(requests, context, name)
            except (Malformed, WrongPort) as error:
                log.warning("call_refused", method=name, code=error.code, reason=error.en)
                context.set_code(status_of(error))
                context.set_details(error.en)
                send(None)
                return
            method(request, context, send)

        call.experimental_non_blocking = True  # type: ignore[attr-defined]
        return call


def _or_malformed(read: Callable[[bytes], Any] | None, name: str) -> Callable[[bytes], Any] | None:
    """Return a reader that gives the refusal of a message that does not parse, or has too much."""
    if read is None:
        return None
    kind = _request_of(name)

    def reader(data: bytes) -> Any:
        try:
            if kind is not None:
                check_message(data, kind, MESSAGE_PARTS_MAX)
            return read(data)
        except DecodeError:
            return Malformed("a message that does not parse")
        except BadParts:
            return Malformed(f"a message of more than {MESSAGE_PARTS_MAX} parts, or of none")

    return reader


def _request_of(name: str) -> Descriptor | None:
    """Return the kind of a method's requests; None for a service without a contract here."""
    service, _, method = name.strip("/").rpartition("/")
    try:
        found: MethodDescriptor = default_pool().FindMethodByName(f"{service}.{method}")
    except KeyError:
        return None
    return found.input_type


def _sound(requests: Iterator[Any]) -> Iterator[Any]:
    for request in requests:
        if isinstance(request, Malformed):
            raise request
        yield request


def _end(context: grpc.ServicerContext, name: str, error: Exception) -> NoReturn:
    """End a call that raised; the trace is logged here only."""
    refusal = (
        refusal_of(error) if _OFFICE_CALLS in name or not isinstance(error, _OF_VALUES) else None
    )
    if refusal is not None:
        if not refusal.retryable:
            log.warning("call_refused", method=name, code=refusal.code, reason=refusal.en)
        elif refusal is not error:  # a fault of the machine, not a peer that comes too early
            log.error("machine_trouble", method=name, code=refusal.code, reason=refusal.en)
        refuse(context, refusal)
    log.error("call_failed", method=name, exc_info=error)
    context.abort(grpc.StatusCode.INTERNAL, "internal error; see the office's log")
