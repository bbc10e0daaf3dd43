"""Problems solved at the command line: quarantine, clones, many conflicts at once."""

from __future__ import annotations

import logging
import random
import threading
from pathlib import Path
from typing import Any

import pytest
import structlog

from hub.client.client import wall_ms
from hub.serve.process import Process
from node.services.records import edits
from tests.support.filled import troubled_street
from tests.support.network import A
from tests.support.silian import silian
from tests.unit.node.offices import Clock, exchange, new_office

HALL = {"name": "办公楼", "use": "办公", "area_m2": "660"}


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A street that holds three changes of a community which its store refused."""
    return troubled_street(tmp_path_factory.mktemp("trouble"))


def test_quarantined_changes_are_listed_shown_retried_and_closed_with_a_reason(
    street: Path,
) -> None:
    def quarantine(*arguments: object, lang: str = "en") -> Any:
        return silian("quarantine", *arguments, "--dir", street, lang=lang)

    listed = quarantine("ls", "--json").json
    assert (listed["total"], listed["next"]) == (3, "")
    first = listed["items"][0]
    assert (first["reason"], first["state"]) == ("constraint_violation", "open")
    assert first["writer"]["code"] == A
    shown = quarantine("show", first["id"], "--json").json
    assert shown["operation"] == "create"
    assert "area_m2" in shown["fields"]
    assert (
        "号楼" not in quarantine("show", first["id"], lang="zh").out
    )  # no value, names of fields only
    assert quarantine("retry", "--all", "--json").json == {"tried": 3, "applied": 0}
    assert quarantine("retry", first["id"], "--json").json == {"tried": 1, "applied": 0}
    silent = quarantine("close", first["id"], "--reason", " ", "--json")
    assert (silent.exit, silent.error["code"]) == (2, "usage")
    closed = quarantine("close", first["id"], "--reason", "重复录入", "--as", "李", "--json").json[
        "quarantined_change"
    ]
    assert closed["state"] == "closed"
    assert closed["note"].endswith("李: 重复录入")
    again = quarantine("close", first["id"], "--reason", "重复录入", "--json")
    assert (again.exit, again.error["code"]) == (7, "quarantined_change_closed")
    assert quarantine("ls", "--json").json["total"] == 2
    everything = quarantine("ls", "--all", "--limit", 2, "--json").json
    assert everything["total"] == 3
    rest = quarantine("ls", "--all", "--after", everything["next"], "--json").json["items"]
    assert len(rest) == 1
    assert "待处理" in quarantine("ls", lang="zh").out
    nobody = quarantine("retry", "--json")
    assert (nobody.exit, nobody.error["code"]) == (2, "usage")
    unknown = quarantine("show", "00" * 16, "--json")
    assert (unknown.exit, unknown.error["code"]) == (3, "unknown_quarantined_change")


@pytest.mark.parametrize("served", [False, True])
def test_a_clone_is_reset_at_the_parent_with_a_reason_whether_it_is_served_or_not(
    street: Path, *, served: bool
) -> None:
    process = Process([street], wall_ms=wall_ms, rng=random.Random(1)) if served else None
    try:
        if process is not None:
            process.start()
            (office,) = process.served.values()
            office.office.peer_status.flag_clone(office.office.tree.find(A).unit_id)

        def copies(*arguments: object, lang: str = "en") -> Any:
            return silian("clone", *arguments, "--dir", street, lang=lang)

        (flagged,) = copies("ls", "--json").json["items"]
        assert (flagged["unit"]["code"], flagged["flagged"]) == (A, True)
        done = copies("reset", A, "--reason", "旧电脑已停用", "--as", "李", "--json").json
        assert done["flagged"] is False
        assert [d["reason"] for d in done["decisions"]][-1] == "旧电脑已停用"
        assert "旧电脑已停用" in copies("ls", lang="zh").out
        again = copies("reset", A, "--reason", "再次", "--json")
        assert (again.exit, again.error["code"]) == (7, "not_cloned")
    finally:
        if process is not None:
            process.stop()


def test_what_a_served_office_logs_meanwhile_is_no_part_of_what_a_verb_shows(street: Path) -> None:
    """Under load jobs are late and say so, at any moment; a test that reads an error must not."""
    enough = threading.Event()

    def log_without_end() -> None:
        while not enough.wait(0.001):
            logging.getLogger("apscheduler.executors.default").warning("a job is late")
            structlog.get_logger().warning("work_put_off")

    assert silian("clone", "ls", "--dir", street).exit == 0  # opens the office, and so sets up logs
    process = Process([street], wall_ms=wall_ms, rng=random.Random(2))
    noise = threading.Thread(target=log_without_end)
    try:
        process.start()
        noise.start()
        refused = silian("clone", "reset", A, "--reason", "再次", "--dir", street, "--json")
        assert (refused.exit, refused.error["code"]) == (7, "not_cloned")
        assert (refused.out, len(refused.err.splitlines())) == ("", 1)
    finally:
        enough.set()
        noise.join()
        process.stop()


def test_one_decision_for_many_conflicts_is_counted_first_and_done_with_yes(tmp_path: Path) -> None:
    clock = Clock()
    community = new_office(tmp_path / "community", "330102013001", clock)
    street = new_office(tmp_path / "street", "330102013000", clock, seed=2)
    made = [edits.create(community, "premises", {**HALL, "name": f"房{n}"}) for n in range(3)]
    exchange(community, street)
    for n, each in enumerate(made):
        edits.change(street, "premises", each.unit, each.id, {"address": f"西{n}"})
        clock.forward()
        edits.change(community, "premises", each.unit, each.id, {"address": f"东{n}"})
    exchange(community, street)
    community.close()
    street.close()

    def conflicts(*arguments: object) -> Any:
        return silian("conflict", *arguments, "--dir", tmp_path / "street", "--json")

    model = conflicts("ls").json["items"][0]["id"]
    decide = ("resolve", model, "--take", "loser", "--reason", "以街道为准", "--same-writers")
    counted = conflicts(*decide).json
    assert (counted["preview"], counted["resolved"], counted["left"]) == (True, 3, 0)
    assert conflicts("ls").json["total"] == 3
    done = conflicts(*decide, "--yes").json
    assert (done["preview"], done["resolved"], done["left"]) == (False, 3, 0)
    assert conflicts("ls").json["total"] == 0
    valued = conflicts("resolve", model, "--take", "value", "--reason", "x", "--same-writers")
    assert (valued.exit, valued.error["code"]) == (2, "bad_request")
