"""Days as people write and read them. A day is one of China's: 8 hours ahead, all year."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta

from node.china import CHINA, end_of_day_ms
from node.domain.refusal import Refused

FIRST, LAST = date(1800, 1, 1), date(2999, 12, 31)
"""What a day may be: anything else is a slip, and no calendar sum runs over its end."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A system that exports moments writes the time of day behind the day; 25:61 is no time of day.
_TIME = r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?"
_DATES = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[ T]" + _TIME + r")?",
        r"(\d{4})()(\d{2})(\d{2})",
        r"(\d{4})(年)(\d{1,2})月(\d{1,2})[日号]?",
    )
)


def day_of(text: str) -> date:
    """Return a day: 2026-07-01, 2026/7/1, 20260701, 2026年7月1日, digits of either width.

    A time of day behind it is left out.

    Raises: Refused for anything else and for a day that no calendar has.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    found = next((match for pattern in _DATES if (match := pattern.fullmatch(plain))), None)
    if found:
        try:
            return date(int(found[1]), int(found[3]), int(found[4]))
        except ValueError:
            pass  # 2026-02-30: refused below like anything else that is no day
    raise not_a_date()


def not_a_date() -> Refused:
    return Refused(
        "not_a_date",
        "is not a date",
        "不是有效日期",
        "Write it like 2026-11-23, with four digits of the year.",
        "请按 2026-11-23 的格式填写，年份用四位数。",
    )


def sensible_day_of(text: str) -> date:
    """Return a day that a question or a deadline may name. Raises: Refused."""
    day = day_of(text)
    if not FIRST <= day <= LAST:
        raise Refused(
            "day_out_of_range",
            f"is not between {FIRST} and {LAST}",
            f"不在 {FIRST} 至 {LAST} 之间",
            "Check the year.",
            "请核对年份。",
        )
    return day


LAST_MS = end_of_day_ms(LAST)


def day_text(ms: int) -> str:
    """Return the day of a moment as YYYY-MM-DD; what no calendar has as it is."""
    return time_text(ms, "%Y-%m-%d")


def time_text(ms: int, pattern: str = "%Y-%m-%d %H:%M") -> str:
    """Return a moment for people. Any stored value can be shown, a wrong one as well."""
    try:
        return (_EPOCH + timedelta(milliseconds=ms)).astimezone(CHINA).strftime(pattern)
    except OverflowError:
        return f"{ms} ms"
