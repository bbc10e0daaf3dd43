"""No personal value is in what an office says of itself: its log, its errors, its status (INV-34).

A resident with values that occur nowhere else is entered at a served office that logs at DEBUG,
and every kind of trouble is made about it. Its values are looked for everywhere but in records.
"""

from __future__ import annotations

import json
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy.exc import IntegrityError

from node import logs
from node.config import load_config, write_config
from node.trouble import failed
from sync.model.change import RecordKey
from sync.model.errors import RecordMissing
from tests.support.silian import COMMUNITY, SERVE, START_S_MAX, STOP_S_MAX, Ran, free_ports, silian

NUMBER, BIRTH = "110101199003072316", "1990-03-07"
CANARIES = {
    "id_number": NUMBER, "name": "司空鹦鹉", "phone": "13977770001", "remark": "独居鹦鹉备注",
    "household_no": "PARROT-7",
}  # fmt: skip


@contextmanager
def served(folder: Path, log: Path) -> Iterator[None]:
    """Serve an office in a process of its own; its log goes into a file."""
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, "-c", SERVE, "serve", "--json", "--dir", str(folder)],
            stdout=subprocess.PIPE, stderr=errors, env=os.environ | {"SILIAN_LOG": "DEBUG"},
        ) as process,
    ):  # fmt: skip
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], START_S_MAX)[0]
        assert process.stdout.readline()
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(STOP_S_MAX) == 0


def found_in(text: str) -> list[str]:
    return [name for name, value in CANARIES.items() if value in text]


