"""Bundles between offices: everything arrives once, and what cannot be right is refused whole."""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.app import Office, open_office
from node.keys import KEY_FILE
from node.services import bundles, registers
from sync import log, recovery
from sync.bundle import BundleDamaged, open_bundle
from sync.bundle_errors import (
    BundleMissing,
    BundleNeedsLine,
    BundleNotForUs,
    BundleOutdated,
    BundleStranger,
)
from sync.bundling import Reader
from sync.schema import Lane
from sync.signing import Signer, fingerprint
from sync.streams import StreamForked
from sync.vouching import KeyChanged
from tests.unit.node.offices import (
    CATALOGUE,
    COMMUNITY,
    DISTRICT,
    OTHER,
    STREET,
    Clock,
    exchange,
    new_office,
)


class Desk:
    """Three offices on one clock."""

    def __init__(self, folder: Path) -> None:
        self.clock = Clock()
        self.folder = folder
        self.street = new_office(folder / "street", STREET, self.clock)
        self.home = new_office(folder / "home", COMMUNITY, self.clock)
        self.other = new_office(folder / "other", OTHER, self.clock)

    def reopen(self, office: Office) -> Office:
        return open_office(
            office.folder, wall_ms=self.clock, rng=random.Random(9), catalogue=CATALOGUE,
            synchronous="OFF",
        )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    for office in (desk.street, desk.home, desk.other):
        office.close()


def add(office: Office, *names: str) -> None:
    for name in names:
        registers.create(office, "premises", {"name": name, "use": "办公", "area_m2": "20"})


def written(office: Office, to: Office, **options: object) -> list[io.BytesIO]:
    parts: list[io.BytesIO] = []

    def new_file(_number: int) -> io.BytesIO:
        parts.append(io.BytesIO())
        return parts[-1]

    bundles.write_bundle(office, to.identity.unit, new_file, **options)  # type: ignore[arg-type]
    return parts


def carry(frm: Office, to: Office) -> int:
    """Carry a bundle; return how many transactions were new."""
    return sum(bundles.read_bundles(to, written(frm, to)).new.values())


def names(office: Office) -> list[str]:
    with office.store.read() as tx:
        return sorted(r[0] for r in tx.exec_driver_sql("SELECT f_name FROM r_premises"))


def dump(office: Office) -> list[object]:
    with office.store.read() as tx:
        tables = ("entry", "stream", "cursor", "incarnation", "r_premises", "hole", "meta")
        return [sorted(map(repr, tx.exec_driver_sql(f"SELECT * FROM {t}"))) for t in tables]


def position(office: Office) -> int:
    with office.store.read() as tx:
        return log.position(tx)


def test_what_is_carried_up_arrives_and_the_answer_makes_the_next_file_smaller(desk):
    add(desk.home, "甲", "乙")
    assert carry(desk.home, desk.street) == 2
    assert names(desk.street) == ["乙", "甲"]
    assert len(desk.home.news.safe()) == 0
    carry(desk.street, desk.home)
    assert {s.position for s in desk.home.news.safe()} == {position(desk.home)}
    assert desk.home.news.of_self().waiting_up == 0
    add(desk.home, "丙")
    (file,) = written(desk.home, desk.street)
    assert sum(len(b.entries) for b in open_bundle(file).batches()) == 1
    assert bundles.read_bundles(desk.street, [file]).changes == 2  # the record and its cell


def test_a_file_read_twice_or_late_changes_nothing(desk):
    add(desk.home, "甲")
    old = written(desk.home, desk.street)
    add(desk.home, "乙")
    carry(desk.home, desk.street)
    before = dump(desk.street)
    for _ in range(2):
        survey = bundles.read_bundles(desk.street, old)
        assert not any(survey.new.values())
        assert sum(survey.known.values()) == 1
    assert dump(desk.street) == before


def test_a_line_that_works_beside_the_files_does_no_harm_and_goes_on(desk):
    add(desk.home, "甲")
    file = written(desk.home, desk.street)
    exchange(desk.home, desk.street)
    assert not any(bundles.read_bundles(desk.street, file).new.values())
    add(desk.home, "乙")
    carry(desk.home, desk.street)
    add(desk.home, "丙")
    exchange(desk.home, desk.street)
    assert names(desk.street) == sorted(["甲", "乙", "丙"])


def test_a_dry_run_says_what_would_be_new_and_takes_nothing(desk):
    add(desk.home, "甲", "乙")
    before = dump(desk.street)
    survey = bundles.read_bundles(desk.street, written(desk.home, desk.street), dry_run=True)
    assert survey.new[Lane.BULK] == 2
    assert dump(desk.street) == before


def test_a_set_of_files_is_read_in_any_order_at_once_and_not_with_one_missing(desk, monkeypatch):
    files = written_small(desk, monkeypatch)
    assert len(files) > 2
    assert max(len(file.getvalue()) for file in files) <= 1_300
    before = dump(desk.street)
    with pytest.raises(BundleMissing):
        bundles.read_bundles(desk.street, [files[0], *files[2:]])
    assert dump(desk.street) == before
    survey = bundles.read_bundles(desk.street, files[::-1])
    assert survey.new[Lane.BULK] == 20


