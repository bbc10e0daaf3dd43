"""Reads what the metrics port answers."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from hub.serve.metrics import OfficeMetrics

SUFFIXES = {"counter": "_total", "info": "_info"}
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Samples:
    """Values by name and labels."""

    values: dict[tuple[str, Labels], float]

    def get(self, name: str, **labels: str) -> float | None:
        return self.values.get((name, frozenset(labels.items())))

    def labelled(self) -> Iterator[tuple[str, dict[str, str]]]:
        for name, labels in self.values:
            yield name, dict(labels)


def samples_of(text: str) -> Samples:
    """Read a page of OpenMetrics."""
    found = {}
    for family in text_string_to_metric_families(text):  # type: ignore[no-untyped-call]
        for sample in family.samples:
            found[sample.name, frozenset(sample.labels.items())] = float(sample.value)
    return Samples(found)


def page(address: str, path: str = "/metrics", timeout_s: float = 60.0) -> str:
    """Ask a metrics port as Prometheus does."""
    request = urllib.request.Request(f"http://{address}{path}", headers={"Accept": OPENMETRICS})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=timeout_s) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        return str(answer.read().decode())


def scrape(address: str) -> Samples:
    return samples_of(page(address))


def published() -> frozenset[str]:
    """Return every name under which a sample may be asked for."""
    families = OfficeMetrics(lambda: ()).collect()
    return frozenset(f"{each.name}{SUFFIXES.get(each.type, '')}" for each in families)
