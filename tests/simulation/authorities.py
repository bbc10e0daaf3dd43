"""The certificates of a simulated city: its authorities, what they have issued, and enrolment.

All of it is drawn from the plan's seed. Authorities issue on paper; what they have issued is put
into the issuing office's store when its process runs, also after it has lost its disk. TLS itself
is not simulated: a message comes with what its host has shown, and offices check that themselves.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from hub.link import enroller
from hub.link.enrolment import EnrolmentServicer, handlers
from hub.serve import renewal
from node.identity import files
from node.identity.authority import DER, EARLY, OFFICE_DAYS, Authority, found_authority, moment
from node.identity.place import Place
from node.keys import signer_of
from node.services.enrolment import authority as service
from node.services.enrolment.authority import OFFICE
from node.store import certificates as table
from node.store.certificates import Issued
from sync.codec.signing import SEED_BYTES, Signer
from sync.wire.link.v1 import enrolment_pb2 as pb
from tests.simulation.clockwork import Crash, Violation
from tests.simulation.plan import DAY_MS, START_MS

if TYPE_CHECKING:
    from tests.simulation.process import Process
    from tests.simulation.world import World

REQUESTS = {"Certify": pb.CertifyRequest, "Enrol": pb.EnrolRequest}
FOUNDED = moment(START_MS - 100 * DAY_MS)
DUE = timedelta(days=OFFICE_DAYS) * 2 / 3 - EARLY  # from the issue until renewal is due
LIFE = timedelta(days=OFFICE_DAYS)


@dataclass(frozen=True, slots=True)
class Stolen:
    """A key and a certificate that an office had once; another has them now."""

    signer: Signer
    chain: tuple[x509.Certificate, ...]

    @property
    def ders(self) -> tuple[bytes, ...]:
        return tuple(each.public_bytes(DER) for each in self.chain)


@dataclass
class Paper:
    """What an authority has on paper. `keys`: of each unit, the signing key that is in use."""

    issued: dict[str, Issued] = field(default_factory=dict)
    keys: dict[int, bytes] = field(default_factory=dict)


class Authorities:
    """The city's authority, those of its districts, and a false city's under the same names."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = random.Random(f"certificates:{world.plan.mode}:{world.plan.seed}")
        self._units = [unit.unit_id for unit in world.units]
        self.places = [self._place(i) for i in range(len(world.units))]
        self.real = self._city()
        self.false = self._city()
        self._papers: defaultdict[int, Paper] = defaultdict(Paper)
        self.stolen: dict[int, Stolen] = {i: self._steal(i) for i in world.present}

    def _place(self, index: int) -> Place:
        path = [index]
        while path[0]:
            path.insert(0, self._world.plan.parents[path[0]])
        return Place(tuple(self._units[i] for i in path))

    def _city(self) -> dict[int, Authority]:
        root = found_authority(self.new_key(), self.places[0], "市", FOUNDED)
        made = {0: root}
        for i, place in enumerate(self.places):
            if len(place.path) == 2:
                key = self.new_key()
                issued = root.issue_authority(place, key.public_key(), f"区{i}", FOUNDED)
                made[i] = Authority(key, issued, place)
        return made

    def new_key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self._rng.getrandbits(255) + 1, ec.SECP256R1())

    def new_signer(self) -> Signer:
        return Signer(self._rng.randbytes(SEED_BYTES))

    # -- on paper ------------------------------------------------------------------------------

    def issuer_of(self, index: int) -> int:
        """Return which office issues for an office: its district, or the city."""
        path = self.places[index].path
        return self._units.index(path[1]) if len(path) > 2 else 0

    def chain(
        self, index: int, office_key: bytes, now: datetime, *,
        by: dict[int, Authority] | None = None, key: ec.EllipticCurvePrivateKey | None = None,
    ) -> tuple[x509.Certificate, ...]:  # fmt: skip
        """Return a chain for an office's signing key, issued at this time."""
        issuer = self.issuer_of(index)
        authority = (by or self.real)[issuer]
        public = (key or self.new_key()).public_key()
        made = authority.issue_office(self.places[index], public, office_key, f"单位{index}", now)
        return (made, authority.certificate) if issuer else (made,)

    def _record(self, index: int, office_key: bytes, chain: Sequence[x509.Certificate]) -> None:
        paper, unit = self._papers[self.issuer_of(index)], self._units[index]
        made = chain[0]
        row = Issued(
            serial=service.serial_text(made), unit=unit, kind=OFFICE,
            not_after_ms=service.end_ms(made), issued_ms=START_MS, office_key=office_key,
            der=made.public_bytes(DER),
        )  # fmt: skip
        paper.issued[row.serial] = row

    def _steal(self, index: int) -> Stolen:
        """Make what an office had before its key was replaced: the key was stolen."""
        signer = self.new_signer()
        chain = self.chain(index, signer.public_key, moment(START_MS) - timedelta(days=20))
        self._record(index, signer.public_key, chain)
        return Stolen(signer, chain)

    def enrol(self, index: int, folder: Path) -> None:
        """Enrol a new folder of an office, as persons do at both ends: its key is a new one.

        Half of the certificates become due for renewal within the run.
        """
        if (folder / files.TLS_FILE).exists():
            return
        unit = self._units[index]
        signer, key = signer_of(folder, self._rng), self.new_key()
        horizon = timedelta(milliseconds=self._world.plan.horizon_ms)
        now = moment(self._world.clockwork.now_ms)
        issued = now - DUE + timedelta(minutes=10) + 2 * self._rng.random() * horizon
        chain = self.chain(index, signer.public_key, min(issued, now), key=key)
        self._record(index, signer.public_key, chain)
        paper = self._papers[self.issuer_of(index)]
        if unit in paper.keys:
            self._world.ledger.note("certificates", "an office enrolled again")
        paper.keys[unit] = signer.public_key
        if index in self.real:
            own = self.real[index]
            files.save_authority(folder, own.key, own.certificate)
        files.save(folder, key, chain, (self.real[0].certificate,))

    # -- in the stores -------------------------------------------------------------------------

    def opened(self, process: Process) -> None:
        """Record what an authority has issued, and revoke what is replaced."""
        if process.index not in self.real or not process.office.certificates.enrolled:
            return
        office, paper = process.office, self._papers[process.index]
        with office.store.read() as tx:
            recorded = {each.serial: each for each in table.issued_by_end(tx, 0, 1 << 62)}
        paper.issued |= recorded
        missing = [row for serial, row in paper.issued.items() if serial not in recorded]

        def write(tx: Any) -> None:
            for row in missing:
                table.record(tx, row)

        if missing:
            office.store.write(write)
        before = office.certificates.numbers()
        for unit, key in paper.keys.items():
            service.supersede(office, unit, key)
        if office.certificates.numbers() != before:
            self._world.ledger.note("certificates", "a key revoked")

    def revoked(self, index: int) -> set[int]:
        """Return the serial numbers that an authority has revoked, by its own store."""
        process = self._world.processes.get(index)
        if process is None:
            return set()
        with process.office.store.read() as tx:
            return set(table.revoked_serials(tx))

    # -- while it runs -------------------------------------------------------------------------

    def see_to(self, process: Process) -> None:
        """Do what `hub.serve.process` does every few seconds; and what persons do on paper."""
        office = process.office
        if not office.certificates.enrolled:
            return
        before = office.certificates.credentials
        due = renewal.is_due(office)
        renewal.renew_if_due(office)
        if office.certificates.credentials is not before:
            self._world.ledger.note("certificates", "renewed")
        elif due:
            self._world.ledger.note("certificates", "renewal failed")
        process.callers.end_refused(process.parent, office.certificates)
        self.opened(process)
        dialer = process.dialer
        if dialer is None or dialer.shown is None:
            return
        changed = office.certificates.credentials is not dialer.shown
        if changed or office.certificates.is_parent_refused():
            dialer.redial()

    def call(self, _addresses: str, _secure: Any, method: str, request: Any) -> Any:
        """Carry a call of enrolment to the parent's port, at once.

        In place of `enroller._call`. Raises: NobodyEnrols; what the parent refuses.
        """
        world = self._world
        above, asked = map(self._units.index, (request.parent, request.request.unit))
        caller = next(i for i in world.children(above) if asked in world.below(i))
        process = world.processes.get(above)
        edge = world.network.edges[caller]
        if process is None or not edge.whole or process.paused_until_ms > world.clockwork.now_ms:
            raise enroller.NobodyEnrols("parent", "no line", "线路中断")
        servicer = handlers(EnrolmentServicer(lambda _unit: process.office))
        handler: Any = servicer.service(_Details(f"/silian.link.v1.EnrolmentService/{method}"))
        wire = request.SerializeToString()
        doing, process.doing = process.doing, "enrol"
        try:
            return handler.unary_unary(REQUESTS[method].FromString(wire), None)
        except Crash:
            world.crashed(process)
            raise enroller.NobodyEnrols("parent", "it died", "对方中断") from None
        finally:
            process.doing = doing

    # -- in the end ----------------------------------------------------------------------------

    def check_quiet(self, processes: Sequence[Process]) -> None:
        """Every office knows what the authorities above it have revoked. Raises: Violation."""
        for process in processes:
            index = process.index
            if process.office.certificates.credentials is None:
                raise Violation("INV-31 enrolled", f"office {index} has no certificate")
            known = {
                revoked.serial_number
                for der, _ in process.office.certificates.lists()
                for revoked in x509.load_der_x509_crl(der)
            }
            for above in {0, self.issuer_of(index)}:
                if lacking := self.revoked(above) - known:
                    raise Violation(
                        "INV-35 revocation lists",
                        f"office {index} lacks {len(lacking)} that office {above} has revoked",
                    )


@dataclass(frozen=True)
class _Details:
    method: str
    invocation_metadata: tuple[()] = ()


def shown_pems(shown: Sequence[bytes]) -> dict[str, list[bytes]]:
    """Return certificates as gRPC gives them to a servicer."""
    pems = files.pem_of([x509.load_der_x509_certificate(each) for each in shown])
    return {"x509_pem_cert": [pems], "x509_pem_cert_chain": [b""]} if shown else {}
