"""First keys: whether what an office signed apart from its entries counts here.

Statuses and receipts bring the key that they are signed with. Of an incarnation that is new here
the first one is kept, as of its streams; an enrolled office keeps none without a certificate.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from sqlalchemy import Connection

from sync.apply.host import Host
from sync.log import certified, signatures
from sync.log import entries as log


class Standing(Enum):
    """What a signed statement is worth."""

    GENUINE = "genuine"
    UNCERTIFIED = "uncertified"  # nothing certifies its key: yet, perhaps
    FORGED = "forged"


def standing_of(
    host: Host, incarnation: int, writer: tuple[int, int], public_key: bytes,
    is_signed: Callable[[], bool],
) -> Standing:  # fmt: skip
    """Return what a statement of `writer` (unit, level) is worth; keep its key if it is the first.

    `is_signed`: whether its signature fits the key; asked only where the key may be the writer's.
    """
    with host.store.read() as tx:
        bound = log.writers_of(tx, {incarnation}).get(incarnation)
        known = signatures.key_known(tx, incarnation)
        uncertified = not known and certified.is_missing(tx, writer[0], public_key)
    if uncertified:
        return Standing.UNCERTIFIED
    may_be_its = incarnation and bound in (None, writer) and known in (b"", public_key)
    if not may_be_its or not is_signed():
        return Standing.FORGED
    if not known:

        def keep(tx: Connection) -> None:
            log.register_incarnations(tx, [(incarnation, *writer)])
            signatures.keep_key(tx, incarnation, public_key, host.replica.now_ms)

        host.store.write(keep)
    return Standing.GENUINE
