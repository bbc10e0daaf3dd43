"""Audiences: who may receive a change. Whoever may receive a stream receives all of it."""

from __future__ import annotations

from dataclasses import dataclass

from sync.model.errors import ErrorKind, SilianError

LOCAL = "local"  # never leaves the office
DOWN_ALL = "down:all"
LEVELS = ("city", "district", "street", "community")
LEVELS_ZH = ("市级", "区级", "街道级", "社区级")


class BadAudience(SilianError):
    """A peer named an audience that this program does not know; the entry is refused."""

    code = "bad_audience"
    kind = ErrorKind.MALFORMED

    def __init__(self, text: str) -> None:
        super().__init__(
            f"unknown audience {text[:60]!r}",
            f"未知的送达范围“{text[:60]}”",
            remedy_en="Upgrade this office or its peer.",
            remedy_zh="请升级本单位或对方的程序。",
        )


@dataclass(frozen=True, slots=True)
class Audience:
    """A parsed audience: exactly one of `up_to` (a level) or `down_to` is set.

    `down_to` is a unit id, or None for all below (`down_all`).
    """

    text: str
    up_to: int | None = None
    down_to: int | None = None

    @property
    def down_all(self) -> bool:
        return self.text == DOWN_ALL


def up(level: int) -> str:
    """Return the audience of all offices above the writer up to `level` (0 is the city)."""
    return f"up:{LEVELS[level]}"


def down(unit: int) -> str:
    """Return the audience of all offices on the way from the writer down to `unit`."""
    return f"down:{unit}"


def audience_zh(text: str) -> str:
    """Return in Chinese for whom a change is; one unit below keeps its number."""
    direction, _, to = text.partition(":")
    if direction == "up":
        return f"上报至{LEVELS_ZH[LEVELS.index(to)] if to in LEVELS else to}"
    if direction == "down":
        return "全部下级" if text == DOWN_ALL else f"下级 {to}"
    return "仅本单位" if text == LOCAL else text


def parse(text: str) -> Audience:
    """Parse the text of an audience.

    Raises: BadAudience if it is none.
    """
    direction, _, target = text.partition(":")
    if direction == "up" and target in LEVELS:
        return Audience(text, up_to=LEVELS.index(target))
    if text == DOWN_ALL:
        return Audience(text)
    if direction == "down" and target.isascii() and target.isdigit() and len(target) <= 19:
        return Audience(text, down_to=int(target))
    raise BadAudience(text)
