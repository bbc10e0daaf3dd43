"""URLs of stores: what one may be, and how people read it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from node.store.refusals import StoreUnsuited


def address_of(url: URL | str) -> URL:
    """Return where a store is; `postgres://`, as most hosts print it, is PostgreSQL too.

    Raises: StoreUnsuited. What cannot be read as a URL is not shown: a password may be in it.
    """
    try:
        found = url if isinstance(url, URL) else make_url(url)
    except (ArgumentError, ValueError):
        raise _unsuited(
            "the setting `store`", "it is not a database URL", "不是有效的数据库地址"
        ) from None
    match found.drivername.lower():
        case "sqlite" if found.database and found.database != ":memory:" and not found.query:
            return found
        case "postgresql" | "postgres" | "postgresql+psycopg" if _torn(found):
            raise _unsuited(
                "the setting `store`",
                "the user or the password in it has one of @ / ? # as it is; write it as "
                "%40, %2F, %3F or %23, or put the password into a file (--store-password-file)",
                "其中的用户名或密码含有 @ / ? # 之一；请写成 %40、%2F、%3F 或 %23，"
                "或把密码放入文件（--store-password-file）",
            )
        case "postgresql" | "postgres" | "postgresql+psycopg":
            return found.set(drivername="postgresql+psycopg")
        case "sqlite":
            raise _unsuited(
                "the setting `store`", "it names no file, or has options after `?`",
                "没有写明文件，或在“?”之后带有选项",
            )  # fmt: skip
    raise _unsuited(
        shown(found), f"{found.drivername!r} is no kind of database that offices are kept in",
        f"不支持 {found.drivername} 类型的数据库",
    )  # fmt: skip


def _unsuited(where: str, why: str, why_zh: str) -> StoreUnsuited:
    return StoreUnsuited(
        where, why, why_zh,
        "Write postgresql://USER@HOST:5432/DATABASE, or sqlite:////FOLDER/office.db; leave it "
        "empty for office.db in the office's folder.",
        "请写成 postgresql://用户@主机:5432/数据库 或 sqlite:////目录/office.db；"
        "留空则使用单位目录中的 office.db。",
    )  # fmt: skip


def _torn(url: URL) -> bool:
    """Return whether a part of a password was read as another part: an @ stands where none may."""
    return any("@" in part for part in (url.host or "", url.database or "", *url.query))


def sqlite_url(path: Path) -> URL:
    """Return the URL of a SQLite file, whatever characters its name has."""
    return URL.create("sqlite", database=str(path))


def shown(url: URL) -> str:
    """Return where a store is as people read it: the plain path of a file; no password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return redacted(url.set(drivername=url.get_backend_name()))


def redacted(url: URL | str) -> str:
    """Return the URL as it may be shown: without its passwords; "***" when it is no URL."""
    try:
        found = make_url(url)
    except (ArgumentError, ValueError):
        return "***"
    if found.get_backend_name() != "sqlite" and _torn(found):
        return "***"
    secret = {name: "***" for name in found.query if "password" in name.lower()}
    return found.update_query_dict(secret).render_as_string(hide_password=True)
