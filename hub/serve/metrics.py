"""Metrics: what `silian status` shows, as families of OpenMetrics. What is not known is absent.

Labels are the codes of the office itself and of those directly below it, the names of its jobs, and
the three severities: no person, no task, no record, nothing that grows.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from node.domain.units import Level
from node.office import PROGRAM
from node.services.health.problems import Severity
from node.services.health.status import LinkState, OfficeLine, Status, child_lines, status
from node.store.job_runs import JobTotal

if TYPE_CHECKING:
    from node.office import Office

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """What one office knows of itself and of those directly below it at one moment."""

    status: Status
    children: tuple[OfficeLine, ...]


def read(office: Office, link_state: LinkState | None) -> Reading:
    """Return an office's reading: the very value that `silian status` prints."""
    return Reading(status(office, link_state), child_lines(office))


@dataclass(frozen=True, slots=True)
class Series(Generic[T]):
    """One metric: its name, its help, and its value; None where that is not known."""

    name: str
    help: str
    value: Callable[[T], float | None]


def _seconds(ms: int | None) -> float | None:
    return None if ms is None else ms / 1_000


def _moment(ms: int) -> float | None:
    """Return a moment in seconds since 1970; None for never."""
    return _seconds(ms) if ms else None


def _below_the_city(found: Reading, value: float) -> float | None:
    """Return what there is only towards a parent."""
    return None if found.status.own.level is Level.CITY else value


OF_OFFICE: Sequence[Series[Reading]] = (
    Series(
        "silian_status_timestamp_seconds", "When these values were read, by the office's clock.",
        lambda found: _moment(found.status.at_ms),
    ),
    Series(
        "silian_link_up", "Whether the link to the parent is up.",
        lambda found: found.status.own.connected,
    ),
    Series(
        "silian_last_contact_timestamp_seconds", "When the parent was last in contact.",
        lambda found: _moment(found.status.own.last_contact_ms),
    ),
    Series(
        "silian_outbox_entries", "Log entries that the parent does not have yet.",
        lambda found: _below_the_city(found, found.status.own.waiting_up),
    ),
    Series(
        "silian_lag_seconds", "Age of the oldest of these entries; 0 when none waits.",
        lambda found: _below_the_city(found, found.status.own.waiting_age_ms / 1_000),
    ),
    Series(
        "silian_conflicts", "Conflicts that wait for a person's decision.",
        lambda found: found.status.own.conflicts,
    ),
    Series(
        "silian_quarantined_changes", "Changes that could not be applied.",
        lambda found: found.status.own.quarantined,
    ),
    Series(
        "silian_certificate_days_left", "Whole days that the office's certificate is still valid.",
        lambda found: found.status.machine.certificate_days,
    ),
    Series(
        "silian_store_bytes", "Size of the store.",
        lambda found: found.status.machine.store_bytes,
    ),
    Series(
        "silian_disk_free_bytes", "Free space on the fullest of the office's disks.",
        lambda found: found.status.machine.disk_free_bytes,
    ),
    Series(
        "silian_clock_offset_seconds", "The parent's clock minus this machine's.",
        lambda found: _seconds(found.status.machine.clock_offset_ms),
    ),
)  # fmt: skip
OF_CHILD: Sequence[Series[OfficeLine]] = (
    Series(
        "silian_child_seen", "Whether any status of the child was ever received.",
        lambda line: line.received,
    ),
    Series(
        "silian_child_link_up", "Whether the child is connected.",
        lambda line: line.connected,
    ),
    Series(
        "silian_child_last_contact_timestamp_seconds", "When the child was last in contact.",
        lambda line: _moment(line.last_contact_ms),
    ),
    Series(
        "silian_child_complete_timestamp_seconds", "The child's figures are complete up to then.",
        lambda line: _moment(line.exact_ms),
    ),
    Series(
        "silian_child_outbox_entries", "Log entries of the child that this office does not have.",
        lambda line: line.waiting_up if line.received else None,
    ),
    Series(
        "silian_child_lag_seconds", "Age of the oldest of these entries; 0 when none waits.",
        lambda line: line.waiting_age_ms / 1_000 if line.received else None,
    ),
    Series(
        "silian_child_waiting_entries", "Log entries for the child that wait here.",
        lambda line: line.waiting_down if line.received else None,
    ),
    Series(
        "silian_child_conflicts", "Conflicts at the child.",
        lambda line: line.conflicts if line.received else None,
    ),
    Series(
        "silian_child_quarantined_changes", "Changes that the child could not apply.",
        lambda line: line.quarantined if line.received else None,
    ),
)  # fmt: skip
OF_JOB: Sequence[Series[JobTotal]] = (
    Series(
        "silian_job_runs",
        "How often the job has ended, with success or without.",
        lambda job: job.runs,
    ),
    Series("silian_job_failures", "How often the job has failed.", lambda job: job.failures),
)
JOB_SUCCESS: Series[JobTotal] = Series(
    "silian_job_last_success_timestamp_seconds", "When the job last succeeded.",
    lambda job: _moment(job.last_success_ms),
)  # fmt: skip
BUILD, UP, PROBLEMS = "silian_build", "silian_office_up", "silian_problems"


class OfficeMetrics(Collector):
    """The offices of one process as metrics. `latest`: each office's code with its last reading."""

    def __init__(self, latest: Callable[[], Iterable[tuple[str, Reading | None]]]) -> None:
        self._latest = latest

    def describe(self) -> Iterator[Metric]:
        """Return nothing: to register this must not read the offices."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        latest = list(self._latest())
        known = [(code, found) for code, found in latest if found is not None]
        children = [((code, line.code), line) for code, found in known for line in found.children]
        jobs = [((code, job.job), job) for code, found in known for job in found.status.jobs]
        yield InfoMetricFamily(
            BUILD, "The program and its Python.",
            {"version": PROGRAM, "python": platform.python_version()},
        )  # fmt: skip
        yield _gauge(
            Series(UP, "Whether the office could be read.", lambda found: found is not None),
            ("office",), [((code,), found) for code, found in latest],
        )  # fmt: skip
        for office in OF_OFFICE:
            yield _gauge(office, ("office",), [((code,), found) for code, found in known])
        for child in OF_CHILD:
            yield _gauge(child, ("office", "child"), children)
        for counter in OF_JOB:
            family = CounterMetricFamily(counter.name, counter.help, labels=("office", "job"))
            for labels, job in jobs:
                family.add_metric(labels, counter.value(job) or 0)
            yield family
        yield _gauge(JOB_SUCCESS, ("office", "job"), jobs)
        yield _problems(known)


def _gauge(
    series: Series[T], labels: Sequence[str], items: Iterable[tuple[Sequence[str], T]]
) -> Metric:
    family = GaugeMetricFamily(series.name, series.help, labels=labels)
    for values, item in items:
        value = series.value(item)
        if value is not None:
            family.add_metric(values, float(value))
    return family


def _problems(known: Iterable[tuple[str, Reading]]) -> Metric:
    family = GaugeMetricFamily(
        PROBLEMS, "What somebody should look at; `silian status` lists it.",
        labels=("office", "severity"),
    )  # fmt: skip
    for code, found in known:
        counts = Counter(problem.severity for problem in found.status.problems)
        for severity in Severity:
            family.add_metric((code, severity.name.lower()), counts[severity])
    return family
