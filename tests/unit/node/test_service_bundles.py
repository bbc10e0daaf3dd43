"""Bundles between offices: everything arrives once, and what cannot be right is refused whole."""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from node.keys import KEY_FILE
from node.office import Office
from node.open import open_office
from node.services.records import edits
from node.services.upkeep import bundles
from sync.bundle.errors import (
    BundleMissing,
    BundleNeedsLine,
    BundleNotForUs,
    BundleNotNeighbour,
    BundleOutdated,
)
from sync.bundle.file import BundleDamaged, open_bundle
from sync.bundle.transfer import Reader
from sync.codec.signing import Signer, fingerprint
from sync.log import entries as log
from sync.log.signatures import KeyChanged
from sync.model.schema import Lane
from sync.model.stream import StreamForked
from sync.recovery import heads as recovery_heads
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


class Family:
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
def family(tmp_path: Path) -> Iterator[Family]:
    family = Family(tmp_path)
    yield family
    for office in (family.street, family.home, family.other):
        office.close()


def add(office: Office, *names: str) -> None:
    for name in names:
        edits.create(office, "premises", {"name": name, "use": "办公", "area_m2": "20"})


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
        tables = ("entry", "stream", "cursor", "incarnation", "r_premises", "quarantine", "meta")
        return [sorted(map(repr, tx.exec_driver_sql(f"SELECT * FROM {t}"))) for t in tables]


def position(office: Office) -> int:
    with office.store.read() as tx:
        return log.position(tx)


def test_a_bundle_carried_up_is_applied_and_the_reply_makes_the_next_one_smaller(family):
    add(family.home, "甲", "乙")
    assert carry(family.home, family.street) == 2
    assert names(family.street) == ["乙", "甲"]
    assert len(family.home.peer_status.durable_above()) == 0
    carry(family.street, family.home)
    assert {s.position for s in family.home.peer_status.durable_above()} == {position(family.home)}
    assert family.home.peer_status.own_status().waiting_up == 0
    add(family.home, "丙")
    (file,) = written(family.home, family.street)
    assert sum(len(b.entries) for b in open_bundle(file).batches()) == 1
    assert bundles.read_bundles(family.street, [file]).changes == 2  # the record and its cell


def test_a_bundle_read_twice_or_late_changes_nothing(family):
    add(family.home, "甲")
    old = written(family.home, family.street)
    add(family.home, "乙")
    carry(family.home, family.street)
    before = dump(family.street)
    for _ in range(2):
        survey = bundles.read_bundles(family.street, old)
        assert not any(survey.new.values())
        assert sum(survey.known.values()) == 1
    assert dump(family.street) == before


def test_a_link_that_works_in_parallel_with_bundles_does_no_harm_and_resumes(family):
    add(family.home, "甲")
    file = written(family.home, family.street)
    exchange(family.home, family.street)
    assert not any(bundles.read_bundles(family.street, file).new.values())
    add(family.home, "乙")
    carry(family.home, family.street)
    add(family.home, "丙")
    exchange(family.home, family.street)
    assert names(family.street) == sorted(["甲", "乙", "丙"])


def test_a_dry_run_reports_what_would_be_new_and_applies_nothing(family):
    add(family.home, "甲", "乙")
    before = dump(family.street)
    survey = bundles.read_bundles(family.street, written(family.home, family.street), dry_run=True)
    assert survey.new[Lane.BULK] == 2
    assert dump(family.street) == before


def test_a_set_of_bundles_is_read_together_in_any_order_and_refused_with_one_missing(
    family, monkeypatch
):
    files = written_small(family, monkeypatch)
    assert len(files) > 2
    assert max(len(file.getvalue()) for file in files) <= 1_600
    before = dump(family.street)
    with pytest.raises(BundleMissing):
        bundles.read_bundles(family.street, [files[0], *files[2:]])
    assert dump(family.street) == before
    survey = bundles.read_bundles(family.street, files[::-1])
    assert survey.new[Lane.BULK] == 20


def written_small(family: Family, monkeypatch: pytest.MonkeyPatch) -> list[io.BytesIO]:
    """Let the community write a set of small files with twenty transactions."""
    for number in range(20):
        add(family.home, f"名{number}")
    monkeypatch.setattr(bundles, "BATCH_BYTES_MIN", 1)
    return written(family.home, family.street, max_bytes=1_600)


