"""The signing key of an office: where it lies, and what follows when it is lost."""

from __future__ import annotations

import random
import shutil
import stat
from pathlib import Path

import pytest

from hub.cli import examine
from node.bad_config import BadConfig
from node.keys import KEY_FILE, KeyOfAnother, signer_of
from node.office import Office
from node.open import open_office
from sync.log import entries as log
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


@pytest.mark.parametrize("named", [True, False])
def test_an_office_with_another_offices_key_does_not_start_and_says_why(
    tmp_path: Path, named: bool
) -> None:
    """Its file names its unit; one of an older program is known by what it signed."""
    office = street(tmp_path)
    other = signer_of(tmp_path, random.Random(5), unit=77)
    if not named:
        (tmp_path / KEY_FILE).write_text((tmp_path / KEY_FILE).read_text().split()[0])
        me = office.identity
        office.store.write(
            lambda tx: log.register_incarnations(tx, [(4_711, me.unit + 1, me.level)])
        )
        office.store.write(lambda tx: signatures.keep_key(tx, 4_711, other.public_key, 1))
    office.close()
    shutil.copy(tmp_path / KEY_FILE, office.folder / KEY_FILE)
    with pytest.raises(KeyOfAnother) as refused:
        reopened(office)
    assert refused.value.code == "key_of_another"
    found = {finding.check: finding for finding in examine.examine(office.folder)}
    assert not found["store"].good
    assert str(office.identity.unit) in found["store"].en
    (office.folder / KEY_FILE).unlink()  # as the remedy says
    reopened(office).close()
