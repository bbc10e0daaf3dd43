"""Letters of invitation: a small file that a parent hands to an office, and reads once.

Whoever has the letter can enrol as that office until it is used: hand it over in person, or by a
way as safe, and compare the fingerprints by telephone.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub.cli.inputs import content_of
from hub.cli.refusals import Refusal
from sync.model.errors import ErrorKind

HEAD = (
    "# An invitation to enrol: for one office and one time. Whoever has this file can use it.",
    "# At the office: silian join {name} --dir DIR",
    "# 入网邀请函，仅限该单位使用一次；持有此文件即可使用，请妥善保管，不得转发。",
    "# 在本单位运行：silian join 邀请函 --dir 目录",
)


class BadLetter(Refusal):
    """The file is no letter of invitation, or not a whole one."""

    code = "bad_letter"
    kind = ErrorKind.DAMAGED_FILE


class LetterOver(Refusal):
    """The invitation is over."""

    code = "letter_over"
    kind = ErrorKind.FAILED_PRECONDITION


@dataclass(frozen=True, slots=True)
class Letter:
    """What an invited office needs to know."""

    unit: str  # code
    name: str
    parent: str  # host:port for the link
    parent_unit: str  # code
    parent_key: str  # its signing key, as people compare it
    enrolment: str  # host:port where it enrols
    tls_name: str  # in the certificate with which that process answers
    secret: str  # hexadecimal
    expires: str  # ISO, UTC
    fingerprint: str  # of the city's authority
    authority: str  # PEM
    enrols_at: str = ""  # code of the office that invites; "": the parent
    parent_enrolment: str = ""  # host:port where it renews later; "": where it enrols
    parent_tls_name: str = ""  # in the certificate of the parent's process; "": the parent's own

    def text(self, file: str) -> str:
        """Return the letter as TOML."""
        lines = [line.format(name=file) for line in HEAD]
        for field in fields(self):
            lines.append(
                f"{field.name} = {json.dumps(getattr(self, field.name), ensure_ascii=False)}"
            )
        return "\n".join(lines) + "\n"


def read_letter(path: Path) -> Letter:
    """Return a letter from its file. Raises: BadLetter; OSError."""
    try:
        values: dict[str, Any] = tomllib.loads(content_of(path).decode("utf-8-sig"))
        letter = Letter(**{name: str(value) for name, value in values.items()})
        bytes.fromhex(letter.secret)
        datetime.fromisoformat(letter.expires)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, ValueError):
        raise BadLetter(
            f"{path} is no letter of invitation", f"{path} 不是入网邀请函",
            "Take the file that `silian invite` wrote at the parent, unchanged.",
            "请使用上级运行 silian invite 生成的文件，不要修改。",
        ) from None  # fmt: skip
    return letter


def must_be_valid(letter: Letter, now_ms: int) -> None:
    """Raises: LetterOver."""
    if datetime.fromisoformat(letter.expires).timestamp() * 1_000 <= now_ms:
        raise LetterOver(
            f"the invitation was valid until {letter.expires}",
            f"邀请已于 {letter.expires} 过期",
            "Ask the parent for a new one: silian invite. Is this machine's clock right?",
            "请由上级运行 silian invite 重新发出邀请，并检查本机时钟。",
        )  # fmt: skip


def is_void(path: Path, unit: str) -> bool:
    """Return whether a file is a letter for a unit: a newer invitation takes its place."""
    try:
        return read_letter(path).unit == unit
    except (BadLetter, OSError):
        return False


def expires_text(ms: int) -> str:
    return datetime.fromtimestamp(ms // 1_000, UTC).isoformat()