def test_an_interrupted_read_resumes_where_it_stopped(family, monkeypatch):
    files = written_small(family, monkeypatch)
    reader = Reader(family.street)
    opened = [open_bundle(file) for file in files]
    for bundle in opened:
        reader.examine(bundle)
    reader.begin(opened[0])
    for batch in opened[0].batches():
        reader.apply(batch)
    # ... and here the power fails
    survey = bundles.read_bundles(family.street, files)
    assert sum(survey.known.values()) + sum(survey.new.values()) == 20
    assert sum(survey.known.values()) > 0
    assert len(names(family.street)) == 20


def test_an_office_that_is_no_neighbour_neither_writes_nor_reads_bundles(family):
    file = written(family.home, family.street)
    with pytest.raises(BundleNotForUs):
        bundles.read_bundles(family.other, file)
    with pytest.raises(BundleNotNeighbour):
        written(family.home, family.other)


def test_a_bundle_forged_in_a_childs_name_is_refused_where_its_key_is_known(family):
    add(family.home, "甲")
    carry(family.home, family.street)
    add(family.home, "乙")
    before = dump(family.street)
    family.home.replica.signer = Signer(b"f" * 32)  # a stolen store without its key
    with pytest.raises(KeyChanged):
        bundles.read_bundles(family.street, written(family.home, family.street))
    assert dump(family.street) == before


def test_a_new_key_is_accepted_once_people_have_compared_it(family):
    add(family.home, "甲")
    carry(family.home, family.street)
    carry(family.street, family.home)
    family.home.close()
    (family.home.folder / KEY_FILE).unlink()
    family.home = family.reopen(family.home)
    add(family.home, "乙")
    with pytest.raises(KeyChanged):
        carry(family.home, family.street)
    key = fingerprint(family.home.replica.signer.public_key)
    file = written(family.home, family.street)
    assert bundles.read_bundles(family.street, file, trust=key).new[Lane.BULK] == 1
    add(family.home, "丙")
    assert carry(family.home, family.street) >= 1  # known from now on
    assert names(family.street) == sorted(["甲", "乙", "丙"])


def test_a_restored_store_is_detected_and_must_use_its_link(family, tmp_path):
    add(family.home, "甲")
    carry(family.home, family.street)
    family.home.store.backup(tmp_path / "backup.db")
    add(family.home, "乙")
    carry(family.home, family.street)
    family.home.close()
    for path in family.home.folder.glob("office.db*"):
        path.unlink()
    shutil.copy(tmp_path / "backup.db", family.home.folder / "office.db")
    family.home = family.reopen(family.home)
    before = dump(family.street)
    assert carry(family.home, family.street) == 0  # no more than an old file
    for more in (("丙",), ("丁", "戊")):  # as far as before, and further
        add(family.home, *more)
        with pytest.raises((BundleNeedsLine, StreamForked)):
            carry(family.home, family.street)
    assert dump(family.street) == before


def test_a_bundle_of_an_earlier_incarnation_is_refused(family):
    add(family.home, "甲")
    old = written(family.home, family.street)
    exchange(family.home, family.street)
    with family.street.store.read() as tx:
        heads = recovery_heads.heads_of_unit(tx, family.home.identity.unit)
    assert heads

    def retire(tx):
        tx.exec_driver_sql(
            "UPDATE incarnation SET retired=1 WHERE id=?", (family.home.identity.incarnation,)
        )

    family.street.store.write(retire)
    with pytest.raises(BundleOutdated):
        bundles.read_bundles(family.street, old)


def test_one_damaged_bundle_of_a_set_leaves_all_unapplied(family):
    add(family.home, "甲")
    good = written(family.home, family.street)
    bad = bytearray(good[0].getvalue())
    bad[len(bad) // 2] ^= 4
    before = dump(family.street)
    with pytest.raises(BundleDamaged):
        bundles.read_bundles(family.street, [*good, io.BytesIO(bad)])
    assert dump(family.street) == before


def test_a_bundle_carries_the_status_of_the_offices_below(family, tmp_path):
    district = new_office(tmp_path / "district", DISTRICT, family.clock)
    try:
        add(family.home, "甲")
        carry(family.home, family.street)
        carry(family.street, district)
        assert family.home.identity.unit in district.peer_status.known()
        assert names(district) == ["甲"]
    finally:
        district.close()
