"""OfficeService: every method by name, and the gRPC handler that checks the token first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import grpc

from hub.api import (
    audit,
    bundles,
    certificates,
    comparison,
    conflicts,
    corrections,
    daily,
    duplicates,
    figures,
    files,
    find,
    money,
    office,
    quarantine,
    registers,
    retention,
    sealed,
    work,
)
from hub.api.call_context import CallContext, Method
from hub.api.disclosed import disclosing
from hub.api.names import coded
from hub.api.tokens import ACTOR_KEY, TOKEN_KEY
from sync.model.attribution import attributed

NAME = "silian.office.v1.OfficeService"
_METHODS: dict[str, Method] = {
    **office.METHODS,
    **find.METHODS,
    **comparison.METHODS,
    **retention.METHODS,
    **certificates.METHODS,
    **audit.METHODS,
    **sealed.METHODS,
    **registers.METHODS,
    **files.METHODS,
    **bundles.METHODS,
    **work.METHODS,
    **daily.METHODS,
    **money.METHODS,
    **figures.METHODS,
    **conflicts.METHODS,
    **duplicates.METHODS,
    **corrections.METHODS,
    **quarantine.METHODS,
}


def _by_names(method: Method) -> Method:
    """Return the method as it takes requests with names for codes (`hub.api.names`)."""
    unary, stream, duplex = method.unary, method.stream, method.duplex
    if unary is not None:
        return replace(
            method,
            unary=lambda context_value, request: unary(
                context_value, coded(context_value, request)
            ),
        )
    if stream is not None:
        return replace(
            method,
            stream=lambda context_value, request: stream(
                context_value, coded(context_value, request)
            ),
        )
    assert duplex is not None, "a method has one way of doing it"
    return replace(
        method,
        duplex=lambda context_value, pieces: duplex(
            context_value, (coded(context_value, piece) for piece in pieces)
        ),
    )


METHODS = {name: disclosing(name, _by_names(method)) for name, method in _METHODS.items()}


def handlers(context_for: Callable[[str], CallContext]) -> grpc.GenericRpcHandler:
    """Return OfficeService as the server accepts it.

    `context_for`: the office whose token was shown. Raises: Unauthenticated.
    """
    return grpc.method_handlers_generic_handler(
        NAME, {name: _handler(method, context_for) for name, method in METHODS.items()}
    )


def _handler(
    method: Method, context_for: Callable[[str], CallContext]
) -> grpc.RpcMethodHandler[Any, Any]:
    handler_args: dict[str, Any] = {
        "request_deserializer": method.request.FromString,
        "response_serializer": lambda reply: reply.SerializeToString(),
    }

    def call(request: Any, context: grpc.ServicerContext) -> Any:
        called = context_for(shown_token(context))
        asked = replace(called, actor=shown_actor(context), wanted=context.is_active)
        return method.answer(asked, request)

    def streamed(request: Any, context: grpc.ServicerContext) -> Any:
        yield from call(request, context)

    if method.unary is not None:
        return grpc.unary_unary_rpc_method_handler(call, **handler_args)
    if method.stream is not None:
        return grpc.unary_stream_rpc_method_handler(streamed, **handler_args)
    return grpc.stream_stream_rpc_method_handler(streamed, **handler_args)


def shown_token(context: grpc.ServicerContext) -> str:
    """Return the token that the call showed; "" for none."""
    value: Any = dict(context.invocation_metadata()).get(TOKEN_KEY, "")
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)


def shown_actor(context: grpc.ServicerContext) -> str:
    """Return who calls, by the name that the call states; "" for none. Raises: BadAttribution."""
    value: Any = dict(context.invocation_metadata()).get(ACTOR_KEY, b"")
    return attributed(bytes(value).decode("utf-8", "replace")).actor
