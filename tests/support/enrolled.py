"""Enrolled offices in processes of one test: certificates are issued without a network."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hub.client.client import wall_ms
from hub.serve.process import Process, Served
from node.config import OfficeConfig, write_config
from node.domain.catalogue import Catalogue, load_catalogue
from node.domain.units import Level
from node.host import LinkedOffice
from node.identity import files
from node.identity.authority import new_key
from node.open import open_office
from node.services.enrolment import authority
from node.services.enrolment.requests import request_of
from node.setup import init_office
from sync.link.session import State
from tests.support.silian import free_ports

PATIENCE_S = 60.0


@dataclass
class Enrolled:
    """Offices by code, enrolled from the city down, each at ports of its own."""

    base: Path
    issued_ms: Callable[[], int] = wall_ms  # the clock by which certificates are issued
    catalogue: Catalogue = field(default_factory=load_catalogue)
    running: list[Process] = field(default_factory=list)
    ports: dict[str, int] = field(default_factory=dict)

    def make(self, code: str, parent: str = "", *, host: str = "") -> None:
        """Make an office and enrol it. `host`: whose process serves it and its parent's."""
        at = self.ports[code] = self.ports[host] if host else free_ports("127.0.0.1")
        above = self.ports.get(parent, 0)
        config = OfficeConfig(
            unit=code, listen=f"127.0.0.1:{at}", sync_interval_s=2,
            parent=f"127.0.0.1:{above}" if parent else "",
            parent_enrolment=f"127.0.0.1:{above + 1}" if parent else "",
        )  # fmt: skip
        init_office(self.base / code, config, self.catalogue, rng=random.Random(code))
        with closing(self.opened(code)) as office:
            if not parent:
                authority.found_city(office)
                return
            self._enrol(office)
            if host:
                answers = office.certificates.place(office.tree.find(host).unit_id).dns
                named = config.model_copy(update={"parent_tls_name": answers})
                write_config(office.folder, named)

    def opened(self, code: str) -> LinkedOffice:
        return open_office(
            self.base / code, wall_ms=self.issued_ms, rng=random.Random(code + "open"),
            catalogue=self.catalogue,
        )  # fmt: skip

    def _enrol(self, office: LinkedOffice) -> None:
        unit, key = office.identity.unit, new_key()
        own = new_key() if office.level is Level.DISTRICT else None
        asked = request_of(office.replica.signer, unit, key, own)
        city, district, *_ = office.certificates.place(unit).path
        issuer = city if own is not None else district
        with closing(self.opened(office.tree.get(issuer).code)) as above:
            grant = authority.issue(
                above, unit, key.public_key(), asked.office_key,
                own.public_key() if own is not None else None,
            )  # fmt: skip
            roots = above.certificates.credentials.roots if above.certificates.credentials else ()
        if own is not None and grant.authority is not None:
            files.save_authority(office.folder, own, grant.authority)
        files.save(office.folder, key, grant.chain, roots)

    def serve(self, *codes: str) -> Process:
        """Serve offices in one process of this one's."""
        process = Process(
            [self.base / code for code in codes], wall_ms=wall_ms,
            rng=random.Random("".join(codes) + "run"),
        )  # fmt: skip
        process.start()
        self.running.append(process)
        return process


@contextmanager
def enrolled(base: Path, issued_ms: Callable[[], int] = wall_ms) -> Iterator[Enrolled]:
    """Yield offices to make and serve; stop those that run in the end, the last first."""
    made = Enrolled(base, issued_ms)
    try:
        yield made
    finally:
        for process in reversed(made.running):
            process.stop()


def served(process: Process, code: str) -> Served:
    return next(s for s in process.served.values() if s.office.unit.code == code)


def until(happened: Callable[[], bool]) -> None:
    """Wait for what another thread does; a test that waits for too long fails."""
    give_up = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < give_up, "it did not happen"
        time.sleep(0.02)


def idle(process: Process, code: str) -> None:
    """Wait until an office is connected to its parent and nothing is under way."""
    dialer = served(process, code).dialer
    assert dialer is not None
    until(lambda: dialer.state is State.IDLE and dialer.wait_idle(0))
