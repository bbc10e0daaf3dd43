"""Arguments that people type: ids, days, amounts, field=value; and who types them."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.refusals import AmbiguousId, Refusal, UnknownId, WrongUsage
from hub.cli.terminal import Terminal
from node.china import end_of_day_ms as end_of_day
from node.domain import days, numbers
from node.domain.english import counted
from node.domain.refusal import Refused

if TYPE_CHECKING:
    from sync.wire.office.v1 import office_pb2

PREFIX_MIN = 4
_CONDITION = re.compile(r"([^=!~<>≥≤≠＝～＞＜]+)(!=|>=|<=|[=~><≥≤≠＝～＞＜])(.*)", re.DOTALL)
_PLAIN = {"≥": ">=", "≤": "<=", "≠": "!=", "＝": "=", "～": "~", "＞": ">", "＜": "<"}
LISTED_MAX = 8

Unit = Annotated[str, typer.Option("--unit", help="Code, name or path. 单位代码、名称或路径")]
Actor = Annotated[
    str, typer.Option("--as", envvar="SILIAN_ACTOR", help="Who does it. 经办人，默认为登录名")
]
Where = Annotated[
    list[str] | None,
    typer.Option("--where", help="field=value, != ~ >= <= > <, a..b; repeat for more. 筛选条件"),
]
Search = Annotated[str, typer.Option("--search", help="Words to find in the texts. 按词搜索")]
Sort = Annotated[
    list[str] | None,
    typer.Option("--sort", help="Sort by this field; -field: greatest first. 排序字段"),
]
Columns = Annotated[
    list[str] | None, typer.Option("--columns", help="Show these fields, as a,b. 显示的字段")
]
QUOTED_MAX = 40  # characters of what was typed that a refusal repeats
Limit = Annotated[int, typer.Option("--limit", min=1, max=500, help="How many at most. 条数")]


After = Annotated[str, typer.Option("--after", help="`next` of the page before. 下一页")]


@dataclass(frozen=True, slots=True)
class IdOf:
    """Marks an argument that takes the id of a kind of thing; `hub.api.find` has the kinds.

    Before the verb is run its text becomes the whole id: from the first digits, or from a name.
    """

    kind: str


def usage(en: str, zh: str, remedy_en: str = "", remedy_zh: str = "") -> Refusal:
    return WrongUsage(en, zh, remedy_en, remedy_zh)


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


def whole_ids(
    terminal: Terminal, marked: Mapping[str, IdOf], given: Mapping[str, Any]
) -> dict[str, str]:
    """Return the marked arguments with their ids whole: only what is no id yet is asked for.

    Raises: Refusal, for what fits nothing or several things.
    """
    loose = {name: kind for name, kind in marked.items() if is_loose(given.get(name) or "")}
    if not loose:
        return {}
    with terminal.office() as office:
        found: dict[str, str] = {}
        for name, kind in loose.items():
            register, unit = (str(given.get(n) or "") for n in ("register", "unit"))
            of = register if kind.kind == "record" else ""
            fits = office.search_ids(
                kind=kind.kind, text=given[name], register=of, unit=unit if of else ""
            ).found_ids
            found[name] = _only(given[name], fits).id
        return found


def is_loose(text: str) -> bool:
    """Say whether a text has to be looked up to become an id."""
    return bool(text) and not re.fullmatch(r"[0-9a-fA-F]{32}", text)


def _only(text: str, fits: Sequence[office_pb2.FoundId]) -> office_pb2.FoundId:
    if not fits:
        # What was typed may be a person's number or name: it is not repeated.
        raise UnknownId(
            "nothing here has this name, and no id begins with it", "未找到该名称或编号",
            f"Give its name, or at least {PREFIX_MIN} first digits of its id from a list.",
            f"请填写名称，或列表中编号的前 {PREFIX_MIN} 位以上。",
        )  # fmt: skip
    if len(fits) > 1:
        from hub.cli.tables import shortest

        ids = shortest([one.id for one in fits])
        listed = [
            f"{short} {one.text or one.register} {one.unit.name}".strip()
            for short, one in zip(ids, fits, strict=True)
        ]
        more = ", ..." if len(fits) > LISTED_MAX else ""
        raise AmbiguousId(
            f"{counted(len(fits), 'thing fits', 'things fit')}", f"有 {len(fits)} 项符合",
            f"Say which: {', '.join(listed[:LISTED_MAX])}{more}.",
            f"请指明：{'、'.join(listed[:LISTED_MAX])}{'等' if more else ''}。",
        )  # fmt: skip
    return fits[0]


def day_of(text: str | None) -> date | None:
    """Return a day typed as 2026-07-01. Raises: Refusal."""
    if not text:
        return None
    try:
        return days.day_of(text)
    except Refused as refused:
        raise refusal_of(text, "day", "日期", refused) from None


def day_text(text: str | None) -> str:
    """Return a day as a request names it, 2026-07-01; "" for no day. Raises: Refusal."""
    day = day_of(text)
    return day.isoformat() if day is not None else ""


def end_of_day_ms(text: str | None) -> int:
    """Return the last moment of a day in China as milliseconds since 1970 UTC; 0 for no day."""
    day = day_of(text)
    return end_of_day(day) if day is not None else 0


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
                "Write, for instance, name=万家花园.", "例如：name=万家花园。",
            )  # fmt: skip
        name = name.strip()
        if found.get(name, value.strip()) != value.strip():
            raise usage(
                f"{quoted(name)} is given twice, with different values",
                f"“{quoted(name)}”重复给出，且值不同",
                "Give each field once.", "每个字段只填一次。",
            )  # fmt: skip
        found[name] = value.strip()
    return found


def conditions_of(stated: Iterable[str]) -> list[dict[str, str]]:
    """Return conditions such as area_m2>=100 as a request has them. Raises: Refusal."""
    found = []
    for one in stated:
        parts = _CONDITION.fullmatch(one.strip())
        if parts is None:
            raise usage(
                f"{one[:40]!r} is no condition", f"“{one[:40]}”不是筛选条件",
                "Write field=value, or with != ~ >= <= > <, or field=a..b for a range.",
                "请写 字段=值，或用 != ~ >= <= > <；范围写 字段=起..止。",
            )  # fmt: skip
        found.append({
            "field": parts[1].strip(),
            "operator": _PLAIN.get(parts[2], parts[2]),
            "value": parts[3].strip(),
        })  # fmt: skip
    return found


def listed_of(stated: Iterable[str]) -> list[str]:
    """Return the names in options that may be repeated or have several, once each: a,b or a、b."""
    parts = (name.strip() for each in stated for name in re.split("[,，、]", each))
    return list(dict.fromkeys(name for name in parts if name))


def person(actor: str) -> str:
    """Return who acts: as given, or the login."""
    if actor:
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid{os.getuid()}"
