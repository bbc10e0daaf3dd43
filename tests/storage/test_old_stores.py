"""Stores of earlier schema revisions: every later program opens them, and nothing in them is lost.

tests/data/stores/0007 has two real offices of the last program before the rename: a community and
its street, which exchanged bundles and disagree about an address. tests/data/stores/0010 has a
community and its street after two handshakes; the street has a record of a cloned community.
"""

from __future__ import annotations

import lzma
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text

from node.office import Office
from node.open import open_office
from node.services.conflicts.views import list_open
from node.services.health.verify import verify
from node.services.peers.clones import list_clones
from node.services.records import views
from node.store import migrate
from node.store.engine import Store, open_store, sqlite_url
from node.store.job_runs import JobTotal, totals
from sync.codec import entry as codec
from sync.recovery.clones import Tokens
from sync.store import peers
from tests.storage.test_migrations import url  # noqa: F401  # the two stores
from tests.unit.node.offices import CATALOGUE

STORES = Path(__file__).resolve().parents[1] / "data/stores"
NOW_MS = 1_796_010_000_000


def _unpacked(folder: Path, name: str, revision: str = "0007") -> Path:
    office = folder / name
    office.mkdir()
    packed = STORES / revision / f"{name}.db.xz"
    (office / "office.db").write_bytes(lzma.decompress(packed.read_bytes()))
    shutil.copy(STORES / revision / f"{name}.toml", office / "office.toml")
    shutil.copy(STORES / revision / f"{name}.key", office / "signing.key")
    return office