def written_small(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> list[io.BytesIO]:
    """Let the community write a set of small files with twenty transactions."""
    for number in range(20):
        add(desk.home, f"名{number}")
    monkeypatch.setattr(bundles, "BATCH_BYTES_MIN", 1)
    return written(desk.home, desk.street, max_bytes=1_300)


def test_reading_that_was_interrupted_goes_on_where_it_stopped(desk, monkeypatch):
    files = written_small(desk, monkeypatch)
    reader = Reader(desk.street)
    opened = [open_bundle(file) for file in files]
    for bundle in opened:
        reader.look(bundle)
    reader.begin(opened[0])
    for batch in opened[0].batches():
        reader.take(batch)
    # ... and here the power fails
    survey = bundles.read_bundles(desk.street, files)
    assert sum(survey.known.values()) + sum(survey.new.values()) == 20
    assert sum(survey.known.values()) > 0
    assert len(names(desk.street)) == 20


def test_who_is_no_neighbour_neither_writes_nor_reads(desk):
    file = written(desk.home, desk.street)
    with pytest.raises(BundleNotForUs):
        bundles.read_bundles(desk.other, file)
    with pytest.raises(BundleStranger):
        written(desk.home, desk.other)


def test_a_file_of_somebody_who_speaks_for_a_child_is_refused_where_its_key_is_known(desk):
    add(desk.home, "甲")
    carry(desk.home, desk.street)
    add(desk.home, "乙")
    before = dump(desk.street)
    desk.home.applier.signer = Signer(b"f" * 32)  # a stolen store without its key
    with pytest.raises(KeyChanged):
        bundles.read_bundles(desk.street, written(desk.home, desk.street))
    assert dump(desk.street) == before


def test_a_lost_key_is_taken_when_people_have_compared_the_new_one(desk):
    add(desk.home, "甲")
    carry(desk.home, desk.street)
    carry(desk.street, desk.home)
    desk.home.close()
    (desk.home.folder / KEY_FILE).unlink()
    desk.home = desk.reopen(desk.home)
    add(desk.home, "乙")
    with pytest.raises(KeyChanged):
        carry(desk.home, desk.street)
    key = fingerprint(desk.home.applier.signer.public_key)
    file = written(desk.home, desk.street)
    assert bundles.read_bundles(desk.street, file, trust=key).new[Lane.BULK] == 1
    add(desk.home, "丙")
    assert carry(desk.home, desk.street) >= 1  # known from now on
    assert names(desk.street) == sorted(["甲", "乙", "丙"])


def test_a_restored_store_is_found_out_and_sent_to_its_line(desk, tmp_path):
    add(desk.home, "甲")
    carry(desk.home, desk.street)
    desk.home.store.backup(tmp_path / "backup.db")
    add(desk.home, "乙")
    carry(desk.home, desk.street)
    desk.home.close()
    for path in desk.home.folder.glob("office.db*"):
        path.unlink()
    shutil.copy(tmp_path / "backup.db", desk.home.folder / "office.db")
    desk.home = desk.reopen(desk.home)
    before = dump(desk.street)
    assert carry(desk.home, desk.street) == 0  # no more than an old file
    for more in (("丙",), ("丁", "戊")):  # as far as before, and further
        add(desk.home, *more)
        with pytest.raises((BundleNeedsLine, StreamForked)):
            carry(desk.home, desk.street)
    assert dump(desk.street) == before


def test_a_file_of_an_earlier_life_is_refused(desk):
    add(desk.home, "甲")
    old = written(desk.home, desk.street)
    exchange(desk.home, desk.street)
    with desk.street.store.read() as tx:
        heads = recovery.heads_of_unit(tx, desk.home.identity.unit)
    assert heads

    def retire(tx):
        tx.exec_driver_sql(
            "UPDATE incarnation SET retired=1 WHERE id=?", (desk.home.identity.incarnation,)
        )

    desk.street.store.write(retire)
    with pytest.raises(BundleOutdated):
        bundles.read_bundles(desk.street, old)


def test_a_damaged_file_among_good_ones_leaves_all_untaken(desk):
    add(desk.home, "甲")
    good = written(desk.home, desk.street)
    bad = bytearray(good[0].getvalue())
    bad[len(bad) // 2] ^= 4
    before = dump(desk.street)
    with pytest.raises(BundleDamaged):
        bundles.read_bundles(desk.street, [*good, io.BytesIO(bad)])
    assert dump(desk.street) == before


def test_news_of_the_offices_below_come_along(desk, tmp_path):
    district = new_office(tmp_path / "district", DISTRICT, desk.clock)
    try:
        add(desk.home, "甲")
        carry(desk.home, desk.street)
        carry(desk.street, district)
        assert desk.home.identity.unit in district.news.known()
        assert names(district) == ["甲"]
    finally:
        district.close()
