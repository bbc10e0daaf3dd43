"""Maintenance now and then: retry, heartbeat, peer status, checkpoints; and once a period."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from node.china import DAY_MS
from node.jobs import Job
from node.office import Office
from node.services.duplicates.blind_index import continue_indexing
from node.services.figures.closings import close_period
from node.services.figures.days_counted import follow_days
from node.services.upkeep import sealed
from node.services.upkeep.retention import retire
from node.services.work.deadlines import escalate, run_timers
from sync.recovery import stamps

if TYPE_CHECKING:
    from hub.serve.process import Served


def tick(served: Served) -> None:
    """Keep the link and the peer status fresh; called every `sync_interval_s` seconds."""
    office = served.office
    served.parent.sessions.keep_alive()
    if office.fenced:
        return  # whatever it wrote would be lost; its link tries again by itself
    if office.tree_due or office.tree.as_of != office.today():
        office.follow_tree()
    follow_days(office)
    begin_stamps_again(served)
    if served.dialer is not None:
        office.peer_status.own_status(served.acked())
        served.dialer.renew_handshake()
        office.comparisons.ask_if_due(served.dialer)
    office.peer_status.save()
    for late in escalate(office, office.clock.now_ms()):
        office.log.info(
            "work_flagged", work=late.id.hex(), flag=late.now, before=late.was,
            levels=late.escalated, here=late.reached,
        )  # fmt: skip
    run_timers(office, office.clock.now_ms())
    continue_indexing(office)
    office.store.checkpoint()


def begin_stamps_again(served: Served) -> None:
    """After a start with a clock far ahead: go on with stamps of the right time, once it is known.

    An office with a parent goes by the parent's time, when the link is idle; the city by its own.
    """
    office, dialer = served.office, served.dialer
    known = office.clock.compared if dialer is not None else not office.clock_behind_ms()
    idle = dialer is None or dialer.idle
    if not (known and idle and stamps.are_far_ahead(office)):
        return
    ahead_ms = stamps.begin_again(office)
    if ahead_ms:
        office.log.warning("stamps_begun_again", ahead_days=ahead_ms // DAY_MS)
        if dialer is not None:
            dialer.renew_handshake()


def last_month(now: datetime) -> str:
    """Return the month that has ended: 'YYYY-MM'."""
    return f"{now.replace(day=1) - timedelta(days=1):%Y-%m}"


def _close_month(office: Office, period: str) -> str:
    follow_days(office)
    return str(close_period(office, period))


def yesterday(now: datetime) -> str:
    """Return the day that has ended: 'YYYY-MM-DD'."""
    return f"{now - timedelta(days=1):%Y-%m-%d}"


def _retire(office: Office, _period: str) -> str:
    return str(retire(office, office.clock.now_ms()))


PERIODIC = (
    Job("close_period", last_month, _close_month),
    Job("retention", yesterday, _retire),
)


def sealing_job(office: Office) -> Job:
    """Return the job that seals a backup each night, between 1 and 5 o'clock, by the unit."""
    begins = timedelta(hours=1, minutes=office.identity.unit % 240)
    return Job("seal", lambda now: f"{now - begins:%Y-%m-%d}", lambda o, _: sealed.make_if_due(o))
