"""What status sees of the machine and of the settings, and what trouble of the machine becomes."""

from __future__ import annotations

import decimal
import errno
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError, IntegrityError

from hub.cli.explain import refusals
from node.china import CHINA, DAY_MS, china_time, end_of_day_ms, start_of_day_ms
from node.config import OfficeConfig
from node.office import Office
from node.private import naming
from node.reference import SHIPPED_FROM
from node.services.health.status import status
from node.store.engine import StoreUnavailable, sqlite_driver
from node.trouble import failed, refusal_of
from tests.unit.node.offices import COMMUNITY, Clock, new_office


@pytest.fixture
def office(tmp_path: Path):  # type: ignore[no-untyped-def]
    office = new_office(tmp_path / "o", COMMUNITY, Clock())
    yield office
    office.close()


def codes(office: Office) -> list[str]:
    return [problem.code for problem in status(office).problems]


def set_to(office: Office, **settings: object) -> None:
    office.config = OfficeConfig(**{**office.config.model_dump(), **settings})


def test_less_room_on_the_disk_than_the_settings_ask_for_is_a_problem(office: Office) -> None:
    set_to(office, parent="127.0.0.1:7412", disk_free_mib=0)
    assert codes(office) == []
    set_to(office, disk_free_mib=1 << 30)
    (problem,) = status(office).problems
    assert (problem.code, "MiB" in problem.zh) == ("disk", True)


def test_an_office_below_the_city_without_a_parent_says_so(office: Office) -> None:
    set_to(office, parent="")
    assert codes(office) == ["no_parent"]


def test_a_store_that_refused_the_last_write_is_an_alarm_until_one_succeeds(office: Office) -> None:
    set_to(office, parent="127.0.0.1:7412")
    full = sqlite_driver.OperationalError("database or disk is full")
    full.sqlite_errorcode = 13

    def fail(_tx: object) -> None:
        raise DBAPIError.instance("INSERT", None, full, sqlite_driver.Error)

    with pytest.raises(StoreUnavailable) as refused:
        office.store.write(fail)
    assert "Free disk space" in refused.value.remedy_en
    (problem,) = status(office).problems
    assert (problem.code, problem.severity.name) == ("store", "ALARM")
    assert "disk is full" in problem.en
    office.store.write(lambda _tx: None)
    assert codes(office) == []


def test_a_clock_before_the_tree_is_an_alarm_and_the_office_works_by_the_oldest_tree(
    tmp_path: Path,
) -> None:
    clock = Clock()
    office = new_office(tmp_path / "o", COMMUNITY, clock)
    first = office.tree_on(office.today())
    clock.ms = 3_600_000
    assert office.today() == SHIPPED_FROM
    office.follow_tree()
    assert [unit.code for unit in office.tree] == [unit.code for unit in first]
    problem = next(p for p in status(office).problems if p.code == "clock_wrong")
    assert problem.severity.name == "ALARM"
    office.close()


# -- trouble of the machine becomes a line, by its kind -------------------------------------------

LIKELY = {
    errno.ENOENT: ("file_missing", 3),
    errno.EACCES: ("file_forbidden", 4),
    errno.EPERM: ("file_forbidden", 4),
    errno.EROFS: ("file_forbidden", 4),
    errno.EEXIST: ("file_forbidden", 4),
    errno.EISDIR: ("not_a_file", 2),
    errno.ENOTDIR: ("file_missing", 3),
    errno.ENAMETOOLONG: ("bad_name", 2),
    errno.ELOOP: ("bad_name", 2),
    errno.ENOSPC: ("machine_trouble", 75),
    errno.EDQUOT: ("machine_trouble", 75),
    errno.EMFILE: ("machine_trouble", 75),
    errno.EIO: ("machine_trouble", 75),
    errno.ETXTBSY: ("machine_trouble", 75),
}


@pytest.mark.parametrize("number", sorted(errno.errorcode))
def test_every_error_of_the_system_has_a_line_a_remedy_and_an_exit(number: int) -> None:
    refusal = refusal_of(OSError(number, os.strerror(number), "/some/where"))
    assert refusal is not None
    assert refusal.kind.exit in {2, 3, 4, 75}
    for lang in ("en", "zh"):
        assert "/some/where" in refusal.text(lang)
    assert refusal.remedy_en
    assert refusal.remedy_zh
    if number in LIKELY:
        assert (refusal.code, refusal.kind.exit) == LIKELY[number]


