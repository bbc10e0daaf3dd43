"""Retention of the log: what holds the floor back and for whom; cutting, portion by portion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from node.domain.units import Level
from sync import cutting, facts, floors, log
from sync.claims import Claim, Link, floor_under, holding, steady_since
from sync.cutting import LANE, Extent, Portion
from sync.statements import run
from sync.urgency import Urgency

if TYPE_CHECKING:
    from node.app import Office
    from node.config import OfficeConfig

DAY_MS = 86_400_000
PORTIONS_MAX = 2_000  # cut in one run of the job: what is left goes the next day
GRACE_MS = 7 * DAY_MS  # after an outage of our own, everybody has so long to come back
ENDING_MS = 14 * DAY_MS  # a lease that ends so soon is shown


@dataclass(frozen=True, slots=True)
class Terms:
    """How long what is kept. `log_ms`: None: for ever."""

    log_ms: int | None
    lease_ms: int
    grace_ms: int = GRACE_MS

    @classmethod
    def of(cls, config: OfficeConfig) -> Terms:
        return cls._of(config.log_days, config)

    @classmethod
    def of_tombstones(cls, config: OfficeConfig) -> Terms:
        """Return the terms for what ended records hold."""
        return cls._of(config.tombstone_days, config)

    @classmethod
    def _of(cls, days: int, config: OfficeConfig) -> Terms:
        return cls(days * DAY_MS if days else None, config.lease_days * DAY_MS)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the bulk log stands. `portion`: what was cut, or would be."""

    floor: int  # all at or below it is cut, but for what is spared
    end: int  # the log's last position
    extent: Extent  # what is kept
    portion: Portion
    holds: tuple[Claim, ...]  # what keeps the floor from rising


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a child's link still holds the floor. `left_ms`: below 0 when it is over."""

    unit: int
    heard_ms: int
    left_ms: int


def links(office: Office, tx: Connection) -> list[Link]:
    """Return the children and when each was heard last, by a line or by a bundle."""
    known = office.news.known()
    rows = run(tx, "SELECT peer, max(at_ms) FROM cursor WHERE direction='out' GROUP BY peer")
    taken = {int(peer): int(at_ms) for peer, at_ms in rows.fetchall()}
    return [
        Link(
            unit,
            max(known[unit].last_contact_ms if unit in known else 0, taken.get(unit, 0)),
        )
        for unit in office.tree.children(office.identity.unit)
    ]


def leases(office: Office, now_ms: int) -> list[Lease]:
    """Return the leases of children that were ever heard, the one that ends first first."""
    lease_ms = office.config.lease_days * DAY_MS
    with office.store.read() as tx:
        found = [
            Lease(link.unit, link.heard_ms, link.heard_ms + lease_ms - now_ms)
            for link in links(office, tx)
            if link.heard_ms
        ]
    return sorted(found, key=lambda lease: (lease.left_ms, lease.unit))


def standing(office: Office, now_ms: int) -> Standing:
    """Say how the log stands and what cutting it now would remove. Nothing is changed."""
    terms = Terms.of(office.config)
    with office.store.read() as tx:
        floor, claims = decided(office, tx, now_ms, terms)
        portion = cutting.would_cut(tx, floor) if terms.log_ms is not None else Portion()
        return replace(_looked(tx, claims, floor), portion=portion)


def cut_log(office: Office, now_ms: int, terms: Terms | None = None) -> Standing:
    """Cut what nobody needs, in transactions of their own: whoever writes waits for none long.

    `terms`: None: those of the settings.
    """
    terms = terms or Terms.of(office.config)
    children = office.tree.children(office.identity.unit)

    def look(tx: Connection) -> tuple[int, list[Claim]]:
        _note_look(tx, now_ms)
        return decided(office, tx, now_ms, terms)

    floor, claims = office.store.write(look, urgency=Urgency.BULK)
    done = Portion()
    for _ in range(PORTIONS_MAX if terms.log_ms is not None else 0):
        if done.upto >= floor:
            break
        after = done.upto
        portion = office.store.write(
            lambda tx, after=after: cutting.cut(tx, floor, after=after, children=children),  # type: ignore[misc]
            urgency=Urgency.BULK,
        )
        done = cutting.added(done, portion)
    if done.entries:
        office.log.info("log_cut", floor=done.upto, entries=done.entries, bytes=done.bytes)
    with office.store.read() as tx:
        return replace(_looked(tx, claims, floor), portion=done)


def _looked(tx: Connection, claims: list[Claim], floor: int) -> Standing:
    return Standing(
        floor=floors.floor_of(tx, LANE),
        end=log.position(tx),
        extent=cutting.extent(tx),
        portion=Portion(),
        holds=tuple(holding(claims, floor)),
    )


def decided(office: Office, tx: Connection, now_ms: int, terms: Terms) -> tuple[int, list[Claim]]:
    """Return how far the log may be cut, and what is claimed of it."""
    since_ms = steady_since(*_looks(tx), now_ms)
    in_grace = now_ms - since_ms < terms.grace_ms
    claims = cutting.claims_of(
        tx,
        links=links(office, tx),
        lives=tuple(_lives(office, tx)),
        now_ms=now_ms,
        lease_ms=now_ms if in_grace else terms.lease_ms,
        log_ms=now_ms if terms.log_ms is None else terms.log_ms,
        safe_above=_safe_above(office),
    )
    before = floors.floor_of(tx, LANE)
    return floor_under(claims, end=log.position(tx), now=before), claims


def _lives(office: Office, tx: Connection) -> Iterator[int]:
    """Yield the incarnations whose numbers our log has: ours, and the one that it goes on from."""
    yield office.identity.incarnation
    if said := facts.get(tx, facts.CONTINUES):
        yield int(said)


def _safe_above(office: Office) -> int | None:
    """Return up to where what goes up is with everybody above, as last heard; None: the city."""
    if office.level is Level.CITY:
        return None
    held = {s.level: s.position for s in office.news.safe() if s.lane is LANE}
    return min(held.get(level, 0) for level in range(office.level))


def _looks(tx: Connection) -> tuple[int, int]:
    """Return when retention ran last, and since when it has run day by day."""
    last_ms, since_ms = json.loads(facts.get(tx, facts.RETENTION) or "[0, 0]")
    return int(last_ms), int(since_ms)


def _note_look(tx: Connection, now_ms: int) -> None:
    since_ms = steady_since(*_looks(tx), now_ms)
    facts.put(tx, facts.RETENTION, json.dumps([now_ms, since_ms]))
