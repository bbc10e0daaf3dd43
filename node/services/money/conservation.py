"""Conservation: is all the money that was put in still there, over an office and all below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.conservation import FundLine, conservation
from node.domain.posting import AccountKind
from node.domain.units import Level
from node.services.money.views import money_where
from node.store.postings import lines_where
from sync.store.sql import sql

if TYPE_CHECKING:
    from node.office import Office


@dataclass(frozen=True, slots=True, kw_only=True)
class ConservationLine:
    """Where the money of one fund and year is, over this office and all below it, in fen.

    appropriated + from_above = held + spent + in_transit, or `difference_fen` is how much is
    missing: that is an alarm.
    """

    fund: str
    year: int
    appropriated_fen: int
    from_above_fen: int  # received or disputed here, less sent back up; 0 at the city
    held_fen: int
    spent_fen: int
    in_transit_fen: int  # between two of these offices, disputed money among it
    disputed_fen: int  # of in_transit_fen
    difference_fen: int

    @property
    def holds(self) -> bool:
        return self.difference_fen == 0


@dataclass(frozen=True, slots=True)
class Conservation:
    """The account of all funds. `partial`: this office sees only itself and those below it."""

    lines: tuple[ConservationLine, ...]
    partial: bool

    @property
    def holds(self) -> bool:
        return all(line.holds for line in self.lines)


def check_conservation(
    office: Office, *, fund: str | None = None, year: int | None = None
) -> Conservation:
    """Add up the money of this office and all below it, from every posting that it has received."""
    tree, me = office.tree, office.identity.unit
    above = frozenset(tree.ancestors(me)) if me in tree else frozenset()
    where, params = money_where("", fund, year)
    with office.store.read() as tx:
        statement = f"SELECT DISTINCT fund, year FROM balance WHERE 1=1{where} ORDER BY 1, 2"  # noqa: S608
        asked = tx.exec_driver_sql(sql(tx, statement), params).fetchall()
        lines = [
            line for one, its_year in asked for line in _conserved(tx, above, one, int(its_year))
        ]
    return Conservation(tuple(lines), partial=office.level is not Level.CITY)


def _conserved(
    tx: Connection, above: frozenset[int], fund: str, year: int
) -> Iterator[ConservationLine]:
    lines = lines_where(tx, "f_fund=? AND f_year=?", (fund, year))
    inside = [line.posting for line in lines if line.posting.unit_id not in above]
    crossing = [posting for posting in inside if posting.peer_unit in above]
    in_fen = sum(p.amount_fen for p in crossing if p.credit.kind is AccountKind.TRANSFER_IN)
    out_fen = sum(p.amount_fen for p in crossing if p.debit.kind is AccountKind.RETURNED)
    for line in conservation(inside):
        yield _without_above(line, in_fen - out_fen, out_fen)


def _without_above(line: FundLine, from_above_fen: int, returned_fen: int) -> ConservationLine:
    """Leave out what went up from these offices: whether it arrived is not theirs to report."""
    return ConservationLine(
        fund=line.fund,
        year=line.year,
        appropriated_fen=line.appropriated_fen,
        from_above_fen=from_above_fen,
        held_fen=line.held_fen,
        spent_fen=line.spent_fen,
        in_transit_fen=line.in_transit_fen + line.disputed_fen - returned_fen,
        disputed_fen=line.disputed_fen,
        difference_fen=line.difference_fen + from_above_fen + returned_fen,
    )
