"""Attribution: which person made a transaction at its office, and why, as they stated. Pure."""

from __future__ import annotations

from typing import NamedTuple

from sync.model.errors import ErrorKind, SilianError

ACTOR_CHARS_MAX = 100
REASON_CHARS_MAX = 500


class Attribution(NamedTuple):
    """Who and why; empty: unknown. It is what the person stated, and no proof of identity."""

    actor: str = ""
    reason: str = ""


UNKNOWN = Attribution()


class BadAttribution(SilianError):
    """A name or a reason that cannot be kept: too long, or with characters that are no text."""

    code = "bad_attribution"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, fault: str) -> None:
        what_en, what_zh = ("name", "经办人") if fault == "actor" else ("reason", "理由")
        most = ACTOR_CHARS_MAX if fault == "actor" else REASON_CHARS_MAX
        super().__init__(
            f"the {what_en} cannot be kept",
            f"{what_zh}无法保存",
            remedy_en=f"Write it as plain text on one line, at most {most} characters.",
            remedy_zh=f"请填写单行文字，最多 {most} 个字符。",
        )


def attributed(actor: str, reason: str = "") -> Attribution:
    """Return who and why, without blanks around them. Raises: BadAttribution."""
    by = Attribution(actor.strip(), reason.strip())
    fault = fault_of(by)
    if fault:
        raise BadAttribution(fault)
    return by


def fault_of(by: Attribution) -> str:
    """Return the part that no office accepts; "" if there is none.

    Judged by code points alone, so that every version of the program judges alike.
    """
    for name, text, most in (
        ("actor", by.actor, ACTOR_CHARS_MAX),
        ("reason", by.reason, REASON_CHARS_MAX),
    ):
        if len(text) > most or any(map(_is_control, text)):
            return name
    return ""


def _is_control(char: str) -> bool:
    """Return whether a character would steer a screen, or cannot be written as UTF-8."""
    point = ord(char)
    return point < 0x20 or 0x7F <= point < 0xA0 or 0xD800 <= point < 0xE000
