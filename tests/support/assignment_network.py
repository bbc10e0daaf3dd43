"""A city, a district, a street and three communities in one process, joined by hand."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

from node.config import OfficeConfig, load_config, write_config
from node.domain.assignment import AssignmentState, Duty
from node.domain.catalogue import Catalogue
from node.folds.assignments import cell_of
from node.office import Office
from node.open import open_office
from node.services.work.checks import Order
from node.setup import init_office
from node.store.assignments import Row, load, select_rows
from sync.apply import applier
from sync.log import entries as log
from sync.model.limits import BATCH_BYTES_MAX
from sync.model.schema import Lane

START_MS = 1_800_000_000_000
CITY, DISTRICT, STREET = "330100000000", "330102000000", "330102013000"
COMMUNITIES = ("330102013001", "330102013002", "330102013003")
CODES = (CITY, DISTRICT, STREET, *COMMUNITIES)
LINKS = (*((code, STREET) for code in COMMUNITIES), (STREET, DISTRICT), (DISTRICT, CITY))
TREE_CSV = f"""code,name,level,parent_code
{CITY},杭州市,city,
{DISTRICT},上城区,district,{CITY}
{STREET},闸弄口街道,street,{DISTRICT}
{COMMUNITIES[0]},天杭社区,community,{STREET}
{COMMUNITIES[1]},红梅社区,community,{STREET}
{COMMUNITIES[2]},兰苑社区,community,{STREET}
""".encode()


def needed(catalogue: Catalogue) -> Catalogue:
    """Leave out the registers that no assignment touches: offices open three times as fast."""
    names = ("unit", "cell", "work_order", "assignment_event", "posting",
             "mark_key", "mark", "case")  # fmt: skip
    return replace(catalogue, registers={name: catalogue.registers[name] for name in names})


def build(folder: Path, catalogue: Catalogue) -> Path:
    """Set up the six offices once; `Network` works on copies."""
    rng = random.Random(20_040_901)
    for code in CODES:
        init_office(
            folder / code, OfficeConfig(unit=code), catalogue,
            rng=rng, tree_csv=TREE_CSV, tree_from=date(2004, 9, 1),
        )  # fmt: skip
    return folder


class Network:
    """Six open offices and the lines between them; nothing moves but by `send`."""

    def __init__(
        self, template: Path, folder: Path, catalogue: Catalogue, *, skews_ms: tuple[int, ...] = ()
    ) -> None:
        shutil.copytree(template, folder)
        self._folder = folder
        self._catalogue = catalogue
        self.now_ms = START_MS
        self._skews = dict(zip(CODES, (*skews_ms, *([0] * len(CODES))), strict=False))
        self.offices = {code: self._open(code) for code in CODES}

    def __getitem__(self, code: str) -> Office:
        return self.offices[code]

    def unit(self, code: str) -> int:
        return self.offices[code].identity.unit

    def units(self, *codes: str) -> tuple[int, ...]:
        return tuple(self.unit(code) for code in codes)

    def reopen(self, code: str, **settings: object) -> None:
        """Stop an office and start it again from its files, with other settings if any."""
        self.offices[code].close()
        folder = self._folder / code
        write_config(folder, load_config(folder).model_copy(update=settings))
        self.offices[code] = self._open(code)

    def send(self, frm: str, to: str, *, bytes_max: int = BATCH_BYTES_MAX) -> int:
        """Hand one batch of each lane over a line; return how many entries were new there."""
        sender, receiver = self.offices[frm], self.offices[to]
        upward = (frm, to) in LINKS
        assert upward or (to, frm) in LINKS
        fresh = 0
        for lane in Lane:
            incarnation = sender.identity.incarnation
            with receiver.store.read() as tx:
                _, after = log.cursor_of(tx, sender.identity.unit, "in", lane)
            with sender.store.read() as tx:
                batch = (
                    log.read_up(
                        tx, lane=lane, incarnation=incarnation, after=after, bytes_max=bytes_max
                    )
                    if upward
                    else log.read_down(
                        tx, child=receiver.identity.unit, lane=lane, incarnation=incarnation,
                        after=after, bytes_max=bytes_max,
                    )
                )  # fmt: skip
            if not batch.entries:
                continue
            receive = partial(
                applier.apply_batch,
                receiver.replica,
                batch=batch,
                peer=sender.identity.unit,
                upward=upward,
            )
            received = receiver.store.write(receive)
            receiver.committed(received)
            assert received.quarantined == 0
            fresh += received.entries
        return fresh

    def settle(self) -> None:
        """Exchange until nobody has anything new to say."""
        fresh = 1
        while fresh:
            fresh = sum(self.send(child, parent) for child, parent in LINKS)
            fresh += sum(self.send(parent, child) for child, parent in reversed(LINKS))

    def rows(self, code: str) -> list[Row]:
        with self.offices[code].store.read() as tx:
            return select_rows(tx, "1=1 ORDER BY level, id", ())

    def states(self, code: str) -> dict[bytes, AssignmentState]:
        """Return the fold of each assignment that an office holds, from its events."""
        with self.offices[code].store.read() as tx:
            return {i: one.state for i, one in load(tx, [r.id for r in self.rows(code)]).items()}

    def row(self, assignee: str, *, at: str = CITY) -> Row:
        """Return the one row that the office `at` holds of what `assignee` was asked."""
        unit = self.unit(assignee)
        (row,) = [row for row in self.rows(at) if row.assignee == unit]
        return row

    def state(self, assignee: str, *, at: str = CITY) -> str:
        return self.row(assignee, at=at).state

    def cells(self, code: str) -> dict[str, int]:
        with self.offices[code].store.read() as tx:
            rows = tx.exec_driver_sql(
                "SELECT f_dims, f_amount FROM r_cell WHERE f_measure='assignments' AND "
                f"f_amount<>0 AND unit={self.unit(code)}"
            )
            return {row[0]: row[1] for row in rows}

    def close(self) -> None:
        for office in self.offices.values():
            office.close()
        shutil.rmtree(self._folder)

    def _open(self, code: str) -> Office:
        def wall_ms() -> int:
            self.now_ms += 1
            return self.now_ms + self._skews[code]

        return open_office(
            self._folder / code, wall_ms=wall_ms, rng=random.Random(code),
            catalogue=self._catalogue, synchronous="OFF", cache_kib=1_024,
        )  # fmt: skip


def to_communities(net: Network, duty: Duty = Duty.UNDERTAKES, **overrides: object) -> Order:
    order = {
        "title": "冬季走访",
        "body": "逐户走访",
        "due_ms": net.now_ms + 86_400_000,
        **overrides,
    }
    return Order(targets=net.units(*COMMUNITIES), duty=duty, **order)  # type: ignore[arg-type]


def assert_agreed(net: Network) -> None:
    """Every office that holds an assignment has it in the same state; the city holds them all."""
    at_city = net.states(CITY)
    rows_at_city = {row.id: _shared(row) for row in net.rows(CITY)}
    for code in CODES:
        for assignment, state in net.states(code).items():
            assert state == at_city[assignment], code
            assert state.waiting == ()
        for row in net.rows(code):
            assert _shared(row) == rows_at_city[row.id], code
        assert net.cells(code) == recounted(net, code), code


def recounted(net: Network, code: str) -> dict[str, int]:
    """Count the assignments that an office issued, as its cells should have them."""
    mine = (row for row in net.rows(code) if row.issuer == net.unit(code))
    return dict(Counter(cell_of(row).dims for row in mine))


def _shared(row: Row) -> tuple[object, ...]:
    """Leave out what each office judges for itself."""
    return (row.id, row.work_order, row.parent, row.round, row.issuer, row.assignee, row.level,
            row.title, row.state, row.percent, row.duty, row.due_ms, row.dispatched_ms,
            row.updated_ms)  # fmt: skip
