"""The laws of importing: twice is once, parts are the whole, all or nothing, totals follow."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.office import Office
from node.services.records import edits
from node.services.records.import_plan import ImportReport
from node.services.records.importing import Mode
from sync.model.change import Value
from tests.support.tables import import_table
from tests.unit.node.offices import CATALOGUE, COMMUNITY, Clock, new_office

REGISTER = CATALOGUE.registers["premises"]
COLUMNS = ("name", "use", "area_m2", "address")
Row = dict[str, str]

names = st.sampled_from([f"房{n}" for n in range(12)])
good = st.fixed_dictionaries({
    "name": names,
    "use": st.sampled_from(["办公", "活动", "service"]),
    "area_m2": st.integers(0, 99_999).map(lambda n: f"{n / 100:.2f}"),
    "address": st.sampled_from(["", "一号", "二号"]),
})  # fmt: skip
any_cell = st.sampled_from(["", "仓库", "-1", "很大", "1e9", "#N/A", "办公", "12"])
maybe_bad = st.one_of(
    good,
    st.fixed_dictionaries({"name": names, **dict.fromkeys(COLUMNS[1:], any_cell)}),
)
sheets = st.lists(good, max_size=8, unique_by=lambda row: row["name"])


class Pair(NamedTuple):
    """Two offices of the same unit; every example goes on from where the last one left them."""

    one: Office
    two: Office


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("laws")
    offices = [new_office(folder / str(n), COMMUNITY, Clock(), seed=n) for n in (1, 2)]
    yield Pair(*offices)
    for office in offices:
        office.close()


def take(office: Office, rows: list[Row], mode: Mode = "all") -> ImportReport:
    text = io.StringIO()
    out = csv.writer(text)
    out.writerow(COLUMNS)
    out.writerows([row[name] for name in COLUMNS] for row in rows)
    return import_table(office, "premises", text.getvalue().encode(), "a.csv", mode=mode)


def stored(office: Office) -> dict[Value, dict[str, Value]]:
    records = edits.list_records(office, "premises", limit=500).records
    return {r.values["name"]: dict(r.values) for r in records}


def as_stored(row: Row) -> dict[str, Value]:
    """Return what a good row sets: an empty cell leaves the value alone."""
    codes = {"办公": "office", "活动": "activity", "service": "service"}
    values: dict[str, Value] = {
        "name": row["name"],
        "use": codes[row["use"]],
        "area_m2": round(float(row["area_m2"]) * 100),
    }
    return {**values, "address": row["address"]} if row["address"] else values


def position(office: Office) -> int:
    with office.store.read() as tx:
        return int(tx.exec_driver_sql("SELECT arrival FROM log_head").scalar_one())


def assert_cells_follow(office: Office) -> None:
    wanted = sum(int(values["area_m2"] or 0) for values in stored(office).values())
    with office.store.read() as tx:
        rows = tx.exec_driver_sql(
            "SELECT f_amount FROM r_cell WHERE f_measure='premises_area'"
        ).fetchall()
    assert sum(amount for (amount,) in rows) == wanted


@settings(max_examples=30)
@given(rows=sheets)
def test_what_a_sheet_contains_is_stored_and_importing_it_again_is_no_edit(
    pair: Pair, rows: list[Row]
) -> None:
    before = stored(pair.one)
    empty: dict[str, Value] = dict.fromkeys(REGISTER.fields)
    report = take(pair.one, rows)
    assert report.done
    assert (report.read, report.refused) == (len(rows), 0)
    assert report.new == len([row for row in rows if row["name"] not in before])
    wanted = {**before}
    for row in rows:
        wanted[row["name"]] = {**before.get(row["name"], empty), **as_stored(row)}
    assert stored(pair.one) == wanted
    at = position(pair.one)
    again = take(pair.one, rows)
    assert (again.unchanged, position(pair.one)) == (len(rows), at)
    assert_cells_follow(pair.one)


@settings(max_examples=20)
@given(rows=sheets, data=st.data())
def test_a_sheet_imported_in_parts_gives_the_same_as_the_full_sheet(
    pair: Pair, rows: list[Row], data: st.DataObject
) -> None:
    take(pair.one, list(map(full, stored(pair.two).values())))
    take(pair.two, list(map(full, stored(pair.one).values())))
    take(pair.one, rows)
    order = data.draw(st.permutations(rows))
    cut = data.draw(st.integers(0, len(rows)))
    take(pair.two, order[:cut])
    take(pair.two, order[cut:])
    assert stored(pair.one) == stored(pair.two)
    assert_cells_follow(pair.two)


def full(values: dict[str, Value]) -> Row:
    row = {name: str(values[name] or "") for name in COLUMNS}
    return {**row, "area_m2": f"{int(values['area_m2'] or 0) / 100:.2f}"}


@settings(max_examples=30)
@given(rows=st.lists(maybe_bad, max_size=8), mode=st.sampled_from(["all", "valid"]))
def test_every_row_is_counted_once_and_a_refused_one_leaves_no_trace(
    pair: Pair, rows: list[Row], mode: Mode
) -> None:
    before = stored(pair.one)
    report = take(pair.one, rows, mode)
    assert report.new + report.changed + report.unchanged + report.refused == report.read
    assert report.read == len(rows)
    refused = {fault.row for fault in report.faults}
    assert len(refused) == report.refused
    assert sum(group.count for group in report.summary) == len(report.faults)
    assert report.done == (not refused or (mode == "valid" and len(refused) < len(rows)))
    after = stored(pair.one)
    taken = {row["name"] for n, row in enumerate(rows, start=2) if n not in refused}
    for name in after.keys() | before.keys():
        if not report.done or name not in taken:
            assert after.get(name) == before.get(name)
    assert not report.done or taken <= after.keys()
    assert_cells_follow(pair.one)
