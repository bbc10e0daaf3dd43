"""Recovery of a restored store: what a process does when one of its offices turns out to be one."""

from __future__ import annotations

from sqlalchemy import Connection

from node.host import LinkedOffice
from sync.link import Dialer
from sync.recovery import child
from sync.store import meta


def recover(office: LinkedOffice, dialer: Dialer | None) -> None:
    """Begin the recovery of an office whose child has entries that it has lost.

    With a parent, the next handshake recovers (`sync.recovery.child`). The city has none: it writes
    under another incarnation at once, and each child returns the entries that it received.
    """
    if dialer is not None:
        dialer.renew_handshake()
        dialer.retry_now()
        return
    before = office.identity.incarnation

    def write(tx: Connection) -> None:
        child.rotate_incarnation(tx, office)
        meta.put(tx, meta.RESTORED, "")

    try:
        office.store.write(write)
    except BaseException:
        office.switch_incarnation(before)
        raise
