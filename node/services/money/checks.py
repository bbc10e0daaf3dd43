"""Checks of money before the books are opened: whether it could be a posting at all."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from node.domain.funds import FUNDS
from node.domain.ledger_errors import NotDescendant
from node.domain.numbers import check_fen, yuan
from node.domain.plain_text import unkeepable_in_note
from node.domain.refusal import Refused
from node.services.common.reason import stated_reason
from node.services.money.errors import BadAllocation
from node.store.postings import YEARS

if TYPE_CHECKING:
    from node.office import Office

NOTE_MAX = 500


def check_next(office: Office, to: int) -> None:
    """Refuse a release to anybody but an office directly below. Source: 1.6, "市财政→区→街→居"."""
    tree, me = office.tree, office.identity.unit
    if to == me or to not in tree or not tree.within(to, me):
        raise NotDescendant(unit_id=me, to_unit=to)
    if tree.parent(to) != me:
        raise BadAllocation("not_next", tree.get(to).name)


def check_request(
    fund: str, year: int, amount_fen: int, note: str, transfer: bytes | None = None
) -> None:
    """Refuse figures that no posting can have. Raises: BadAllocation."""
    check_fund(fund)
    if year not in YEARS:
        raise BadAllocation("year", year)
    check_amount(amount_fen)
    check_note(note)
    if transfer is not None:
        check_transfer(transfer)


def check_fund(fund: str) -> None:
    """Refuse an unknown fund. Raises: BadAllocation."""
    if fund not in FUNDS:
        raise BadAllocation("fund", fund)


def check_amount(amount_fen: int, *, least: int = 1) -> None:
    """Refuse an amount that cannot be money. Raises: BadAllocation."""
    try:
        check_fen(amount_fen, least=least)
    except Refused as refused:
        raise BadAllocation("amount", yuan(amount_fen), refused) from refused


def check_person(actor: str) -> None:
    """Refuse a step that must be another person's when nobody is named."""
    if not actor.strip():
        raise BadAllocation("nobody")


def is_same_person(one: str, other: str) -> bool:
    """Return whether two names are one person's: width, case and spaces do not matter.

    By name, until persons have accounts.
    """
    return bool(_narrow(one)) and _narrow(one) == _narrow(other)


def _narrow(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split()).casefold()


def check_transfer(transfer: bytes) -> None:
    """Refuse a number of another length than 16 bytes."""
    if len(transfer) != 16:
        raise BadAllocation("transfer", transfer.hex())


def check_note(note: str) -> None:
    """Refuse a remark that its record cannot hold."""
    if len(note) > NOTE_MAX:
        raise BadAllocation("note", NOTE_MAX)
    if odd := unkeepable_in_note(note):
        raise BadAllocation("character", odd)


def check_reason(reason: str) -> None:
    """Refuse to send money back without a reason. Raises: ReasonMissing, BadAllocation."""
    stated_reason(reason)
    check_note(reason)
