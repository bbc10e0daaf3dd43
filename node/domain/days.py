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
_TIME = r"(?P<time>(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?)"
_DATES = tuple(
    re.compile(pattern, re.ASCII)
    for pattern in (
        r"(?P<day>(\d{4})([-/.])(\d{1,2})\3(\d{1,2}))(?:[ T]" + _TIME + r")?",
        r"(?P<day>(\d{4})()(\d{2})(\d{2}))(?P<time>)",
        r"(?P<day>(\d{4})(年)(\d{1,2})月(\d{1,2})[日号]?)(?: ?" + _TIME + r")?",
    )
)
_MIDNIGHT = re.compile(r"[0:.]*", re.ASCII)  # what has no time of day is exported with this one


def day_of(text: str) -> date:
    """Return a day: 2026-07-01, 2026/7/1, 20260701, 2026年7月1日, digits of either width.

    The one reader of days, for forms, sheets, options and calls. Midnight behind a day is no time.

    Raises: Refused for anything else, for a day that no calendar has, for one that is not between
    FIRST and LAST, and for a time of day: whoever leaves it out does so by `without_time`.
    """
    found = _match(text)
    if found is None:
        raise not_a_date()
    if not _MIDNIGHT.fullmatch(found["time"] or ""):
        raise with_time()
    try:
        day = date(int(found[2]), int(found[4]), int(found[5]))
    except ValueError:  # 2026-02-30
        raise not_a_date() from None
    return check_day(day)


def without_time(text: str) -> str:
    """Return the text of a day without the time of day behind it; any other text as it is."""
    found = _match(text)
    if found is None or _MIDNIGHT.fullmatch(found["time"] or ""):
        return text
    return found["day"]


def check_day(day: date) -> date:
    """Return a day that is between FIRST and LAST. Raises: Refused."""
    if not FIRST <= day <= LAST:
        raise Refused(
            "day_out_of_range",
            f"is not between {FIRST} and {LAST}",
            f"不在 {FIRST} 至 {LAST} 之间",
            "Check the year. Leave it out if there is no such day yet.",
            "请核对年份；尚无此日期的，请不填。",
        )
    return day


def not_a_date() -> Refused:
    return Refused(
        "not_a_date",
        "is not a date",
        "不是有效日期",
        "Write it like 2026-11-23, with four digits of the year.",
        "请按 2026-11-23 的格式填写，年份用四位数。",
    )


def with_time() -> Refused:
    return Refused(
        "time_of_day",
        "has a time of day, and only the day is kept",
        "含有时刻，而此处只保存日期",
        "Write the day alone, like 2026-11-23.",
        "请只填日期，如 2026-11-23。",
    )


def _match(text: str) -> re.Match[str] | None:
    plain = unicodedata.normalize("NFKC", text).strip()
    return next((match for pattern in _DATES if (match := pattern.fullmatch(plain))), None)


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
