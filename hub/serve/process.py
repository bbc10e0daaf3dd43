"""A process that serves offices: composition root of `silian serve`."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from hub.api import service
from hub.api.call_context import CallContext
from hub.api.tokens import Unauthenticated, token_of, unit_for_token
from hub.link import enrolment, sealed, sealer
from hub.link.callers import Callers
from hub.link.enrolment import EnrolmentServicer
from hub.link.sealed import SealedServicer
from hub.link.servicer import TO_KEY, LinkServicer, handlers
from hub.serve import renewal
from hub.serve.capacity import Capacity, file_limit
from hub.serve.health_port import BEAT_S, Pulse, health_pages
from hub.serve.maintenance import PERIODIC, sealing_job, tick
from hub.serve.plain_port import PlainPort
from hub.serve.restored import recover
from hub.serve.server import Server
from hub.serve.supervisor import Supervisor
from hub.serve.tls import tls_of
from hub.serve.traces import traced
from node.address import address, listed, must_be_protected, shown
from node.domain.catalogue import load_catalogue
from node.domain.units import UnknownUnit
from node.host import LinkedOffice
from node.identity.files import Credentials
from node.jobs import Jobs
from node.open import open_office
from node.spans import NO_SPANS, Spans
from sync.link import CLOSE_AFTER_S, ChildEnd, Dialer, Line, Lines, Parent, dial
from sync.log.outcome import Waiters
from sync.model.schema import Lane
from sync.rpc.channel import Secure

if TYPE_CHECKING:
    from hub.serve.metrics import Reading
    from hub.serve.metrics_port import MetricsPort

GRACE_S = 10.0
LEAVE_S = 3.0  # how long threads have to end once every store is closed
LINK_WORKERS_MAX = 8  # they work on our own stores; none waits for a parent
STATUS_AFTER_MS = 1_000
SEALED_EVERY_S = 60  # what waits is sent when there is a connection
SEALED_AGAIN_MS = 15 * 60_000  # after a failure: the parent may have no room
CERTIFICATES_EVERY_S = 20  # a revocation ends open calls within that (INV-35 allows 60)
ASK_AGAIN = 4  # times after a change, each after twice as long; later the tick does it


class Served:
    """One office in this process: its end of the link upward, its side for its children."""

    def __init__(self, office: LinkedOffice, process: Process) -> None:
        self.office = office
        self.parent = Parent(office)
        self.dialer: Dialer | None = None
        self._process = process
        self._heartbeat_due = threading.Event()
        self._sealed_again_ms = 0  # no sealed backup is sent before
        self._dialled_with: Credentials | None = None  # what the connection upward was opened with
        self._address_tried = 0  # of the parent's, counted on and on
        if office.config.parent:
            self.dialer = self._dialer(listed(office.config.parent), process)
            office.on_wake(self._wake_upward)
        office.on_restored(lambda: recover(office, self.dialer))

    def _dialer(self, addresses: Sequence[str], process: Process) -> Dialer:
        office = self.office
        parent_unit = office.tree.parent(office.identity.unit) or 0

        return Dialer(
            ChildEnd(office, parent_unit),
            connect=lambda: self._connect(addresses, parent_unit),
            addresses=len(addresses),
            workers=process.workers,
            later=process.jobs.later,
            rng=office.rng,
            log=office.log.bind(parent=shown(addresses)),
            pushed=self._handshake_soon,
        )

    def _connect(self, addresses: Sequence[str], parent: int) -> Line:
        """Return a line to the parent: where it answered last, after a failure at the next.

        Raises: Unprotected.
        """
        if self.dialer is not None and self.dialer.attempt:
            self._address_tried += 1
        address = addresses[self._address_tried % len(addresses)]
        to = ((TO_KEY, str(parent)),)
        return self._process.lines.connect(address, to, self._secure(address, parent))

    def _secure(self, address: str, parent: int) -> Secure | None:
        """Return the TLS towards the parent; None on loopback before the office is enrolled.

        Raises: Unprotected.
        """
        tls = self._process.tls
        if tls is not None and self.office.certificates.enrolled:
            self._dialled_with = tls.credentials
            return tls.towards(self.office, parent)
        must_be_protected(address)
        return None

    def see_to_certificates(self) -> None:
        """Renew in time, dial again with what was renewed, and end what was revoked."""
        renewal.renew_if_due(self.office)
        self._process.callers.end_refused(self.parent, self.office.certificates)
        tls = self._process.tls
        if tls is None or self.dialer is None or self._dialled_with is None:
            return
        changed = tls.credentials is not self._dialled_with
        if changed or self.office.certificates.is_parent_refused():
            self.dialer.redial()

    def send_sealed(self) -> None:
        """Send the sealed backup that waits for the parent, if one does."""
        now_ms, idle = self.office.clock.now_ms(), self.dialer is not None and self.dialer.idle
        if not idle or self.office.fenced or now_ms < self._sealed_again_ms:
            return
        self._sealed_again_ms = now_ms + SEALED_AGAIN_MS
        sealer.send(self.office)
        self._sealed_again_ms = 0

    def _wake_upward(self, waiters: Waiters) -> None:
        if self.dialer is not None and waiters.up:
            self.dialer.notify(up=frozenset(waiters.up), recent_commit=waiters.recent_commit)
            self._handshake_soon()

    def _handshake_soon(self) -> None:
        """Handshake soon after a burst of changes, or of what had waited for the link: the
        watermark follows the change, and the answer has how far it is durable above.
        """
        if not self._heartbeat_due.is_set():
            self._heartbeat_due.set()
            self._process.jobs.later(STATUS_AFTER_MS, self._send_heartbeat)

    def _send_heartbeat(self, asked: int = 0) -> None:
        """Handshake; `asked`: so often already since a change that was not all durable above."""
        if asked == 0:
            self._heartbeat_due.clear()
        if self.dialer is None:
            return
        self.office.peer_status.own_status(self.acked())
        self.dialer.renew_handshake()
        if asked < ASK_AGAIN:
            again_ms = STATUS_AFTER_MS << asked
            self._process.jobs.later(again_ms, lambda: self._ask_again(asked + 1))

    def _ask_again(self, asked: int) -> None:
        """When it was asked, the parent may not have known yet what is durable above it."""
        soon = self._heartbeat_due.is_set()  # another change will ask
        if self.dialer is None or soon or not self.dialer.connected:
            return
        if self.office.peer_status.waits_above():
            self._send_heartbeat(asked)

    def tick(self) -> None:
        """Do what must happen now and then without a notification."""
        tick(self)

    def acked(self) -> dict[Lane, int]:
        """How far the parent has our log, by its last answer."""
        return self.dialer.acked_by_parent if self.dialer is not None else {}

    def reading(self) -> Reading:
        """Return what metrics say of this office."""
        from hub.serve.metrics import read

        return read(self.office, self.dialer)

    def close_soon(self) -> None:
        """Begin nothing more on the link upward."""
        if self.dialer is not None:
            self.dialer.close_soon()

    def close(self, grace_s: float = CLOSE_AFTER_S) -> None:
        self.parent.close()
        if self.dialer is not None:
            self.dialer.close(grace_s)
        self.office.peer_status.save(moments=True)
        self.office.close()


class Process:
    """Offices served together: one address, one scheduler, one pool of workers."""

    def __init__(
        self,
        folders: Sequence[Path],
        *,
        wall_ms: Callable[[], int],
        rng: random.Random,
        listen: str | None = None,
        supervisor: Supervisor | None = None,
        spans: Spans = NO_SPANS,
        **store_options: Any,
    ) -> None:
        self.workers = ThreadPoolExecutor(LINK_WORKERS_MAX, thread_name_prefix="link")
        self.lines = Lines(traced(dial, spans))
        self.callers = Callers()
        self.pulse = Pulse()
        self._supervisor = supervisor or Supervisor({}, os.getpid())
        self._health_port: PlainPort | None = None
        self.jobs = Jobs(rng, spans=spans)
        self.served: dict[int, Served] = {}
        self._tokens: dict[int, str] = {}
        self._log = structlog.get_logger()
        self._stopped = threading.Event()
        self.metrics_address = ""  # where monitoring asks; empty: nowhere
        catalogue = load_catalogue()
        try:
            for folder in folders:
                # One random source for all: keys and tokens come from it, and one seeded from it
                # could be recognised by what it has drawn before.
                office = open_office(
                    folder, wall_ms=wall_ms, rng=rng, catalogue=catalogue, **store_options
                )
                self.served[office.identity.unit] = Served(office, self)
                self._tokens[office.identity.unit] = token_of(folder)
            first = next(iter(self.served.values())).office.config
            self.capacity = Capacity.of(served.office for served in self.served.values())
            self.tls = tls_of(served.office for served in self.served.values())
            self.server = Server(
                listen or first.listen, tls=self.tls, enrolment=first.enrolment,
                capacity=self.capacity, spans=spans,
            )  # fmt: skip
            self._metrics = self._metrics_port(first.metrics) if first.metrics else None
        except BaseException:
            self._close_offices()
            raise

    def start(self) -> str:
        """Serve, dial, tick; return the address. Raises: CannotListen."""
        self.server.add(handlers(LinkServicer(self.parent_of, self.callers)))
        self.server.add(enrolment.handlers(EnrolmentServicer(self.office_of)))
        self.server.add(sealed.handlers(SealedServicer(self.parent_of, self.office_of)))
        self.server.add(service.handlers(self.context_for))
        if any(served.office.config.reflection for served in self.served.values()):
            self.server.reflect(service.NAME)
        try:
            self._health_port = self._open_health_port()
            address = self.server.start()
            if self._metrics is not None:
                self.metrics_address = self._metrics.start()
        except BaseException:
            self._close_health_port()
            self.server.stop(0)
            self._close_offices()
            raise
        self._see_to_files()
        self.jobs.start()
        self.jobs.beat(self._beat_s(), self._beat)
        for served in self.served.values():
            office = served.office
            office.publish_address(self.server.local, files=self.capacity.files)
            self.server.serves(office.identity.unit)
            name = f"{office.unit.code}:tick"
            self.jobs.every(office.config.sync_interval_s, name, served.tick)
            if office.certificates.enrolled:
                name = f"{office.unit.code}:certificates"
                self.jobs.every(CERTIFICATES_EVERY_S, name, served.see_to_certificates)
                name = f"{office.unit.code}:sealed"
                self.jobs.every(SEALED_EVERY_S, name, served.send_sealed)
            for job in (*PERIODIC, sealing_job(office)):
                self.jobs.periodic(office, job)
            if served.dialer is not None:
                spread_ms = office.config.connect_spread_s * 1_000
                self.jobs.later(office.rng.randrange(spread_ms + 1), served.dialer.start)
            self._log.info(
                "office_served", office=office.unit.code, unit_name=office.unit.name,
                listen=shown(self.server.addresses), parent=office.config.parent or None,
            )  # fmt: skip
        self.pulse.set_ready(True)
        self._supervisor.ready(f"serves {len(self.served)} offices at {address}")
        if self.metrics_address:
            self._log.info("metrics_served", listen=self.metrics_address)
        return address

    def served_of(self, unit: int) -> Served:
        """Return the office called; a process with one office needs no name.

        Raises: UnknownUnit.
        """
        if unit == 0 and len(self.served) == 1:
            return next(iter(self.served.values()))
        found = self.served.get(unit)
        if found is None:
            any_office = next(iter(self.served.values())).office
            raise UnknownUnit(f"#{unit}", any_office.today(), [])
        return found

    def parent_of(self, unit: int) -> Parent:
        """Return the parent's end of the office called."""
        return self.served_of(unit).parent

    def office_of(self, unit: int) -> LinkedOffice:
        """Return the office called."""
        return self.served_of(unit).office

    def context_for(self, token: str) -> CallContext:
        """Return the office whose token was shown. Raises: Unauthenticated."""
        try:
            unit = unit_for_token(token, self._tokens.items())
        except Unauthenticated as error:  # it is nobody's: the host's log has it
            next(iter(self.served.values())).office.caller_refused(0, error)
            raise
        served = self.served[unit]
        name = self.tls.name if self.tls is not None else ""
        return CallContext(served.office, served.dialer, served.parent, name)

    def stop(self) -> None:
        """Stop gracefully: calls under way end, links close, every store is checkpointed."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self.pulse.set_ready(False)
        self._supervisor.stopping()
        self.jobs.close()
        if self._metrics is not None:
            self._metrics.close()
        for served in self.served.values():
            served.parent.close()
            served.close_soon()  # a call that waits for the parent would wait for the whole grace
        self.server.stop(GRACE_S)
        self._close_offices()
        self._close_health_port()
        self._log.info("process_stopped")

    def wait(self) -> None:
        """Wait until `stop` was called."""
        self._stopped.wait()

    def _open_health_port(self) -> PlainPort | None:
        """Raises: CannotListen."""
        at = next(iter(self.served.values())).office.config.health
        if not at:
            return None
        port = PlainPort(address(at, any_port=True), health_pages(self.pulse))
        port.start()
        self._log.info("health_served", listen=port.address)
        return port

    def _close_health_port(self) -> None:
        if self._health_port is not None:
            self._health_port.close()
            self._health_port = None

    def _beat_s(self) -> float:
        """Beat often enough for the health port, and three times within systemd's patience."""
        patience_s = self._supervisor.patience_s
        return min(BEAT_S, patience_s / 3) if patience_s else BEAT_S

    def _beat(self) -> None:
        self.pulse.beat()
        self._supervisor.alive()

    def _metrics_port(self, listen: str) -> MetricsPort:
        from hub.serve.metrics_port import MetricsPort  # only for whoever wants it

        return MetricsPort(
            listen,
            {served.office.unit.code: served.reading for served in self.served.values()},
        )

    def _see_to_files(self) -> None:
        allowed = file_limit()
        if allowed is not None and allowed < self.capacity.files:
            self._log.warning("too_few_files", allowed=allowed, needed=self.capacity.files)

    def _close_offices(self) -> None:
        for served in self.served.values():
            served.close_soon()
        # Calls under way have this long together, not each.
        until = time.monotonic() + CLOSE_AFTER_S
        for served in self.served.values():
            served.close(max(0.0, until - time.monotonic()))
        self.workers.shutdown(wait=True, cancel_futures=True)


def leave_soon(wait_s: float = LEAVE_S) -> None:
    """End this process after a stop, whatever thread still sleeps: every store is closed.

    Python waits at its end for every worker thread, also for one whose caller has long gone.
    """

    def leave() -> None:
        names = sorted(each.name for each in threading.enumerate() if not each.daemon)
        structlog.get_logger().warning("threads_left", threads=names)
        sys.stdout.flush()
        os._exit(0)

    timer = threading.Timer(wait_s, leave)
    timer.daemon = True
    timer.start()
