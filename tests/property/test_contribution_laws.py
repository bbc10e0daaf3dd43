"""The laws of contributions: deltas sum to what remains, order is nothing, all is whole numbers."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from node.domain.catalogue import CellKey, load_catalogue
from node.domain.contribution import dims_text, parse_dims
from node.domain.group_key import Counting
from node.domain.indicators import PERIOD_DIMENSIONS, breakdown, evaluate
from node.domain.register import Field, Register
from node.domain.validate import check

CATALOGUE = load_catalogue()
CONTRIBUTING = [r for r in CATALOGUE.registers.values() if r.contributions]
CELL_INDICATORS = [i for i in CATALOGUE.indicators.values() if i.source == "cells"]

Values = dict[str, str | int | None]
DAYS = st.dates(date(1950, 1, 1), date(2090, 1, 1)).map(date.isoformat)


def field_values(field: Field) -> st.SearchStrategy[str | int | None]:
    some: st.SearchStrategy[str | int]
    match field.type:
        case "choice":
            some = st.sampled_from(sorted(field.choices))
        case "set":
            members = st.sets(st.sampled_from(sorted(field.choices)))
            some = members.map(lambda codes: ",".join(sorted(codes)))
        case "date":
            some = st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(date.isoformat)
        case "bool":
            some = st.integers(0, 1)
        case "int" | "decimal":
            low = field.minimum if isinstance(field.minimum, int) else -(2**62)
            high = field.maximum if isinstance(field.maximum, int) else 2**62
            some = st.integers(low, min(high, low + 3)) | st.integers(low, high)
        case _:
            some = st.text(max_size=8)
    return st.none() | some


def records(register: Register) -> st.SearchStrategy[Values]:
    return st.fixed_dictionaries({name: field_values(f) for name, f in register.fields.items()})


def add(cells: dict[CellKey, int], more: dict[CellKey, int]) -> None:
    for key, amount in more.items():
        cells[key] = cells.get(key, 0) + amount
        if not cells[key]:
            del cells[key]


@st.composite
def histories(draw: st.DrawFn) -> tuple[Register, list[tuple[int, Values | None]]]:
    """Edits of up to four records of one register: new values, or None for the record's end."""
    register = draw(st.sampled_from(CONTRIBUTING))
    edit = st.tuples(st.integers(0, 3), st.none() | records(register))
    return register, draw(st.lists(edit, max_size=12))


@st.composite
def several(draw: st.DrawFn) -> tuple[Register, list[tuple[Values | None, Values | None]]]:
    """Records of one register before and after; many look alike to a contribution."""
    register = draw(st.sampled_from(CONTRIBUTING))
    some = draw(st.lists(records(register), min_size=1, max_size=4))
    one = st.none() | st.sampled_from(some)
    return register, draw(st.lists(st.tuples(one, one), max_size=20))


@given(several(), DAYS)
def test_records_counted_together_add_what_they_add_one_by_one(case, day):
    register, pairs = case
    one_by_one: dict[CellKey, int] = {}
    for before, after in pairs:
        add(one_by_one, register.fold(before, after, day))
    together = Counting(register.contributions).changed(pairs, day)
    assert {key: n for key, n in together.items() if n} == one_by_one


@given(several(), DAYS)
def test_new_records_counted_by_column_add_what_they_add_one_by_one(case, day):
    register, pairs = case
    new = [after for _, after in pairs if after is not None]
    one_by_one: dict[CellKey, int] = {}
    for values in new:
        add(one_by_one, register.fold(None, values, day))
    fields = tuple(register.fields)
    columns = [[values[name] for values in new] for name in fields]
    together = Counting(register.contributions).created(fields, columns, len(new), day)
    assert {key: n for key, n in together.items() if n} == one_by_one


@given(histories(), DAYS, st.data())
def test_the_folds_of_any_history_are_the_contributions_of_what_remains(history, day, data):
    """Edits and days come in any order, and a clock may be set back."""
    register, edits = history
    counting = Counting(register.contributions)
    cells: dict[CellKey, int] = {}
    kept: dict[int, Values] = {}
    for record, after in edits:
        if data.draw(st.booleans()):
            other = data.draw(DAYS)
            add(cells, dict(counting.come(kept.values(), day, other)))
            day = other
        add(cells, register.fold(kept.get(record), after, day))
        if after is None:
            kept.pop(record, None)
        else:
            kept[record] = after
    recomputed: dict[CellKey, int] = {}
    for values in kept.values():
        add(recomputed, register.contributions_of(values, day))
    assert cells == recomputed