@pytest.fixture(params=["home", "street"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    folder = _unpacked(tmp_path, request.param)
    opened = open_office(folder, wall_ms=lambda: NOW_MS, rng=random.Random(1))
    try:
        yield opened
    finally:
        opened.close()


def test_a_store_of_revision_0007_opens_with_its_records_and_conflicts(office: Office) -> None:
    shown = views.list_records(office, "premises", subtree=True).records
    assert [(r.values["name"], r.values["address"]) for r in shown] == [
        ("文体中心", "社区更正地址")
    ]
    (conflict,) = list_open(office).conflicts
    assert {conflict.shown.value, conflict.loser.value} == {"社区更正地址", "街道核查地址"}
    assert verify(office).differences == ()
    assert list(office.folder.glob("office.before-*.db")), "no copy was made before the upgrade"


@pytest.mark.parametrize("revision", ["0007", "0010"])
@pytest.mark.parametrize("name", ["home", "street"])
def test_the_catalogue_has_every_field_that_an_old_log_names(
    tmp_path: Path, name: str, revision: str
) -> None:
    """Entries are hashed and signed with their fields' names: a renamed field is an unknown one."""
    store = open_store(sqlite_url(_unpacked(tmp_path, name, revision) / "office.db"))
    with store.read() as tx:
        wires = tx.execute(text("SELECT wire FROM entry")).scalars().all()
    store.close()
    blocks = [b for wire in wires for b in codec.unpack(codec.entry_from_wire(wire).payload)]
    assert blocks
    for block in blocks:
        assert set(block.fields) <= set(CATALOGUE.registers[block.register].fields), block.register


HOME, SILENT = 6907564951598467164, 425585850240129909  # communities of the store 0010


def test_a_store_of_revision_0010_opens_with_what_it_knew_of_its_neighbours(
    tmp_path: Path,
) -> None:
    folder = _unpacked(tmp_path, "street", "0010")
    opened = open_office(folder, wall_ms=lambda: NOW_MS, rng=random.Random(1))
    try:
        (clone,) = list_clones(opened)
        assert (clone.unit, clone.flagged) == (SILENT, True)
        assert [(d.actor, d.reason) for d in clone.decisions] == [("李", "旧电脑已停用")]
        with opened.store.read() as tx:
            home, silent = peers.load(tx, HOME), peers.load(tx, SILENT)
            assert not [key for key in _facts(tx) if ":" in key]
            above = peers.load(tx, 261188245431088688)
        assert Tokens.from_text(home.token_issued).incarnation == 185717890240202067
        assert Tokens.from_text(silent.token_issued).accept_next
        assert home.republished_to == silent.republished_to == opened.replica.identity.incarnation
        assert above.token_received == "2e9ef5d9bb6016c7f056f40560d3dce6"
        assert verify(opened).differences == ()
    finally:
        opened.close()


FACTS = {
    "continues": "1", "restored": "1", "met:7": "2", "token:7": "aa", "token:given:8": "bb",
    "ways:8": "3", "cut:8": "4", "copying:7": "5", "handing:7": "6", "held:ab": "7",
    "copied:down": "8", "copied:up": "9", "unit": "10",
}  # fmt: skip
RENAMED = {
    "numbering_from": "1", "recovery_due": "1", "rebased_at:7": "2", "token_held:7": "aa",
    "token_issued:8": "bb", "republished_to:8": "3", "snapshot_due:8": "4", "snapshot_in:7": "5",
    "snapshot_out:7": "6", "quarantined_copy:ab": "7", "snapshot:down": "8", "snapshot:up": "9",
    "unit": "10",
}  # fmt: skip


def _to(store: Store, revision: str, *, down: bool = False) -> None:
    def run(tx) -> None:
        config = migrate._config()
        config.attributes["connection"] = tx
        (command.downgrade if down else command.upgrade)(config, revision)

    store.write(run)


def _fill_0007(tx) -> None:
    for key, value in FACTS.items():
        tx.execute(text("INSERT INTO meta (key, value) VALUES (:k, :v)"), {"k": key, "v": value})
    kind = "BYTEA" if tx.dialect.name == "postgresql" else "BLOB"
    tx.execute(
        text(f"CREATE TABLE r_thing (unit BIGINT, id {kind}, born {kind}, life INTEGER, "
             f"life_version {kind}, unseen TEXT, f_name TEXT, v_name {kind})")
    )  # fmt: skip
    tx.execute(text("INSERT INTO r_thing (unit, life, unseen, f_name) VALUES (1, 2, 'x', 'a')"))
    tx.execute(text("INSERT INTO floor (lane, peer, position) VALUES (1, 0, 42)"))
    tx.execute(text("INSERT INTO safe (level, lane, position) VALUES (0, 1, 43)"))
    for n, (reason, state) in enumerate(
        (("behind_hole", "healed"), ("refused_by_store", "open"), ("malformed", "closed"))
    ):
        tx.execute(
            text("INSERT INTO hole (id, arrival, incarnation, register, unit, record, reason, "
                 "detail, state, at_ms, tries) VALUES (:id, 1, 1, 'r', 1, :id, :reason, '', "
                 ":state, 1, 1)"),
            {"id": bytes([n]) * 16, "reason": reason, "state": state},
        )  # fmt: skip
    for n, state in enumerate(("open", "silent", "settled", "overtaken")):
        tx.execute(
            text("INSERT INTO conflict (id, register, unit, record, field, version, value, level, "
                 "head, deleted, state, opened_ms) VALUES (:id, 'r', 1, :id, 'f', :id, '1', 1, 1, "
                 "0, :state, 1)"),
            {"id": bytes([n]) * 16, "state": state},
        )  # fmt: skip


def _facts(tx) -> dict[str, str]:
    return dict(tx.execute(text("SELECT key, value FROM meta")).all())


def test_facts_tables_columns_and_states_of_0007_are_found_under_the_new_names(
    url: str,  # noqa: F811  # the fixture
) -> None:
    store = open_store(url, create=True)
    try:
        _to(store, "0007")
        store.write(_fill_0007)
        _to(store, "0008")
        with store.read() as tx:
            assert _facts(tx) == RENAMED
            row = tx.execute(
                text("SELECT causal_length, survived_delete, f_name, created, "
                     "causal_length_version FROM r_thing")
            ).one()  # fmt: skip
            assert tuple(row[:3]) == (2, "x", "a")
            assert tx.execute(text("SELECT position FROM truncation")).scalar_one() == 42
            assert tx.execute(text("SELECT position FROM durable")).scalar_one() == 43
            rows = tx.execute(text("SELECT reason, state FROM quarantine ORDER BY id")).all()
            assert [tuple(r) for r in rows] == [
                ("blocked", "applied"), ("constraint_violation", "open"), ("malformed", "closed"),
            ]  # fmt: skip
            states = tx.execute(text("SELECT state FROM conflict ORDER BY id")).scalars().all()
            assert states == ["open", "auto_resolved", "resolved", "superseded"]
    finally:
        store.close()


def test_0008_can_be_taken_back_without_losing_a_fact(tmp_path: Path) -> None:
    store = open_store(sqlite_url(tmp_path / "office.db"), create=True)
    try:
        _to(store, "0007")
        store.write(_fill_0007)
        _to(store, "0008")
        _to(store, "0007", down=True)
        with store.read() as tx:
            assert _facts(tx) == FACTS
            states = tx.execute(text("SELECT state FROM conflict ORDER BY id")).scalars().all()
            assert states == ["open", "silent", "settled", "overtaken"]
    finally:
        store.close()


FACTS_0010 = {
    "token_held:7": "aa", "token_issued:8": "bb", "rebased_at:8": "2", "republished_to:8": "3",
    "snapshot_due:8": "1", "snapshot_in:7": "5", "snapshot_out:7": "6", "copies": "8,9",
    "copy_forgotten:8": "[]", "doubts": "7=signature_refused,8=key_changed", "unit": "10",
    "quarantined_copy:ab": "7", "snapshot:down": "8", "retention": "[1, 2]",
}  # fmt: skip
NEIGHBOURS = {
    7: peers.Peer(
        token_received="aa", snapshot_in="5", snapshot_out="6", refusal="signature_refused"
    ),
    8: peers.Peer(
        token_issued="bb", rebased_at=2, republished_to=3, snapshot_due=1, cloned=1,
        clone_decisions="[]", refusal="key_changed",
    ),
    9: peers.Peer(cloned=1),
}  # fmt: skip


def test_facts_about_neighbours_of_0010_are_one_row_each_and_can_be_taken_back(
    url: str,  # noqa: F811  # the fixture
) -> None:
    def fill(tx) -> None:
        for key, value in FACTS_0010.items():
            statement = text("INSERT INTO meta (key, value) VALUES (:k, :v)")
            tx.execute(statement, {"k": key, "v": value})

    store = open_store(url, create=True)
    try:
        _to(store, "0010")
        store.write(fill)
        _to(store, "head")
        with store.read() as tx:
            assert peers.load_all(tx) == NEIGHBOURS
            assert sorted(_facts(tx)) == [
                "quarantined_copy:ab", "retention", "snapshot:down", "unit"
            ]  # fmt: skip
        _to(store, "0010", down=True)
        with store.read() as tx:
            assert _facts(tx) == FACTS_0010
    finally:
        store.close()


def test_the_signatures_of_0012_stay_with_their_entries_and_can_be_taken_back(
    url: str,  # noqa: F811  # the fixture
) -> None:
    where = {"i": 7, "a": "up:city", "l": 2}

    def fill(tx) -> None:
        for seq in (1, 2, 3):
            statement = text(
                "INSERT INTO entry (arrival, lane, incarnation, audience, seq, hlc, via, "
                "via_position, changes, at_ms, wire) "
                "VALUES (:seq, :l, :i, :a, :seq, :seq, 4, :seq, 1, 1, :wire)"
            )
            tx.execute(statement, {**where, "seq": seq, "wire": b"w"})
        statement = text(
            "INSERT INTO stream (incarnation, audience, lane, seq, hash, hlc, signed_seq, "
            "signature) VALUES (:i, :a, :l, 3, :hash, 3, 3, :s)"
        )
        tx.execute(statement, {**where, "hash": b"h", "s": b"newest"})
        statement = text("INSERT INTO signature VALUES (:i, :a, :l, 1, :s)")
        tx.execute(statement, {**where, "s": b"older"})

    def signatures(tx) -> list[bytes | None]:
        rows = tx.execute(text("SELECT signature FROM entry ORDER BY arrival")).all()
        return [bytes(row[0]) if row[0] is not None else None for row in rows]

    store = open_store(url, create=True)
    try:
        _to(store, "0012")
        store.write(fill)
        _to(store, "head")
        with store.read() as tx:
            assert signatures(tx) == [b"older", None, b"newest"]
        _to(store, "0012", down=True)
        with store.read() as tx:
            kept = tx.execute(text("SELECT seq, signature FROM signature ORDER BY seq")).all()
        assert [(row[0], bytes(row[1])) for row in kept] == [(1, b"older"), (3, b"newest")]
    finally:
        store.close()


def test_the_runs_of_jobs_that_an_older_store_still_knows_are_counted(
    url: str,  # noqa: F811  # the fixture
) -> None:
    runs = [
        ("retention", "2026-07-01", "done", 5), ("retention", "2026-07-02", "done", 9),
        ("retention", "2026-07-03", "failed", 12), ("close_period", "2026-06", "failed", 7),
        ("compare", "2026-07-03", "running", None),
    ]  # fmt: skip

    def fill(tx) -> None:
        for job, period, state, ended_ms in runs:
            tx.execute(
                text("INSERT INTO job_run (job, period, state, started_ms, ended_ms, detail) "
                     "VALUES (:job, :period, :state, 1, :ended, '')"),
                {"job": job, "period": period, "state": state, "ended": ended_ms},
            )  # fmt: skip

    store = open_store(url, create=True)
    try:
        _to(store, "0020")
        store.write(fill)
        _to(store, "head")
        with store.read() as tx:
            assert totals(tx) == [
                JobTotal(job="close_period", runs=1, failures=1, last_success_ms=0),
                JobTotal(job="retention", runs=3, failures=1, last_success_ms=9),
            ]
    finally:
        store.close()
