"""Ways: to whom an office says what it says, seen from the records rather than from the deed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.audiences import audiences_of
from node.domain.ledger import PostingKind
from node.domain.units import Level
from node.folds.event_writer import EventWriter
from node.folds.ledger import posting_audiences
from node.store.assignments import EVENT, select_rows
from node.store.postings import POSTING
from sync.model import audience
from sync.model.change import Block, Operation, Value

if TYPE_CHECKING:
    from node.app import Office

WORK_ORDER = "work_order"


def audiences_of_block(office: Office, tx: Connection, block: Block) -> tuple[str, ...]:
    """Return the audiences of an own block as this office would say it now; the records of one
    block go the same ways. Empty for what is not known here, or is no word of its own.
    """
    register = office.catalogue.registers.get(block.register)
    if register is None:
        return ()
    me = office.identity
    if register.audience != "record":
        return audiences_of(register, unit=block.unit, writer=me.unit, level=me.level)
    if block.operation is not Operation.CREATE:
        return ()  # nothing else is ever said of such a record
    first: dict[str, Value] = {
        n: column[0] for n, column in zip(block.fields, block.columns, strict=True)
    }
    writer = EventWriter(me.unit, me.level, office.tree, 0)
    if block.register == EVENT:
        other = first["assignee"] if first["by"] == "issuer" else first["issuer"]
        return writer.audiences(int(other or 0))
    if block.register == POSTING:
        peer = first["peer"]
        return posting_audiences(
            me.level, PostingKind(str(first["kind"])), None if peer is None else int(peer)
        )
    if block.register == WORK_ORDER:
        audiences = [audience.up(Level.CITY)] if me.level > Level.CITY else []
        hops = select_rows(tx, "work_order=? AND issuer=?", (block.ids[0], me.unit))
        audiences += [reached for hop in hops for reached in writer.audiences(hop.assignee)]
        return tuple(dict.fromkeys(audiences))
    return ()
