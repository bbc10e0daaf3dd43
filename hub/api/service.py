"""OfficeService: every method by name, and the gRPC handler that asks for the token first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from hub.api import (
    bundles,
    cases,
    comparing,
    conflicts,
    corrections,
    figures,
    files,
    money,
    office,
    registers,
    retention,
    trouble,
    work,
)
from hub.api.desk import Desk, Method
from hub.api.tokens import TOKEN_KEY

NAME = "sync.wire.v1.OfficeService"
METHODS: dict[str, Method] = {
    **office.METHODS,
    **comparing.METHODS,
    **retention.METHODS,
    **registers.METHODS,
    **files.METHODS,
    **bundles.METHODS,
    **work.METHODS,
    **money.METHODS,
    **figures.METHODS,
    **conflicts.METHODS,
    **cases.METHODS,
    **corrections.METHODS,
    **trouble.METHODS,
}


def handlers(desk_of: Callable[[str], Desk]) -> grpc.GenericRpcHandler:
    """Return OfficeService as the server takes it.

    `desk_of`: the office whose token was shown. Raises: Unauthenticated.
    """
    return grpc.method_handlers_generic_handler(
        NAME, {name: _handler(method, desk_of) for name, method in METHODS.items()}
    )


def _handler(method: Method, desk_of: Callable[[str], Desk]) -> grpc.RpcMethodHandler[Any, Any]:
    ways: dict[str, Any] = {
        "request_deserializer": method.request.FromString,
        "response_serializer": lambda reply: reply.SerializeToString(),
    }
    work: Any = method.unary or method.stream or method.duplex
    assert work is not None, "a method has one way of doing it"

    def call(request: Any, context: grpc.ServicerContext) -> Any:
        return work(desk_of(shown_token(context)), request)

    def told(request: Any, context: grpc.ServicerContext) -> Any:
        yield from call(request, context)

    if method.unary is not None:
        return grpc.unary_unary_rpc_method_handler(call, **ways)
    if method.stream is not None:
        return grpc.unary_stream_rpc_method_handler(told, **ways)
    return grpc.stream_stream_rpc_method_handler(told, **ways)


def shown_token(context: grpc.ServicerContext) -> str:
    """Return the token that the call showed; "" for none."""
    value: Any = dict(context.invocation_metadata()).get(TOKEN_KEY, "")
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
