"""A sample of a refusal: made with placeholders for its arguments, so that it can be shown."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from datetime import date
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any

from sync.model.errors import SilianError

# The name of a parameter is the best placeholder; its type gives the rest.
_BY_NAME: dict[str, Any] = {
    "address": "127.0.0.1:7412",
    "allowed": 1_000_000,
    "asked": "万家花院社区",
    "asked_fen": 200_000_00,
    "code": "330102013009",
    "count": 3,
    "dimension": "sex",
    "file": "office.toml",
    "fund": "F1",
    "held_fen": 50_000_00,
    "holder": "4711",
    "keeper": "闸弄口街道",
    "kind": "release",
    "limit_fen": 100_000_00,
    "name": "万家花园社区",
    "path": "上城区/闸弄口街道",
    "period": "2026-10",
    "place": "node/app.py:1",
    "receiver": "闸弄口街道",
    "register": "premises",
    "sent_fen": 30_000_00,
    "size": 2_000_000,
    "source": "tree.csv",
    "where": "/var/lib/silian/garden/office.db",
    "who": "闸弄口街道",
    "whose": "闸弄口街道",
    "year": 2026,
}


def sample(kind: type[SilianError]) -> SilianError | None:
    """Return a refusal with placeholders; None for one whose texts are given where it is raised."""
    try:
        parameters = list(inspect.signature(kind).parameters.values())
        given = {p.name: _stand_in(kind, p) for p in parameters if p.default is p.empty}
        return kind(**given)
    except Exception:  # if a constructor fails on placeholders, the rest can still be explained
        return None


def _stand_in(kind: type[SilianError], parameter: inspect.Parameter) -> Any:
    annotation = str(parameter.annotation).strip("'")
    if parameter.name == "reason" and (reason := _first_reason(kind)):
        return reason
    if annotation in ("str", "int", "object") and parameter.name in _BY_NAME:
        return _BY_NAME[parameter.name]
    simple: dict[str, Callable[[], Any]] = {
        "str": lambda: "…",
        "object": lambda: "…",
        "int": lambda: 1,
        "bytes": lambda: bytes.fromhex("0197c0de" * 4),
        "date": lambda: date(2026, 7, 1),
        "Path": lambda: Path("/var/lib/silian/garden"),
        "Iterable[str]": lambda: ("万家花园社区",),
        "Sequence[str]": lambda: ("name",),
        "Register": _register,
        "Indicator": _indicator,
        "RecordKey": _record_key,
        "StreamKey": _stream_key,
    }
    if annotation in simple:
        return simple[annotation]()
    found: Any = getattr(sys.modules[kind.__module__], annotation, None)
    if isinstance(found, type) and issubclass(found, Enum):
        return next(iter(found))
    raise TypeError(f"no stand-in for {annotation}")


def _first_reason(kind: type[SilianError]) -> str:
    """Return a reason that a class knows: a key of its module's table of texts."""
    tables = (
        table for name, table in vars(sys.modules[kind.__module__]).items()
        if name.isupper() and isinstance(table, dict) and table
    )  # fmt: skip
    for table in tables:
        key, texts = next(iter(table.items()))
        if isinstance(key, str) and isinstance(texts, tuple) and len(texts) == 4:
            return key
    return ""


@cache
def _catalogue() -> Any:
    from node.domain.catalogue import load_catalogue

    return load_catalogue()


def _register() -> Any:
    return _catalogue().registers["premises"]


def _indicator() -> Any:
    return next(iter(_catalogue().indicators.values()))


def _record_key() -> Any:
    from sync.model.change import RecordKey

    return RecordKey("premises", 1, bytes(16))


def _stream_key() -> Any:
    from sync.model.schema import Lane
    from sync.model.stream import StreamKey

    return StreamKey(1, "up:0", Lane.BULK)
