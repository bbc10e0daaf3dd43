"""What every call gets: one place turns refusals into statuses and keeps failures out of sight."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import structlog

from sync.errors import SilianError
from sync.status import DETAIL_KEY, detail_of, status_of

log = structlog.get_logger()


def refuse(context: grpc.ServicerContext, error: SilianError) -> None:
    """End a call with a refusal: its status, its English text, and all of it for programs."""
    context.set_trailing_metadata(((DETAIL_KEY, detail_of(error)),))
    context.abort(status_of(error), error.en)


class TranslateErrors(grpc.ServerInterceptor):
    """Refusals become statuses; anything else is logged here and tells the caller nothing."""

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = continuation(details)
        if handler is None:
            return None
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                _guarded(handler.unary_unary, details.method),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return handler


def _guarded(method: Callable[..., Any], name: str) -> Callable[..., Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(request, context)
        except SilianError as error:
            if not error.retryable:
                log.warning("call_refused", method=name, code=error.code, reason=error.en)
            refuse(context, error)
        except Exception:
            log.exception("call_failed", method=name)
            context.abort(grpc.StatusCode.INTERNAL, "internal error; see the office's log")

    return call
