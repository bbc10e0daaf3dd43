"""Health port: /livez and /readyz for who supervises the process; "ok" or "not ok", and no more.

Alive: the pulse, which goes through the scheduler, beat lately. Ready: offices are served, and no
stop has begun. Whether an office is well is asked with `silian status --check`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hub.serve.plain_port import Page

BEAT_S = 5
ALIVE_S = 60.0  # after so long without a beat the process counts as stuck


class Pulse:
    """Whether the process is alive and ready. A beat proves that its scheduler still works."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._beat = monotonic()
        self._ready = threading.Event()

    def beat(self) -> None:
        self._beat = self._monotonic()

    def set_ready(self, ready: bool) -> None:
        if ready:
            self._ready.set()
        else:
            self._ready.clear()

    @property
    def alive(self) -> bool:
        return self._monotonic() - self._beat < ALIVE_S

    @property
    def ready(self) -> bool:
        return self.alive and self._ready.is_set()


def health_pages(pulse: Pulse) -> dict[str, Callable[[], Page]]:
    """Return the two pages by their paths."""
    return {
        "/livez": lambda: _page(pulse.alive),
        "/readyz": lambda: _page(pulse.ready),
    }


def _page(good: bool) -> Page:
    return Page(200, "ok\n") if good else Page(503, "not ok\n")
