"""Refusals of a verb itself, before or after it asks an office."""

from __future__ import annotations

from typing import ClassVar

from sync.model.errors import ErrorKind, SilianError


class Refusal(SilianError):
    """The base: the texts are given where it is raised."""

    code: ClassVar[str]
    kind: ClassVar[ErrorKind]

    def __init__(self, en: str, zh: str, remedy_en: str = "", remedy_zh: str = "") -> None:
        super().__init__(en, zh, remedy_en=remedy_en, remedy_zh=remedy_zh)


class WrongUsage(Refusal):
    """The command has an option, an argument or a value that it does not know."""

    code = "usage"
    kind = ErrorKind.INVALID_ARGUMENT


class UnknownCode(Refusal):
    """`silian explain` was asked about a code that no error and no problem has."""

    code = "unknown_code"
    kind = ErrorKind.INVALID_ARGUMENT


class AmbiguousId(Refusal):
    """What was typed fits several things."""

    code = "ambiguous_id"
    kind = ErrorKind.INVALID_ARGUMENT


class UnknownId(Refusal):
    """Nothing at this office has this name, and no id begins with it."""

    code = "unknown_id"
    kind = ErrorKind.NOT_FOUND


class FileExists(Refusal):
    """A file with this name already exists. No verb overwrites a file unless you ask for it."""

    code = "file_exists"
    kind = ErrorKind.ALREADY_EXISTS


class FolderMissing(Refusal):
    """The folder in which a verb is to write a file is not there."""

    code = "file_missing"
    kind = ErrorKind.NOT_FOUND


class NotForPostgreSQL(Refusal):
    """A verb that works on the files of a SQLite store."""

    code = "bad_request"
    kind = ErrorKind.INVALID_ARGUMENT
