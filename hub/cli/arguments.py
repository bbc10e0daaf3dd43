"""What people type: ids, days, amounts, field=value; and who types it."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable
from datetime import date
from typing import Annotated

import typer

from hub.cli.terminal import Refusal
from node.domain import days, numbers
from node.domain.refusal import Refused

Unit = Annotated[str, typer.Option("--unit", help="Code, name or path. 单位代码、名称或路径")]
Actor = Annotated[
    str, typer.Option("--as", envvar="SILIAN_ACTOR", help="Who does it. 经办人 (default: login)")
]
QUOTED_MAX = 40  # characters of what was typed that a refusal repeats
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most. 条数")]


def usage(en: str, zh: str, remedy_en: str = "", remedy_zh: str = "") -> Refusal:
    return Refusal("usage", en, zh, remedy_en, remedy_zh)


def refusal_of(text: str, what: str, what_zh: str, refused: Refused) -> Refusal:
    """Return a reader's refusal of what was typed, with its remedy."""
    return usage(
        f"{quoted(text)!r} is no {what}: it {refused.en}",
        f"“{quoted(text)}”不是{what_zh}：{refused.zh}",
        refused.suggestion_en, refused.suggestion_zh,
    )  # fmt: skip


def quoted(text: str) -> str:
    """Return the beginning of what was typed as any terminal can show it."""
    return "".join(c if c.isprintable() else "?" for c in text[:QUOTED_MAX])


def id_of(text: str) -> bytes:
    """Return an id typed as 32 hexadecimal digits. Raises: Refusal."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 16:
        raise usage(
            f"{quoted(text)!r} is no id", f"“{quoted(text)}”不是编号",
            "Copy the 32 hexadecimal digits from a list.", "请从列表中复制 32 位编号。",
        )  # fmt: skip
    return found


def day_of(text: str | None) -> date | None:
    """Return a day typed as 2026-07-01. Raises: Refusal."""
    if not text:
        return None
    try:
        return days.sensible_day_of(text)
    except Refused as refused:
        raise refusal_of(text, "day", "日期", refused) from None


def end_of_day_ms(text: str | None) -> int:
    """Return the last moment of a day in China as milliseconds since 1970 UTC; 0 for no day."""
    day = day_of(text)
    return days.end_of_day_ms(day) if day is not None else 0


def fen_of(text: str, *, least: int = 1) -> int:
    """Return an amount typed in yuan, as 1,234.50, in whole fen. Raises: Refusal."""
    try:
        return numbers.fen_of(text, least=least)
    except Refused as refused:
        raise refusal_of(text, "amount in yuan", "以元为单位的金额", refused) from None


def values_of(pairs: Iterable[str]) -> dict[str, str]:
    """Return field=value arguments as a mapping. Raises: Refusal."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise usage(
                f"{quoted(pair)!r} is not field=value", f"“{quoted(pair)}”不是 字段=值",
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
