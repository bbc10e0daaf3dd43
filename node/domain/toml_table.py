"""A TOML table with its file and place, so that every error names the file and the key."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

from sync.model.errors import ErrorKind, SilianError

T = TypeVar("T")
_REQUIRED: Any = object()


class BadCatalogue(SilianError):
    """A catalogue file has an error; correct the named key and restart."""

    code = "bad_catalogue"
    kind = ErrorKind.INTERNAL

    def __init__(self, file: str, key: str, en: str, zh: str) -> None:
        self.file = file
        self.key = key
        super().__init__(
            f"{file}: {key}: {en}",
            f"{file}: {key}: {zh}",
            remedy_en="Correct the file; nothing was loaded.",
            remedy_zh="请更正该文件；未载入任何内容。",
        )


class Table:
    """Reads one table key by key; `close` refuses keys that were not read."""

    def __init__(self, file: str, key: str, data: dict[str, Any]) -> None:
        self.file = file
        self.key = key
        self._data = dict(data)

    def __contains__(self, key: str) -> bool:
        return key in self._data

    @classmethod
    def parse(cls, file: str, content: bytes) -> Table:
        """Parse a file. Raises: BadCatalogue if it is not TOML in UTF-8."""
        try:
            return cls(file, "", tomllib.loads(content.decode("utf-8")))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise BadCatalogue(
                file, "*", f"not a TOML file: {error}", f"不是有效的 TOML 文件：{error}"
            ) from error

    def fail(self, en: str, zh: str, key: str = "") -> NoReturn:
        """Raise the error for `key` in this table, or for the table itself."""
        raise BadCatalogue(self.file, self._path(key), en, zh)

    def pop(self, key: str, kind: type[T], default: Any = _REQUIRED) -> T:
        """Return the value of a key and mark it as read; `default` makes the key optional.

        Raises: BadCatalogue when it is missing or of another type.
        """
        value = self._data.pop(key, default)
        if value is _REQUIRED:
            self.fail("is missing", "缺少该项", key)
        if value is not default and type(value) is not kind:  # a bool is no int here
            self.fail(f"must be {kind.__name__}", f"类型应为 {kind.__name__}", key)
        return value  # type: ignore[no-any-return]

    def text(self, key: str, default: Any = _REQUIRED) -> str:
        """Return a text; a required one may not be empty."""
        value = self.pop(key, str, default)
        if default is _REQUIRED and not value:
            self.fail("is empty", "不能为空", key)
        return value

    def texts(self, key: str, default: Any = _REQUIRED) -> tuple[str, ...]:
        """Return a list of texts as a tuple; refuse a repeated one."""
        items = self.pop(key, list, default)
        if not all(isinstance(item, str) for item in items) or len(set(items)) != len(items):
            self.fail("must be a list of different texts", "应为互不相同的文本列表", key)
        return tuple(items)

    def raw(self, key: str, default: Any = _REQUIRED) -> Any:
        """Return a value of any type."""
        if key not in self._data and default is _REQUIRED:
            self.fail("is missing", "缺少该项", key)
        return self._data.pop(key, default)

    def table(self, key: str) -> Table:
        """Return the table under a key; an empty one if there is none."""
        return Table(self.file, self._path(key), self.pop(key, dict, {}))

    def tables(self, key: str) -> list[Table]:
        """Return the list of tables under a key; empty if there is none."""
        items = self.pop(key, list, [])
        if not all(isinstance(item, dict) for item in items):
            self.fail("must be a list of tables", "应为表的列表", key)
        return [Table(self.file, f"{self._path(key)}[{n}]", item) for n, item in enumerate(items)]

    def each_table(self) -> Iterator[tuple[str, Table]]:
        """Yield the name and table of every key, in the file's order."""
        for name in list(self._data):
            yield name, self.table(name)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield every key and value in the file's order."""
        while self._data:
            key = next(iter(self._data))
            yield key, self._data.pop(key)

    def one_of(self, key: str, allowed: tuple[str, ...], default: Any = _REQUIRED) -> str:
        """Return a text that is one of `allowed`."""
        value = self.text(key, default)
        if value not in allowed:
            listed = ", ".join(allowed)
            self.fail(f"{value!r} is none of {listed}", f"{value!r} 不在 {listed} 之中", key)
        return value

    def close(self) -> None:
        """Refuse keys that were not read: a misspelt key must not be ignored."""
        for key in self._data:
            self.fail("unknown key", "未知的项", key)

    def _path(self, key: str) -> str:
        return ".".join(filter(None, (self.key, key)))