def test_an_error_number_of_tomorrow_has_a_line_too() -> None:
    refusal = refusal_of(OSError(9_999, "Strange thing"))
    assert refusal is not None
    assert (refusal.code, refusal.retryable) == ("machine_trouble", True)
    assert "strange thing" in refusal.en


def test_a_full_disk_that_names_no_file_is_named_with_the_one_that_was_written() -> None:
    with pytest.raises(OSError, match="here") as caught, naming(Path("here")):
        raise OSError(errno.ENOSPC, "No space left on device")
    refusal = refusal_of(caught.value)
    assert refusal is not None
    assert refusal.en == "the machine cannot do this now: here: no space left on device"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MemoryError(), "machine_trouble"),
        (OverflowError("Python int too large to convert to SQLite INTEGER"), "number_out_of_range"),
        (OverflowError("date value out of range"), "number_out_of_range"),
        (ValueError("Value out of range: 9223372036854775808"), "number_out_of_range"),
        (ValueError("year 10000 is out of range"), "number_out_of_range"),
        (ValueError("Exceeds the limit (4300 digits) for integer"), "number_out_of_range"),
        (decimal.Overflow(), "number_out_of_range"),
        (UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates not allowed"), "bad_text"),
    ],
)
def test_numbers_and_texts_beyond_their_type_are_refused_by_kind(
    error: Exception, code: str
) -> None:
    refusal = refusal_of(error)
    assert refusal is not None
    assert refusal.code == code
    assert code in refusals()


@pytest.mark.parametrize(
    "error", [KeyError("x"), ValueError("x"), TypeError("x"), AssertionError()]
)
def test_a_fault_of_the_program_is_not_taken_for_trouble_of_the_machine(error: Exception) -> None:
    assert refusal_of(error) is None


def test_a_fault_of_the_program_says_where_it_is_and_none_of_the_values() -> None:
    secret = "330102199001011234"
    orig = sqlite_driver.IntegrityError(f"secret {secret}")
    try:
        raise IntegrityError("INSERT", {"id": secret}, orig)
    except IntegrityError as error:
        reported = failed(error)
    assert reported.code == "internal"
    assert "IntegrityError" in reported.en
    assert secret not in reported.text("en") + reported.text("zh")


# -- China's time, for moments that no calendar has ------------------------------------------------


@given(st.integers(-(2**63), 2**64))
def test_every_moment_can_be_shown(ms: int) -> None:
    assert 1 <= china_time(ms).year <= 9999


@given(st.integers(-(10**13), 10**14))
def test_a_moment_is_shown_as_clocks_in_china_show_it(ms: int) -> None:
    shown = china_time(ms)
    assert shown - datetime(1970, 1, 1, tzinfo=UTC) == timedelta(milliseconds=ms)
    assert shown.utcoffset() == CHINA.utcoffset(None) == timedelta(hours=8)


@given(st.dates())
def test_a_day_has_its_last_moment_on_itself(day: date) -> None:
    last = end_of_day_ms(day)
    assert last - start_of_day_ms(day) == DAY_MS - 1
    assert china_time(last).date() == day
    if date(1, 1, 2) < day < date.max:
        assert china_time(last + 1).date() == day + timedelta(days=1)


def test_a_path_through_a_file_is_explained_and_a_folder_is_no_file(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("x", encoding="utf-8")
    with pytest.raises(NotADirectoryError) as through:
        (file / "office.toml").read_bytes()
    refusal = refusal_of(through.value)
    assert refusal is not None
    assert (refusal.code, refusal.kind.exit) == ("file_missing", 3)
    assert "a part of this path is a file, not a folder" in refusal.en
    with pytest.raises(IsADirectoryError) as folder:
        tmp_path.read_bytes()
    refusal = refusal_of(folder.value)
    assert refusal is not None
    assert (refusal.code, refusal.kind.exit) == ("not_a_file", 2)
    assert str(tmp_path) in refusal.en
    assert str(tmp_path) in refusal.zh
