"""What a process does when one of its offices turns out to be a restored store."""

from __future__ import annotations

from sqlalchemy import Connection

from node.app import Office
from sync import facts, recovering
from sync.dialer import Dialer


def recover(office: Office, dialer: Dialer | None) -> None:
    """Begin the recovery of an office whose child holds words that it has lost.

    With a parent, the next greeting recovers (`sync.recovering`). The city has none: it writes
    under another incarnation at once, and each child gives back what it heard.
    """
    if dialer is not None:
        dialer.greet_again()
        dialer.retry_now()
        return
    before = office.identity.incarnation

    def write(tx: Connection) -> None:
        recovering.renew(tx, office)
        facts.put(tx, facts.RESTORED, "")

    try:
        office.store.write(write)
    except BaseException:
        office.become(before)
        raise
