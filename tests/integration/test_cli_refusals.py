"""Whatever goes wrong ends in one line, its remedy and an exit code, and never in a trace."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hub.cli.exits import EXIT_BY_CODE, exit_of
from hub.cli.explain import refusals
from node.config import FILE
from node.setup import DATABASE
from sync.model.errors import SilianError
from tests.support.silian import COMMUNITY, SERVE, Ran, serving, silian


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("office") / "here"
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    return folder


def fresh(folder: Path) -> Path:
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    return folder


def refused(ran: Ran, exit_: int, code: str) -> None:
    assert (ran.exit, ran.error["code"]) == (exit_, code)
    assert ran.error["message"]
    assert ran.error.keys() == {"code", "message", "hint", "retryable"}
    assert ran.out == ""


def test_every_refusal_of_the_program_has_its_exit_code() -> None:
    assert set(refusals()) - set(EXIT_BY_CODE) == set()


def test_only_refusals_of_the_program_itself_are_explained() -> None:
    class OfSomebodyElse(SilianError):
        code = "of_somebody_else"

    assert OfSomebodyElse.code not in refusals()


def test_an_unknown_code_of_a_newer_program_exits_by_its_status() -> None:
    assert exit_of("from_tomorrow", retryable=True) == 75
    assert exit_of("from_tomorrow") == 1


@pytest.mark.parametrize(
    ("arguments", "exit_", "code"),
    [
        (("record", "list", "premisess"), 3, "unknown_register"),
        (("record", "list", "cell"), 4, "system_register"),
        (("record", "list", "premises", "--unit", "万家花院社区"), 3, "unknown_unit"),
        (("record", "list", "premises", "--unit", "330102013001"), 4, "foreign_unit"),
        (("record", "show", "premises", "zz"), 2, "usage"),
        (("record", "show", "premises", "00" * 16), 3, "record_missing"),
        (("record", "create", "premises", "name"), 2, "usage"),
        (("record", "create", "premises", "name="), 2, "invalid_record"),
        (("record", "change", "premises", "00" * 16, "name=x", "--seen", "?"), 2, "bad_token"),
        (("import", "nowhere.csv", "--register", "premises"), 3, "file_missing"),
        (("export", "premises", "--format", "pdf"), 2, "bad_request"),
        (("rollup", "K999"), 3, "unknown_indicator"),
        (("rollup", "K5", "--by", "sex"), 2, "unknown_dimension"),
        (("rollup", "K5", "--as-of", "yesterday"), 2, "usage"),
        (("rollup", "K5", "--as-of", "2999-01-01"), 2, "bad_question"),
        (("work", "show", "00" * 16), 3, "unknown_assignment"),
        (("work", "ls", "--box", "toodo"), 2, "bad_request"),
        (("work", "issue", "x", "--to", COMMUNITY, "--due", "2001-01-01"), 2, "bad_order"),
        (("conflicts", "show", "00" * 16), 3, "unknown_conflict"),
        (
            ("money", "spend", "1.005", "--fund", "F1", "--year", "2026", "--category", "office"),
            2, "usage",
        ),
        (
            ("money", "spend", "1", "--fund", "F99", "--year", "2026", "--category", "office"),
            2, "bad_allocation",
        ),
        (("money", "receive"), 2, "usage"),
        (("money", "receive", "00" * 16), 3, "transfer_unknown"),
        (("unit", "find", "无此单位名称"), 3, "unknown_unit"),
        (("sync", "now"), 7, "no_parent"),
        (("explain", "stale_edti"), 3, "unknown_code"),
    ],
)  # fmt: skip
def test_a_wrong_argument_names_the_mistake_and_the_remedy(
    office: Path, arguments: tuple[str, ...], exit_: int, code: str
) -> None:
    folder = () if arguments[0] == "explain" else ("--dir", office)
    refused(silian(*arguments, *folder, "--json"), exit_, code)
    result = silian(*arguments, *folder, lang="zh")
    assert result.exit == exit_
    assert result.err.startswith("错误: ")
    assert len(result.err.strip().splitlines()) == 1


def test_the_nearest_name_is_suggested(office: Path) -> None:
    result = silian("record", "list", "premisess", "--dir", office)
    assert "premises" in result.err
    result = silian("status", "--dir", office, "--unit")
    assert result.exit == 2


def test_a_wrong_flag_is_a_usage_error(office: Path) -> None:
    result = silian("status", "--dir", office, "--jsn")
    assert (result.exit, "--json" in result.err) == (2, True)


def test_a_folder_without_an_office_explains_how_to_create_one(tmp_path: Path) -> None:
    ran = silian("status", "--dir", tmp_path, "--json")
    refused(ran, 7, "bad_config")
    assert "silian init" in ran.error["hint"]


def test_an_office_is_never_overwritten(office: Path) -> None:
    again = silian("init", "--dir", office, "--unit", COMMUNITY, "--json")
    refused(again, 7, "bad_config")


def test_a_misspelt_setting_is_named_with_the_right_one(tmp_path: Path) -> None:
    folder = fresh(tmp_path / "office")
    with (folder / FILE).open("a", encoding="utf-8") as file:
        file.write('listn = "127.0.0.1:1"\n')
    ran = silian("config", "check", "--dir", folder, "--json")
    refused(ran, 7, "bad_config")
    assert "`listen`" in ran.error["message"]


def test_a_tree_with_faults_is_refused_entirely(tmp_path: Path) -> None:
    tree = tmp_path / "tree.csv"
    tree.write_text("code,name,level,parent_code\n33,杭州市,city,\n", encoding="utf-8")
    ran = silian(
        "init", "--dir", tmp_path / "x", "--unit", COMMUNITY, "--tree", tree,
        "--tree-from", "2024-01-01", "--json",
    )  # fmt: skip
    refused(ran, 2, "bad_unit_file")
    assert not (tmp_path / "x").exists()


def test_a_file_that_is_no_spreadsheet_is_refused(office: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.xlsx"
    file.write_bytes(b"not a workbook")
    ran = silian("import", file, "--register", "premises", "--dir", office, "--json")
    assert ran.exit == 2
    assert ran.error["code"].startswith("workbook_")


def test_a_store_that_is_no_database_is_reported_as_such(tmp_path: Path) -> None:
    folder = fresh(tmp_path / "office")
    for path in folder.glob(f"{DATABASE}*"):
        path.unlink()
    (folder / DATABASE).write_bytes(b"something else entirely" * 1000)
    refused(silian("status", "--dir", folder, "--json"), 7, "not_a_store")
    assert silian("doctor", "--dir", folder).exit == 6


def test_a_store_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    from node.store.engine import open_store, sqlite_url

    folder = fresh(tmp_path / "office")
    store = open_store(sqlite_url(folder / DATABASE))
    newer = "UPDATE alembic_version SET version_num='9999'"
    store.write(lambda tx: tx.exec_driver_sql(newer))
    store.close()
    for verb in (("status",), ("db", "check"), ("db", "upgrade")):
        refused(silian(*verb, "--dir", folder, "--json"), 7, "newer_schema")


def test_an_office_locked_by_another_command_is_a_retryable_refusal(tmp_path: Path) -> None:
    from node.store.folder_lock import FolderLock

    folder = fresh(tmp_path / "office")
    holder = FolderLock.acquire(folder)
    try:
        ran = silian("status", "--dir", folder, "--json")
    finally:
        holder.release()
    refused(ran, 75, "office_busy")
    assert ran.error["retryable"] is True


def test_serving_at_a_port_in_use_or_for_everybody_is_refused(office: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(silian("serve", "--dir", office, "--listen", address, "--json"), 7, "cannot_listen")
    exposed = silian("serve", "--dir", office, "--listen", "0.0.0.0:0", "--json")
    refused(exposed, 4, "exposed")


def test_an_office_is_served_once(tmp_path: Path) -> None:
    folder = fresh(tmp_path / "office")
    with serving(folder):
        refused(silian("serve", "--dir", folder, "--json"), 75, "office_busy")
        refused(silian("db", "check", "--dir", folder, "--json"), 75, "office_busy")


def test_a_parent_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "office"
    silian("init", "--dir", folder, "--unit", COMMUNITY, "--parent", "127.0.0.1:1")
    refused(silian("sync", "now", "--dir", folder, "--json"), 5, "not_served")
    with serving(folder):
        ran = silian("sync", "now", "--wait", 1, "--dir", folder, "--json")
        assert (ran.exit, ran.json["done"]) == (5, False)


def test_a_server_that_was_killed_leaves_the_office_usable(tmp_path: Path) -> None:
    folder = fresh(tmp_path / "office")
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve", "--json", "--dir", str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait()
    found = silian("status", "--dir", folder, "--json")
    assert found.json["link"]["state"] == "not_served"


def test_a_reader_that_closes_the_pipe_early_is_no_error(office: Path) -> None:
    command = (
        f"{sys.executable} -c '{SERVE}' unit ls 杭州市 --all --json --dir {office} | head -c 9"
    )
    done = subprocess.run(
        ["/bin/sh", "-c", command], capture_output=True, text=True, check=False, env=os.environ
    )
    assert done.stderr == ""


def test_help_is_quick_because_nothing_heavy_is_loaded() -> None:
    heavy = "{'sqlalchemy', 'grpc', 'openpyxl', 'alembic', 'pydantic'} & set(sys.modules)"
    probe = f"import sys, hub.cli.main; print(sorted({heavy}))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