@given(histories())
def test_contributions_are_integers_canonical_and_never_zero(history):
    register, edits = history
    for _, values in edits:
        for key, amount in register.contributions_of(values or {}, "2026-11-30").items():
            assert type(amount) is int
            assert amount != 0
            measure = CATALOGUE.measures[key.measure]
            assert dims_text(parse_dims(key.dims)) == key.dims
            assert tuple(parse_dims(key.dims)) == tuple(sorted(measure.dims))
            assert len(key.period) == {"stock": 0, "year": 4, "month": 7}[measure.period]


@given(histories(), DAYS)
def test_fields_that_do_not_contribute_change_nothing(history, day):
    register, edits = history
    for _, values in edits:
        if values is not None:
            only = {name: values[name] for name in register.contributing_fields}
            assert register.contributions_of(only, day) == register.contributions_of(values, day)


@given(histories(), DAYS)
def test_an_edit_and_its_undoing_leave_no_trace(history, day):
    register, edits = history
    for _, after in edits:
        back = register.fold(after, None, day)
        assert {key: -amount for key, amount in back.items()} == register.fold(None, after, day)


@given(histories(), DAYS)
def test_a_record_counts_from_its_first_day_on_and_until_its_last_has_come(history, day):
    register, edits = history
    for _, values in edits:
        for each in register.contributions if values else ():
            since, until = values.get(each.since), values.get(each.until)
            counts = (not since or since <= day) and (not until or day < until)
            assert bool(list(each.on(day, values))) == (counts and bool(list(each.of(values))))


@st.composite
def cell_lists(draw: st.DrawFn) -> list[tuple[CellKey, int]]:
    """Cells as units send them: the contributions of some records, units mixed."""
    cells: list[tuple[CellKey, int]] = []
    for register in draw(st.lists(st.sampled_from(CONTRIBUTING), max_size=5)):
        cells += register.contributions_of(draw(records(register)), "2050-01-01").items()
    return cells


@given(cell_lists(), st.sampled_from(CELL_INDICATORS), st.dates(date(1950, 1, 1)), st.data())
def test_an_indicator_adds_up_over_units_in_any_order(cells, indicator, day, data):
    whole = evaluate(indicator, cells, day)
    assert evaluate(indicator, data.draw(st.permutations(cells)), day) == whole
    cut = data.draw(st.integers(0, len(cells)))
    parts = [evaluate(indicator, part, day) for part in (cells[:cut], cells[cut:])]
    assert sum(part.numerator for part in parts) == whole.numerator
    if whole.denominator is not None:
        assert sum(part.denominator or 0 for part in parts) == whole.denominator


@given(cell_lists(), st.sampled_from(CELL_INDICATORS), st.dates(date(1950, 1, 1)))
def test_the_groups_of_a_breakdown_add_up_to_the_indicator(cells, indicator, day):
    whole = evaluate(indicator, cells, day).numerator
    for dimension in indicator.dimensions:
        if dimension in PERIOD_DIMENSIONS:
            continue  # past years are shown with the year of the day
        groups = breakdown(indicator, dimension, cells, day)
        assert sum(figure.numerator for figure in groups.values()) == whole


@given(cell_lists(), st.data())
def test_derived_cells_depend_on_the_cells_alone(cells, data):
    own = {key: amount for key, amount in cells if abs(amount) < 2**40 and amount > 0}
    shuffled = dict(data.draw(st.permutations(list(own.items()))))
    derived = CATALOGUE.derive(own)
    assert derived == CATALOGUE.derive(shuffled)
    assert {key.measure for key in derived} <= CATALOGUE.derived_writes
    assert all(type(amount) is int and amount for amount in derived.values())


ANYTHING = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.text()
    | st.text("0123456789./-年月日Ee+, Xx", max_size=24)
)


@given(st.data(), st.sampled_from(sorted(CATALOGUE.registers)))
def test_whatever_a_sheet_contains_becomes_a_stored_value_or_a_fault(data, name):
    register = CATALOGUE.registers[name]
    sheet = {field: data.draw(ANYTHING) for field in register.fields}
    for level in register.fields[next(iter(register.fields))].owners:
        stored, faults = check(register, sheet, level)
        assert {*stored, *(fault.field for fault in faults)} >= {*sheet}
        for field, value in stored.items():
            assert value is None or type(value) is (
                int if register.fields[field].is_number else str
            )
            if isinstance(value, int):
                assert -(2**63) <= value < 2**63
            elif value is not None:
                value.encode("utf-8")  # no surrogate gets through
                assert "\0" not in value


@given(st.data(), st.sampled_from(CONTRIBUTING))
def test_a_stored_value_round_trips(data, register):
    values = data.draw(records(register))
    for name, field in register.fields.items():
        stored, faults = check(
            register, {name: values[name]}, register.fields[name].owners[0], partial=True
        )
        if not faults and field.type != "decimal":  # a decimal is shown divided by its scale
            again, _ = check(register, stored, field.owners[0], partial=True)
            assert again == stored
