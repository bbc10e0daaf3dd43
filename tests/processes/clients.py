"""The people of a run: who writes lists, texts and money at an office, and who looks at them."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from hub.client.client import CallFailed, OfficeClient, Unreachable
from hub.client.files import record_pieces
from sync.model.errors import SilianError
from sync.wire.office.v1 import registers_pb2 as pb
from tests.processes.city import GARDEN, NAMES, ORCHID, STREET, City
from tests.processes.history import Outcome, Txn

T = TypeVar("T")
LISTS, LIST = "service_outlet", "remark"  # one who writes a list, many who read it
TEXTS, TEXT = "premises", "address"  # two who write the same text
SIGNS, WIDTH = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 3
ELEMENTS_MAX = 160  # of a list: as many as the field holds
KEYS = 3  # lists of a community under way at a time
STREETS_LISTS = 6  # that the street writes, at each community
FUND, FEN = "F1", 100
YEAR = datetime.now(UTC).year


def packed(elements: list[int]) -> str:
    """Write a list as one text."""
    return "".join(
        SIGNS[n // 1296] + SIGNS[n // 36 % 36] + SIGNS[n % 36] for n in elements
    )  # fmt: skip


def unpacked(text: str) -> list[int]:
    return [int(text[n : n + WIDTH], 36) for n in range(0, len(text), WIDTH)]


class OutcomeUnknown(Exception):
    """Nobody knows whether it happened."""


@dataclass(frozen=True, slots=True)
class Wrote:
    """One value of a text that two write: `over` is what its writer saw."""

    record: str
    value: str
    over: str
    outcome: Outcome


@dataclass(slots=True)
class Observations:
    """All that a run's people did and saw."""

    history: list[Txn] = field(default_factory=list)
    texts: list[Wrote] = field(default_factory=list)
    transfers: list[str] = field(default_factory=list)  # acknowledged
    unconfirmed: int = 0
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, txn: Txn) -> None:
        with self.lock:
            self.history.append(txn)
            self.unconfirmed += txn.outcome == "unknown"


@dataclass(slots=True)
class OfficeUser:
    """One office as one person uses it: the connection is opened again after each failure."""

    city: City
    code: str
    rng: random.Random
    observed: Observations
    stop: threading.Event
    pace_s: float
    _office: OfficeClient | None = None

    def ask(self, work: Callable[[OfficeClient], T]) -> T:
        """Make a call. Raises: Doubtful; SilianError when it surely did nothing."""
        if self._office is None:
            self._office = self.city.client(self.code)
        try:
            return work(self._office)
        except (Unreachable, CallFailed) as error:
            self.close()
            self.stop.wait(0.3)
            raise OutcomeUnknown from error
        except SilianError as error:
            if error.retryable:
                raise OutcomeUnknown from error
            raise

    def close(self) -> None:
        if self._office is not None:
            self._office.close()
            self._office = None

    def run(self, turn: Callable[[], None]) -> None:
        """Take turns until the run is over; what must not happen is noted."""
        try:
            while not self.stop.wait(self.rng.uniform(0, 2 * self.pace_s)):
                try:
                    turn()
                except OutcomeUnknown:
                    continue
        except Exception as error:
            self.observed.wrong.append(f"{NAMES[self.code]}: {type(error).__name__}: {error}")
            raise
        finally:
            self.close()

    def observe(self, session: str) -> dict[str, pb.Record]:
        """Read every list held here, in one snapshot; note what was seen."""
        page = self.ask(
            lambda office: office.list_records(register=LISTS, subtree=True, page_size=500)
        )
        assert not page.next_page_token, "more lists than a page holds"
        found = {key_of(record): record for record in page.records}
        self.observed.add(Txn(session=session, site=NAMES[self.code], reads=lists_of(found)))
        return found


def key_of(record: pb.Record) -> str:
    return f"{NAMES[record.unit.code]}/{record.values['name'].text}"


def lists_of(records: dict[str, pb.Record]) -> dict[str, list[int]]:
    return {key: unpacked(record.values[LIST].text) for key, record in records.items()}


