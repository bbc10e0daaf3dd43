"""Judge postings as they come: which count here, and which wait in quarantine.

A posting that is covered by what counts already costs a few lookups. Only where one is not, or
something waits, the offices concerned are judged again, from all of their postings of that money.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from node.domain.funds import FUNDS
from node.domain.posting import HELD, AccountKind, Posting, PostingKind
from node.domain.posting_judge import (
    Booked,
    Fault,
    Offices,
    cause_of,
    claim_of,
    draws_on,
    fits,
    is_entitled,
    judge,
)
from node.folds.context import FoldContext
from node.store import uncounted
from node.store.postings import Line, lines_with_versions, of_transfers, versions_of
from node.store.uncounted import Money
from sync.store.sql import execute, pieces

_MATCHED = ("F1", "F2")  # a match of F2 is covered by receipts of F1


@dataclass(slots=True)
class Verdicts:
    """What a judgement has changed: these lines count no longer, and these do now."""

    left_out: list[Line] = field(default_factory=list)
    released: list[Line] = field(default_factory=list)


class PostingVerdicts:
    """Judges the postings of an office's store."""

    def __init__(self, context: FoldContext) -> None:
        self._context = context

    @property
    def offices(self) -> Offices:
        """What is asked of the tree. The books of this office and those below are complete here."""
        tree, me = self._context.tree, self._context.unit
        return Offices(
            levels=tree.levels_ever,
            was_below=tree.was_below,
            complete=lambda unit: unit == me or tree.was_below(unit, me) is True,
        )

    def follow(self, tx: Connection, new: Sequence[Line], gone: Collection[Line] = ()) -> Verdicts:
        """Judge what came, or went, with what is there. Balances have all of it already."""
        behind = self._wait_behind(tx, new) if not gone and uncounted.exist(tx) else []
        set_aside = {line.posting.posting_id for line in behind}
        new = [line for line in new if line.posting.posting_id not in set_aside]
        if not gone and self._plainly_count(tx, new):
            return Verdicts(left_out=behind)
        concerned: dict[Money, set[int]] = defaultdict(set)
        for line in (*new, *gone):
            concerned[_money_of(line.posting)].add(line.posting.unit_id)
        done = self._judge_all(tx, concerned)
        # What was set aside may count by now after all.
        out = {line.posting.posting_id for line in done.released}
        done.released = [x for x in done.released if x.posting.posting_id not in set_aside]
        done.left_out += [x for x in behind if x.posting.posting_id not in out]
        return done

    def again(self, tx: Connection, *, every: bool = False) -> Verdicts:
        """Judge again what does not count; or `every` posting, of a store never judged before."""
        concerned: dict[Money, set[int]] = defaultdict(set)
        if every:
            rows = execute(tx, "SELECT DISTINCT unit, f_fund, f_year FROM r_posting").fetchall()
            for unit, fund, year in rows:
                concerned[_together(fund), int(year)].add(int(unit))
        for fund, year in uncounted.kinds_of_money(tx):
            money = (_together(fund), year)
            concerned[money] |= {unit for unit, _ in uncounted.of_money(tx, money).values()}
        return self._judge_all(tx, concerned)

    def from_nothing(self, tx: Connection) -> dict[tuple[int, bytes], Fault | None]:
        """Return every posting, unit and id, with the reason why it does not count, if any."""
        rows = execute(tx, "SELECT unit, id FROM r_posting WHERE (causal_length & 1) = 1")
        found: dict[tuple[int, bytes], Fault | None] = {
            (int(unit), bytes(i)): Fault.BAD_POSTING for unit, i in rows.fetchall()
        }
        money = execute(tx, "SELECT DISTINCT f_fund, f_year FROM r_posting").fetchall()
        for funds, year in sorted({(_together(fund), int(year)) for fund, year in money}):
            where = f"f_year=? AND f_fund IN ({','.join('?' * len(funds))})"
            lines = [_booked(*row) for row in lines_with_versions(tx, where, (year, *funds))]
            faults = judge(lines, self.offices, {})
            for line in lines:
                key = (line.posting.unit_id, line.posting.posting_id)
                found[key] = faults.get(key[1])
        return found

    # -- the quick ways ----------------------------------------------------------------------

    def _wait_behind(self, tx: Connection, new: Sequence[Line]) -> list[Line]:
        """Note what is drawn after a posting that overdraws: it waits, and changes nothing else.

        Else each new posting of an office that overdraws would have all of its postings judged.
        """
        offices = self.offices
        drawn = [
            line for line in new
            if line.posting.kind in (PostingKind.SPEND, PostingKind.RELEASE)
            and not FUNDS[line.posting.fund].needs_assignment
            and is_entitled(_booked(line), offices)
        ]  # fmt: skip
        first = {
            at: uncounted.first_overdrawn(tx, *at)
            for at in {(x.posting.unit_id, x.posting.fund, x.posting.year) for x in drawn}
        }
        if not any(first.values()):
            return []
        alone = Counter(
            line.posting.transfer
            for line in of_transfers(tx, [x.posting.transfer for x in drawn], counted=False)
        )
        versions = versions_of(tx, [(x.posting.unit_id, x.posting.posting_id) for x in drawn])
        found = []
        for line in drawn:
            posting = line.posting
            before = first[posting.unit_id, posting.fund, posting.year]
            version = versions[posting.posting_id]
            if before is not None and before < version and alone[posting.transfer] == 1:
                found.append((line, version, Fault.WAITS))
        uncounted.leave_out(tx, found, now_ms=self._context.clock.now_ms())
        return [line for line, _, _ in found]

    def _plainly_count(self, tx: Connection, new: Sequence[Line]) -> bool:
        """Say whether these count, and change nothing for any other: all but always."""
        offices = self.offices
        postings = [line.posting for line in new]
        if any(_concerns_more_than_balances(posting) for posting in postings):
            return False
        if not all(is_entitled(_booked(line), offices) for line in new):
            return False
        related = {
            line.posting.posting_id: line.posting
            for line in of_transfers(tx, [p.transfer for p in postings], counted=False)
        }
        if uncounted.exist(tx) and self._touches_uncounted(tx, postings, related):
            return False
        claims = [claim for p in related.values() if (claim := claim_of(p)) is not None]
        if len(set(claims)) < len(claims):
            return False
        for posting in postings:
            cause = cause_of(posting)
            if cause is not None and (cause not in related or not fits(posting, related[cause])):
                return False
        return self._are_covered(tx, [p for p in postings if offices.complete(p.unit_id)])

    def _touches_uncounted(
        self, tx: Connection, postings: Sequence[Posting], related: Collection[bytes]
    ) -> bool:
        if uncounted.of_ids(tx, sorted(related)):
            return True
        asked = {(_money_of(posting), posting.unit_id) for posting in postings}
        return any(uncounted.touches(tx, money, unit) for money, unit in asked)

    def _are_covered(self, tx: Connection, postings: Iterable[Posting]) -> bool:
        """Say whether what these draw on is not below zero, by the balances that have them."""
        drawing = [posting for posting in postings if draws_on(posting)]
        if any(FUNDS[p.fund].needs_assignment for p in drawing if p.credit == HELD):
            return False  # balances do not say for which assignment
        for unit, fund, year in sorted({(p.unit_id, p.fund, p.year) for p in drawing}):
            rows = execute(
                tx, "SELECT account, fen FROM balance WHERE unit=? AND fund=? AND year=?",
                (unit, fund, year),
            ).fetchall()  # fmt: skip
            fen = {account: int(amount) for account, amount in rows}
            of = [p for p in drawing if (p.unit_id, p.fund, p.year) == (unit, fund, year)]
            if any(_below_zero(posting, fen) for posting in of):
                return False
        return True

    # -- the whole way -----------------------------------------------------------------------

    def _judge_all(self, tx: Connection, concerned: dict[Money, set[int]]) -> Verdicts:
        done = Verdicts()
        for money in sorted(concerned):
            self._judge(tx, money, concerned[money], done)
        return done

    def _judge(self, tx: Connection, money: Money, units: set[int], done: Verdicts) -> None:
        """Judge offices, and all to whom what changes or waits leads, until none is left."""
        before = uncounted.of_money(tx, money)
        offices = self.offices
        while True:
            lines = dict(self._lines_of(tx, money, units))
            transfers = {x.posting.transfer for x in lines.values() if x.posting.peer_unit}
            others = [
                line.posting
                for line in of_transfers(tx, transfers, counted=False)
                if line.posting.unit_id not in units
            ]
            outside = {p.posting_id: (p, p.posting_id not in before) for p in others}
            booked = [_booked(x, version) for (_, version), x in lines.items()]
            faults = judge(booked, offices, outside)
            troubled = {
                x.posting.transfer
                for (posting_id, _), x in lines.items()
                if posting_id in faults or posting_id in before
            }
            further = {
                p.unit_id for p in others if p.transfer in troubled or p.posting_id in before
            }
            if further <= units:
                break
            units |= further
        self._note(tx, lines, faults, before, done)

    def _lines_of(
        self, tx: Connection, money: Money, units: Collection[int]
    ) -> Iterator[tuple[tuple[bytes, bytes], Line]]:
        funds, year = money
        for part in pieces(sorted(units)):
            where = (
                f"unit IN ({','.join('?' * len(part))}) AND f_year=? "
                f"AND f_fund IN ({','.join('?' * len(funds))})"
            )
            for line, version in lines_with_versions(tx, where, (*part, year, *funds)):
                yield (line.posting.posting_id, version), line

    def _note(
        self, tx: Connection, lines: dict[tuple[bytes, bytes], Line], faults: dict[bytes, Fault],
        before: dict[bytes, tuple[int, Fault]], done: Verdicts,
    ) -> None:  # fmt: skip
        listed: list[tuple[Line, bytes, Fault]] = []
        released: list[Line] = []
        for (posting_id, version), line in lines.items():
            fault = faults.get(posting_id)
            _, was = before.get(posting_id, (0, None))
            if fault is not None and fault is not was:
                listed.append((line, version, fault))
            if fault is not None and was is None:
                done.left_out.append(line)
            if fault is None and was is not None:
                released.append(line)
        uncounted.leave_out(tx, listed, now_ms=self._context.clock.now_ms())
        uncounted.take_back(tx, [(x.posting.unit_id, x.posting.posting_id) for x in released])
        done.released += released
        if listed:
            self._context.log.warning(
                "postings_not_counted", count=len(listed), units=sorted(
                    {x.posting.unit_id for x, _, fault in listed if fault in uncounted.NAMED}
                ),
            )  # fmt: skip


