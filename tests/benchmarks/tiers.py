"""Four tiers as four processes with real gRPC; the parent process tells them what to do."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CODES = ("330100000000", "330102000000", "330102013000", "330102013009")  # city .. community


class Tiers:
    """The four offices, each in a process of its own, started for one measurement."""

    def __init__(self, folder: Path, *, synchronous: str = "FULL") -> None:
        self._processes: list[subprocess.Popen[str]] = []
        address = ""
        for code in CODES:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.benchmarks.tiers", "--dir", str(folder / code),
                 "--unit", code, "--parent", address, "--synchronous", synchronous],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            self._processes.append(process)
            address = self._answer(process)["address"]

    def ask(self, tier: int, **command: Any) -> dict[str, Any]:
        """Send one command to a tier (0 is the city) and wait for its answer."""
        self.tell(tier, **command)
        return self._answer(self._processes[tier])

    def tell(self, tier: int, **command: Any) -> None:
        stdin = self._processes[tier].stdin
        assert stdin is not None
        stdin.write(json.dumps(command) + "\n")
        stdin.flush()

    def answer(self, tier: int) -> dict[str, Any]:
        return self._answer(self._processes[tier])

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.stdin is not None:
                process.stdin.close()
            process.wait(30)

    @staticmethod
    def _answer(process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a tier ended with {process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found


class Tier:
    """One office in its own process, doing what its standard input says."""

    def __init__(self, options: argparse.Namespace) -> None:
        from hub.app import Process
        from node import logs
        from node.config import OfficeConfig
        from node.domain.catalogue import load_catalogue
        from node.setup import init_office

        logs.set_up(level="WARNING")
        extra = Path(__file__).with_name("bench.toml")
        folder = Path(options.dir)
        config = OfficeConfig(
            unit=options.unit, parent=options.parent, extra_catalogue=(str(extra),)
        )
        init_office(folder, config, load_catalogue([extra]), rng=random.Random(options.unit))
        self._process = Process(
            [folder], wall_ms=lambda: time.time_ns() // 1_000_000,
            rng=random.Random(options.unit), synchronous=options.synchronous,
        )  # fmt: skip
        self._served = next(iter(self._process.served.values()))
        self._office = self._served.office
        self._rows: list[Any] = []
        say(address=self._process.start())

    def run(self) -> None:
        for line in sys.stdin:
            command = json.loads(line)
            say(**getattr(self, command.pop("do"))(**command))
        self._process.stop()

    def prepare(self, count: int) -> dict[str, Any]:
        from tests.benchmarks.data import rows

        self._rows = list(rows(count))
        return {}

    def load(self, start: int = 0, stop: int | None = None) -> dict[str, Any]:
        """Write the prepared rows as new records, transactions of 1,000."""
        from sync.change import Edit, Operation, RecordKey
        from tests.benchmarks.data import FIELDS

        unit = self._office.identity.unit
        began = time.time()
        for at in range(start, stop or len(self._rows), 1_000):
            edits = [
                Edit(
                    key=RecordKey("bench", unit, record_id),
                    operation=Operation.CREATE,
                    values=dict(zip(FIELDS, values, strict=True)),
                    audiences=("up:city",),
                )
                for record_id, values in self._rows[at : at + 1_000]
            ]
            self._office.commit(lambda _tx, edits=edits: edits)
        return {"began": began, "ended": time.time()}

    def update(self, round: int, shuffled: bool) -> dict[str, Any]:
        """Set two fields of every record."""
        order = list(range(len(self._rows)))
        if shuffled:
            random.Random(5).shuffle(order)
        began = time.time()
        for at in range(0, len(order), 1_000):
            self._set([self._rows[n][0] for n in order[at : at + 1_000]], round)
        return {"began": began, "last": self._rows[order[-1]][0].hex()}

    def edit(self, n: int, round: int) -> dict[str, Any]:
        began = time.time()
        self._set([self._rows[n][0]], round)
        return {"began": began}

    def _set(self, ids: Sequence[bytes], round: int) -> None:
        from sync.change import Edit, Operation, RecordKey

        unit = self._office.identity.unit
        edits = [
            Edit(
                key=RecordKey("bench", unit, record_id),
                operation=Operation.UPDATE,
                values={"phone": f"139{round:08d}", "remark": f"改{round}"},
                audiences=("up:city",),
            )
            for record_id in ids
        ]
        self._office.commit(lambda _tx: edits)

    def wait_count(self, count: int) -> dict[str, Any]:
        """Wait until `count` records are visible here."""
        while True:
            with self._office.store.read() as tx:
                found = tx.exec_driver_sql("SELECT sum(count) FROM digest WHERE register='bench'")
                if (found.scalar() or 0) >= count:
                    return {"at": time.time()}
            time.sleep(0.005)

    def wait_phone(self, n: int = -1, record: str = "", round: int = 0) -> dict[str, Any]:
        """Wait until one record shows the value of `round`."""
        record_id = bytes.fromhex(record) if record else self._rows[n][0]
        unit = self._office.tree.by_code(CODES[-1]).unit_id
        statement = "SELECT f_phone FROM r_bench WHERE unit=? AND id=?"
        pause = 0.005 if record else 0.0003
        while True:
            with self._office.store.read() as tx:
                phone = tx.exec_driver_sql(statement, (unit, record_id)).scalar()
            if phone == f"139{round:08d}":
                return {"at": time.time()}
            time.sleep(pause)

    def log_bytes(self) -> dict[str, Any]:
        with self._office.store.read() as tx:
            total = tx.exec_driver_sql("SELECT sum(length(wire)) FROM entry").scalar()
        return {"bytes": total}

    def cpu(self) -> dict[str, Any]:
        return {"seconds": time.process_time()}


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name in ("--dir", "--unit", "--parent", "--synchronous"):
        parser.add_argument(name, default="")
    Tier(parser.parse_args()).run()
