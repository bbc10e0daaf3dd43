"""Records as they stand instead of the log, between real offices on the loopback."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import Connection

from node.config import OfficeConfig
from node.office import Office
from node.services.health.status import status
from node.services.peers.clones import reset_clone
from node.services.upkeep.bundles import read_bundles, write_bundle
from node.setup import init_office
from sync.bundle.errors import BundleNeedsLine
from sync.link import Parent
from sync.log import entries as log
from sync.log import truncation
from sync.model.schema import Lane
from sync.snapshot import progress, upload
from sync.snapshot.parent import ChunkAnswer
from tests.support.edits import addresses, enlarge, move_to, outlet, premises
from tests.support.silian import SERVE, silian
from tests.support.tier import (
    CITY,
    DISTRICT,
    GARDEN,
    ORCHID,
    PATH,
    STREET,
    Tier,
    assert_consistent_and_equal,
    eventually,
    offline,
    outlets,
    settled,
    tier_of,
)

PARENT = dict(PATH)


def truncate_for_children(tier: Tier, code: str) -> None:
    """Let an office's log be gone for its children, as if copies had come to it."""
    office = tier.served(code).office
    office.store.write(
        lambda tx: truncation.record_snapshot(tx, down=log.allocate(tx, 1, office.clock.last).first)
    )


def under_way(tier: Tier, code: str) -> progress.Progress | None:
    office = tier.served(code).office
    parent = office.tree.parent(office.identity.unit)
    with office.store.read() as tx:
        return progress.under_way(tx, parent or 0)


def test_a_lost_disk_is_recovered_by_snapshot_when_the_log_is_long(tier: Tier) -> None:
    lost = {tier.add_premises(GARDEN, f"失{n}", 20) for n in range(30)}
    eventually(lambda: set(tier.premises(CITY)) == lost)
    settled(tier, GARDEN, STREET, DISTRICT)
    tier.served(STREET).parent.snapshot_above = 10
    tier.stop(GARDEN)
    shutil.rmtree(tier.base / GARDEN)
    tier.start(GARDEN, STREET)
    eventually(lambda: set(tier.premises(GARDEN)) == lost)
    settled(tier, GARDEN)
    office = tier.served(GARDEN).office
    with office.store.read() as tx:
        entries = tx.exec_driver_sql(
            "SELECT count(*) FROM entry WHERE lane=2 AND changes>0"
        ).scalar_one()
        bases = tx.exec_driver_sql("SELECT count(*) FROM stream_base").scalar_one()
    assert bases
    assert entries < 10, "it was the log that came back"
    after = tier.add_premises(GARDEN, "后")
    eventually(lambda: set(tier.premises(CITY)) == lost | {after})
    settled(tier, GARDEN, STREET, DISTRICT)
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_a_lost_hub_downloads_a_snapshot_and_then_its_children_do(tier: Tier) -> None:
    lost = {outlet(tier.served(code).office, "失") for code in (GARDEN, ORCHID, STREET) * 5}
    eventually(lambda: lost <= outlets(tier, CITY))
    settled(tier, GARDEN, ORCHID, STREET, DISTRICT)
    tier.served(DISTRICT).parent.snapshot_above = 10
    tier.stop(STREET)
    shutil.rmtree(tier.base / STREET)
    while_down = outlet(tier.served(GARDEN).office, "断线")
    tier.start(STREET, DISTRICT)
    for code in (GARDEN, ORCHID):
        tier.served(code).dialer.retry_now()  # type: ignore[union-attr]
    for code in (STREET, DISTRICT, CITY):
        eventually(lambda code=code: outlets(tier, code) == {*lost, while_down})
    settled(tier, GARDEN, ORCHID, STREET, DISTRICT)
    with pytest.raises(truncation.LogTruncated):
        write_bundle(
            tier.served(STREET).office, tier.served(GARDEN).office.identity.unit,
            lambda _number: BytesIO(), start_over=True,
        )  # fmt: skip
    assert_consistent_and_equal(tier, STREET, DISTRICT, CITY, lowest=STREET)
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def test_a_hub_that_only_uploads_a_snapshot_is_not_sent_its_own_records(tier: Tier) -> None:
    for code in (CITY, DISTRICT, STREET):
        tier.served(code).parent.snapshot_above = 10
    given = {tier.add_premises(GARDEN, f"交{n}", 20) for n in range(30)}
    eventually(lambda: set(tier.premises(CITY)) == given)
    settled(tier, GARDEN, STREET, DISTRICT)
    for code in (DISTRICT, STREET, GARDEN):
        unit = tier.served(code).office.identity.unit
        peer_status = tier.served(PARENT[code] or "").office.peer_status
        before_ms = peer_status.known()[unit].last_contact_ms
        tier.served(code).dialer.renew_handshake()  # type: ignore[union-attr]
        eventually(lambda n=peer_status, u=unit, b=before_ms: n.known()[u].last_contact_ms > b)
        settled(tier, code)
        with tier.served(code).office.store.read() as tx:
            assert truncation.low_water_down(tx, Lane.BULK) == 0, code


