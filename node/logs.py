"""Logs: structlog for us and for the libraries alike; text on a terminal, JSON elsewhere."""

from __future__ import annotations

import logging
import os
import sys
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


class BadLevel(SilianError):
    """SILIAN_LOG names no level of the log."""

    code = "bad_log_level"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, asked: str) -> None:
        super().__init__(
            f"SILIAN_LOG is {asked[:20]!r}, which is no level of the log",
            f"环境变量 SILIAN_LOG 的值“{asked[:20]}”不是日志级别",
            remedy_en=f"Set it to one of {', '.join(LEVELS)}, or not at all.",
            remedy_zh=f"请设为 {'、'.join(LEVELS)} 之一，或不设置。",
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
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
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
