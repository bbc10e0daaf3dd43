"""Whoever reads a store reads every resident's number: only the office's own account does."""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hub.api.tokens import TOKEN_FILE, Unauthenticated, token_of, unit_for_token
from hub.client.client import OfficeClient, wall_ms
from node.bad_config import BadConfig
from node.config import FILE, OfficeConfig
from node.domain.catalogue import load_catalogue
from node.open import open_office
from node.private import close_to_others, make_folder, readable_by_others, write_whole
from node.setup import DATABASE, init_office
from node.store import migrate
from node.store.engine import open_store, sqlite_url
from sync.model.errors import SilianError
from tests.support.silian import COMMUNITY, STREET, serving, silian

UMASKS = (0o022, 0o000, 0o077, 0o777)
PREMISES = ("name=一号楼", "use=office", "area_m2=660", "tenure=owned")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Return what is wrong: the mode of everything that is not for one account only."""
    found = [folder, *folder.rglob("*")]
    wanted = {path: 0o700 if path.is_dir() else 0o600 for path in found}
    actual = {path: stat.S_IMODE(path.stat().st_mode) for path in found}
    return {str(path): mode for path, mode in actual.items() if mode != wanted[path]}


@pytest.mark.parametrize("mask", UMASKS, ids=oct)
def test_whatever_the_umask_nobody_else_reads_what_an_office_makes(
    tmp_path: Path, mask: int
) -> None:
    office, out = tmp_path / "office", tmp_path / "out"
    out.mkdir(mode=0o700)
    with umask(mask):
        assert silian("init", "--dir", office, "--unit", COMMUNITY).exit == 0
        verbs: list[tuple[object, ...]] = [
            ("record", "create", "premises", *PREMISES),
            ("template", "premises", "--out", out / "template.xlsx"),
            ("export", "premises", "--out", out / "premises.xlsx"),
            ("bundle", "write", out / "bundle", "--to", "闸弄口街道"),
            ("db", "backup", out / "copy.db"),
            ("db", "backup", out / "whole.tar", "--whole"),
            ("db", "restore", out / "copy.db", "--force"),
        ]
        for verb in verbs:
            done = silian(*verb, "--dir", office)
            assert done.exit == 0, done.err
        bad = tmp_path / "bad.csv"
        bad.write_text("用房名称,用途,建筑面积\n乙楼,天上,20\n", encoding="utf-8")
        bad.chmod(0o600)
        marked = ("--annotated", out / "marked.csv")
        assert silian("import", bad, "--register", "premises", *marked, "--dir", office).exit == 6
    assert modes(office) == {}
    assert modes(out) == {}
    assert len(list(out.iterdir())) == 6


def test_the_stores_side_files_are_private_while_it_is_open(tmp_path: Path) -> None:
    with umask(0):
        office = tmp_path / "office"
        init_office(office, OfficeConfig(unit=COMMUNITY), load_catalogue(), rng=random.Random(1))
        opened = open_office(office, wall_ms=wall_ms, rng=random.Random(2))
        try:
            names = {path.name for path in office.iterdir()}
            assert {"office.db", "office.db-wal", "office.db-shm", "office.lock"} <= names
            assert modes(office) == {}
        finally:
            opened.close()


def test_the_copy_before_a_migration_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = tmp_path / "office"
    silian("init", "--dir", office, "--unit", COMMUNITY)
    newer = (*migrate.revisions(), "9999")
    with umask(0), monkeypatch.context() as patch:
        patch.setattr(migrate, "revisions", lambda: newer)
        patch.setattr(migrate, "upgrade", lambda _store: None)
        store = open_store(sqlite_url(office / DATABASE))
        migrate.upgrade_with_backup(store, office)
        migrate.upgrade_with_backup(store, office)  # an upgrade that broke off left its copy
        store.close()
    assert {"office.before-9999.db", "office.before-9999.1.db"} <= set(os.listdir(office))
    assert modes(office) == {}


def test_what_others_could_read_is_shown_by_doctor_and_closed_by_the_next_start(
    tmp_path: Path,
) -> None:
    office = tmp_path / "office"
    silian("init", "--dir", office, "--unit", "杭州市")
    office.chmod(0o755)
    for name in (FILE, DATABASE, TOKEN_FILE):
        (office / name).chmod(0o644)
    note = office / "notes.txt"
    note.write_text("not ours", encoding="utf-8")
    note.chmod(0o644)
    first = silian("doctor", "--dir", office, "--json")
    found = {f["check"]: f for f in first.json["items"]}
    assert first.exit == 6
    assert found["private"]["good"] is False
    assert all(name in found["private"]["en"] for name in (FILE, DATABASE, TOKEN_FILE))
    assert silian("status", "--dir", office, "--check").exit == 0
    assert silian("doctor", "--dir", office).exit == 0
    assert modes(office) == {str(note): 0o644}  # whatever else lies there is not ours to close


def test_files_that_cannot_be_closed_are_a_problem_of_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = tmp_path / "office"
    silian("init", "--dir", office, "--unit", "杭州市")
    (office / DATABASE).chmod(0o644)

    def refused(path: Path, _mode: int, **_: object) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", refused)
    shown = silian("status", "--dir", office, "--json", "--check")
    assert shown.exit == 6
    assert [p["code"] for p in shown.json["problems"]] == ["files_open"]


def test_a_folder_that_all_accounts_share_is_left_as_it_is(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    assert readable_by_others(shared) == [shared]
    assert close_to_others(shared) == ([], [shared])
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "kept"
    write_whole(path, b"before")
    tmp_path.joinpath(f".kept.{os.getpid()}").mkdir()  # so that the next one cannot be written
    with pytest.raises(OSError, match="kept"):
        write_whole(path, b"after")
    assert path.read_bytes() == b"before"


def test_the_folders_above_a_new_one_are_private_too(tmp_path: Path) -> None:
    with umask(0):
        make_folder(tmp_path / "a" / "b")
    assert modes(tmp_path / "a") == {}
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file")


# -- the token ------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", ["", "\n", "  \r\n"])
def test_an_empty_token_lets_nobody_in_and_is_made_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / TOKEN_FILE).write_text(content, encoding="ascii")
    made = token_of(tmp_path)
    assert len(made) > 30
    assert token_of(tmp_path) == made
    assert stat.S_IMODE((tmp_path / TOKEN_FILE).stat().st_mode) == 0o600


@pytest.mark.parametrize("content", ["x", "short", "é" * 40, "a b\x07" * 9])
def test_a_file_that_holds_no_token_is_refused_with_its_name(tmp_path: Path, content: str) -> None:
    (tmp_path / TOKEN_FILE).write_text(content, encoding="utf-8")
    with pytest.raises(BadConfig, match=TOKEN_FILE):
        token_of(tmp_path)


@pytest.mark.parametrize("shown", ["", "x", "\0"])
def test_nothing_is_never_a_token_even_where_an_office_holds_none(shown: str) -> None:
    with pytest.raises(Unauthenticated):
        unit_for_token(shown, [(1, shown)])


def test_a_served_office_whose_token_file_is_emptied_still_asks_for_its_token(
    tmp_path: Path,
) -> None:
    office = tmp_path / "street"
    silian("init", "--dir", office, "--unit", STREET)
    (office / TOKEN_FILE).write_text("", encoding="ascii")
    with serving(office) as address:
        with (
            OfficeClient.connect(address, "") as other_account,
            pytest.raises(SilianError) as refused,
        ):
            other_account.get_status()
        assert refused.value.code == "unauthenticated"
        assert silian("status", "--dir", office).exit == 0


# -- the database's password ----------------------------------------------------------------------


def test_settings_with_a_password_are_private_and_never_shown(tmp_path: Path) -> None:
    office = tmp_path / "office"
    silian("init", "--dir", office, "--unit", COMMUNITY)
    settings = (office / FILE).read_text(encoding="utf-8")
    url = "postgresql://u:s3cret@127.0.0.1:1/d?sslpassword=s3cret"
    (office / FILE).write_text(settings.replace('store = ""', f'store = "{url}"'), encoding="utf-8")
    for verb in (
        ("config", "show"),
        ("status",),
        ("doctor",),
        ("config", "check"),
        ("db", "check"),
    ):
        for more in ((), ("--json",)):
            reported = silian(
                *verb, "--dir", office, *more, env={"SILIAN_STORE_PASSWORD": "s3cret"}
            )
            assert "s3cret" not in reported.out + reported.err


def test_a_password_file_that_is_missing_or_empty_is_named(tmp_path: Path) -> None:
    office = tmp_path / "office"
    store = ("--store", "postgresql://u@127.0.0.1:1/d", "--store-password-file")
    missing = silian(
        "init", "--dir", office, "--unit", COMMUNITY, *store, tmp_path / "pw", "--json"
    )
    assert (missing.exit, missing.error["code"]) == (7, "bad_config")
    assert str(tmp_path / "pw") in missing.error["message"]
    (tmp_path / "pw").write_text("\n", encoding="ascii")
    empty = silian("init", "--dir", office, "--unit", COMMUNITY, *store, tmp_path / "pw", "--json")
    assert "empty" in empty.error["message"]
    assert not office.exists()


@pytest.mark.parametrize(
    "password", ["Qx1@Wv2", "@Wv2@", "Qx1/Wv2@Kj3", "Qx1?Wv2@Kj3", "Qx1#Wv2@Kj3"]
)
def test_a_password_that_tears_its_url_is_neither_shown_nor_tried(
    tmp_path: Path, password: str
) -> None:
    store = f"postgresql://u:{password}@127.0.0.1:1/x"
    folder = tmp_path / "o"
    made = silian("init", "--dir", folder, "--unit", COMMUNITY, "--store", store, "--json")
    assert (made.exit, made.error["code"]) == (7, "store_unsuited"), made.err
    assert not folder.exists()
    for part in ("Qx1", "Wv2", "Kj3"):
        assert part not in made.err
    assert silian("init", "--dir", folder, "--unit", COMMUNITY).exit == 0
    shown = silian("config", "show", "--dir", folder, env={"SILIAN_STORE": store})
    assert "Wv2" not in shown.out + shown.err
