"""Status of other offices: only what their own keys have signed counts.

Of an incarnation that is new here the first key is kept, as of its streams.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from sqlalchemy import Connection

from sync.apply.first_keys import Standing, standing_of
from sync.apply.host import Host
from sync.codec import statement
from sync.codec.statement import ReceivedHead
from sync.log.signatures import SignatureError
from sync.model.change import StreamHead
from sync.model.errors import ErrorKind
from sync.model.report import NodeStatus
from sync.model.schema import Lane
from sync.model.stream import StreamKey
from sync.store.sql import execute


class StatusForged(SignatureError):
    """A status names an office that has not signed it."""

    code = "status_forged"
    kind = ErrorKind.DATA_LOSS
    _remedy_en = "The status was not used. Check the office that sent it, and those between."
    _remedy_zh = "该状态未采用。请检查转交该状态的单位及沿途各级单位。"

    def __init__(self, unit: int) -> None:
        super().__init__(
            f"a status of unit {unit} is not signed by its office",
            f"单位 {unit} 的状态签名与原单位不符",
        )


def heads_from(tx: Connection, parent: int | None) -> list[ReceivedHead]:
    """Return the newest entries that the parent wrote for all of its children."""
    if parent is None:
        return []
    rows = execute(
        tx,
        "SELECT s.incarnation, s.audience, s.lane, s.seq, s.hash, s.signature FROM stream s "
        "JOIN incarnation i ON i.id=s.incarnation WHERE i.unit=? AND i.retired=0 "
        "AND s.audience='down:all' AND s.signed_seq=s.seq ORDER BY s.incarnation, s.lane",
        (parent,),
    ).fetchall()
    return [
        ReceivedHead(StreamKey(r[0], r[1], Lane(r[2])), StreamHead(r[3], bytes(r[4])), bytes(r[5]))
        for r in rows[-statement.FROM_PARENT_MAX :]
    ]


def take(host: Host, statuses: Iterable[NodeStatus], *, child: int) -> list[NodeStatus]:
    """Return what a child forwards, without what the offices named have not signed.

    Of those only what is said of their line is left. A forged one is reported with its sender.
    """
    found: list[NodeStatus] = []
    for status in statuses:
        unit, level = status.unit, host.replica.routes.level(status.unit)
        within = unit == child or host.replica.routes.covers(child, unit)
        if not within or level is None:
            continue
        if status.signed:
            shown = statement.read(status.signed).public_key
            standing = standing_of(
                host, status.incarnation, (unit, level), shown,
                partial(statement.is_genuine, status, shown),
            )  # fmt: skip
            if standing is Standing.FORGED:
                host.signature_refused(child, StatusForged(unit))
            if standing is not Standing.GENUINE:
                status = replace(status, signed=b"")
        if not status.signed:
            status = NodeStatus(
                unit=unit, at_ms=0, last_contact_ms=status.last_contact_ms,
                connected=status.connected, waiting_down=status.waiting_down,
            )  # fmt: skip
        found.append(status)
    return found
