"""Offices as processes with real gRPC; the parent process tells them what to do."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.offices import (
    CODES,
    TRANSACTION,
    changes,
    creations,
    new_folder,
    now_ms,
    phone_of,
    urgent,
)

OFFICE = "tests.benchmarks.tiers"
COMMANDS = (
    "prepare", "load", "load_behind", "update", "edit", "wait_count", "wait_phone", "indexes",
    "usage",
)  # fmt: skip


class Tiers:
    """Offices in line, each in a process of its own; tier 0 is the highest.

    A folder that is there is served as it is. `module`: what each process runs. It is given where
    its store goes and its parent's address, says its own, and answers commands;
    `tests.benchmarks.bare` does without an office.
    """

    def __init__(self, folder: Path, codes: Sequence[str] = CODES, module: str = OFFICE) -> None:
        self._processes: list[subprocess.Popen[str]] = []
        address = ""
        for code in codes:
            command = [sys.executable, "-m", module, "--dir", str(folder / code)]
            process = subprocess.Popen(
                [*command, "--unit", code, "--parent", address],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            self._processes.append(process)
            address = self._answer(process)["address"]

    def ask(self, tier: int, do: str, **command: Any) -> dict[str, Any]:
        """Send one command to a tier and wait for its answer."""
        self.send_command(tier, do, **command)
        return self.answer(tier)

    def send_command(self, tier: int, do: str, **command: Any) -> None:
        stdin = self._processes[tier].stdin
        assert stdin is not None
        stdin.write(json.dumps({"do": do, **command}) + "\n")
        stdin.flush()

    def answer(self, tier: int) -> dict[str, Any]:
        return self._answer(self._processes[tier])

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.stdin is not None:
                process.stdin.close()
            process.wait(60)

    @staticmethod
    def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a tier ended with {process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found


@contextmanager
def running(folder: Path, codes: Sequence[str] = CODES, module: str = OFFICE) -> Iterator[Tiers]:
    """Yield tiers and end them."""
    tiers = Tiers(folder, codes, module)
    try:
        yield tiers
    finally:
        tiers.close()


class Tier:
    """One office in its own process, doing what its standard input says."""

    def __init__(self, folder: Path, code: str, parent: str) -> None:
        from hub.serve.process import Process
        from node import logs

        logs.set_up(level="WARNING")
        if not folder.exists():
            new_folder(folder, code, parent=parent)
        self._process = Process([folder], wall_ms=now_ms, rng=random.Random(code))
        self._office = next(iter(self._process.served.values())).office
        self._unit = self._office.tree.find(CODES[-1]).unit_id
        self._rows: list[Any] = []
        self._written = 0
        self._rest = threading.Event()
        self._committed = threading.Event()
        self._office.on_wake(lambda _wake: self._committed.set())
        self._behind: threading.Thread | None = None
        print_json(address=self._process.start())

    def run(self) -> None:
        for line in sys.stdin:
            command = json.loads(line)
            do = command.pop("do")
            assert do in COMMANDS
            print_json(**getattr(self, do)(**command))
        self._process.stop()

    def prepare(self, count: int, first: int = 0) -> dict[str, Any]:
        """Have rows ready in memory, out of the garbage collector's way."""
        import gc

        from tests.benchmarks.data import rows

        gc.unfreeze()
        self._rows = list(rows(count, first))
        gc.collect()
        gc.freeze()
        return {}

    def load(self) -> dict[str, Any]:
        """Write the prepared rows as new records, transactions of 1,000."""
        began = time.time()
        for at in range(0, len(self._rows), TRANSACTION):
            self._commit(creations(self._rows[at : at + TRANSACTION], self._unit))
        return {"began": began, "ended": time.time()}

    def load_behind(self, rate: float, first: int = 0) -> dict[str, Any]:
        """Begin to write new rows in a thread, `rate` a second (0: as fast as it goes).

        The second call ends it and tells how many were written.
        """
        if self._behind is not None:
            self._rest.set()
            self._behind.join()
            self._behind = None
            return {"count": self._written}
        self._rest.clear()
        self._written = 0
        self._behind = threading.Thread(
            target=self._load_until_rest, args=(rate, first), daemon=True
        )
        self._behind.start()
        return {}

    def _load_until_rest(self, rate: float, first: int) -> None:
        from tests.benchmarks.data import rows

        began = time.monotonic()
        while not self._rest.is_set():
            part = rows(TRANSACTION, first + self._written)
            self._commit(creations(part, self._unit))
            self._written += TRANSACTION
            if rate:
                self._rest.wait(max(0.0, began + self._written / rate - time.monotonic()))

    def update(self, round: int, shuffled: bool) -> dict[str, Any]:
        """Set two fields of every record."""
        order = [record_id for record_id, _ in self._rows]
        if shuffled:
            random.Random(5).shuffle(order)
        began = time.time()
        for at in range(0, len(order), TRANSACTION):
            self._commit(changes(order[at : at + TRANSACTION], self._unit, round))
        return {"began": began, "ended": time.time(), "last": order[-1].hex()}

    def edit(self, n: int, round: int, register: str = "bench") -> dict[str, Any]:
        """Set two fields of one of the prepared records; an urgent one is new each time."""
        ids = [self._rows[n][0]]
        edits = (changes if register == "bench" else urgent)(ids, self._unit, round)
        began = time.time()
        self._commit(edits)
        return {"began": began}

    def _commit(self, edits: list[Any]) -> None:
        self._office.commit(lambda _tx: edits)

    def wait_count(self, count: int) -> dict[str, Any]:
        """Wait until `count` records are visible here."""
        statement = "SELECT sum(count) FROM digest WHERE register='bench'"
        while (self._one(statement) or 0) < count:
            time.sleep(0.005)
        return {"at": time.time()}

    def wait_phone(
        self, round: int, n: int = -1, record: str = "", register: str = "bench"
    ) -> dict[str, Any]:
        """Wait until one record shows the value of `round`."""
        record_id = bytes.fromhex(record) if record else self._rows[n][0]
        statement = f"SELECT f_phone FROM r_{register} WHERE unit=? AND id=?"
        # Notified by each commit here: a thread that asks all the time would slow the office.
        self._committed.clear()
        while self._one(statement, (self._unit, record_id)) != phone_of(round):
            self._committed.wait(0.05)
            self._committed.clear()
        return {"at": time.time()}

    def _one(self, statement: str, parameters: tuple[Any, ...] = ()) -> Any:
        with self._office.store.read() as tx:
            return tx.exec_driver_sql(statement, parameters).scalar()

    def indexes(self, on: bool) -> dict[str, Any]:
        """Leave bootstrap mode, or enter it: no secondary indexes while records pour in."""
        tables = self._office.tables
        began = time.time()
        self._office.store.write(tables.create_indexes if on else tables.drop_indexes)
        return {"began": began, "ended": time.time()}

    def usage(self) -> dict[str, Any]:
        """Tell what this process has used."""
        return {"cpu": time.process_time(), **memory()}


def memory() -> dict[str, int]:
    """Return resident bytes and threads of this process (Linux)."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {"rss": int(status["VmRSS"].split()[0]) * 1024, "threads": int(status["Threads"])}


def print_json(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--dir", "--unit", "--parent"):
        parser.add_argument(name, default="")
    options = parser.parse_args()
    Tier(Path(options.dir), options.unit, options.parent).run()


if __name__ == "__main__":
    main()
