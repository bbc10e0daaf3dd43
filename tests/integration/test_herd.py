"""A hub restarts with sixty children: each makes a bounded number of handshakes, spread in time."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hub.link.servicer import LinkServicer, handlers
from hub.serve.server import Server
from node.config import OfficeConfig
from node.domain.units import Level
from node.office import Office
from node.open import open_office
from node.setup import init_office
from sync.codec.signing import Signer
from sync.link.dialer import Dialer
from sync.link.handshake import Hello
from sync.link.lines import Lines
from sync.link.messages import BatchRead, Handshake, HandshakeDone, Read, Verdict
from sync.link.parent import Parent
from sync.link.possession import CHILD, Sides, sign
from sync.link.session import State
from sync.model.change import Batch
from sync.model.limits import BACKOFF_BASE_MS
from sync.wire.link.v1 import link_pb2 as pb
from tests.unit.node.offices import CATALOGUE, STREET, TREE, Clock

CHILDREN = 60
LONG_S = 60.0
HEAD = "".join(line for line in TREE.splitlines(keepends=True) if "community" not in line)
COMMUNITIES = [f"330102013{n:03}" for n in range(1, CHILDREN + 1)]
WIDE = HEAD + "".join(f"{code},社区{n},community,{STREET}\n" for n, code in enumerate(COMMUNITIES))


class HandshakeClient:
    """The least that can be a child: it makes a handshake, has nothing to send and waits."""

    def __init__(self, unit: int) -> None:
        self._unit = unit
        self._session = 0
        self._token = b""
        self._signer = Signer(unit.to_bytes(32, "big"))
        self._last = pb.HelloResponse()

    def request(self, _command: Handshake) -> pb.HelloRequest:
        sides = Sides(self._unit, self._last.unit, self._unit, self._last.incarnation)
        return pb.HelloRequest(
            unit=self._unit, level=int(Level.COMMUNITY), incarnation=self._unit,
            process=self._unit, protocol_min=1, protocol_max=1, token=self._token,
            public_key=self._signer.public_key, challenge=bytes(16),
            signed_challenge=self._last.challenge,
            signature=sign(self._signer, CHILD, sides, self._last.challenge),
        )  # fmt: skip

    def event(self, reply: pb.HelloResponse, _command: Handshake) -> HandshakeDone:
        self._session, self._token, self._last = reply.session, reply.token, reply
        return HandshakeDone(Verdict(reply.verdict), retry_after_ms=reply.retry_after_ms)

    def perform(self, command: Read) -> BatchRead:
        return BatchRead(Batch(command.lane, self._unit, command.after, command.after))

    def watch_request(self, _acked: object) -> pb.WatchRequest:
        return pb.WatchRequest(session=self._session, unit=self._unit)


class Hub:
    """The street's end of the links to its children; counts handshakes; can stop and restart."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.handshakes: Counter[int] = Counter()
        self.address = ""

    def start(self) -> None:
        self._parent = Parent(self.office)
        hello = self._parent.hello

        def counted(handshake: Hello) -> Any:
            answer = hello(handshake)
            self.handshakes[handshake.unit] += answer.verdict is not Verdict.CHALLENGE
            return answer

        self._parent.hello = counted  # type: ignore[method-assign]
        self._server = Server(self.address or "127.0.0.1:0")
        self._server.add(handlers(LinkServicer(lambda _unit: self._parent)))
        self.address = self._server.start()

    def stop(self) -> None:
        self._parent.close()
        self._server.stop(0.1)


class Rests:
    """The waits that dialers asked for; they pass when the test says so."""

    def __init__(self) -> None:
        self.come = threading.Condition()
        self.delays_ms: list[int] = []
        self._works: list[Callable[[], None]] = []

    def __call__(self, delay_ms: int, work: Callable[[], None]) -> None:
        with self.come:
            self.delays_ms.append(delay_ms)
            self._works.append(work)
            self.come.notify_all()

    def wait(self, count: int) -> list[int]:
        """Wait until so many rest; return for how long each."""
        with self.come:
            assert self.come.wait_for(lambda: len(self._works) >= count, LONG_S)
            delays, self.delays_ms = self.delays_ms, []
            return delays

    def pass_over(self) -> None:
        with self.come:
            works, self._works = self._works, []
        for work in works:
            work()


def test_sixty_children_reconnect_to_a_restarted_hub_once_each_spread_over_the_backoff(
    tmp_path: Path,
) -> None:
    rng, clock = random.Random(5), Clock()
    init_office(tmp_path, OfficeConfig(unit=STREET), CATALOGUE, rng=rng, tree_csv=WIDE.encode())
    with ExitStack() as closing:
        office = open_office(
            tmp_path, wall_ms=clock, rng=rng, catalogue=CATALOGUE, synchronous="OFF"
        )
        closing.callback(office.close)
        hub, rests, shared = Hub(office), Rests(), Lines()
        hub.start()
        workers = ThreadPoolExecutor(8)
        closing.callback(workers.shutdown)
        lines = []
        for code in COMMUNITIES:
            line = Dialer(
                HandshakeClient(office.tree.find(code).unit_id),  # type: ignore[arg-type]
                connect=lambda: shared.connect(hub.address),
                workers=workers, later=rests, rng=random.Random(code),
            )  # fmt: skip
            closing.callback(line.close)
            lines.append(line)
            line.start()
        for line in lines:
            assert line.wait_idle(LONG_S)
        assert set(hub.handshakes.values()) == {1}
        assert len(hub.handshakes) == CHILDREN

        hub.stop()  # every open Watch is let go, and nobody answers the next handshake
        delays = rests.wait(CHILDREN)
        assert len(delays) == CHILDREN
        first = {state: sum(line.state is state for line in lines) for state in State}
        assert first[State.RESTING] == CHILDREN
        assert max(delays) <= BACKOFF_BASE_MS
        assert len(set(delays)) > CHILDREN // 2  # spread, and not in step
        rests.pass_over()  # still down: each asks once more, and waits up to twice as long
        delays = rests.wait(CHILDREN)
        assert len(delays) == CHILDREN
        assert max(delays) <= 2 * BACKOFF_BASE_MS

        hub.start()
        rests.pass_over()
        for line in lines:
            assert line.wait_idle(LONG_S)
        assert len(hub.handshakes) == CHILDREN
        assert max(hub.handshakes.values()) <= 3  # one of them may meet the hub as it closes
        assert sum(hub.handshakes.values()) <= 2 * CHILDREN + CHILDREN // 2
        hub.stop()
