"""The limit of a single edit here: a process in place of an office, and nothing of ours in it.

It takes a message by a gRPC call, writes ten rows by SQLite in one durable transaction, as many as
an office's statements change, and calls its parent. It answers those commands of
`tests.benchmarks.tiers` that single edits are timed with.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc

from node.store.engine import sqlite_driver
from tests.benchmarks.raw import PRAGMAS

ROWS = 5_000
WRITES = 10
STRIDE = 400  # between the rows of one transaction: no two on a page
BODY = b"y" * 300
METHOD = "/bare/Write"


class _Link(grpc.GenericRpcHandler):
    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def service(self, _details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
        return grpc.unary_unary_rpc_method_handler(self._take)

    def _take(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        self._write(request)
        return b"durable"


def _on_reply(call: grpc.Future[bytes]) -> None:
    call.result()


def _print_json(**facts: object) -> None:
    print(json.dumps(facts), flush=True)


def _run(path: str, above: str) -> None:
    db = sqlite_driver.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in PRAGMAS:
        db.execute(f"PRAGMA {pragma}")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v BLOB)")
    db.execute("BEGIN")
    db.executemany("INSERT INTO t VALUES (?,?)", [(n, BODY) for n in range(ROWS)])
    db.execute("COMMIT")
    direct = (("grpc.enable_http_proxy", 0),)
    up = grpc.insecure_channel(above, options=direct).unary_unary(METHOD) if above else None
    newest = 0
    written = threading.Event()

    def write(message: bytes) -> None:
        nonlocal newest
        round = int.from_bytes(message[:4], "big")
        db.execute("BEGIN IMMEDIATE")
        for k in range(WRITES):
            db.execute("UPDATE t SET v=? WHERE id=?", (message, (round + k * STRIDE) % ROWS))
        db.execute("COMMIT")
        if up is not None:
            up.future(message).add_done_callback(_on_reply)  # one that nobody holds is cancelled
        newest = round
        written.set()

    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((_Link(write),))
    _print_json(address=f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "edit":
            began = time.time()
            write(command["round"].to_bytes(4, "big") + BODY)
            _print_json(began=began)
        else:
            assert command["do"] == "wait_phone"
            while newest != command["round"]:
                written.wait(0.05)
                written.clear()
            _print_json(at=time.time())
    server.stop(None)
    db.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--dir", "--unit", "--parent"):
        parser.add_argument(name, default="")
    options = parser.parse_args()
    _run(f"{options.dir}.db", options.parent)
