"""`silian demo` for real: twenty offices in five processes, a kill -9 among them, on small data."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.demo.processes import DemoFailed, Processes
from tests.support.silian import silian

SILIAN = [sys.executable, "-c", "from hub.cli.main import main; main()"]
CITY, DISTRICT, STREET, GARDEN = "330100000000", "330102000000", "330102013000", "330102013009"
TREE = """code,name,level,parent_code
330100000000,试市,city,
330102000000,东区,district,330100000000
330102001000,北街道,street,330102000000
330102001001,甲社区,community,330102001000
330102001002,乙社区,community,330102001000
"""
pytestmark = pytest.mark.timeout(300)  # a slow machine that runs other tests, too


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the demonstration once, on the real street at a fiftieth of its size."""
    temp = tmp_path_factory.mktemp("demo")
    ran = subprocess.run(
        [*SILIAN, "demo", "--json", "--scale", "0.02"],
        capture_output=True, text=True, env=os.environ | {"TMPDIR": str(temp)}, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert list(temp.iterdir()) == [], "the folder it worked in is gone"
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def figure(demo: dict[str, Any], indicator: str, unit: str) -> dict[str, Any]:
    (found,) = [
        row for row in demo["rollup"] if (row["indicator"], row["unit_code"]) == (indicator, unit)
    ]
    return found


def test_twenty_offices_of_four_levels_run_in_at_least_four_processes(
    demo: dict[str, Any],
) -> None:
    assert demo["offices"] == {"city": 1, "district": 1, "street": 1, "community": 17}
    assert demo["processes"] >= 4


def test_every_record_the_city_may_see_is_there_and_no_residents_data_left_its_community(
    demo: dict[str, Any],
) -> None:
    records = demo["records"]
    assert records["written"] > 100
    assert records["at_city_entitled"] == records["written"]
    assert records["missing"] == records["different"] == records["personal_above"] == 0
    assert figure(demo, "K3", CITY)["numerator"] > 1_000


def test_the_order_is_answered_by_all_and_the_declined_one_is_dispatched_again(
    demo: dict[str, Any],
) -> None:
    # 1 hop to the district, 1 to the street, 17 to communities; then 3 for the second order.
    counts = demo["assignments"]
    assert counts["dispatched"] == 22
    assert (counts["declined"], counts["completed"], counts["open"]) == (1, 21, 0)
    assert list(counts["declined_because"].values()) != [""]


def test_money_is_conserved_and_more_than_the_balance_is_refused(demo: dict[str, Any]) -> None:
    funds = {line["fund"]: line for line in demo["funds"]}
    assert funds["F1"]["appropriated_fen"] == funds["F2"]["appropriated_fen"] > 0
    for line in funds.values():
        rest = line["held_fen"] + line["spent_fen"] + line["in_transit_fen"]
        assert line["appropriated_fen"] - rest == line["difference_fen"] == 0
    assert funds["F2"]["in_transit_fen"] > 0, "one community has not signed for its last instalment"
    (refused,) = demo["refused"]
    assert refused["code"] == "over_release"
    assert refused["asked_fen"] == refused["held_fen"] + 1


def test_the_drill_down_shows_the_showcase_missing_the_norm(demo: dict[str, Any]) -> None:
    assert figure(demo, "K6", GARDEN)["numerator"] == 0
    street = figure(demo, "K6", STREET)
    assert street["denominator"] == 17
    parts = [row for row in demo["rollup"] if row["indicator"] == "K6" and row["expected"] == 1]
    assert sum(row["numerator"] for row in parts) == street["numerator"] < 17


def test_every_figure_shows_how_complete_it_is(demo: dict[str, Any]) -> None:
    street, city = figure(demo, "K2", STREET), figure(demo, "K2", CITY)
    assert (street["expected"], street["reported"], street["complete"]) == (17, 17, True)
    assert (city["reported"], city["complete"]) == (17, False), "the city has 3,320 communities"
    assert city["numerator"] == street["numerator"] == figure(demo, "K2", DISTRICT)["numerator"]


def test_a_field_edited_on_both_sides_is_one_conflict_with_its_loser_kept(
    demo: dict[str, Any],
) -> None:
    conflicts = demo["conflicts"]
    assert (conflicts["open"], conflicts["losers_kept"]) == (1, 1)
    (one,) = conflicts["list"]
    assert (one["register"], one["field"], one["unit_code"]) == ("premises", "address", GARDEN)
    assert {one["shown"]["by"], one["loser"]["by"]} == {STREET, GARDEN}
    assert one["shown"]["value"] != one["loser"]["value"]
    assert len(one["seen_at"]) == 4, "community, street, district and city show the same one"


def test_the_killed_street_had_lost_nothing_acknowledged(demo: dict[str, Any]) -> None:
    kinds = [fault["kind"] for fault in demo["faults"]]
    assert kinds == ["line_cut", "line_cut", "kill_9"]
    killed = demo["faults"][-1]
    assert killed["where"] == STREET
    assert killed["detail"]["acknowledged"] >= 12
    assert killed["detail"]["lost"] == 0
    assert killed["seconds"] > 0


def test_recomputing_at_every_office_finds_no_difference(demo: dict[str, Any]) -> None:
    assert demo["verify"]["offices"] == 20
    assert demo["verify"]["compared"] > 1_000
    assert demo["verify"]["different"] == 0
    assert demo["sound"] is True


@contextmanager
def started(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A small demonstration that has its hosts; it must leave no folder and no namespace."""
    tree, temp = tmp_path / "tree.csv", tmp_path / "temp"
    tree.write_text(TREE, encoding="utf-8")
    temp.mkdir()
    options = ["--lang", "en", "--tree", str(tree), "--unit", "北街道", "--scale", "0.02"]
    with subprocess.Popen(
        [*SILIAN, "demo", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"TMPDIR": str(temp)},
    ) as running:  # fmt: skip
        try:
            assert running.stderr is not None
            for line in running.stderr:
                if "start each level" in line:
                    break
            yield running
            running.communicate(timeout=60)
        finally:
            running.kill()
    assert list(temp.iterdir()) == []
    if shutil.which("ip"):
        names = subprocess.check_output(["ip", "netns", "list"], text=True)
        assert f"silian-demo-{running.pid}-" not in names


def test_a_demonstration_that_is_ended_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    servers: list[int] = []
    with started(tmp_path) as running:
        while len(servers) < 5 and running.poll() is None:
            servers = children_of(running.pid)
            time.sleep(0.05)
        running.send_signal(signal.SIGTERM)
    assert running.returncode == 128 + signal.SIGTERM
    assert len(servers) == 5, "city, district, street, and one process a community"
    assert all(gone(pid) for pid in servers)


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGINT], ids=["terminal_closed", "ctrl_c"])
def test_a_demonstration_that_loses_its_person_leaves_nothing(
    tmp_path: Path, how: signal.Signals
) -> None:
    with started(tmp_path) as running:
        running.send_signal(how)
    assert running.returncode == 128 + how


@pytest.mark.parametrize(
    ("arguments", "code", "exit_"),
    [
        (["--scale", "0"], "usage", 2),
        (["--scale", "1000"], "usage", 2),
        (["--unit", GARDEN], "demo_failed", 1),
        (["--unit", "没有这个街道"], "unknown_unit", 3),
        (["--tree", "no-such-file.csv", "--unit", STREET], "file_missing", 3),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line_before_anything_starts(
    tmp_path: Path, arguments: list[str], code: str, exit_: int
) -> None:
    folder = tmp_path / "demo"
    ran = silian("demo", "--json", "--dir", folder, *arguments)
    assert (ran.exit, ran.error["code"], ran.out) == (exit_, code, "")
    assert not list(tmp_path.rglob("offices"))


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine", encoding="utf-8")
    ran = silian("demo", "--json", "--dir", tmp_path)
    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_a_custom_tree_needs_the_street_to_be_named(tmp_path: Path) -> None:
    tree = tmp_path / "tree.csv"
    tree.write_text(TREE, encoding="utf-8")
    assert silian("demo", "--json", "--tree", tree).error["code"] == "usage"


def children_of(pid: int) -> list[int]:
    """Return the servers that a demonstration started."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text(encoding="ascii").rpartition(")")[2].split()
            command = (status.parent / "cmdline").read_text(encoding="utf-8")
        except OSError:
            continue
        if int(fields[1]) == pid and re.search(r"\0serve\0", command):
            found.append(int(status.parent.name))
    return found


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 30
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_a_server_that_is_slow_is_not_reported_as_one_that_has_ended(tmp_path: Path) -> None:
    processes = Processes(tmp_path / "logs")
    nowhere = tmp_path / "no office"
    try:
        processes.start("slow", [nowhere])
        slow = processes.pid("slow")
        os.kill(slow, signal.SIGSTOP)  # it runs, and prints nothing
        with pytest.raises(DemoFailed, match=r"runs, but has not opened its offices within"):
            processes.wait_ready("slow", timeout_s=0.1)
        processes.kill("slow")
        processes.start("ended", [nowhere])
        with pytest.raises(DemoFailed, match=r"did not start: .*no office"):
            processes.wait_ready("ended")
    finally:
        processes.stop_all()


def test_every_office_was_invited_by_the_level_above_and_has_a_certificate_for_its_key(
    demo: dict[str, Any],
) -> None:
    enrolment = demo["enrolment"]
    invited = {each["code"]: each["inviter"] for each in enrolment["joined"]}
    assert len(invited) == 19, "all but the city, which makes the authority"
    assert (invited[DISTRICT], invited[STREET], invited[GARDEN]) == (
        "杭州市", "上城区", "闸弄口街道"
    )  # fmt: skip
    assert len({each["key"] for each in enrolment["joined"]}) == 19
    assert enrolment["uncertified"] == []
    assert enrolment["authority"]


def test_it_takes_namespaces_exactly_where_they_can_be_had_and_says_why(
    demo: dict[str, Any],
) -> None:
    probe = ["ip", "netns", "add", f"try-{os.getpid()}"]
    can = shutil.which("ip") is not None and subprocess.run(probe, check=False).returncode == 0
    if can:
        subprocess.run(["ip", "netns", "delete", probe[-1]], check=True)
    assert demo["hosts"]["kind"] == ("namespaces" if can else "loopback")
    assert demo["hosts"]["why"]["en"]
    assert demo["lines"]["communities_street"] > 10_000
