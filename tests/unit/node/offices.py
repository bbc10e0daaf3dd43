"""Offices for tests of services: opened in a folder, on a clock by hand, and made to exchange."""

from __future__ import annotations

import random
from pathlib import Path

from node.config import OfficeConfig
from node.domain.catalogue import load_catalogue
from node.office import Office
from node.open import open_office
from node.setup import init_office
from sync.apply import applier
from sync.log import entries as log
from sync.model.change import Batch
from sync.model.schema import Lane

CATALOGUE = load_catalogue()
START_MS = 1_780_000_000_000
TREE = """code,name,level,parent_code
330100000000,试市,city,
330102000000,试区,district,330100000000
330102013000,试街道,street,330102000000
330102013001,甲社区,community,330102013000
330102013002,乙社区,community,330102013000
"""
DISTRICT = "330102000000"
STREET = "330102013000"
COMMUNITY = "330102013001"
OTHER = "330102013002"


class Clock:
    """Milliseconds that move only when they are set."""

    def __init__(self) -> None:
        self.ms = START_MS

    def __call__(self) -> int:
        return self.ms

    def forward(self, ms: int = 60_000) -> None:
        self.ms += ms


def new_office(folder: Path, code: str, clock: Clock, seed: int = 1, *, tree: str = TREE) -> Office:
    rng = random.Random(f"{code}{seed}")
    init_office(folder, OfficeConfig(unit=code), CATALOGUE, rng=rng, tree_csv=tree.encode())
    return open_office(folder, wall_ms=clock, rng=rng, catalogue=CATALOGUE, synchronous="OFF")


def send_up(child: Office, parent: Office) -> None:
    """Hand everything that the child has for above to its parent."""
    _send(child, parent, upward=True)


def send_down(parent: Office, child: Office) -> None:
    """Hand everything that the parent has for this child to it."""
    _send(parent, child, upward=False)


def exchange(child: Office, parent: Office) -> None:
    send_up(child, parent)
    send_down(parent, child)


def _send(frm: Office, to: Office, *, upward: bool) -> None:
    for lane in Lane:
        while True:
            with to.store.read() as tx:
                known, position = log.cursor_of(tx, frm.identity.unit, "in", lane)
            me = frm.identity.incarnation
            after = position if known == me else 0
            with frm.store.read() as tx:
                if upward:
                    batch = log.read_up(tx, lane=lane, incarnation=me, after=after)
                else:
                    batch = log.read_down(
                        tx, child=to.identity.unit, lane=lane, incarnation=me, after=after
                    )
            if batch.upto == after:
                break
            _receive(to, batch, peer=frm.identity.unit, upward=upward)


def _receive(to: Office, batch: Batch, *, peer: int, upward: bool) -> None:
    to.committed(
        to.store.write(
            lambda tx: applier.apply_batch(to.replica, tx, batch, peer=peer, upward=upward)
        )
    )
