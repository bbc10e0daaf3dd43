"""Measures of the audit log: appending, and verifying."""

from __future__ import annotations

import time

from node.domain.audit import AuditEvent, EventKind
from node.services.audit import views
from tests.benchmarks.bench import Bench, no_garbage
from tests.benchmarks.offices import CODES, new_folder, opened

COMMUNITY = CODES[-1]
TOGETHER = 1_000  # entries in one transaction
EVENT = AuditEvent(
    event=EventKind.RECORDS_READ, by="王敏", unit=330_102, register="resident", record=bytes(16),
    fields=("id_number", "name", "phone"), facts={"call": "GetRecord", "records": 1},
)  # fmt: skip


def audit_log(bench: Bench) -> None:
    """Entries appended, 1,000 in a transaction, and then all of them verified, on one core."""
    count = bench.count(100_000)
    appended, verified = [], []
    for _ in range(bench.runs):
        with bench.folder() as folder:
            office = opened(new_folder(folder / "office", COMMUNITY), COMMUNITY)
            with no_garbage():
                began = time.perf_counter()
                for _ in range(count // TOGETHER):
                    office.audit.record(*[EVENT] * TOGETHER)
                appended.append(count / (time.perf_counter() - began))
                began = time.perf_counter()
                report = views.verify(office)
                verified.append(report.checkpoint.size / (time.perf_counter() - began))
            assert report.sound
            office.close()
    bench.found("audit_append", appended, "entries/s")
    bench.found("audit_verify", verified, "entries/s")
