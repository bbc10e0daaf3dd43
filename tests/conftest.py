"""What every test may ask for, and the two rules of a run: it repeats, and CI skips nothing.

Property tests run a fixed profile: the same examples at every run, so that no test passes or fails
by luck. `HYPOTHESIS_PROFILE=explore` draws fresh ones (`make soak`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.support.postgres import NoPostgres, Server, running_server

# Not where a verb's output is being captured: threads of a served office log whenever they like.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))

IN_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")
PLATFORM = "platform: "  # starts the reason of the only skips that CI lets pass

settings.register_profile(
    "explore", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("fixed", settings.get_profile("explore"), derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


def fail_a_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure that names its reason, unless the platform rules the test out."""
    if not IN_CI or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr)
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(PLATFORM):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI, where nothing may be skipped: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge the skip of a test or of its fixtures."""
    report = yield
    fail_a_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge the skip of a whole module."""
    report = yield
    fail_a_skip(report)
    return report


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One PostgreSQL for the session (for each xdist worker), started when first asked for."""
    try:
        with running_server() as server:
            yield server
    except NoPostgres as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres_url(postgres: Server) -> str:
    """The URL of the server's own database; for tables of your own take `fresh_postgres_url`."""
    return postgres.url()


@pytest.fixture
def fresh_postgres_url(postgres: Server) -> Iterator[str]:
    """The URL of an empty database that lives as long as the test."""
    with postgres.fresh_database() as url:
        yield url
