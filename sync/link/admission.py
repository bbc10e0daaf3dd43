"""Admission: who may wait for the store; bulk waits at the child, so that control gets a thread."""

from __future__ import annotations

from sync.apply.host import Host
from sync.model.change import Batch
from sync.model.errors import ErrorKind, SilianError
from sync.store.priority import Priority, priority_of

BULK_WAITING_MAX = 6  # bulk batches of children that wait for the store, each with its thread
OVERLOADED_WAIT_MS = 2_000


class Overloaded(SilianError):
    """Enough bulk waits here already; the child comes again after the time named."""

    code = "overloaded"
    kind = ErrorKind.RESOURCE_EXHAUSTED

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(
            f"this office is busy; again in {retry_after_ms} ms",
            f"上级正忙，请在 {retry_after_ms} 毫秒后重试",
            remedy_en="This happens by itself.",
            remedy_zh="系统会自动重试。",
        )
        self.retry_after_ms = retry_after_ms


def admit(host: Host, batch: Batch) -> None:
    """Let a child's batch wait for the store, or refuse it before any of it is applied.

    Control may always wait. Refused batches come back at different moments.
    Raises: Overloaded.
    """
    if priority_of(batch.lane) is not Priority.BULK:
        return
    if host.store.write_queue.waiting(Priority.BULK) >= BULK_WAITING_MAX:
        raise Overloaded(host.rng.randrange(OVERLOADED_WAIT_MS // 2, OVERLOADED_WAIT_MS))
