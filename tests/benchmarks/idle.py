"""Measures of doing nothing: a heartbeat's bytes, an idle office's memory, an idle child's."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc

from tests.benchmarks.bench import Bench, in_turn
from tests.benchmarks.offices import CODES, new_folder, now_ms, opened
from tests.benchmarks.tiers import memory

OFFICES = 20  # beyond the first
CHILDREN_FEW, CHILDREN = 10, 50
STREET, COMMUNITY = CODES[2], CODES[3]
QUIET_S = 30.0


class Counting(grpc.UnaryUnaryClientInterceptor):
    """Counts calls and the bytes of their messages, as serialized."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.bytes = 0

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        self.calls.append(str(details.method).rpartition("/")[2])
        self.bytes += request.ByteSize()
        call = continuation(details, request)
        call.add_done_callback(self._answered)
        return call

    def _answered(self, call: Any) -> None:
        if call.code() is grpc.StatusCode.OK:
            self.bytes += call.result().ByteSize()


def idle_session(bench: Bench) -> None:
    """Round trips and bytes of a heartbeat when nothing has changed."""
    from hub.serve.process import Process
    from sync.link.child import ChildEnd
    from sync.link.dialer import Dialer
    from sync.link.lines import Lines, dial

    sizes: list[float] = []
    trips: list[float] = []
    with bench.folder() as folder, ThreadPoolExecutor(2) as workers:
        street = new_folder(folder / "street", STREET)
        process = Process([street], wall_ms=now_ms, rng=random.Random(1))
        address = process.start()
        child = opened(new_folder(folder / "child", COMMUNITY, parent=address), COMMUNITY)
        parent_unit = child.tree.parent(child.identity.unit)
        assert parent_unit is not None
        counted = Counting()
        lines = Lines(lambda address: grpc.intercept_channel(dial(address), counted))
        dialer = Dialer(
            ChildEnd(child, parent_unit),
            connect=lambda: lines.connect(address),
            workers=workers,
            later=lambda _delay_ms, _work: None,
            rng=random.Random(2),
        )
        dialer.start()
        assert dialer.wait_idle(QUIET_S), "the session did not come to rest"
        dialer.renew_handshake()  # the first says what the session brought
        assert dialer.wait_idle(QUIET_S)
        for _ in range(bench.runs):
            counted.calls, counted.bytes = [], 0
            dialer.renew_handshake()
            assert dialer.wait_idle(QUIET_S)
            trips.append(len(counted.calls))
            sizes.append(counted.bytes)
        dialer.close()
        child.close()
        process.stop()
    bench.found("idle_session_trips", trips, "round trips")
    bench.found("idle_session_bytes", sizes, "B")


def idle_office_memory(bench: Bench) -> None:
    """Resident memory of one more idle office in a process that serves several."""
    with bench.folder() as folder:
        codes = communities(OFFICES + 1)
        for code in codes:
            new_folder(folder / code, code, tree=tree_of(codes), extra=False)
        folders = [str(folder / code) for code in codes]

        def serving(some: list[str]) -> Callable[[], float]:
            return lambda: float(_helper("offices", *some)["rss"])

        one, many = in_turn(bench.runs, serving(folders[:1]), serving(folders))
    each = [(b - a) / OFFICES / 1024 for a, b in zip(one, many, strict=True)]
    bench.found("idle_office_memory", each, "KiB")


def idle_child_memory(bench: Bench) -> None:
    """Resident memory at a hub of one more connected idle child, and the hub's threads."""
    each: list[float] = []
    threads: list[float] = []
    with bench.folder() as folder:
        codes = communities(CHILDREN_FEW + CHILDREN)
        for n in range(bench.runs):
            hub = new_folder(folder / f"hub{n}", STREET, tree=tree_of(codes), extra=False)
            found = _helper("hub", str(hub))
            each.append((found["after"]["rss"] - found["before"]["rss"]) / CHILDREN / 1024)
            threads.append(found["after"]["threads"])
    bench.found("idle_child_memory", each, "KiB")
    bench.found(f"threads_of_hub_with_{CHILDREN_FEW + CHILDREN}_children", threads, "threads")


