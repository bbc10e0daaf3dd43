"""What an office on PostgreSQL measures of itself."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

from hub.serve.maintenance import yesterday
from node.config import OfficeConfig
from node.jobs import Job, Jobs
from node.open import open_office
from node.services.health.status import status
from node.setup import init_office
from node.store.job_runs import JobTotal
from tests.unit.node.offices import CATALOGUE, COMMUNITY, TREE, Clock

BYTES_MIN = 1 << 20  # of an empty database of PostgreSQL, and less than it has


def test_an_office_on_postgresql_knows_the_size_of_its_store_and_counts_its_jobs(
    tmp_path: Path, fresh_postgres_url: str
) -> None:
    clock, rng = Clock(), random.Random(5)
    config = OfficeConfig(unit=COMMUNITY, store=fresh_postgres_url)
    init_office(tmp_path, config, CATALOGUE, rng=rng, tree_csv=TREE.encode())
    with closing(open_office(tmp_path, wall_ms=clock, rng=rng, catalogue=CATALOGUE)) as office:
        assert Jobs(rng).run_due(office, Job("daily", yesterday, lambda _office, _period: ""))
        found = status(office)
        assert (found.machine.store_bytes or 0) > BYTES_MIN
        assert (found.machine.disk_free_bytes or 0) > 0
        assert found.jobs == (JobTotal(job="daily", runs=1, failures=0, last_success_ms=clock.ms),)
