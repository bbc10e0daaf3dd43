"""Stamps: an office whose clock was far ahead begins again at the right time.

Its stamps never go back within one incarnation, for others count by the newest what they have
received of it. So it goes on under another incarnation, whose stamps begin at the parent's time.
What it wrote under the wrong time keeps its stamps: it wins over what nobody had seen of it, and
over nothing that is written from now on.
"""

from __future__ import annotations

from sqlalchemy import Connection

from sync.apply.host import Host
from sync.log import entries as log
from sync.model.version import COUNTER_BITS
from sync.recovery.reissue import rotate_incarnation
from sync.store import meta
from sync.store.sql import execute

AHEAD_MS_MAX = 86_400_000  # of less, time catches up by itself


def are_far_ahead(host: Host) -> bool:
    """Say whether our next stamp would be more than a day after the present."""
    return host.replica.clock.ahead_ms() > AHEAD_MS_MAX


def begin_again(host: Host) -> int:
    """Go on under another incarnation, with stamps from now on; return by how much they were ahead.

    The caller knows that the present is right. 0: nothing was to be done.
    """
    replica = host.replica
    before = replica.identity.incarnation

    def work(tx: Connection) -> int:
        replica.lock(tx)
        ahead_ms = replica.clock.ahead_ms()
        if ahead_ms <= AHEAD_MS_MAX or meta.get(tx, meta.RESTORED):
            return 0
        me, incarnation = replica.identity, host.draw()
        rotate_incarnation(tx, me.unit, me.level, incarnation, replica.signer)
        meta.put(tx, meta.CONTINUES, me.incarnation)
        replica.clock.restart(max(replica.now_ms << COUNTER_BITS, _newest_believed(tx, host)))
        log.allocate(tx, 0, replica.clock.last)
        host.switch_incarnation(incarnation)
        return ahead_ms

    try:
        return host.store.write(work)
    except BaseException:
        host.switch_incarnation(before)
        raise


def _newest_believed(tx: Connection, host: Host) -> int:
    """Return the newest stamp of another office that this one would follow."""
    believed = host.replica.now_ms + AHEAD_MS_MAX << COUNTER_BITS
    row = execute(
        tx,
        "SELECT max(s.hlc) FROM stream s JOIN incarnation i ON i.id = s.incarnation "
        "WHERE i.unit<>? AND s.hlc<=?",
        (host.replica.identity.unit, believed),
    ).fetchone()
    return int(row[0] or 0)
