"""The main verbs work in whatever environment a machine has: the environment is an input, too."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.environment import Evidence, Place, run_in
from tests.support.silian import COMMUNITY, SERVE, STREET, serving, silian

CASES = Path(__file__).resolve().parents[1] / "data" / "cases"
DEAD_PROXY = "http://127.0.0.1:9"
PROXIES = ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY",
           "ALL_PROXY")  # fmt: skip
PLAIN = Place(name="plain")
PLACES = (
    Place(name="proxy", variables=dict.fromkeys(PROXIES, DEAD_PROXY)),
    Place(name="no time zone data", variables={"PYTHONTZPATH": "/nonexistent", "TZ": "Mars/City"}),
    Place(name="no home", variables={"HOME": None, "USER": None, "LOGNAME": None, "TMPDIR": None}),
    Place(name="ASCII", variables={"PYTHONIOENCODING": "ascii", "LC_ALL": "C", "PYTHONUTF8": "0"}),
    Place(name="GBK", variables={"PYTHONIOENCODING": "gbk", "LC_ALL": "zh_CN.GBK"}),
    Place(name="umask that opens all", umask=0),
)
MORE = (
    Place(name="umask that closes all", umask=0o777),
    Place(name="Latin-1", variables={"PYTHONIOENCODING": "latin-1"}),
    Place(name="Big5", variables={"PYTHONIOENCODING": "big5", "LC_ALL": "zh_TW.Big5"}),
    Place(name="home that is missing", variables={"HOME": "/nonexistent"}),
    Place(name="far zone", variables={"TZ": "Pacific/Kiritimati"}),
    Place(name="no temporary folder", variables={"TMPDIR": "/nonexistent"}),
    Place(name="narrow terminal", variables={"COLUMNS": "1", "TERM": "dumb", "NO_COLOR": "1"}),
    Place(name="no proxy but", variables={"https_proxy": DEAD_PROXY, "no_proxy": "example.org"}),
    Place(name="other language", variables={"LANG": "tr_TR.UTF-8", "LC_ALL": "tr_TR.UTF-8"}),
    Place(name="Python's own", variables={"PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "1"}),
    Place(name="standard input is closed", closed=(0,)),
    Place(name="few files", limits={"RLIMIT_NOFILE": 64}),
)


def named(place: Place) -> str:
    return place.name


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An office that nobody serves, with one record."""
    folder = tmp_path_factory.mktemp("offices") / "alone"
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    made = silian(
        "record", "create", "premises", "name=一号楼", "use=office", "area_m2=660", "tenure=owned",
        "--dir", folder,
    )  # fmt: skip
    assert made.exit == 0, made.err
    return folder


def main_verbs(folder: Path, out: Path) -> list[list[object]]:
    """What an office is used for: looked at, asked, written, exported, backed up."""
    at = ("--dir", folder)
    return [
        ["register", "show", "premises", "--lang", "zh", *at],  # prints m², which GBK has not
        ["status", *at],
        ["status", "--json", *at],
        ["record", "ls", "premises", "--json", *at],
        ["rollup", "K5", "--json", *at],
        ["export", "premises", "--out", out / "premises.csv", *at],
        ["db", "backup", out / "copy.db", *at],
        ["config", "check", "--json", *at],
    ]


