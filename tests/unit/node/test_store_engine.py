"""A store that does not open says whether to wait, or that waiting does not help."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from node.store.engine import NotAStore, StoreUnavailable, open_store, sqlite_driver, sqlite_url
from sync.rpc.status import status_of

HEADER = b"SQLite format 3\0"


def test_a_file_that_is_no_database_is_not_retryable(tmp_path: Path) -> None:
    for content in (b"short", b"something else entirely" * 1000, HEADER + b"junk" * 2000):
        file = tmp_path / "office.db"
        file.write_bytes(content)
        with pytest.raises(NotAStore) as refused:
            open_store(sqlite_url(file))
        assert (refused.value.code, refused.value.retryable) == ("not_a_store", False)
        assert file.name in refused.value.zh
        assert status_of(refused.value) is grpc.StatusCode.FAILED_PRECONDITION
        assert file.read_bytes() == content


def test_a_damaged_database_is_not_retryable(tmp_path: Path) -> None:
    file = tmp_path / "office.db"
    made = sqlite_driver.connect(file)
    made.execute("CREATE TABLE word (text)")
    made.commit()
    made.close()
    whole = file.read_bytes()
    file.write_bytes(whole[:100] + bytes(500) + whole[600:])  # the root of the list of tables
    with pytest.raises(NotAStore):
        open_store(sqlite_url(file))


def test_a_store_that_cannot_be_opened_now_is_retryable(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        open_store(sqlite_url(tmp_path / "not mounted" / "office.db"))
    assert refused.value.retryable is True
