"""The token of an office: who can read its folder may use it; until enrolment and TLS stand."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from sync.model.errors import SilianError

TOKEN_FILE = "api.token"  # a file's name
TOKEN_KEY = "silian-token"  # metadata of every call to OfficeService
TOKEN_BYTES = 32


class Unauthenticated(SilianError):
    """The call showed no token, or one of no office of this process."""

    code = "unauthenticated"

    def __init__(self) -> None:
        super().__init__(
            "the office's token was not shown, or is wrong",
            "未提供单位令牌, 或令牌不正确",
            remedy_en=f"Show the content of {TOKEN_FILE} in the office's folder.",
            remedy_zh=f"请提供单位目录中 {TOKEN_FILE} 文件的内容。",
        )


def token_of(folder: Path) -> str:
    """Return the office's token; the first time, make it, readable by the owner only."""
    path = folder / TOKEN_FILE
    if not path.exists():
        # Written beside it first, so that whoever finds the file finds all of it.
        fresh = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(TOKEN_BYTES))
        fresh.replace(path)
    return path.read_text(encoding="ascii").strip()


def unit_for_token(shown: str, tokens: Iterable[tuple[int, str]]) -> int:
    """Return the unit whose token was shown. Raises: Unauthenticated."""
    found = [
        unit for unit, token in tokens if secrets.compare_digest(token.encode(), shown.encode())
    ]
    if not found:
        raise Unauthenticated
    return found[0]
