"""Callers that were refused: the first at once, then at most one entry a minute for each kind.

Whoever is refused costs nothing to try again: it must not be able to fill the log.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from node.audit.log import AuditLog
from node.domain.audit import AuditEvent, EventKind, Fact
from sync.model.errors import SilianError

AGAIN_MS = 60_000
KINDS_MAX = 1_024  # of callers and codes; beyond it they count as one caller


class RefusedCallers:
    """Thread-safe."""

    def __init__(self, audit: AuditLog, now_ms: Callable[[], int], log: Any) -> None:
        self._audit = audit
        self._now_ms = now_ms
        self._log = log
        self._lock = threading.Lock()
        self._newest: dict[tuple[int, str], tuple[int, int]] = {}  # when written, refused since

    def note(self, unit: int, error: SilianError) -> None:
        """A caller was refused. `unit`: of which it says to be; 0: of none."""
        times = self._due((unit, error.code))
        if not times:
            return
        facts: dict[str, Fact] = {"code": error.code, "times": times}
        event = AuditEvent(event=EventKind.CALLER_REFUSED, unit=unit, facts=facts)
        try:
            self._audit.record(event)
        except SilianError as trouble:  # the caller gets its refusal all the same
            self._log.error("audit_failed", code=trouble.code, reason=trouble.en)

    def _due(self, kind: tuple[int, str]) -> int:
        now_ms = self._now_ms()
        with self._lock:
            if kind not in self._newest and len(self._newest) >= KINDS_MAX:
                kind = (0, kind[1])
            at_ms, since = self._newest.get(kind, (-AGAIN_MS, 0))
            if now_ms - at_ms < AGAIN_MS:
                self._newest[kind] = (at_ms, since + 1)
                return 0
            self._newest[kind] = (now_ms, 0)
            return since + 1