def test_a_child_behind_the_low_water_mark_gets_a_snapshot_and_keeps_what_it_has_not_sent(
    tier: Tier,
) -> None:
    first = tier.add_premises(GARDEN, "甲", 10)
    eventually(lambda: first in tier.premises(CITY))
    settled(tier, GARDEN, STREET, DISTRICT)
    tier.stop(GARDEN)
    street = tier.served(STREET).office
    truncate_for_children(tier, STREET)
    since = offline(tier, GARDEN, lambda o: [premises(o, f"新{n}", 30) for n in range(3)])
    offline(tier, GARDEN, lambda o: enlarge(o, first, 11))
    tier.start(GARDEN, STREET)
    everything = {first, *since}  # type: ignore[misc]
    for code in (GARDEN, STREET, DISTRICT, CITY):
        eventually(lambda code=code: set(tier.premises(code)) == everything)
    settled(tier, GARDEN, STREET, DISTRICT)
    assert tier.premises(GARDEN)[first] == ("甲", 11)
    with tier.served(GARDEN).office.store.read() as tx:
        met, position = log.cursor_of(tx, street.identity.unit, "in", Lane.BULK)
    assert met == street.identity.incarnation
    assert position
    assert under_way(tier, GARDEN) is None
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


class PausedSnapshot:
    """Lets a parent give some chunks of a snapshot and no more until it is let go."""

    def __init__(self, parent: Parent, chunks: int) -> None:
        self.after: list[bytes] = []
        self.reached, self.go = threading.Event(), threading.Event()
        self._chunks, self._shipped = chunks, parent.snapshot
        parent.snapshot = self._snapshot  # type: ignore[method-assign]

    def _snapshot(self, unit: int, session: int, after: bytes) -> ChunkAnswer:
        self.after.append(after)
        if len(self.after) > self._chunks:
            self.reached.set()
            assert self.go.wait(60)
        return self._shipped(unit, session, after)


def emptied(tier: Tier, code: str) -> None:
    """Stop an office whose disk is lost, and make a new folder for it."""
    tier.stop(code)
    shutil.rmtree(tier.base / code)
    config = OfficeConfig(unit=code, parent=tier.addresses[PARENT[code] or ""], sync_interval_s=2)
    init_office(tier.base / code, config, tier.catalogue, rng=random.Random(code + "anew"))


def test_a_snapshot_killed_in_the_middle_resumes_and_loses_nothing(tier: Tier) -> None:
    """SIGKILL while chunks come, with edits at both sides before, between and after."""
    lost = [tier.add_premises(GARDEN, f"失{n}", 20) for n in range(12)]
    eventually(lambda: set(tier.premises(CITY)) == set(lost))
    settled(tier, GARDEN, STREET, DISTRICT)
    street = tier.served(STREET)
    unit = tier.served(GARDEN).office.identity.unit
    street.parent.snapshot_above, street.parent.snapshot_rows = 10, 3
    paused = PausedSnapshot(street.parent, chunks=3)
    emptied(tier, GARDEN)
    unsent = offline(tier, GARDEN, lambda o: premises(o, "未报", 5))
    child = subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve", "--json", "--dir", str(tier.base / GARDEN)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        refused = street.office.signature_refusals.refused_keys
        eventually(lambda: refused().get(unit, b"") != b"")  # the key went with the disk
        reset_clone(street.office, unit, actor="li", reason="硬盘损坏，电话核对")
        # By itself the child asks again after five minutes.
        silian("sync", "now", "--wait", 0, "--dir", tier.base / GARDEN)
        assert paused.reached.wait(60), "no snapshot was asked for"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait(30)

    here = offline(tier, GARDEN, lambda o: set(premises_of(o)))
    came = [record for record in lost if record in here]  # type: ignore[operator]
    wait = [record for record in lost if record not in here]  # type: ignore[operator]
    assert len(came) >= 3
    assert len(wait) >= 3
    carried = BytesIO()
    write_bundle(street.office, unit, lambda _number: carried)
    carried.seek(0)
    with pytest.raises(BundleNeedsLine):
        offline(tier, GARDEN, lambda o: read_bundles(o, [carried]))
    problems = offline(tier, GARDEN, lambda o: status(o).problems)
    (message,) = [p.en for p in problems if p.code == "snapshot_running"]  # type: ignore[attr-defined]
    assert " / " in message
    for n, record in enumerate((came[0], wait[0])):
        move_to(street.office, unit, record, f"新址{n}")
    offline(tier, GARDEN, lambda o: enlarge(o, came[0], 21))
    offline(tier, GARDEN, lambda o: enlarge(o, came[1], 22))
    paused.go.set()
    tier.start(GARDEN, STREET)

    everything = {*lost, unsent}
    for code in (GARDEN, STREET, DISTRICT, CITY):
        eventually(lambda code=code: set(tier.premises(code)) == everything)
    settled(tier, GARDEN, STREET, DISTRICT)
    assert paused.after[3] == paused.after[4] != b"", "it started over"
    for code in (GARDEN, STREET, DISTRICT, CITY):
        eventually(lambda code=code: tier.premises(code)[came[1]] == (_name(lost, came[1]), 22))
        assert tier.premises(code)[came[0]] == (_name(lost, came[0]), 21)
        office = tier.served(code).office
        assert addresses(office) == {came[0]: "新址0", wait[0]: "新址1"}
        with office.store.read() as tx:
            rows = tx.exec_driver_sql("SELECT register, state FROM conflict").fetchall()
            assert {r[0] for r in rows} <= {"cell"}, "counted in two lives, then once"
            assert "open" not in {r[1] for r in rows}
    assert not [
        p for p in status(tier.served(GARDEN).office).problems if p.code == "snapshot_running"
    ]
    assert_consistent_and_equal(tier, GARDEN, STREET, DISTRICT, CITY, lowest=GARDEN)


