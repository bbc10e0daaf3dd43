"""Tokens of offices: who can read an office's folder may use it, until enrolment and TLS exist."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from pathlib import Path

from node.bad_config import BadConfig
from node.private import write_whole
from sync.model.errors import ErrorKind, SilianError

TOKEN_FILE = "api.token"  # a file's name
TOKEN_KEY = "silian-token"  # metadata of every call to OfficeService
ACTOR_KEY = "silian-actor-bin"  # metadata of a call: who makes it, in UTF-8; may be left out
TOKEN_BYTES = 32
TOKEN_CHARS_MIN = 16


class Unauthenticated(SilianError):
    """The call sent no token, or one of an office that this process does not serve."""

    code = "unauthenticated"
    kind = ErrorKind.UNAUTHENTICATED

    def __init__(self) -> None:
        super().__init__(
            "the office's token is missing or wrong",
            "未提供单位令牌，或令牌不正确",
            remedy_en=f"Send the content of {TOKEN_FILE} from the office's folder.",
            remedy_zh=f"请提供单位目录中 {TOKEN_FILE} 文件的内容。",
        )


def token_of(folder: Path) -> str:
    """Return the office's token; the first time, make it, readable by the owner only.

    An empty file has no token: a new one is made then.
    Raises: BadConfig when the file has something that is none.
    """
    path = folder / TOKEN_FILE
    try:
        found = path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        found = ""
    if not found:
        found = secrets.token_urlsafe(TOKEN_BYTES)
        write_whole(path, found.encode())
    if not is_token(found):
        raise BadConfig(
            str(path), f"this file holds no token: at least {TOKEN_CHARS_MIN} characters of ASCII",
            f"文件中没有有效的令牌（至少 {TOKEN_CHARS_MIN} 个 ASCII 字符）",
            "Delete the file and start again: a new token is made.",
            "请删除该文件后重新启动，系统将生成新令牌。",
        )  # fmt: skip
    return found


def is_token(text: str) -> bool:
    """Return whether a text is long enough, and plain enough, to be a token."""
    return len(text) >= TOKEN_CHARS_MIN and text.isascii() and text.isprintable()


def unit_for_token(shown: str, tokens: Iterable[tuple[int, str]]) -> int:
    """Return the unit whose token was shown; no token matches nothing. Raises: Unauthenticated."""
    found = [
        unit
        for unit, token in tokens
        if is_token(token) and secrets.compare_digest(token.encode(), shown.encode())
    ]
    if not found:
        raise Unauthenticated
    return found[0]