def judged(reported: list[Evidence], out: Path) -> None:
    assert [each.exit for each in reported] == [0, 0, 0, 0, 0, 0, 0, 6], [t.err for t in reported]
    assert b"660" not in reported[0].out
    assert reported[2].json["offices"][0]["unit"]["name"] == "万家花园社区"
    (record,) = reported[3].json["items"]
    assert record["values"]["name"] == "一号楼"
    assert "一号楼" in (out / "premises.csv").read_text(encoding="utf-8-sig")
    for name in ("premises.csv", "copy.db"):
        assert (out / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("place", PLACES, ids=named)
def test_the_main_verbs_work_in_every_environment(
    office: Path, tmp_path: Path, place: Place
) -> None:
    judged(run_in(place, *main_verbs(office, tmp_path)), tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("place", MORE, ids=named)
def test_the_main_verbs_work_in_odd_environments(
    office: Path, tmp_path: Path, place: Place
) -> None:
    judged(run_in(place, *main_verbs(office, tmp_path)), tmp_path)


def test_a_character_that_a_terminal_lacks_is_replaced_on_it_and_json_stays_utf_8(
    office: Path,
) -> None:
    place = Place(name="GBK", variables={"PYTHONIOENCODING": "gbk"})
    shown, reported = run_in(
        place, ["register", "show", "premises", "--lang", "zh", "--dir", office],
        ["register", "show", "premises", "--json", "--dir", office],
    )  # fmt: skip
    assert "建筑面积" in shown.out.decode("gbk")
    assert "m?" in shown.out.decode("gbk")
    assert "m²" in reported.out.decode("utf-8")


def test_an_office_works_from_a_folder_that_cannot_be_written_or_is_gone(
    office: Path, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    verbs = (["status", "--json", "--dir", office], ["register", "ls", "--json", "--dir", office])
    place = Place(name="root of the system", cwd=Path("/proc"))
    assert [reported.exit for reported in run_in(place, *verbs)] == [0, 0]
    script = (
        f"cd {gone} && rmdir {gone} && exec {sys.executable} -c '{SERVE}' status --dir {office}"
    )
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


NAMES = ("a?b", "a%41b", "a#b", "小 盘", "a'b\"c", "file:x?mode=ro", os.fsdecode(b"n\xff"))


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_the_store_lies_in_the_folder_that_was_named_whatever_its_name(
    tmp_path: Path, name: str
) -> None:
    base = tmp_path / "x"
    base.mkdir()
    folder = base / name
    assert silian("init", "--dir", folder, "--unit", STREET).exit == 0
    assert (folder / "office.db").stat().st_size > 0
    assert os.listdir(base) == [name]
    assert silian("status", "--dir", folder, "--json").exit == 0
    assert silian("db", "backup", folder / "copy.db", "--dir", folder).exit == 0
    shown = silian("db", "backup", folder / "copy.db", "--dir", folder).err
    assert "%" not in shown or "%" in name


# -- an office's address is never asked of a proxy ----------------------------------------------


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Something in a proxy's place: whoever connects to it was led astray."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken.settimeout(0.2)
        yield taken


def test_neither_a_verb_nor_a_child_asks_a_proxy_for_an_offices_address(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{listener.getsockname()[1]}")
    street, community = tmp_path / "street", tmp_path / "community"
    silian("init", "--dir", street, "--unit", STREET)
    with serving(street) as address:
        silian("init", "--dir", community, "--unit", COMMUNITY, "--parent", address)
        with serving(community):
            place = Place(name="proxy", variables={name: os.environ[name] for name in PROXIES})
            synced, status, doctor = run_in(
                place, ["sync", "now", "--wait", "30", "--dir", community, "--json"],
                ["status", "--check", "--dir", community],
                ["doctor", "--dir", community, "--json"],
            )  # fmt: skip
    assert (synced.exit, status.exit, doctor.exit) == (0, 0, 0), (status.err, doctor.out)
    with pytest.raises(TimeoutError):
        listener.accept()


# -- clocks -------------------------------------------------------------------------------------


def shifted(seconds: int) -> Place:
    """A machine whose clock is off by so many seconds."""
    path = os.pathsep.join((str(CASES / "clock-before-the-tree"), str(Path.cwd())))
    return Place(
        name=f"{seconds} s", variables={"PYTHONPATH": path, "CLOCK_OFFSET_S": str(seconds)}
    )


def judged_early(reported: list[Evidence]) -> None:
    status, made, listed, doctor = reported
    assert (status.exit, made.exit, listed.exit, doctor.exit) == (0, 0, 0, 6), [
        t.err for t in reported
    ]
    codes = {problem["code"] for problem in status.json["problems"]}
    assert "clock_wrong" in codes
    assert made.json["id"] in {record["id"] for record in listed.json["items"]}
    assert {f["check"]: f["good"] for f in doctor.json["items"]}["clock"] is False


def early_verbs(folder: Path, name: str) -> list[list[object]]:
    at = ("--dir", folder, "--json")
    return [
        ["status", *at],
        ["record", "create", "service_outlet", f"name={name}", "kind=outlet", *at],
        ["record", "ls", "service_outlet", *at],
        ["doctor", *at],
    ]


def test_an_office_works_by_its_oldest_tree_when_the_clock_is_before_it(office: Path) -> None:
    judged_early(run_in(shifted(-1_795_000_000), *early_verbs(office, "电池点")))


@pytest.mark.soak
@pytest.mark.parametrize("years", [7, 30, 56, 100])
def test_an_office_works_however_far_back_its_clock_is(office: Path, years: int) -> None:
    judged_early(run_in(shifted(-years * 31_557_600), *early_verbs(office, f"点{years}")))


# -- what the environment says to the program itself ---------------------------------------------


@pytest.mark.parametrize(
    ("variables", "exit_", "says"),
    [
        ({"SILIAN_LOG": "loud"}, 2, "SILIAN_LOG"),
        ({"SILIAN_LANG": "fr"}, 2, "SILIAN_LANG"),
        ({"SILIAN_SYNC_INTERVAL_S": "soon"}, 7, "SILIAN_SYNC_INTERVAL_S"),
        ({"silian_listen": "7420"}, 7, "silian_listen"),
        ({"SILIAN_EXTRA_CATALOGUE": "nowhere.toml"}, 3, "nowhere.toml"),
        ({"SILIAN_UNIT": STREET}, 7, "万家花园社区"),
        ({"SILIAN_STORE": "mysql://x/y"}, 7, "mysql"),
    ],
)
def test_a_variable_that_cannot_be_is_named(
    office: Path, variables: dict[str, str], exit_: int, says: str
) -> None:
    reported = silian("status", "--dir", office, env=variables)
    assert (reported.exit, reported.out) == (exit_, "")
    assert says in reported.err
    assert len(reported.err.strip().splitlines()) == 1


# -- the standard streams, and signals -----------------------------------------------------------


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_a_verb_works_with_standard_streams_closed(office: Path, closed: tuple[int, ...]) -> None:
    place = replace(PLAIN, name=f"closed {closed}", closed=closed)
    (reported,) = run_in(place, ["db", "check", "--dir", office])
    assert reported.exit == 0
    with (office / "office.db").open("rb") as file:
        assert file.read(15) == b"SQLite format 3"


def test_output_that_does_not_fit_anywhere_is_shown_in_a_line(office: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("platform: no /dev/full here")
    place = replace(PLAIN, name="full", stdout="/dev/full")
    (reported,) = run_in(place, ["unit", "ls", "--all", "--dir", office])
    assert reported.exit == 75
    assert len(reported.err.strip().splitlines()) == 1


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_serve_ends_gracefully_by_every_signal_that_asks_it_to(
    tmp_path: Path, how: signal.Signals
) -> None:
    with served(tmp_path) as process:
        process.send_signal(how)
        assert process.wait(60) == 0
    assert not list((tmp_path / "o").glob("office.db-*"))


def test_serve_goes_on_when_nohup_has_had_the_hangup_ignored(tmp_path: Path) -> None:
    if shutil.which("nohup") is None:
        pytest.skip("platform: no nohup here")
    with served(tmp_path, "nohup") as process:
        process.send_signal(signal.SIGHUP)
        assert silian("status", "--dir", tmp_path / "o").exit == 0
        assert process.poll() is None
        process.terminate()
        assert process.wait(60) == 0


@contextmanager
def served(base: Path, *before: str) -> Iterator[subprocess.Popen[Any]]:
    """Start `silian serve` of a new office, and yield when it listens."""
    assert silian("init", "--dir", base / "o", "--unit", COMMUNITY).exit == 0
    # A shell lets its background jobs ignore SIGINT, and what these tests start, too.
    code = f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler); {SERVE}"
    command = [*before, sys.executable, "-c", code, "serve", "--json", "--dir", str(base / "o")]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