class Community:
    """Appends to lists of its own: one by itself, or two in one transaction, as a file."""

    def __init__(self, user: OfficeUser) -> None:
        self._user = user
        self._count = 0
        self._session = f"{NAMES[user.code]}'s clerk"

    def turn(self) -> None:
        records_seen = self._user.observe(self._session)
        own = {key: r for key, r in records_seen.items() if "/L" in key}
        elements = {key: unpacked(r.values[LIST].text) for key, r in own.items()}
        free = [key for key, found in elements.items() if len(found) < ELEMENTS_MAX]
        while len(free) < KEYS:
            key = f"{NAMES[self._user.code]}/L{len(own) + len(free)}"
            elements[key] = []
            free.append(key)
        self._count += 1
        known = [key for key in free if key in own]
        if known and self._user.rng.random() < 0.5:
            self._append_one(own[self._user.rng.choice(known)])
        else:
            keys = self._user.rng.sample(free, 2)
            self._append_two({key: [*elements[key], self._count] for key in keys})

    def _append_one(self, record: pb.Record) -> None:
        observed = [*unpacked(record.values[LIST].text), self._count]
        self._append(
            [key_of(record)],
            lambda office: (
                office.update_record(
                    register=LISTS,
                    id=record.id,
                    values={LIST: packed(observed)},
                    version_token=record.version_token,
                ).record
            ),
        )

    def _append_two(self, observed: dict[str, list[int]]) -> None:
        rows = [
            f"{key.partition('/')[2]},outlet,{packed(elements)}"
            for key, elements in observed.items()
        ]
        data = "\n".join(["网点名称,网点类型,备注", *rows]).encode()

        def import_rows(office: OfficeClient) -> Any:
            *_, last = office.import_records(
                record_pieces(data, register=LISTS, filename="lists.csv")
            )
            report = last.outcome.reports[0]
            assert report.new + report.changed == 2, report
            return report

        self._append(list(observed), import_rows)

    def _append(self, keys: list[str], work: Callable[[OfficeClient], Any]) -> None:
        outcome: Outcome = "unknown"
        try:
            self._user.ask(work)
            outcome = "ok"
        except SilianError:
            outcome = "fail"
            raise
        finally:
            self._user.observed.add(Txn(
                session=self._session, site=NAMES[self._user.code], outcome=outcome,
                appends={key: [self._count] for key in keys},
            ))  # fmt: skip


class Street:
    """Appends to lists that lie at its communities, having looked at theirs."""

    def __init__(self, user: OfficeUser) -> None:
        self._user = user
        self._count = 0

    def turn(self) -> None:
        records_seen = self._user.observe("street's clerk")
        mine = [
            (key, record) for key, record in records_seen.items()
            if "/S" in key and len(record.values[LIST].text) < WIDTH * ELEMENTS_MAX
        ]  # fmt: skip
        if not mine:
            return
        key, record = self._user.rng.choice(mine)
        self._count += 1
        text = record.values[LIST].text + packed([self._count])
        outcome: Outcome = "unknown"
        try:
            self._user.ask(lambda office: office.update_record(
                register=LISTS, id=record.id, values={LIST: text}, unit=record.unit.code,
                version_token=record.version_token,
            ).record)  # fmt: skip
            outcome = "ok"
        finally:
            self._user.observed.add(Txn(
                session="street's clerk", site="street", outcome=outcome,
                appends={key: [self._count]},
            ))  # fmt: skip


class Editor:
    """Writes the text that another level writes too; each knows what it overwrites."""

    def __init__(self, user: OfficeUser) -> None:
        self._user = user
        self._count = 0

    def turn(self) -> None:
        page = self._user.ask(lambda office: office.list_records(register=TEXTS, subtree=True))
        record = self._user.rng.choice(list(page.records))
        self._count += 1
        value = f"{NAMES[self._user.code]} {self._count}"
        outcome: Outcome = "unknown"
        try:
            self._user.ask(lambda office: office.update_record(
                register=TEXTS, id=record.id, values={TEXT: value}, unit=record.unit.code,
                version_token=record.version_token,
            ).record)  # fmt: skip
            outcome = "ok"
        except SilianError as error:
            outcome = "fail"
            if error.code != "stale_edit":  # the other's edit arrived meanwhile
                raise
        finally:
            with self._user.observed.lock:
                self._user.observed.texts.append(
                    Wrote(record.id, value, record.values[TEXT].text, outcome)
                )


class Payer:
    """Releases money downward; a release that nobody confirmed is said again under its id."""

    def __init__(self, user: OfficeUser, to: str) -> None:
        self._user = user
        self._to = to
        self._transfer = ""

    def turn(self) -> None:
        self._transfer = self._transfer or uuid.UUID(int=self._user.rng.getrandbits(128)).hex
        self._user.ask(lambda office: office.release_money(
            to=self._to, fund=FUND, year=YEAR, amount_fen=FEN, actor="payer",
            transfer=self._transfer,
        ).posting)  # fmt: skip
        with self._user.observed.lock:
            self._user.observed.transfers.append(self._transfer)
        self._transfer = ""


def prepare(city: City) -> None:
    """Lay out the records that two levels write, and the city's money; nothing is broken yet."""
    for code in (GARDEN, ORCHID):
        with city.client(code) as office:
            rows = [f"S{n},outlet" for n in range(STREETS_LISTS)]
            data = "\n".join(["网点名称,网点类型", *rows]).encode()
            for _ in office.import_records(
                record_pieces(data, register=LISTS, filename="lists.csv")
            ):
                pass
            office.create_record(
                register=TEXTS,
                values={"name": "P", "use": "office", "area_m2": "1", "tenure": "owned"},
            )
    with city.client("330100000000") as office:
        office.appropriate_money(fund=FUND, year=YEAR, amount_fen=1_000_000 * FEN, actor="payer")
    city.wait_quiet()
    with city.client(STREET) as office:
        assert office.list_records(register=LISTS, subtree=True).total_size == 2 * STREETS_LISTS