def communities(count: int) -> list[str]:
    """Return codes of communities; beyond 999 they look like the next street's."""
    first = int(STREET[6:9])
    return [f"{STREET[:6]}{first + n // 999:03d}{n % 999 + 1:03d}" for n in range(count)]


def tree_of(codes: list[str]) -> bytes:
    """Return a city of one street with as many communities as needed."""
    city, district, street = CODES[:3]
    lines = [
        "code,name,level,parent_code", f"{city},试市,city,", f"{district},试区,district,{city}",
        f"{street},试街道,street,{district}",
        *(f"{code},社区{code[-6:]},community,{street}" for code in codes),
    ]  # fmt: skip
    return ("\n".join(lines) + "\n").encode()


def _helper(*arguments: str) -> dict[str, Any]:
    """Run this module in a process of its own and return what it found."""
    command = [sys.executable, "-m", "tests.benchmarks.idle", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def serve_offices(folders: list[Path]) -> dict[str, Any]:
    """Serve offices, tick each once, and tell what memory that took."""
    import gc

    from hub.serve.process import Process

    process = Process(folders, wall_ms=now_ms, rng=random.Random(1))
    process.start()
    for served in process.served.values():
        served.tick()
    gc.collect()
    found = memory()
    process.stop()
    return found


def serve_children(folder: Path) -> dict[str, Any]:
    """Serve a hub; light children handshake and wait, from another process."""
    import gc

    from hub.serve.process import Process

    process = Process([folder], wall_ms=now_ms, rng=random.Random(1))
    address = process.start()
    served = next(iter(process.served.values()))
    units = sorted(served.office.tree.children(served.office.identity.unit))
    found = {}
    children = []
    for name, some in (("before", units[:CHILDREN_FEW]), ("after", units[CHILDREN_FEW:])):
        command = [sys.executable, "-m", "tests.benchmarks.idle", "children", address]
        child = subprocess.Popen(
            [*command, *map(str, some)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n", "the children could not greet"
        gc.collect()
        found[name] = memory()
    for child in children:
        child.communicate("")
    process.stop()
    return found


def be_children(address: str, units: list[int]) -> None:
    """Handshake for each unit over a channel of its own, wait for notifications, no more."""
    from sync.codec.signing import Signer
    from sync.link.possession import CHILD, Sides, sign
    from sync.rpc.channel import NO_PROXY
    from sync.wire.link.v1 import link_pb2 as pb
    from sync.wire.link.v1 import link_pb2_grpc

    options = (NO_PROXY, ("grpc.use_local_subchannel_pool", 1))
    open_watches = []
    signer = Signer(random.Random(address).randbytes(32))
    for n, unit in enumerate(units):
        channel = grpc.insecure_channel(address, options=options)
        stub: Any = link_pb2_grpc.LinkServiceStub(channel)
        hello = pb.HelloRequest(
            unit=unit, level=3, incarnation=unit + 1, protocol_min=1, protocol_max=1,
            now_ms=now_ms(), program="bench", process=n + 1,
            public_key=signer.public_key, challenge=bytes(16),
        )  # fmt: skip
        given = stub.Hello(hello, timeout=QUIET_S)
        sides = Sides(unit, given.unit, unit + 1, given.incarnation)
        hello.signed_challenge = given.challenge
        hello.signature = sign(signer, CHILD, sides, given.challenge)
        reply = stub.Hello(hello, timeout=QUIET_S)
        assert reply.verdict == pb.VERDICT_ACCEPTED, reply.reason
        open_watches.append(
            (channel, stub.Watch.future(pb.WatchRequest(session=reply.session, unit=unit)))
        )
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    from node import logs

    logs.set_up(level="WARNING")
    what, *rest = sys.argv[1:]
    if what == "children":
        be_children(rest[0], list(map(int, rest[1:])))
    else:
        serve = (
            serve_offices(list(map(Path, rest)))
            if what == "offices"
            else serve_children(Path(rest[0]))
        )
        print(json.dumps(serve), flush=True)
