"""The signing key of an office: where it lies, and what follows when it is lost."""

from __future__ import annotations

import random
import stat
from pathlib import Path

import pytest

from node.config import BadConfig
from node.keys import KEY_FILE, signer_of
from node.office import Office
from node.open import open_office
from sync.log import signatures
from sync.store import meta
from tests.unit.node.offices import CATALOGUE, STREET, Clock, new_office


def street(folder: Path) -> Office:
    return new_office(folder / "street", STREET, Clock())


def reopened(office: Office) -> Office:
    return open_office(
        office.folder, wall_ms=Clock(), rng=random.Random(7), catalogue=CATALOGUE,
        synchronous="OFF",
    )  # fmt: skip


def test_the_key_is_in_the_folder_readable_by_its_owner_only_and_not_in_the_store(
    tmp_path: Path,
) -> None:
    office = street(tmp_path)
    path = office.folder / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    seed = bytes.fromhex(path.read_text())
    office.close()
    store = (office.folder / "office.db").read_bytes()
    assert seed not in store
    assert path.read_bytes() not in store


def test_the_key_stays_the_same_over_restarts(tmp_path: Path) -> None:
    office = street(tmp_path)
    before = office.replica.signer.public_key
    office.close()
    again = reopened(office)
    assert again.replica.signer.public_key == before
    assert again.identity == office.identity
    again.close()


def test_a_lost_key_gives_a_new_key_and_a_new_incarnation(tmp_path: Path) -> None:
    office = street(tmp_path)
    before = office.identity.incarnation
    office.close()
    (office.folder / KEY_FILE).unlink()
    again = reopened(office)
    now = again.identity.incarnation
    assert now != before
    with again.store.read() as tx:
        assert signatures.key_known(tx, now) == again.replica.signer.public_key
        assert signatures.key_known(tx, before) != again.replica.signer.public_key
        assert meta.get(tx, meta.CONTINUES) == before
    again.close()


def test_a_file_without_a_key_is_refused_and_left_unchanged(tmp_path: Path) -> None:
    (tmp_path / KEY_FILE).write_text("not a key")
    with pytest.raises(BadConfig):
        signer_of(tmp_path, random.Random(1))
    assert (tmp_path / KEY_FILE).read_text() == "not a key"
