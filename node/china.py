"""China's time, in one place. One offset since 1991, so no time zone data is needed.

Moments are milliseconds since 1970 UTC and come from other offices, too: one that no calendar has
is shown as the nearest that it has.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "UTC+8")
DAY_MS = 86_400_000
_OFFSET_MS = 8 * 3_600_000
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST_MS = (date.min.toordinal() - _EPOCH) * DAY_MS
_LAST_MS = (date.max.toordinal() + 1 - _EPOCH) * DAY_MS - _OFFSET_MS - 1
_START = datetime(1970, 1, 1, tzinfo=UTC)


def china_time(ms: int) -> datetime:
    """Return a moment as China's clocks show it."""
    whole = min(max(ms, _FIRST_MS), _LAST_MS)
    return (_START + timedelta(milliseconds=whole)).astimezone(CHINA)


def start_of_day_ms(day: date) -> int:
    """Return the first moment of a day in China."""
    return (day.toordinal() - _EPOCH) * DAY_MS - _OFFSET_MS


def end_of_day_ms(day: date) -> int:
    """Return the last moment of a day in China, also of the calendar's last day."""
    return start_of_day_ms(day) + DAY_MS - 1
