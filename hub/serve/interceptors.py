"""Interceptors of every call: turn refusals into statuses and keep failures out of sight."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
import structlog

from node.trouble import refusal_of
from sync.link import to_grpc
from sync.model.errors import SilianError

_OFFICE_CALLS = ".OfficeService/"  # a person's own values; between offices it is our mistake
_OF_VALUES = (ArithmeticError, ValueError)

log = structlog.get_logger()

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]


def refuse(context: grpc.ServicerContext, error: SilianError) -> NoReturn:
    """End a call with a refusal: its status, its English text, and all of it for programs."""
    context.abort_with_status(to_grpc(error))


class TranslateErrors(grpc.ServerInterceptor):
    """Refusals become statuses; anything else is logged here and not sent to the caller."""

    def __init__(self) -> None:
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
            guarded = _guarded_handler(handler, details.method)
            self._known[details.method] = (handler, guarded)
        return guarded


def _guarded_handler(handler: Handler, name: str) -> Handler:
    if handler.unary_unary is not None:
        return grpc.unary_unary_rpc_method_handler(
            _guarded(handler.unary_unary, name),
            handler.request_deserializer,
            handler.response_serializer,
        )
    if handler.stream_stream is not None:
        return grpc.stream_stream_rpc_method_handler(
            _guarded_stream(handler.stream_stream, name),
            handler.request_deserializer,
            handler.response_serializer,
        )
    # A handler that answers later from elsewhere is no generator: it handles its own errors.
    later = getattr(handler.unary_stream, "experimental_non_blocking", False)
    if handler.unary_stream is not None and not later:
        return grpc.unary_stream_rpc_method_handler(
            _guarded_stream(handler.unary_stream, name),
            handler.request_deserializer,
            handler.response_serializer,
        )
    return handler


def _guarded(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(request, context)
        except Exception as error:
            _end(context, name, error)

    return call


def _guarded_stream(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            yield from method(request, context)
        except Exception as error:
            _end(context, name, error)

    return call


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
