"""Progress of the demonstration: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hub.cli.terminal import Terminal


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long a step took. `cpu_s`: of all processes together."""

    name: str
    seconds: float
    cpu_s: float


class Progress:
    """Announces steps on standard error, and keeps their times.

    `others_cpu_s`: processor time of the other processes that run; the system adds that of ended
    ones to ours.
    """

    def __init__(self, terminal: Terminal, others_cpu_s: Callable[[], float]) -> None:
        self._terminal = terminal
        self._others_cpu_s = others_cpu_s
        self._began = time.monotonic()
        self.steps: list[StepTime] = []

    @contextmanager
    def step(self, name: str, zh: str, en: str) -> Iterator[Callable[[str], None]]:
        """Show a step while it lasts; yields `localized(detail)`."""
        start, cpu = time.monotonic(), self._cpu_s()
        number = len(self.steps) + 1
        text = f"[{number}] {self._terminal.localized(zh, en)}"
        if sys.stderr.isatty():
            with self._terminal.console(errors=True).status(text) as shown:
                yield lambda detail: shown.update(f"{text}: {detail}")
        else:
            sys.stderr.write(f"{self._clock()} {text}\n")
            sys.stderr.flush()
            yield lambda _detail: None
        took = StepTime(name, time.monotonic() - start, self._cpu_s() - cpu)
        self.steps.append(took)
        sys.stderr.write(f"{self._clock()} {text}: {took.seconds:.1f} s\n")
        sys.stderr.flush()

    @property
    def seconds(self) -> float:
        """How long the demonstration has taken so far."""
        return time.monotonic() - self._began

    def _clock(self) -> str:
        return f"{self.seconds:6.1f} s"

    def _cpu_s(self) -> float:
        times = os.times()
        mine = times.user + times.system + times.children_user + times.children_system
        return mine + self._others_cpu_s()
