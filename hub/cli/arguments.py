"""What people type: ids, days, amounts, field=value; and who types it."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from hub.cli.terminal import Refusal
from node.china import CHINA

Unit = Annotated[str, typer.Option("--unit", help="Code, name or path. 单位代码、名称或路径")]
Actor = Annotated[
    str, typer.Option("--as", envvar="SILIAN_ACTOR", help="Who does it. 经办人 (default: login)")
]
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most. 条数")]


def usage(en: str, zh: str, remedy_en: str = "", remedy_zh: str = "") -> Refusal:
    return Refusal("usage", en, zh, remedy_en, remedy_zh)


def id_of(text: str) -> bytes:
    """Return an id typed as 32 hexadecimal digits. Raises: Refusal."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 16:
        raise usage(
            f"{text[:40]!r} is no id", f"“{text[:40]}”不是编号",
            "Copy the 32 hexadecimal digits from a list.", "请从列表中复制 32 位编号。",
        )  # fmt: skip
    return found


def day_of(text: str | None) -> date | None:
    """Return a day typed as 2026-07-01. Raises: Refusal."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise usage(
            f"{text[:40]!r} is no day", f"“{text[:40]}”不是日期",
            "Write it as 2026-07-01.", "请按 2026-07-01 的形式填写。",
        ) from None  # fmt: skip


def end_of_day_ms(text: str | None) -> int:
    """Return the last moment of a day in China as milliseconds since 1970 UTC; 0 for no day."""
    day = day_of(text)
    if day is None:
        return 0
    midnight = datetime.combine(day + timedelta(days=1), time(), CHINA)
    return int(midnight.timestamp() * 1000) - 1


def fen_of(text: str) -> int:
    """Return an amount typed in yuan, as 1234.50, in whole fen. Raises: Refusal."""
    try:
        fen = Decimal(text.replace(",", "").strip()) * 100
        if fen == fen.to_integral_value():
            return int(fen)
    except (InvalidOperation, ValueError, OverflowError):
        pass
    raise usage(
        f"{text[:40]!r} is no amount in yuan", f"“{text[:40]}”不是以元为单位的金额",
        "Write it as 1234.50, at most two decimals.", "请按 1234.50 的形式填写, 最多两位小数。",
    )  # fmt: skip


def yuan(fen: int) -> str:
    """Return fen as people write yuan: 1,234.50."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02}"


def values_of(pairs: Iterable[str]) -> dict[str, str]:
    """Return field=value arguments as a mapping. Raises: Refusal."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise usage(
                f"{pair[:40]!r} is not field=value", f"“{pair[:40]}”不是 字段=值",
                "Write, for instance, name=万家花园.", "例如: name=万家花园。",
            )  # fmt: skip
        found[name.strip()] = value.strip()
    return found


def person(actor: str) -> str:
    """Return who acts: as said, or the login."""
    if actor:
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"