def sheet(folder: Path) -> Path:
    """Return a file of residents, each with another fault."""
    path = folder / "residents.csv"
    heads = ["公民身份号码", "姓名", "出生日期", "性别", "联系电话", "备注"]
    name, phone, remark = CANARIES["name"], CANARIES["phone"], CANARIES["remark"]
    rows = [
        [NUMBER, name, BIRTH, "女", phone, remark],
        [NUMBER, name, "1990-03-08", "女", phone, remark],
        [NUMBER[:-1] + "7", name, BIRTH, name, phone, remark],
        [name, phone, remark, NUMBER, name, phone],
        ["", name, "", "", phone * 9, remark * 200],
    ]
    lines = [",".join(row) for row in (heads, *rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def trouble(folder: Path) -> Iterator[Ran]:
    """Yield what the verbs print about a resident that is wrong in every way."""
    name, phone, remark = CANARIES["name"], CANARIES["phone"], CANARIES["remark"]
    right = [f"{field}={value}" for field, value in CANARIES.items()] + [f"birth_date={BIRTH}"]
    wrong = [
        ("record", "create", "resident", *right),  # a second one with the same number
        ("record", "create", "resident", f"name={name}"),
        ("record", "create", "resident", f"id_number={phone}", f"name={name}",
         f"birth_date={remark}"),
        ("record", "create", "resident", *right, f"sex={name}", f"lives_alone={phone}"),
        ("record", "create", "resident", f"name={name * 50}", f"phone={remark}"),
        ("record", "change", "resident", NUMBER, f"birth_date={name}"),
        ("record", "change", "resident", NUMBER, f"id_number={NUMBER[:-1]}7"),
        ("record", "ls", "resident", "--where", f"birth_date>={name}"),
        ("record", "end", "resident", NUMBER, "--reason", "moved_out", "--version-token", phone),
        ("record", "show", "household", "PARROT-7"),
        ("import", sheet(folder.parent), "--register", "resident"),
        ("import", sheet(folder.parent), "--register", "resident", "--dry-run"),
    ]  # fmt: skip
    for lang in ("en", "zh"):
        for words in wrong:
            yield silian(*words, "--dir", folder, lang=lang, env={"SILIAN_LOG": "DEBUG"})
            yield silian(*words, "--json", "--dir", folder, lang=lang)


ASKED: tuple[tuple[object, ...], ...] = (
    ("status",), ("status", "--tree"), ("today",), ("doctor",), ("verify",),
    ("retention", "--dry-run"), ("config", "show"), ("register", "show", "resident"),
    ("quarantine", "ls"), ("conflict", "ls"), ("duplicate", "ls"), ("repair", "ls"),
    ("clone", "ls"), ("explain", "key_taken"), ("rollup", "K3"), ("seal", "ls"),
    ("audit", "tail"), ("audit", "verify"), ("cert", "ls"), ("seal", "key"),
)  # fmt: skip


def files_about(folder: Path) -> Iterator[Path]:
    """Have the office write what leaves it without a personal value."""
    log, sealed, proof = (folder.parent / name for name in ("log.jsonl", "sealed", "proof"))
    for ran in (
        silian("audit", "export", "--out", log, "--dir", folder),
        silian("audit", "prove", "--entry", "0", "--out", proof, "--dir", folder),
        silian("seal", "write", sealed, "--dir", folder),
    ):
        assert ran.exit == 0, ran.err
        assert found_in(ran.out + ran.err) == []
    yield from (log, sealed, proof)


def test_no_personal_value_is_in_the_log_an_error_or_the_status_of_an_office(
    tmp_path: Path,
) -> None:
    folder, log = tmp_path / "home", tmp_path / "log"
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    metrics = f"127.0.0.1:{free_ports('127.0.0.1')}"
    write_config(folder, load_config(folder).model_copy(update={"metrics": metrics}))
    with served(folder, log):
        made = silian(
            "record", "create", "resident", *(f"{f}={v}" for f, v in CANARIES.items()),
            f"birth_date={BIRTH}", "--dir", folder, "--json",
        )  # fmt: skip
        assert made.exit == 0, made.err
        assert len(found_in(made.out)) == len(CANARIES)  # the record itself has them
        refused = 0
        for ran in trouble(folder):
            refused += ran.exit != 0
            assert found_in(ran.err) == [], ran.err
            assert found_in(ran.out) == [], ran.out
        assert refused > 20
        for words in ASKED:
            for more in ((), ("--json",)):
                ran = silian(*words, *more, "--dir", folder)
                assert found_in(ran.out + ran.err) == [], words
        for path in files_about(folder):
            content = path.read_bytes()
            assert len(content) > 100
            assert found_in(content.decode("utf-8", "replace")) == [], path
        page = urllib.request.urlopen(f"http://{metrics}/metrics", timeout=60).read().decode()
        assert "silian_office_up" in page
        assert found_in(page) == []
    text = log.read_text(encoding="utf-8")
    assert "call_refused" in text
    assert found_in(text) == []


def personal_error() -> Exception:
    """Return an error whose text, cause and statement have personal values."""
    try:
        try:
            int(CANARIES["name"])
        except ValueError as error:
            raise IntegrityError("INSERT", (NUMBER,), error) from error
    except IntegrityError as error:
        return error


@pytest.mark.parametrize("json_", [True, False])
def test_a_fault_of_the_program_is_logged_without_what_it_was_about(
    capsys: pytest.CaptureFixture[str], json_: bool
) -> None:
    before = (logging.getLogger().handlers[:], logging.getLogger().level)
    configured = structlog.get_config()
    try:
        logs.set_up(level="DEBUG", json=json_)
        error = personal_error()
        structlog.get_logger().error("call_failed", method="m", exc_info=error)
        try:
            raise error
        except IntegrityError:
            structlog.get_logger().exception("job_failed")
            logging.getLogger("grpc").exception("calling: %s", error)
            logging.getLogger("grpc").exception(f"calling: {error}")
        group = ExceptionGroup(NUMBER, [ValueError(NUMBER), OSError(5, "Input/output error", "f")])
        structlog.get_logger().error("several", exc_info=group)
    finally:
        logging.getLogger().handlers[:], level = before[0], before[1]
        logging.getLogger().setLevel(level)
        structlog.configure(**configured)
    text = capsys.readouterr().err
    assert found_in(text) == []
    assert "test_canary.py" in text  # where it arose is there
    for kind in ("IntegrityError", "ValueError", "ExceptionGroup", "Input/output error"):
        assert kind in text
    assert found_in(failed(error).en) == []


def test_a_refusal_keeps_its_text_in_a_trace() -> None:
    key = RecordKey("premises", 1, bytes(16))
    assert RecordMissing(key).en in logs.traced(RecordMissing(key))


def test_a_thread_that_dies_says_where_and_not_about_whom(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before: Any = (sys.excepthook, threading.excepthook)
    try:
        logs.set_hooks()
        thread = threading.Thread(target=lambda: int(CANARIES["name"]))
        thread.start()
        thread.join()
        sys.excepthook(ValueError, ValueError(NUMBER), None)
    finally:
        sys.excepthook, threading.excepthook = before
    text = capsys.readouterr().err + json.dumps("")
    assert found_in(text) == []
    assert text.count("ValueError") == 2
