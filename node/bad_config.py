"""A folder that is no office's, or a setting that is wrong, as a refusal."""

from __future__ import annotations

from sync.model.errors import ErrorKind, SilianError


class BadConfig(SilianError):
    """The folder is not an office's, or its settings are wrong."""

    code = "bad_config"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, where: str, why: str, why_zh: str, remedy_en: str, remedy_zh: str) -> None:
        super().__init__(
            f"{where}: {why}", f"{where}：{why_zh}", remedy_en=remedy_en, remedy_zh=remedy_zh
        )
