"""Whatever goes wrong ends in one line, its remedy and an exit code, and never in a trace."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from hub.cli.exits import Exit
from hub.cli.explain import refusals
from hub.cli.terminal import Terminal
from hub.client.client import RemoteRefusal
from node.config import FILE
from node.domain.assignment_texts import REASONS
from node.services.health.problems import TEXTS
from node.setup import DATABASE
from sync.model.errors import ErrorKind, SilianError
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


def test_only_refusals_of_the_program_itself_are_explained() -> None:
    class OfSomebodyElse(SilianError):
        code = "of_somebody_else"

    assert OfSomebodyElse.code not in refusals()


@pytest.mark.parametrize("kind", ErrorKind)
def test_an_unknown_code_of_a_newer_program_exits_by_its_kind(
    kind: ErrorKind, tmp_path: Path
) -> None:
    error = RemoteRefusal("from_tomorrow", kind, "no", "不", remedy_en="", remedy_zh="")
    assert Terminal(folder=tmp_path, json=True, lang="en").error(error) == kind.exit


@pytest.mark.parametrize(
    ("arguments", "exit_", "code"),
    [
        (("record", "ls", "premisess"), 3, "unknown_register"),
        (("record", "ls", "cell"), 4, "system_register"),
        (("record", "ls", "premises", "--unit", "万家花院社区"), 3, "unknown_unit"),
        (("record", "ls", "premises", "--unit", "330102013001"), 4, "foreign_unit"),
        (("record", "show", "premises", "zz"), 3, "unknown_id"),
        (("record", "show", "premises", "00" * 16), 3, "record_missing"),
        (("record", "create", "premises", "name"), 2, "usage"),
        (("record", "create", "premises", "name="), 2, "invalid_record"),
        (("record", "change", "premises", "00" * 16, "name=x", "--version-token", "?"), 2,
         "bad_version_token"),
        (("record", "ls", "premises", "--after", "?"), 2, "bad_token"),
        (("import", "..", "--register", "premises"), 2, "not_a_file"),
        (("import", "nowhere.csv", "--register", "premises"), 3, "file_missing"),
        (("export", "premises", "--format", "pdf"), 2, "bad_request"),
        (("rollup", "K999"), 3, "unknown_indicator"),
        (("rollup", "K5", "--by", "sex"), 2, "unknown_dimension"),
        (("rollup", "K5", "--as-of", "yesterday"), 2, "usage"),
        (("rollup", "K5", "--as-of", "2999-01-01"), 2, "bad_question"),
        (("work", "show", "00" * 16), 3, "unknown_assignment"),
        (("work", "ls", "--box", "toodo"), 2, "bad_request"),
        (("work", "issue", "x", "--to", COMMUNITY, "--due", "2001-01-01"), 2, "bad_order"),
        (("conflict", "show", "00" * 16), 3, "unknown_conflict"),
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
        (("explain", "stale_edti"), 2, "unknown_code"),
    ],
)  # fmt: skip
def test_a_wrong_argument_names_the_mistake_and_the_remedy(
    office: Path, arguments: tuple[str, ...], exit_: int, code: str
) -> None:
    folder = () if arguments[0] == "explain" else ("--dir", office)
    refused(silian(*arguments, *folder, "--json"), exit_, code)
    result = silian(*arguments, *folder, lang="zh")
    assert result.exit == exit_
    assert result.err.startswith("错误：")
    assert len(result.err.strip().splitlines()) == 1


def test_the_nearest_name_is_suggested(office: Path) -> None:
    result = silian("record", "ls", "premisess", "--dir", office)
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


@pytest.mark.parametrize(
    ("options", "exit_", "says"),
    [
        (("--listen", "7420"), 7, "host:port"),
        (("--listen", ":7420"), 7, "host:port"),
        (("--listen", "myhost:99999"), 7, "99999"),
        (("--parent", "localhost"), 7, "host:port"),
        (("--parent", "127.0.0.1:0"), 7, "port"),
        (("--parent", "主机：7412"), 7, "host"),
        (("--store", "mysql://x/y"), 7, "mysql"),
    ],
)
def test_what_cannot_work_is_refused_by_init_and_nothing_is_left(
    tmp_path: Path, options: tuple[str, ...], exit_: int, says: str
) -> None:
    result = silian("init", "--dir", tmp_path / "o", "--unit", COMMUNITY, *options, "--json")
    assert result.exit == exit_, result.err
    assert says in result.error["message"]
    assert not (tmp_path / "o").exists()


def test_a_city_has_no_parent_and_others_are_reported_when_they_have_none(tmp_path: Path) -> None:
    city = ("init", "--unit", "杭州市", "--dir", tmp_path / "city")
    refused(silian(*city, "--parent", "127.0.0.1:7410", "--json"), 7, "bad_config")
    assert not (tmp_path / "city").exists()
    assert "No parent is set" not in silian(*city).err
    alone = silian("init", "--unit", COMMUNITY, "--dir", tmp_path / "alone")
    assert (alone.exit, "No parent is set" in alone.err) == (0, True)


def test_the_next_step_can_be_pasted_whatever_the_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / "小 盘" / "三里亭"
    made = silian("init", "--dir", folder, "--unit", COMMUNITY)
    assert f"Next: silian serve --dir '{folder}'" in made.err


def test_config_check_tries_the_port_the_unit_and_the_parent(tmp_path: Path) -> None:
    folder = fresh(tmp_path / "office")

    def checked(**settings: str) -> Ran:
        variables = {f"SILIAN_{name.upper()}": value for name, value in settings.items()}
        return silian("config", "check", "--dir", folder, "--json", env=variables)

    assert checked(parent="127.0.0.1:7412").exit == 0
    assert (checked().exit, checked().json["problems"]) == (6, ["no_parent"])
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(checked(listen=address), 7, "cannot_listen")
        found = silian("doctor", "--dir", folder, "--json", env={"SILIAN_LISTEN": address})
        port = next(f for f in found.json["items"] if f["check"] == "port")
        assert (port["good"], "in use" in port["en"]) == (False, True)
    refused(checked(listen="0.0.0.0:7420"), 4, "exposed")
    refused(checked(listen="192.0.2.1:7420"), 4, "exposed")
    refused(checked(unit="闸弄口街道"), 7, "bad_config")
    with serving(folder):
        assert checked().exit == 0  # what serves it has looked


def test_doctor_asks_whether_the_parent_is_there_and_is_the_right_one(tmp_path: Path) -> None:
    def parent_of(address: str) -> tuple[bool, str]:
        result = silian("doctor", "--dir", community, "--json", env={"SILIAN_PARENT": address})
        found = next(f for f in result.json["items"] if f["check"] == "parent")
        return found["good"], found["en"]

    city, street, community = (tmp_path / name for name in ("city", "street", "community"))
    for folder, unit in ((city, "杭州市"), (street, "闸弄口街道"), (community, COMMUNITY)):
        silian("init", "--dir", folder, "--unit", unit)
    with serving(street) as address:
        assert parent_of(address) == (True, f"闸弄口街道 {address}")
    good, stated = parent_of("127.0.0.1:1")
    assert (good, "does not answer" in stated) == (False, True)
    with serving(city) as address:
        good, stated = parent_of(address)
        assert (good, "does not serve 闸弄口街道" in stated) == (False, True)


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


def test_a_wrong_usage_is_one_object_with_json_as_any_other_error(office: Path) -> None:
    for arguments in (
        ("status", "--jsn"), ("record", "show"), ("nothing",), ("sync", "now", "--wait", "x"),
        ("rollup",), ("work", "ls", "--limit", "0"),
    ):  # fmt: skip
        result = silian(*arguments, "--json")
        refused(result, 2, "usage")
        assert len(result.err.strip().splitlines()) == 1


def test_the_version_is_reported_before_any_verb() -> None:
    assert silian("--version").out.startswith("silian ")


def test_a_fault_of_the_program_is_one_line_too_and_its_trace_is_in_the_log(
    office: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("330102199001011234")

    monkeypatch.setattr("hub.cli.store.page_faults", broken)
    result = silian("db", "check", "--dir", office, "--json", faults=True)
    refused(result, 1, "internal")
    assert "330102199001011234" not in result.err
    debug = silian("db", "check", "--dir", office, env={"SILIAN_LOG": "DEBUG"}, faults=True)
    assert (debug.exit, "Traceback" in debug.err) == (1, True)


def test_trouble_of_the_machine_in_any_verb_is_a_line_and_an_exit(
    office: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    troubles: list[tuple[BaseException, int]] = [
        (OSError(28, "No space left on device"), 75), (OSError(30, "Read-only file system"), 4),
        (OSError(36, "File name too long"), 2), (OSError(24, "Too many open files"), 75),
        (OSError(9999, "From tomorrow"), 75), (MemoryError(), 75),
        (OverflowError("date value out of range"), 2),
    ]  # fmt: skip
    for trouble, exit_ in troubles:

        def fail(*_: object, trouble: BaseException = trouble) -> None:
            raise trouble

        monkeypatch.setattr("hub.cli.store.page_faults", fail)
        result = silian("db", "check", "--dir", office)
        assert result.exit == exit_
        assert len(result.err.strip().splitlines()) == 1


# -- explanations ---------------------------------------------------------------------------------


def test_every_code_is_explained_in_both_languages() -> None:
    found = silian("explain", "--json").json
    codes = {each["code"] for each in found["items"]}
    assert found["total"] == len(codes) == len(found["items"])
    assert set(refusals()) | set(TEXTS) | set(REASONS) <= codes
    for each in found["items"]:
        for part in ("cause", "itself", "steps", "example"):
            for lang in ("zh", "en"):
                text = each[part][lang]
                assert text.strip(" .…-—"), (each["code"], part, lang)
                assert "{" not in text, (each["code"], part, lang)
        chinese = each["cause"]["zh"]
        assert any("一" <= sign <= "鿿" for sign in chinese), each["code"]


def test_an_explanation_says_cause_what_happens_by_itself_steps_and_an_example() -> None:
    result = silian("explain", "quarantined").out
    assert [line.partition(":")[0] for line in result.splitlines()] == [
        "quarantined", "Cause", "By itself", "What to do", "It reads",
    ]  # fmt: skip
    assert "silian quarantine retry" in result
    assert "exit 7" in silian("explain", "stale-edit").out  # as people write it
    assert "原因：" in silian("explain", "store_missing", "--lang", "zh").out


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("stale_edti", "stale_edit"), ("clnoe", "clone"), ("store", "store"),
     ("zzzz_qqqq_xxxx", "silian explain")],
)  # fmt: skip
def test_an_unknown_code_gives_the_nearest_and_is_a_wrong_argument(
    asked: str, nearest: str
) -> None:
    result = silian("explain", asked)
    if result.exit == 0:
        assert result.out.startswith(f"{nearest}:")
        return
    assert result.exit == 2
    assert nearest in result.err


def test_damage_and_forgery_are_findings_and_not_faults_of_the_program() -> None:
    for code in ("stream_forked", "bad_signature", "bundle_damaged", "signature_missing"):
        assert refusals()[code].kind.exit is Exit.PROBLEMS
    assert refusals()["transaction_too_large"].kind.exit is Exit.CONFLICT


def test_help_is_quick_because_nothing_heavy_is_loaded() -> None:
    heavy = "{'sqlalchemy', 'grpc', 'openpyxl', 'alembic', 'pydantic'} & set(sys.modules)"
    probe = f"import sys, hub.cli.main; print(sorted({heavy}))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
