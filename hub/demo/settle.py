"""Wait until real processes settle: until something is true, until nothing waits; fail loudly."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from hub.demo.network import Network, Place
from hub.demo.processes import DemoFailed
from sync.model.errors import SilianError

T = TypeVar("T")
PATIENCE_S = 90.0
POLL_S = 0.05
SYNC_WAIT_MS = 10_000

Mark = tuple[object, ...]


def eventually(network: Network, zh: str, en: str, found: Callable[[], T | None]) -> T:
    """Ask until there is an answer, and return it. Raises: DemoFailed, naming what is awaited."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        answer = found()
        if answer is not None:
            return answer
        network.processes.check_alive()
        if time.monotonic() > give_up:
            raise DemoFailed(f"did not come about in time: {en}", f"等待超时：{zh}")
        time.sleep(POLL_S)


def settle(network: Network, patience_s: float = PATIENCE_S) -> None:
    """Wait until nothing waits in any queue, up or down.

    An office has settled when its parent has all of its log and it has asked for what waits
    above. Settled everywhere, twice, with no new log entry between: nothing is on its way.
    Raises: DemoFailed, naming who still waits.
    """
    give_up = time.monotonic() + patience_s
    before: list[Mark | None] = []
    while True:
        after = _round(network)
        if after == before and None not in after:
            return
        before = after
        network.processes.check_alive()
        if time.monotonic() > give_up:
            places = _lower(network)
            late = [p.name for p, mark in zip(places, after, strict=True) if mark is None]
            raise DemoFailed(
                f"still waiting after {patience_s:.0f} s: {', '.join(late) or 'new entries'}",
                f"{patience_s:.0f} 秒后仍未同步完成：{'、'.join(late) or '仍有新数据'}",
            )


def _lower(network: Network) -> list[Place]:
    """Return the offices that have a parent, the lowest first."""
    return [*network.communities, network.street, network.district]


def _round(network: Network) -> list[Mark | None]:
    """Have every office contact its parent; return how far each log is durable, None: not whole."""
    return [
        *network.each_community(_mark),
        _mark(network.street),
        _mark(network.district),
    ]


def _mark(place: Place) -> Mark | None:
    try:
        reply = place.office.sync_office(wait_ms=SYNC_WAIT_MS)
        if not reply.done:
            return None
        state = place.office.get_status()
    except SilianError as error:
        if error.retryable:
            return None
        raise
    own = state.offices[0]
    if own.waiting_up or own.quarantined or not state.link.connected:
        return None
    return tuple(
        (level.lane, level.position)
        for level in state.durable_above
        if level.level == place.unit.level - 1
    )
