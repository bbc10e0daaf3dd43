"""A stop ends: nobody who waits for a parent, and no thread that sleeps, keeps a process alive."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.client.client import wall_ms
from hub.serve.process import Process
from node.config import OfficeConfig
from node.setup import init_office
from tests.support.silian import COMMUNITY, START_S_MAX
from tests.unit.node.offices import CATALOGUE

FOR_EVER_S = 86_400.0
SLEEPER = """
import sys, threading, time
from hub.serve.process import leave_soon
from node import logs
logs.set_up(level="INFO")
threading.Thread(target=time.sleep, args=(86400,), name="sleeper").start()
leave_soon(0.01)
"""


@pytest.mark.parametrize("method", ["wait_idle", "wait_compared"])
def test_who_waits_for_a_parent_that_never_answers_does_not_keep_its_office_from_stopping(
    tmp_path: Path, method: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf, ThreadPoolExecutor(1) as pool:
        nobody = f"127.0.0.1:{deaf.getsockname()[1]}"
        folder = tmp_path / COMMUNITY
        config = OfficeConfig(unit=COMMUNITY, parent=nobody, listen="127.0.0.1:0")
        init_office(folder, config, CATALOGUE, rng=random.Random(3))
        process = Process([folder], wall_ms=wall_ms, rng=random.Random(4), synchronous="OFF")
        process.start()
        (served,) = process.served.values()
        assert served.dialer is not None
        served.dialer.start()
        served.dialer.compare()
        waiting = pool.submit(getattr(served.dialer, method), FOR_EVER_S)
        process.stop()
        assert waiting.result(START_S_MAX) is False


def test_a_thread_that_still_sleeps_after_a_stop_is_named_and_left() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SLEEPER], capture_output=True, text=True, timeout=START_S_MAX,
        check=False,
    )  # fmt: skip
    assert ran.returncode == 0
    assert "threads_left" in ran.stderr + ran.stdout
    assert "sleeper" in ran.stderr + ran.stdout
