"""A street with many light children: how long until all are connected again after all were cut off.

The hub is one process, its children another; each child has a connection of its own and shows, if
it has one, its own certificate. A child says Hello, proves its key, and waits in `Watch`.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MODULE = "tests.benchmarks.children"
UNITS = {
    "handshakes": "/s", "reconnect": "s", "reconnect_hub_cpu": "ms/child",
    "reconnect_memory": "KiB/child",
}  # fmt: skip
SINGLE = 200  # handshakes one after another
PATIENCE_S = 120.0
AGAIN_S = 0.2


def signer_of(unit: int) -> Any:
    """Return the key with which a child signs: the same in each process."""
    from sync.codec.signing import SEED_BYTES, Signer

    return Signer(random.Random(unit).randbytes(SEED_BYTES))


def measured(hub: Path, name: str, *, protected: bool) -> dict[str, float]:
    """Serve a street and have the children beside its folder connect, all cut off, and again."""
    off = () if protected else ("--off",)
    with (
        _running("hub", "--dir", str(hub), *off) as street,
        _running("children", "--dir", str(hub.parent / "children"), "--name", name,
                 "--address", _answer(street)["address"], *off) as there,
    ):  # fmt: skip
        count = _answer(there)["children"]
        bare = _ask(street, "usage")
        _ask(there, "connect")
        _ask(there, "drop")
        before = _ask(street, "usage")
        took = _ask(there, "connect")["took"]
        after = _ask(street, "usage")
        _ask(there, "drop")
        single = _ask(there, "single")["took"]
    return {
        "handshakes": SINGLE / single,
        "reconnect": took,
        "reconnect_hub_cpu": (after["cpu"] - before["cpu"]) / count * 1e3,
        "reconnect_memory": (after["peak"] - bare["rss"]) / count / 1024,
    }


@contextmanager
def _running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", MODULE, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.communicate(timeout=PATIENCE_S)


def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, "the process ended"
    found: dict[str, Any] = json.loads(line)
    return found


def _ask(process: subprocess.Popen[str], what: str) -> dict[str, Any]:
    assert process.stdin is not None
    process.stdin.write(what + "\n")
    process.stdin.flush()
    return _answer(process)


# -- the hub ---------------------------------------------------------------------------------------


def be_hub(folder: Path) -> None:
    from hub.serve.capacity import raise_file_limit
    from hub.serve.process import Process
    from tests.benchmarks.offices import now_ms
    from tests.benchmarks.tiers import memory, print_json

    raise_file_limit()
    process = Process([folder], wall_ms=now_ms, rng=random.Random(1))
    print_json(address=process.start())
    for _ in sys.stdin:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        print_json(cpu=time.process_time(), peak=int(peak.split()[1]) * 1024, **memory())
    process.stop()


# -- the children ----------------------------------------------------------------------------------


class Child:
    """One light child: the messages of a handshake, and what it must remember."""

    def __init__(self, folder: Path, address: str, name: str) -> None:
        from node.identity import files
        from sync.rpc.channel import Secure

        self.unit = int(folder.name)
        self._address = address
        self._signer = signer_of(self.unit)
        found = files.load(folder)
        self._chain = found.ders if found is not None else ()
        self._secure = (
            Secure(found.roots_pem, name, found.key_pem, found.chain_pem) if found else None
        )
        self._token = b""
        self._channel: Any = None
        self._watch: Any = None

    def open(self) -> Any:
        """Open a connection and say Hello; return the call."""
        from sync.rpc.channel import NO_PROXY, open_channel
        from sync.wire.link.v1 import link_pb2_grpc

        self.close()
        options = (NO_PROXY, ("grpc.use_local_subchannel_pool", 1))
        self._channel = open_channel(self._address, self._secure, options)
        self._stub: Any = link_pb2_grpc.LinkServiceStub(self._channel)
        return self._stub.Hello.future(self._hello(), timeout=PATIENCE_S)

    def prove(self, given: Any) -> Any:
        """Sign the challenge and say Hello again; return the call."""
        from sync.link.possession import CHILD, Sides, sign

        hello = self._hello()
        sides = Sides(self.unit, given.unit, hello.incarnation, given.incarnation)
        hello.signed_challenge = given.challenge
        hello.signature = sign(self._signer, CHILD, sides, given.challenge)
        return self._stub.Hello.future(hello, timeout=PATIENCE_S)

    def accepted(self, reply: Any) -> bool:
        """Wait in `Watch` if the hub has let this child in; return whether it has."""
        from sync.wire.link.v1 import link_pb2 as pb

        if reply.verdict not in (pb.VERDICT_ACCEPTED, pb.VERDICT_SNAPSHOT):
            return False
        self._token = reply.token or self._token
        watch = pb.WatchRequest(session=reply.session, unit=self.unit)
        self._watch = self._stub.Watch.future(watch)
        return True

    def close(self) -> None:
        if self._channel is not None:
            self._channel.close()

    def _hello(self) -> Any:
        from sync.wire.link.v1 import link_pb2 as pb
        from tests.benchmarks.offices import now_ms

        return pb.HelloRequest(
            unit=self.unit, level=3, incarnation=self.unit + 1, protocol_min=1, protocol_max=1,
            now_ms=now_ms(), program="bench", process=self.unit, token=self._token,
            public_key=self._signer.public_key, challenge=bytes(16), certificates=self._chain,
        )  # fmt: skip


def connect(waiting: Sequence[Child]) -> float:
    """Have all connect at once, those that fail again; return the seconds until all are in."""
    began = time.monotonic()
    while waiting:
        assert time.monotonic() < began + PATIENCE_S, f"{len(waiting)} were not let in"
        if waiting_again := _round(waiting):
            time.sleep(AGAIN_S)
        waiting = waiting_again
    return time.monotonic() - began


def _round(waiting: Sequence[Child]) -> list[Child]:
    """Try once with each; return those that were not let in."""
    import grpc

    first = [(child, child.open()) for child in waiting]
    second, failed = [], []
    for child, call in first:
        try:
            second.append((child, child.prove(call.result())))
        except grpc.RpcError:
            failed.append(child)
    for child, call in second:
        try:
            if not child.accepted(call.result()):
                failed.append(child)
        except grpc.RpcError:
            failed.append(child)
    return failed


def be_children(folder: Path, address: str, name: str) -> None:
    from hub.serve.capacity import raise_file_limit
    from tests.benchmarks.tiers import print_json

    raise_file_limit()
    children = [Child(each, address, name) for each in sorted(folder.iterdir())]
    print_json(children=len(children))
    for line in sys.stdin:
        match line.strip():
            case "connect":
                print_json(took=connect(children))
            case "single":
                began = time.monotonic()
                for n in range(SINGLE):
                    connect([children[n % len(children)]])
                print_json(took=time.monotonic() - began)
            case _:
                for child in children:
                    child.close()
                time.sleep(1.0)
                print_json()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("hub", "children"))
    for option in ("--dir", "--address", "--name"):
        parser.add_argument(option, default="")
    parser.add_argument("--off", action="store_true")
    options = parser.parse_args()
    if options.off:
        from tests.benchmarks.unprotected import switch_off

        switch_off()
    from node import logs

    logs.set_up(level="WARNING")
    if options.what == "hub":
        be_hub(Path(options.dir))
    else:
        be_children(Path(options.dir), options.address, options.name)


if __name__ == "__main__":
    main()
