"""Status of other offices: only what their own keys have signed counts.

Of an incarnation that is new here the first key is kept, as of its streams.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from sync.apply.host import Host
from sync.codec import statement
from sync.codec.statement import ReceivedHead
from sync.log import certified, signatures
from sync.log import entries as log
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
        if status.signed and _is_uncertified(host, status):
            status = replace(status, signed=b"")
        elif status.signed and not _is_genuine(host, status, level):
            host.signature_refused(child, StatusForged(unit))
            status = replace(status, signed=b"")
        if not status.signed:
            status = NodeStatus(
                unit=unit, at_ms=0, last_contact_ms=status.last_contact_ms,
                connected=status.connected, waiting_down=status.waiting_down,
            )  # fmt: skip
        found.append(status)
    return found


def _is_uncertified(host: Host, status: NodeStatus) -> bool:
    """Return whether nothing certifies the key of an office that is new here: yet, perhaps."""
    with host.store.read() as tx:
        shown = statement.read(status.signed).public_key
        known = signatures.key_known(tx, status.incarnation)
        return not known and certified.is_missing(tx, status.unit, shown)


def _is_genuine(host: Host, status: NodeStatus, level: int) -> bool:
    incarnation, unit = status.incarnation, status.unit
    shown = statement.read(status.signed).public_key
    with host.store.read() as tx:
        writer = log.writers_of(tx, {incarnation}).get(incarnation)
        known = signatures.key_known(tx, incarnation)
    if not incarnation or writer not in (None, (unit, level)) or known not in (b"", shown):
        return False
    if not statement.is_genuine(status, shown):
        return False
    if not known:
        host.store.write(lambda tx: _keep_key(tx, status, level, shown, host.replica.now_ms))
    return True


def _keep_key(
    tx: Connection, status: NodeStatus, level: int, public_key: bytes, now_ms: int
) -> None:
    log.register_incarnations(tx, [(status.incarnation, status.unit, level)])
    signatures.keep_key(tx, status.incarnation, public_key, now_ms)
