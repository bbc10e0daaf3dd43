"""The limit of a single edit here: a chain of bare processes, and nothing of ours in them.

Each takes a message by a gRPC call, writes ten rows by SQLite in one durable transaction, as many
as an office's statements change, and calls the next one.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from node.store.engine import sqlite_driver
from tests.benchmarks.raw import PRAGMAS

TIERS = 4
ROWS = 5_000
WRITES = 10
STRIDE = 400  # between the rows of one transaction: no two on a page
BODY = b"y" * 300
METHOD = "/bare/Write"


def edits(folder: Path, count: int, pause_s: float) -> list[float]:
    """Return the milliseconds that single edits took from the lowest process to the highest."""
    chain: list[subprocess.Popen[str]] = []
    address = ""
    for tier in range(TIERS):
        command = [sys.executable, "-m", "tests.benchmarks.bare", str(folder / f"{tier}.db")]
        process = subprocess.Popen(
            [*command, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        chain.append(process)
        address = _answer(process)
    took = []
    for n in range(1, count + 1):
        _tell(chain[0], f"wait {n}")
        _tell(chain[-1], f"edit {n}")
        began = float(_answer(chain[-1]))
        took.append((float(_answer(chain[0])) - began) * 1e3)
        time.sleep(pause_s)
    for process in reversed(chain):
        process.communicate()  # the end of its input ends it
    return took


def _tell(process: subprocess.Popen[str], line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


def _answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"a process of the bare chain ended with {process.wait()}")
    return line.strip()


class _Link(grpc.GenericRpcHandler):
    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        return grpc.unary_unary_rpc_method_handler(self._take)

    def _take(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        self._write(request)
        return b"durable"


def _heard(call: grpc.Future[bytes]) -> None:
    call.result()


def _run(path: Path, above: str) -> None:
    db = sqlite_driver.connect(str(path), isolation_level=None, check_same_thread=False)
    for pragma in PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)")
    db.execute("BEGIN")
    db.executemany("INSERT INTO t VALUES (?,?)", [(n, BODY) for n in range(ROWS)])
    db.execute("COMMIT")
    up = grpc.insecure_channel(above).unary_unary(METHOD) if above else None
    newest = 0
    written = threading.Event()

    def write(message: bytes) -> None:
        nonlocal newest
        n = int.from_bytes(message[:4], "big")
        db.execute("BEGIN IMMEDIATE")
        for k in range(WRITES):
            db.execute("UPDATE t SET v=? WHERE id=?", (message, (n + k * STRIDE) % ROWS))
        db.execute("COMMIT")
        if up is not None:
            up.future(message).add_done_callback(_heard)  # one that nobody holds is cancelled
        newest = n
        written.set()

    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((_Link(write),))
    print(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}", flush=True)
    server.start()
    for line in sys.stdin:
        what, number = line.split()
        if what == "edit":
            began = time.time()
            write(int(number).to_bytes(4, "big") + BODY)
            print(began, flush=True)
        else:
            while newest != int(number):
                written.wait(0.05)
                written.clear()
            print(time.time(), flush=True)
    server.stop(None)
    db.close()


if __name__ == "__main__":
    _run(Path(sys.argv[1]), sys.argv[2])
