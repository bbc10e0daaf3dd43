"""Retention forgets finished work that is old enough, and nothing else; every day once."""

from __future__ import annotations

import random

import pytest

from hub.serve.maintenance import PERIODIC
from node.china import DAY_MS
from node.jobs import Jobs
from node.services.upkeep.retention import retire
from sync.store.sql import execute
from tests.support.network import A, Network


@pytest.fixture
def net(tmp_path):
    net = Network(tmp_path / "net", (A,), templates=tmp_path / "made")
    yield net
    net.close()


def put_run(office, job: str, state: str, ended_ms: int | None) -> None:
    office.store.write(
        lambda tx: (
            execute(
                tx,
                "INSERT INTO job_run (job, period, state, started_ms, ended_ms, detail) "
                "VALUES (?, 'then', ?, 0, ?, '')",
                (job, state, ended_ms),
            ).rowcount
        )
    )


def jobs_of(office) -> set[str]:
    with office.store.read() as tx:
        return {row[0] for row in execute(tx, "SELECT job FROM job_run")}


def test_only_finished_runs_older_than_the_setting_are_deleted(net):
    office = net[A]
    old = net.ms - (office.config.retention_days + 1) * DAY_MS
    put_run(office, "old", "done", old)
    put_run(office, "recent", "done", net.ms)
    put_run(office, "failed", "failed", old)
    put_run(office, "running", "running", None)
    assert retire(office, net.ms).job_runs == 1
    assert jobs_of(office) == {"recent", "failed", "running"}


def test_retention_runs_once_a_day_and_after_a_day_that_was_missed(net):
    office = net[A]
    (job,) = [j for j in PERIODIC if j.name == "retention"]
    jobs = Jobs(random.Random(1))
    assert jobs.run_due(office, job)
    assert not jobs.run_due(office, job)
    net.forward(3 * DAY_MS)
    assert jobs.run_due(office, job)