def _name(records: list[bytes], record: bytes) -> str:
    return f"失{records.index(record)}"


def premises_of(office: Office) -> list[bytes]:
    with office.store.read() as tx:
        return [bytes(r[0]) for r in tx.exec_driver_sql("SELECT id FROM r_premises")]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Tier]:
    with tier_of(tmp_path, ((STREET, None), (GARDEN, STREET))) as tier:
        yield tier


def cut_log(office: Office) -> None:
    """Let an office's log of bulk begin now, as retention does once it is safe above."""

    def write(tx: Connection) -> None:
        tx.exec_driver_sql("DELETE FROM entry WHERE lane=2")
        tx.exec_driver_sql("INSERT INTO stream_base SELECT incarnation, audience, lane, seq, hash, "
                           "hlc FROM stream WHERE lane=2")  # fmt: skip
        truncation.record_snapshot(tx, up=log.position(tx))

    office.store.write(write)


class PausedUpload:
    """Lets a parent take some chunks and answers no more until it is let go."""

    def __init__(self, parent: Parent, chunks: int) -> None:
        self.received = 0
        self.reached, self.go = threading.Event(), threading.Event()
        self._chunks, self._shipped = chunks, parent.upload_snapshot
        parent.upload_snapshot = self._upload  # type: ignore[method-assign]

    def _upload(self, unit: int, session: int, payload: bytes) -> None:
        if self.received == self._chunks:
            self.reached.set()
            assert self.go.wait(60)
        self._shipped(unit, session, payload)
        self.received += 1


def test_a_parent_that_lost_what_no_log_below_has_is_sent_a_snapshot(pair: Tier) -> None:
    """Both logs of bulk are gone; the child dies in the middle, and goes on where it was."""
    kept = [pair.add_premises(GARDEN, f"存{n}", 20) for n in range(12)]
    eventually(lambda: set(pair.premises(STREET)) == set(kept))
    settled(pair, GARDEN)
    cut_log(pair.served(GARDEN).office)
    pair.stop(GARDEN)
    pair.stop(STREET)
    shutil.rmtree(pair.base / STREET)
    since = offline(pair, GARDEN, lambda o: premises(o, "断线", 5))
    offline(pair, GARDEN, lambda o: enlarge(o, kept[0], 21))
    pair.start(GARDEN, STREET)
    child = pair.served(GARDEN).dialer
    assert child is not None
    child._end.snapshot_rows = 3
    pair.start(STREET)
    stopped = PausedUpload(pair.served(STREET).parent, chunks=2)
    child.retry_now()
    assert stopped.reached.wait(60)
    pair.stop(GARDEN)
    came = set(pair.premises(STREET))
    assert came
    assert came < {*kept, since}  # type: ignore[arg-type]
    offline(pair, GARDEN, lambda o: enlarge(o, kept[1], 22))
    stopped.go.set()
    pair.start(GARDEN, STREET)
    eventually(lambda: set(pair.premises(STREET)) == {*kept, since})  # type: ignore[arg-type]
    settled(pair, GARDEN)
    assert pair.premises(STREET) == pair.premises(GARDEN)
    assert pair.premises(STREET)[kept[0]][1] == 21
    assert pair.premises(STREET)[kept[1]][1] == 22
    after = pair.add_premises(GARDEN, "后")
    eventually(lambda: after in pair.premises(STREET))
    assert_consistent_and_equal(pair, GARDEN, STREET, lowest=GARDEN)
    with pair.served(GARDEN).office.store.read() as tx:
        assert not upload.is_due(
            tx, pair.served(STREET).office.identity.unit,
            pair.served(GARDEN).dialer.acked_by_parent[Lane.BULK],  # type: ignore[union-attr]
        )  # fmt: skip
