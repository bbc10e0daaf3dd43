"""Ask the table of `sync.model.authority` with what this store knows of the writers named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from sync.apply.replica import Replica
from sync.log import entries as log
from sync.model.access import Unauthorised
from sync.model.authority import Ground, Item, Message, Writer, check, claim_of
from sync.model.change import Entry
from sync.model.schema import Lane


def ground_of(
    replica: Replica, tx: Connection, message: Message, peer: int, incarnations: Iterable[int], *,
    recovering: bool = False,
) -> Ground:  # fmt: skip
    """Return by what a message is judged. `incarnations`: those that it names."""
    bound = log.writers_of(tx, set(incarnations) - {0})
    return Ground(message, peer, replica.identity, replica.routes, bound, recovering)


def check_entries(
    replica: Replica, tx: Connection, entries: Sequence[Entry], message: Message, peer: int, *,
    lane: Lane | None = None, recovering: bool = False,
) -> list[Writer]:  # fmt: skip
    """Refuse entries that this message may not bring from this peer; return whose each is.

    `lane`: of the batch; None: of any.
    Raises: Unauthorised, BadAudience.
    """
    named = {i for e in entries for i in (e.incarnation, e.original_incarnation)}
    ground = ground_of(replica, tx, message, peer, named, recovering=recovering)
    bound = dict(ground.bound)
    found = []
    for entry in entries:
        if lane is not None and entry.lane is not lane:
            raise Unauthorised("an entry of another lane", "条目不属于本批次的通道")
        found.append(check(Item.ENTRY, claim_of(entry), ground))
        # Within one message an incarnation is one unit's, too.
        for incarnation in (entry.incarnation, entry.original_incarnation or entry.incarnation):
            if bound.setdefault(incarnation, (entry.unit, entry.level))[0] != entry.unit:
                raise Unauthorised(
                    f"incarnation {incarnation:x} of two units",
                    f"存续期 {incarnation:x} 同时属于两个单位",
                )
    return found
