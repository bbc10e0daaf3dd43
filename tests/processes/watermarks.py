"""Whoever looks at an office's status again and again never sees what is safe or exact go back."""

from __future__ import annotations

from dataclasses import dataclass, field

from sync.wire.office.v1 import office_pb2 as pb


@dataclass(slots=True)
class WatermarkMonitor:
    """The greatest marks seen at each office, and every time that one was less (INV-4, 12)."""

    watermarks: dict[tuple[str, ...], int] = field(default_factory=dict)
    went_back: list[str] = field(default_factory=list)

    def observe(self, at: str, status: pb.GetStatusResponse, pid: int = 0) -> None:
        """Compare with what was seen there before. `pid`: the number of the process that said it.

        How far a log is durable above, and how exact others are, is stored now and then only: a
        process that was killed starts with what it last stored, which is less, until it gets more.
        """
        for level in status.durable_above:
            self._check((at, str(pid), "safe", str(level.level), level.lane), level.position)
        for office in status.offices[1:]:
            self._check((at, str(pid), "exact", office.unit.code), office.exact_ms)

    def _check(self, name: tuple[str, ...], now: int) -> None:
        before = self.watermarks.get(name, 0)
        if now < before:
            self.went_back.append(f"{' '.join(name)} went back from {before} to {now}")
        self.watermarks[name] = max(now, before)
