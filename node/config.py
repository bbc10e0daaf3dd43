"""The settings of one office: `office.toml` in its folder, overridden by SILIAN_* variables."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from sync.model.errors import SilianError

FILE = "office.toml"
LOG_DAYS_MIN = 30


class BadConfig(SilianError):
    """The folder is not an office's, or its settings are wrong."""

    code = "bad_config"

    def __init__(self, where: str, why: str, why_zh: str, remedy_en: str, remedy_zh: str) -> None:
        super().__init__(
            f"{where}: {why}", f"{where}: {why_zh}", remedy_en=remedy_en, remedy_zh=remedy_zh
        )


def _none_or_thirty(days: int) -> int:
    if days and days < LOG_DAYS_MIN:
        raise ValueError(f"should be 0, or at least {LOG_DAYS_MIN}")
    return days


class OfficeConfig(BaseSettings):
    """Settings of one office. Every one can be overridden by a variable, as SILIAN_LISTEN."""

    model_config = SettingsConfigDict(env_prefix="SILIAN_", extra="forbid", frozen=True)

    unit: str = Field(description="12-digit code of the office's unit")
    store: str = Field(default="", description="database URL; empty: office.db in this folder")
    listen: str = Field(
        default="127.0.0.1:0", description="address for children and programs; port 0: any free"
    )
    parent: str = Field(default="", description="address of the parent office; empty: none")
    extra_catalogue: tuple[str, ...] = Field(
        default=(), description="TOML files with registers and fields of this office's own"
    )
    sync_interval_s: int = Field(default=60, ge=1, le=86_400, description="seconds between ticks")
    connect_spread_s: int = Field(
        default=1, ge=0, le=600, description="the first dial after a start is so much later at most"
    )
    retention_days: int = Field(
        default=400, ge=400, description="days that finished jobs and healed holes are remembered"
    )
    log_days: Annotated[int, AfterValidator(_none_or_thirty)] = Field(
        default=0,
        le=36_500,
        description="days that registers' changes stay in the log at least; 0: for ever",
    )
    tombstone_days: Annotated[int, AfterValidator(_none_or_thirty)] = Field(
        default=0,
        le=36_500,
        description="days that ended records keep their values at least; 0: for ever",
    )
    lease_days: int = Field(
        default=180,
        ge=7,
        le=3_650,
        description="days of silence after which nothing is kept for a child any more",
    )
    bootstrap: bool = Field(
        default=False,
        description="for the first great load: no secondary indexes; the next start without it "
        "builds them",
    )
    correction_days: int = Field(
        default=14,
        ge=1,
        le=365,
        description="days that an owner has to answer a correction request",
    )
    allow_plaintext: bool = Field(
        default=False, description="allow a listen address other than loopback without TLS"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


def load_config(folder: Path) -> OfficeConfig:
    """Read the settings of the office in `folder`.

    Raises: BadConfig, naming the setting and the nearest right one.
    """
    path = folder / FILE
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadConfig(
            str(folder), f"no {FILE} here, so no office", f"此目录没有 {FILE}, 不是单位目录",
            "Run `silian init --dir DIR --unit CODE` first.",
            "请先运行 silian init --dir 目录 --unit 代码。",
        ) from None  # fmt: skip
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadConfig(
            str(path), f"not valid TOML: {error}", f"不是有效的 TOML 文件: {error}",
            "Correct the line named.", "请修正所指出的行。",
        ) from error  # fmt: skip
    return parse_config(str(path), values)


def parse_config(where: str, values: dict[str, Any]) -> OfficeConfig:
    """Check settings. Raises: BadConfig."""
    try:
        return OfficeConfig(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        near = difflib.get_close_matches(name, OfficeConfig.model_fields, 1)
        hint = f" Did you mean `{near[0]}`?" if near and near[0] != name else ""
        raise BadConfig(
            where,
            f"setting `{name}`: {first['msg']}.{hint}",
            f"设置项 {name} 有误: {first['msg']}",
            "Correct it and start again.", "请修正后重新启动。",
        ) from error  # fmt: skip


def write_config(folder: Path, config: OfficeConfig) -> None:
    """Write a commented file with every setting, so that an operator finds them in one place."""
    lines = ["# Settings of this office. A variable SILIAN_<NAME> overrides a line.", ""]
    for name, info in OfficeConfig.model_fields.items():
        value = getattr(config, name)
        lines.append(f"# {info.description}")
        if isinstance(value, bool):
            lines.append(f"{name} = {str(value).lower()}")
        elif isinstance(value, tuple):
            listed = ", ".join(_quoted(v) for v in value)
            lines.append(f"{name} = [{listed}]")
        else:
            lines.append(f"{name} = {value if isinstance(value, int) else _quoted(value)}")
        lines.append("")
    (folder / FILE).write_text("\n".join(lines), encoding="utf-8")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