def _booked(line: Line, version: bytes = b"") -> Booked:
    return Booked(
        posting=line.posting, level=line.level, peer_level=line.peer_level, version=version
    )


def _together(fund: str) -> tuple[str, ...]:
    return _MATCHED if fund in _MATCHED else (fund,)


def _concerns_more_than_balances(posting: Posting) -> bool:
    """Say whether balances do not show what a posting draws on, or what it takes cover from."""
    given_back = posting.kind is PostingKind.RETURN and posting.credit == HELD
    return (
        posting.kind in (PostingKind.MATCH, PostingKind.REVERSE)
        or (given_back and posting.fund in _MATCHED)
    )  # fmt: skip


def _money_of(posting: Posting) -> Money:
    return _together(posting.fund), posting.year


def _below_zero(posting: Posting, fen: dict[str, int]) -> bool:
    if posting.credit.kind in (AccountKind.HELD, AccountKind.IN_TRANSIT) and (
        fen.get(str(posting.credit), 0) < 0
    ):
        return True
    if posting.kind is PostingKind.RETURN and posting.credit == HELD:
        kinds = (AccountKind.TRANSFER_IN, AccountKind.DISPUTED, AccountKind.RETURNED)
        return sum(fen.get(f"{kind.value}:{posting.peer_unit}", 0) for kind in kinds) > 0
    return False
