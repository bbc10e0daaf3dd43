"""A fenced store: the parent has another store under this office's name."""

from __future__ import annotations

from sync.model.errors import ErrorKind, SilianError


class Fenced(SilianError):
    """The parent has let another store in under this office's name: edits here would be lost."""

    code = "fenced"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, name: str) -> None:
        super().__init__(
            f"this is not the store that works for {name} now: an edit made here would be lost",
            f"本机数据库已不代表 {name}，在此所做的修改将会丢失",
            remedy_en="Work at the other store and stop this one. If this is the right one, stop "
            "the other, and have the parent run `silian clone reset`.",
            remedy_zh="请在另一套数据上办理，并停用本机；若本机数据才是正确的，请停用另一套，"
            "再由上级运行 silian clone reset。",
        )
