"""What must be so when a run is over and everything is quiet again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hub.client.client import OfficeClient
from tests.processes.city import CITY, CODES, DISTRICT, GARDEN, NAMES, ORCHID, STREET, City
from tests.processes.clients import (
    FEN,
    FUND,
    LISTS,
    TEXT,
    TEXTS,
    YEAR,
    Observations,
    key_of,
    lists_of,
)
from tests.processes.history import Txn, check, lost

RECEIVES_FROM = {
    CITY: (GARDEN, ORCHID), DISTRICT: (GARDEN, ORCHID), STREET: (GARDEN, ORCHID),
    GARDEN: (GARDEN,), ORCHID: (ORCHID,),
}  # fmt: skip


def check_outcome(city: City, observed: Observations) -> list[str]:
    """Return everything that is not as promised."""
    clients = {code: city.client(code) for code in CODES}
    try:
        return [
            *observed.wrong, *_lists(clients, observed), *_same(clients),
            *_texts(clients, observed), *_money(clients, observed), *_verified(clients),
        ]  # fmt: skip
    finally:
        for client in clients.values():
            client.close()


def _lists(clients: dict[str, OfficeClient], observed: Observations) -> Iterator[str]:
    """Nothing acknowledged is lost or doubled, turned round or torn (INV-1 to 6)."""
    history = list(observed.history)
    finals: dict[str, list[int]] = {}
    for code, client in clients.items():
        page = client.list_records(register=LISTS, subtree=True, page_size=500)
        now = lists_of({key_of(record): record for record in page.records})
        history.append(Txn(session=f"in the end, {NAMES[code]}", site=NAMES[code], reads=now))
        finals |= now if code == CITY else {}
        for found in lost(_received(history, code), now):
            yield f"{found.name} at {NAMES[code]}: {found.what}"
    for found in check(_complete(history, finals)):
        yield f"{found.name}: {found.what}"


def _received(history: list[Txn], code: str) -> list[Txn]:
    """Leave only the appends that an office may receive."""
    units = {NAMES[unit] for unit in RECEIVES_FROM[code]}
    return [
        replace(txn, appends={k: e for k, e in txn.appends.items() if k.partition("/")[0] in units})
        for txn in history
    ]


def _complete(history: list[Txn], finals: dict[str, list[int]]) -> list[Txn]:
    """A list that was not there when its office was looked at was empty."""
    receives_from = {
        NAMES[code]: {NAMES[unit] for unit in units} for code, units in RECEIVES_FROM.items()
    }
    complete = []
    for txn in history:
        if txn.appends:
            complete.append(txn)
            continue
        missing = {k: () for k in finals if k.partition("/")[0] in receives_from[txn.site]}
        complete.append(replace(txn, reads={**missing, **txn.reads}))
    return complete


def _same(clients: dict[str, OfficeClient]) -> Iterator[str]:
    """Whoever may see a record sees the same (INV-7)."""
    for register in (LISTS, TEXTS):
        version_token: dict[str, tuple[str, str]] = {}
        for code, client in clients.items():
            for record in client.list_records(
                register=register, subtree=True, page_size=500
            ).records:
                values = sorted((name, str(value)) for name, value in record.values.items())
                shown = f"{record.alive} {record.version_token} {sorted(record.conflicts)} {values}"
                where, other = version_token.setdefault(record.id, (NAMES[code], shown))
                if other != shown:
                    yield f"{register} differs between {where} and {NAMES[code]}"


def _texts(clients: dict[str, OfficeClient], observed: Observations) -> Iterator[str]:
    """What was acknowledged is shown, is kept as a loser, or was overwritten by one who saw it."""
    for code, client in clients.items():
        for record in client.list_records(register=TEXTS, subtree=True).records:
            events = client.get_record(
                register=TEXTS, id=record.id, unit=record.unit.code, history=True
            ).history
            known = {e.values[TEXT].text for e in events if TEXT in e.values}
            mine = [w for w in observed.texts if w.record == record.id and w.outcome != "fail"]
            over = {w.over for w in mine}
            for wrote in mine:
                if wrote.outcome == "ok" and wrote.value not in known | over:
                    yield f"lost at {NAMES[code]}: the text {wrote.value}"


def _money(clients: dict[str, OfficeClient], observed: Observations) -> Iterator[str]:
    """Each release that was acknowledged left once, and every fen is somewhere (INV-16, 18)."""
    sent = clients[CITY].list_transfers(page_size=1).total_size
    if sent not in (
        len(observed.transfers),
        len(observed.transfers) + 1,
    ):  # the last may be in doubt
        yield f"{len(observed.transfers)} releases were acknowledged, {sent} were made"
    clients[DISTRICT].receive_money(actor="payee", fund=FUND, year=YEAR)
    for code in (CITY, DISTRICT):
        if not clients[code].check_conservation().holds:
            yield f"money is not conserved at {NAMES[code]}"
    balances = clients[DISTRICT].list_balances(fund=FUND, year=YEAR).balances
    held_fen = sum(each.fen for each in balances if each.account == "held")
    if held_fen != sent * FEN:
        yield f"the district holds {held_fen} fen of {sent} releases of {FEN}"


def _verified(clients: dict[str, OfficeClient]) -> Iterator[str]:
    """What is kept is what the records make it, and nothing was left aside (INV-20, 21)."""
    for code, client in clients.items():
        *_, last = client.verify_office()
        if not last.report.sound:
            yield f"verify at {NAMES[code]}: {list(last.report.differences)[:3]}"
        if quarantined := client.get_status().offices[0].quarantined:
            yield f"{quarantined} holes at {NAMES[code]}"
