"""A database that does not let an office in says why, by its own code and with its own remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from node.config import FILE
from tests.support.postgres import Server
from tests.support.silian import COMMUNITY, Ran, silian

ROLE, PASSWORD = "office_of_a_test", "s3cretword"
Try = Callable[..., Ran]


@pytest.fixture
def database(postgres: Server) -> Iterator[str]:
    """A database whose owner needs a password; yields its name."""
    hba = postgres.folder / "data" / "pg_hba.conf"
    before = hba.read_text(encoding="utf-8")
    stated(postgres, f"CREATE ROLE {ROLE} LOGIN PASSWORD '{PASSWORD}'")
    stated(postgres, f"CREATE DATABASE {ROLE} OWNER {ROLE} TEMPLATE template0")
    hba.write_text(f"local all {ROLE} scram-sha-256\n{before}", encoding="utf-8")
    stated(postgres, "SELECT pg_reload_conf()")
    try:
        yield ROLE
    finally:
        hba.write_text(before, encoding="utf-8")
        stated(postgres, "SELECT pg_reload_conf()")
        stated(postgres, f"DROP DATABASE IF EXISTS {ROLE} WITH (FORCE)")
        stated(postgres, f"DROP ROLE {ROLE}")


def stated(server: Server, statement: str) -> None:
    with psycopg.connect(host=str(server.folder), user="postgres", autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[call-overload]


def url_of(
    server: Server, database: str, *, user: str = ROLE, password: str = PASSWORD, more: str = "",
    scheme: str = "postgresql",
) -> str:  # fmt: skip
    return f"{scheme}://{user}:{password}@/{database}?host={server.folder}{more}"


def init(folder: Path, url: str, *more: object, **env: Any) -> Ran:
    return silian("init", "--dir", folder, "--unit", COMMUNITY, "--store", url, *more, **env)


def refused(ran: Ran, exit_: int, code: str) -> None:
    assert (ran.exit, ran.error["code"]) == (exit_, code), ran.err
    assert PASSWORD not in ran.err
    assert ran.error["hint"]


def test_each_reason_of_a_server_has_a_code_and_an_exit_of_its_own(
    postgres: Server, database: str, tmp_path: Path
) -> None:
    folder = tmp_path / "o"
    cases = {
        url_of(postgres, database, password="wrong"): (4, "store_forbidden"),
        url_of(postgres, database, password=""): (4, "store_forbidden"),
        url_of(postgres, database, user="nobody_at_all"): (4, "store_forbidden"),
        url_of(postgres, "no_such_database"): (7, "store_missing"),
        url_of(postgres, database, more="&port=1"): (5, "store_unreachable"),
        "postgresql://u:s3cretword@127.0.0.1:1/d": (5, "store_unreachable"),
        "postgresql://u:s3cretword@no-such-host.invalid/d": (5, "store_unreachable"),
    }
    for url, (exit_, code) in cases.items():
        refused(init(folder, url, "--json"), exit_, code)
        assert not folder.exists()


def test_a_database_that_cannot_be_written_says_so(
    postgres: Server, database: str, tmp_path: Path
) -> None:
    stated(postgres, f"ALTER ROLE {ROLE} SET default_transaction_read_only = on")
    refused(init(tmp_path / "o", url_of(postgres, database), "--json"), 4, "store_read_only")


def test_an_account_without_rights_in_the_database_is_refused(
    postgres: Server, database: str, tmp_path: Path
) -> None:
    stated(postgres, f"ALTER DATABASE {database} OWNER TO postgres")
    refused(init(tmp_path / "o", url_of(postgres, database), "--json"), 4, "store_forbidden")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_CN"])
def test_a_database_that_is_not_in_utf8_is_refused_in_a_line(
    postgres: Server, tmp_path: Path, encoding: str
) -> None:
    name = f"in_{encoding.lower()}"
    stated(postgres, f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 "
                   "LC_COLLATE 'C' LC_CTYPE 'C'")  # fmt: skip
    try:
        reported = init(tmp_path / "o", url_of(postgres, name, user="postgres"), "--json")
        refused(reported, 7, "store_unsuited")
        assert encoding in reported.error["message"]
    finally:
        stated(postgres, f"DROP DATABASE {name} WITH (FORCE)")


def test_a_database_of_another_program_is_left_alone(
    postgres: Server, database: str, tmp_path: Path
) -> None:
    url = url_of(postgres, database)
    with psycopg.connect(
        url.replace(f"?host={postgres.folder}", ""), host=str(postgres.folder)
    ) as c:
        c.execute("CREATE TABLE alembic_version (version_num text)")
        c.execute("INSERT INTO alembic_version VALUES ('of another')")
    refused(init(tmp_path / "o", url, "--json"), 7, "not_a_store")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_a_server_is_named_as_hosts_print_it_and_its_password_is_in_a_file_of_its_own(
    postgres: Server, database: str, tmp_path: Path, scheme: str
) -> None:
    folder, secret = tmp_path / "o", tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n", encoding="ascii")
    url = url_of(postgres, database, password="", scheme=scheme).replace(":@", "@")
    made = init(folder, url, "--store-password-file", secret)
    assert made.exit == 0, made.err
    assert PASSWORD not in (folder / FILE).read_text(encoding="utf-8")
    assert silian("status", "--dir", folder).exit == 0
    shown = silian("doctor", "--dir", folder, "--json")
    checks = {f["check"]: f["good"] for f in shown.json["items"]}
    assert (checks["store"], checks["private"]) == (True, False)  # the password's file is open
    secret.chmod(0o600)
    secret.write_text("changed", encoding="ascii")
    refused(silian("status", "--dir", folder, "--json"), 4, "store_forbidden")
    by_variable = {"SILIAN_STORE_PASSWORD": PASSWORD}
    assert silian("status", "--dir", folder, env=by_variable).exit == 0


def test_a_server_that_went_away_is_a_finding_and_a_line_in_every_verb(
    postgres: Server, database: str, tmp_path: Path
) -> None:
    folder = tmp_path / "o"
    assert init(folder, url_of(postgres, database)).exit == 0
    stated(postgres, f"DROP DATABASE {database} WITH (FORCE)")
    for verb in (("status",), ("db", "check"), ("db", "upgrade"), ("config", "check")):
        refused(silian(*verb, "--dir", folder, "--json"), 7, "store_missing")
    found = silian("doctor", "--dir", folder, "--json")
    assert found.exit == 6
    store = next(f for f in found.json["items"] if f["check"] == "store")
    assert (store["good"], database in store["en"]) == (False, True)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:s3cretword@x/y", "oracle://u:s3cretword@x", "redis://x", "office.db",
        "postgres", "://",
        "postgresql://u:s3cretword@host:port/x", "sqlite://", "sqlite:///:memory:",
        "sqlite:///office.db?mode=ro", "postgresql+asyncpg://u:s3cretword@x/y",
    ],
)  # fmt: skip
def test_what_is_no_store_is_refused_in_a_line_without_its_password(
    tmp_path: Path, url: str
) -> None:
    refused(init(tmp_path / "o", url, "--json"), 7, "store_unsuited")
    assert not (tmp_path / "o").exists()
