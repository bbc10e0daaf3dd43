"""Logs: structlog for us and for the libraries alike; text on a terminal, JSON elsewhere."""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

from sync.model.errors import ErrorKind, SilianError

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
PERSONAL = frozenset({"values", "record", "row", "id_number", "name", "phone", "address"})


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank what could be personal: no personal value in logs (INV-34)."""
    for key in PERSONAL & event.keys():
        event[key] = "[redacted]"
    return event


def traced(error: BaseException) -> str:
    """Return where an error arose and what kind it is, with its causes; no value (INV-34).

    The text of an error may have what a clerk typed or what a statement was to store, whatever
    raised it. Only our own refusals promise that they have none.
    """
    lines: list[str] = []
    seen: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in seen:
        seen.add(id(each))
        lines[:0] = [*traceback.format_tb(each.__traceback__), f"{_stated(each)}\n"]
        each = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
    return f"Traceback (most recent call last):\n{''.join(lines)}".rstrip()


def _stated(error: BaseException) -> str:
    kind = type(error).__name__
    match error:
        case SilianError():
            return f"{kind}: {error.code}: {error.en}"
        case OSError():
            return f"{kind}: {error.strerror or ''} {error.filename or ''}".rstrip(": ")
        case BaseExceptionGroup():
            return f"{kind}: {', '.join(_stated(each) for each in error.exceptions)}"
    of_database = getattr(error, "orig", None)  # of SQLAlchemy
    state = getattr(of_database, "sqlstate", None) or type(of_database).__name__
    return f"{kind}: {state}" if isinstance(of_database, BaseException) else kind


def without_values(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Replace an error that is to be logged by what is known of it without its text."""
    given = event.pop("exc_info", None)
    if isinstance(given, tuple):
        given = given[1]
    error = sys.exception() if given is True else given
    if isinstance(error, BaseException):
        event["exception"] = traced(error)
        if not event.get("_from_structlog", True):  # a library's own line may quote the error
            event["event"] = "library_failed"
    return event


def set_hooks() -> None:
    """Print what nobody caught, in whatever thread, without its text, too."""

    def note(error: BaseException | None) -> None:
        if error is not None and not isinstance(error, SystemExit):
            sys.stderr.write(f"{traced(error)}\n")

    sys.excepthook = lambda _kind, error, _trace: note(error)
    threading.excepthook = lambda given: note(given.exc_value)


class BadLevel(SilianError):
    """SILIAN_LOG is not a log level."""

    code = "bad_log_level"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, asked: str) -> None:
        super().__init__(
            f"SILIAN_LOG is {asked[:20]!r}, which is not a log level",
            f"环境变量 SILIAN_LOG 的值“{asked[:20]}”不是日志级别",
            remedy_en=f"Set it to one of {', '.join(LEVELS)}, or not at all.",
            remedy_zh=f"请设为 {'、'.join(f'`{level}`' for level in LEVELS)} 之一，或不设置。",
        )


def level_asked(otherwise: str) -> str:
    """Return the level that SILIAN_LOG names, else the one given. Raises: BadLevel."""
    asked = os.environ.get("SILIAN_LOG", "") or otherwise
    if asked.upper() not in LEVELS:
        raise BadLevel(asked)
    return asked.upper()


def set_up(*, level: str = "INFO", json: bool | None = None) -> None:
    """Route every log line, the libraries' too, to standard error."""
    as_json = not sys.stderr.isatty() if json is None else json
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[
            without_values,
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
