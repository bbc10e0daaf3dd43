"""A record is found by its key however it is spelled, on SQLite and on PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import literal, select, union_all

from node.config import OfficeConfig
from node.domain.comparison_form import comparison_form
from node.office import Office
from node.open import open_office
from node.services.records import edits
from node.services.records.rules import KeyTaken, spelled_as
from node.setup import init_office
from tests.support.tables import import_table
from tests.unit.node.offices import CATALOGUE, COMMUNITY, TREE, Clock

NAMES = ["3-1-103A", "东 楼", "ＡＢ－１", "e\u0301", "İ", "ß", "a\nb", "3—1", "50%_[x]", "'", "\\"]
SPELLINGS = {
    "3-1-103A": ["3－1－103ａ", "3 - 1 - 103a"], "东 楼": ["东楼", "东\u3000楼"],
    "ＡＢ－１": ["ab-1", "AB–1"], "e\u0301": ["É", "é"], "ß": ["SS"], "a\nb": ["AB"],
    "3—1": ["3-1"], "50%_[x]": ["50％＿［X］"],
}  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    store = request.getfixturevalue("fresh_postgres_url") if "post" in request.param else ""
    rng = random.Random(7)
    config = OfficeConfig(unit=COMMUNITY, store=store)
    init_office(tmp_path / "c", config, CATALOGUE, rng=rng, tree_csv=TREE.encode())
    office = open_office(tmp_path / "c", wall_ms=Clock(), rng=rng, catalogue=CATALOGUE)
    yield office
    office.close()


def create(office: Office, name: str) -> bytes:
    form = {"name": name, "use": "办公", "area_m2": "1"}
    return edits.create(office, "premises", form).id


def found(office: Office, name: str) -> list[bytes]:
    return [r.id for r in edits.list_records(office, "premises", where={"name": name}).records]


def test_a_key_is_taken_and_found_in_any_spelling(office: Office) -> None:
    made = {name: create(office, name) for name in NAMES}
    for name, record in made.items():
        for spelling in (name, *SPELLINGS.get(name, [])):
            assert found(office, spelling) == [record], (name, spelling)
            with pytest.raises(KeyTaken) as refused:
                create(office, spelling)
            assert refused.value.existing == record
    assert found(office, "3-1-103B") == []
    assert found(office, "%") == []


def test_an_import_changes_the_record_that_is_spelled_otherwise_and_keeps_its_spelling(
    office: Office,
) -> None:
    record = create(office, "3-1-103A")
    rows = "用房名称,用途,建筑面积\n３－１－１０３ａ,办公,2\n"
    report = import_table(office, "premises", rows.encode(), "a.csv")
    assert (report.new, report.changed) == (0, 1)
    (view,) = edits.list_records(office, "premises").records
    assert (view.id, view.values["name"], view.values["area_m2"]) == (record, "3-1-103A", 200)


@pytest.mark.parametrize("mark", ["‘", "'", "`", "“", "´"])
def test_a_code_that_an_older_program_stored_with_a_quotation_mark_is_the_code(
    office: Office, mark: str
) -> None:
    record = create(office, f"{mark}0013")  # a name keeps its marks, as codes did
    assert found(office, "0013") == found(office, f"{mark}0013") == [record]
    assert found(office, "013") == []
    with pytest.raises(KeyTaken) as refused:
        create(office, "0013")
    assert refused.value.existing == record
    rows = "用房名称,用途,建筑面积\n0013,办公,2\n"
    report = import_table(office, "premises", rows.encode(), "a.csv")
    assert (report.new, report.changed) == (0, 1)


def test_a_record_may_be_spelled_otherwise_but_not_as_another_is(office: Office) -> None:
    one, two = create(office, "甲1"), create(office, "甲2")
    unit = office.identity.unit
    edits.change(office, "premises", unit, one, {"name": "甲 １"})
    assert found(office, "甲1") == [one]
    with pytest.raises(KeyTaken) as refused:
        edits.change(office, "premises", unit, two, {"name": "甲\u30001"})
    assert refused.value.existing == one


@settings(deadline=None, max_examples=60,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(
    texts=st.lists(
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6),
        max_size=6,
    ),
    wanted=st.text(
        st.sampled_from("'\"`^‘“1a")
        | st.characters(min_codepoint=0x20, max_codepoint=0xFFFF, exclude_categories=["Cs"]),
        max_size=4,
    ),
)  # fmt: skip
def test_what_the_store_narrows_down_to_misses_no_spelling(
    office: Office, texts: list[str], wanted: str
) -> None:
    alike = [wanted, wanted.upper(), wanted.title(), f" {wanted}\n", f"\t{wanted}", f"'{wanted}",
             f'"{wanted}"', f"‘{wanted}"]  # fmt: skip
    stored = sorted({*texts, *alike})
    with office.store.read() as tx:
        table = union_all(*(select(literal(text).label("f")) for text in stored)).subquery()
        query = select(table.c.f).where(spelled_as(tx, table.c.f, wanted))
        got = set(tx.execute(query).scalars())
    form = comparison_form(wanted)
    assert got == {text for text in stored if comparison_form(text) == form}
