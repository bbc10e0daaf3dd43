"""A city, a district, a street and two communities with money between them, joined by hand."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from node.config import OfficeConfig
from node.domain.catalogue import Catalogue
from node.domain.ledger import Posting
from node.domain.posting import HELD
from node.folds.ledger import JournalSession
from node.office import Office
from node.open import open_office
from node.services.health.verify import verify
from node.services.money.views import balances
from node.setup import init_office
from node.store.postings import Line, lines_where
from sync.apply import applier
from sync.log import entries as log
from sync.log.outcome import Received
from sync.model.limits import BATCH_BYTES_MAX
from sync.model.schema import Lane

START_MS = 1_780_000_000_000
CITY, DISTRICT, STREET = "330100000000", "330102000000", "330102013000"
FIRST, SECOND = "330102013001", "330102013002"
CODES = (CITY, DISTRICT, STREET, FIRST, SECOND)
PARENT = {DISTRICT: CITY, STREET: DISTRICT, FIRST: STREET, SECOND: STREET}
TREE_CSV = f"""code,name,level,parent_code
{CITY},试市,city,
{DISTRICT},试区,district,{CITY}
{STREET},试街道,street,{DISTRICT}
{FIRST},甲社区,community,{STREET}
{SECOND},乙社区,community,{STREET}
""".encode()
REGISTERS = ("unit", "cell", "posting", "assignment_event", "household", "party_organisation",
             "mark_key", "mark", "case")  # fmt: skip


def needed(catalogue: Catalogue) -> Catalogue:
    """Leave out the registers that no money touches: offices open faster."""
    return replace(catalogue, registers={n: catalogue.registers[n] for n in REGISTERS})


def build(folder: Path, catalogue: Catalogue, codes: Sequence[str] = CODES) -> Path:
    """Set up the offices once; `MoneyNetwork` works on copies."""
    rng = random.Random(20_040_901)
    for code in codes:
        init_office(
            folder / code, OfficeConfig(unit=code), catalogue,
            rng=rng, tree_csv=TREE_CSV, tree_from=date(2004, 1, 1),
        )  # fmt: skip
    return folder


class MoneyNetwork:
    """Open offices and the lines between them; nothing moves but by `send`."""

    def __init__(self, template: Path, folder: Path, catalogue: Catalogue) -> None:
        shutil.copytree(template, folder)
        self._folder = folder
        self._catalogue = catalogue
        self.now_ms = START_MS
        self.codes = [code for code in CODES if (folder / code).exists()]
        self.offices = {code: self._open(code) for code in self.codes}

    def __getitem__(self, code: str) -> Office:
        return self.offices[code]

    def unit(self, code: str) -> int:
        return self.offices[code].identity.unit

    def reopen(self, code: str) -> None:
        """Stop an office and start it again from its files."""
        self.offices[code].close()
        self.offices[code] = self._open(code)

    def send(
        self, frm: str, to: str, *, bytes_max: int = BATCH_BYTES_MAX, again: bool = False,
        quarantined: int = 0,
    ) -> int:  # fmt: skip
        """Hand one batch of each lane over a line, with `again` from the very first entry on.

        Returns: how many entries were new there.
        """
        sender, receiver = self.offices[frm], self.offices[to]
        upward = PARENT.get(frm) == to
        assert upward or PARENT.get(to) == frm
        fresh = left_out = 0
        for lane in Lane:
            me = sender.identity.incarnation
            with receiver.store.read() as tx:
                _, after = log.cursor_of(tx, sender.identity.unit, "in", lane)
            after = 0 if again else after
            with sender.store.read() as tx:
                batch = (
                    log.read_up(tx, lane=lane, incarnation=me, after=after, bytes_max=bytes_max)
                    if upward
                    else log.read_down(
                        tx, child=receiver.identity.unit, lane=lane, incarnation=me, after=after,
                        bytes_max=bytes_max,
                    )
                )  # fmt: skip
            if not batch.entries:
                continue

            def take(tx, batch=batch) -> Received:  # type: ignore[no-untyped-def]
                return applier.apply_batch(
                    receiver.replica, tx, batch, peer=sender.identity.unit, upward=upward
                )

            received = receiver.store.write(take)
            receiver.committed(received)
            left_out += received.quarantined
            fresh += received.entries
        assert left_out == quarantined
        return fresh

    def settle(self) -> None:
        """Exchange until nobody has anything new to say."""
        fresh = 1
        while fresh:
            fresh = 0
            for code in self.codes:
                if (above := PARENT.get(code)) in self.offices:
                    fresh += self.send(code, above) + self.send(above, code)

    def lines(self, code: str) -> list[Line]:
        """Return every line that an office has written or received."""
        with self.offices[code].store.read() as tx:
            return list(lines_where(tx, "1=1"))

    def journal(self, code: str) -> list[Posting]:
        """Return what an office wrote itself."""
        unit = self.unit(code)
        return [x.posting for x in self.lines(code) if x.posting.unit_id == unit]

    def everything(self) -> list[Posting]:
        """Return what all offices wrote, wherever the news of it has got to."""
        return [posting for code in self.codes for posting in self.journal(code)]

    def kept(self, code: str) -> dict[tuple[int, str, int, str], int]:
        """Return the `balance` rows of an office."""
        with self.offices[code].store.read() as tx:
            rows = tx.exec_driver_sql("SELECT unit, fund, year, account, fen FROM balance")
            return {(r[0], r[1], r[2], r[3]): r[4] for r in rows if r[4]}

    def close(self) -> None:
        for office in self.offices.values():
            office.close()
        shutil.rmtree(self._folder)

    def _open(self, code: str) -> Office:
        def wall_ms() -> int:
            self.now_ms += 1
            return self.now_ms

        return open_office(
            self._folder / code, wall_ms=wall_ms, rng=random.Random(f"{code}{self.now_ms}"),
            catalogue=self._catalogue, synchronous="OFF", cache_kib=1_024,
        )  # fmt: skip


def folded(lines: Sequence[Line]) -> dict[tuple[int, str, int, str], int]:
    """Add up the accounts from the journal, one posting after the other."""
    sums: Counter[tuple[int, str, int, str]] = Counter()
    for line in lines:
        posting = line.posting
        key = (posting.unit_id, posting.fund, posting.year)
        sums[(*key, str(posting.debit))] += posting.amount_fen
        sums[(*key, str(posting.credit))] -= posting.amount_fen
    return {key: fen for key, fen in sums.items() if fen}


def assert_kept(net: MoneyNetwork) -> None:
    """Balances are the fold of the journal, and of every cell what its records make it."""
    for code in net.codes:
        assert net.kept(code) == folded(net.lines(code)), code


def assert_verified(net: MoneyNetwork) -> None:
    for code in net.codes:
        report = verify(net[code])
        assert report.sound, report.differences


def held_fen(office: Office, fund: str, year: int) -> int:
    """Return what an office may release or spend of a fund and year."""
    found = balances(office, fund=fund, year=year)
    return sum(balance.fen for balance in found if balance.account == str(HELD))


def match_due_fen(office: Office, year: int) -> int:
    """Return what a district still has to add to the city's money that it received."""
    with office.store.read() as tx:
        session = JournalSession(office.context, tx, [("F1", year), ("F2", year)], matching=True)
        return session.books.match_due_fen(year)
