"""The configuration of an office: `office.toml` in its folder, or SILIAN_* variables."""

from __future__ import annotations

import codecs
import difflib
import json
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from node.address import Fault, address, addresses, shown
from node.bad_config import BadConfig
from node.private import write_whole

FILE = "office.toml"
LOG_DAYS_MIN = 30
AUDIT_DAYS_MIN = 183  # six months: the Cybersecurity Law of China, article 21
PREFIX = "SILIAN_"
RETIRED = ("allow_plaintext",)  # an older program wrote them; they have no effect
UNWRITTEN = ("store_password",)  # a secret comes from a file of its own or the environment


def _none_or_thirty(days: int) -> int:
    if days and days < LOG_DAYS_MIN:
        raise Fault(f"should be 0, or at least {LOG_DAYS_MIN}", f"应为 0，或不小于 {LOG_DAYS_MIN}")
    return days


def _none_or_half_a_year(days: int) -> int:
    if days and days < AUDIT_DAYS_MIN:
        least = AUDIT_DAYS_MIN
        raise Fault(f"should be 0, or at least {least}", f"应为 0，或不小于 {least}")
    return days


def _listen(text: str) -> str:
    return shown(addresses(text, any_port=True))


def _listen_or_none(text: str) -> str:
    return str(address(text, any_port=True)) if text.strip() else ""


def _enrolment(text: str) -> str:
    return shown(addresses(text, any_port=True)) if text.strip() else ""


def _parent(text: str) -> str:
    return shown(addresses(text)) if text.strip() else ""


def _metrics(text: str) -> str:
    """Return the address; a port alone is one of loopback."""
    text = text.strip()
    alone = text.isascii() and text.isdecimal()
    return str(address(f"127.0.0.1:{text}" if alone else text, any_port=True)) if text else ""


def _listed(value: Any) -> Any:
    return tuple(filter(None, value.split(","))) if isinstance(value, str) else value


class OfficeConfig(BaseSettings):
    """Settings of one office. Every one can be overridden by a variable, as SILIAN_LISTEN."""

    model_config = SettingsConfigDict(env_prefix="SILIAN_", extra="forbid", frozen=True)

    unit: str = Field(description="12-digit code of the office's unit")
    store: str = Field(default="", description="database URL; empty: office.db in this folder")
    store_password_file: str = Field(
        default="", description="file with the database's password, so that it is not in `store`"
    )
    store_password: str = Field(
        default="", repr=False, description="the database's password; only as a variable"
    )
    listen: Annotated[str, AfterValidator(_listen)] = Field(
        default="127.0.0.1:0",
        description="address for children and programs, or several: a:1, [b::]:2; port 0: any free",
    )
    parent: Annotated[str, AfterValidator(_parent)] = Field(
        default="",
        description="address of the parent office, or several: the next is tried when one does not "
        "answer; empty: none",
    )
    extra_catalogue: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default=(), description="TOML files with registers and fields of this office's own"
    )
    sync_interval_s: int = Field(default=60, ge=1, le=86_400, description="seconds between ticks")
    connect_spread_s: int = Field(
        default=1, ge=0, le=600, description="the first dial after a start is so much later at most"
    )
    retention_days: int = Field(
        default=400,
        ge=400,
        description="days that finished jobs and applied quarantined changes are remembered",
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
    audit_days: Annotated[int, AfterValidator(_none_or_half_a_year)] = Field(
        default=0,
        le=36_500,
        description="days that entries of the audit log are kept at least; 0: for ever",
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
    disk_free_mib: int = Field(
        default=1024,
        ge=0,
        le=1 << 30,
        description="MiB that should be free on the office's disk; below, `status` says so",
    )
    auto_relay: bool = Field(
        default=True,
        description="pass on by itself work that only goes through this office",
    )
    enrolment: Annotated[str, AfterValidator(_enrolment)] = Field(
        default="",
        description="address where invited offices enrol; empty: the port after that of `listen`",
    )
    parent_enrolment: Annotated[str, AfterValidator(_parent)] = Field(
        default="", description="address where the parent gives out certificates; from its letter"
    )
    parent_tls_name: str = Field(
        default="",
        description="name in the certificate of the parent's process; empty: the parent's own",
    )
    health: Annotated[str, AfterValidator(_listen_or_none)] = Field(
        default="", description="address of /livez and /readyz, plain HTTP; empty: none"
    )
    sealed_mib: int = Field(
        default=512,
        ge=0,
        le=1 << 20,
        description="MiB that one sealed backup of a child may have; three are kept at most; "
        "0: none",
    )
    reflection: bool = Field(
        default=False, description="let programs ask the server for the contract (gRPC reflection)"
    )
    metrics: Annotated[str, AfterValidator(_metrics)] = Field(
        default="",
        description="address for monitoring (OpenMetrics), as 9464 for this machine alone; empty: "
        "none",
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


def load_config(folder: Path, name: str = FILE) -> OfficeConfig:
    """Read the settings of the office in `folder`.

    Raises: BadConfig, naming the setting and the nearest right one.
    """
    path = folder / name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadConfig(
            str(folder), f"no {FILE} here, so no office", f"此目录没有 {FILE}，不是单位目录",
            "Run `silian init --dir DIR --unit CODE` first.",
            "请先运行 silian init --dir 目录 --unit 代码。",
        ) from None  # fmt: skip
    return parse_config(str(path), _table(str(path), content))


def _table(where: str, content: bytes) -> dict[str, Any]:
    """Return the content of a TOML file; a byte order mark, as Notepad writes it, is ignored."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _not_utf8(where, 1)
    try:
        return tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _not_utf8(where, content.count(b"\n", 0, error.start) + 1) from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+), column (\d+)", str(error))
        line, column = at.groups() if at else (str(content.count(b"\n") + 1), "1")
        raise BadConfig(
            where, f"line {line}, column {column} cannot be read as TOML",
            f"第 {line} 行第 {column} 列不符合 TOML 格式",
            'Each line is `name = value`, each name stands once, text is in double quotes: "...".',
            "每行写成“名称 = 值”，名称不得重复，文字须加英文双引号。",
        ) from None  # fmt: skip


def _not_utf8(where: str, line: int) -> BadConfig:
    return BadConfig(
        where, f"line {line} is not UTF-8", f"第 {line} 行不是 UTF-8 编码",
        "Save the file as UTF-8; editors often choose GBK (ANSI) or UTF-16.",
        "请将文件另存为 UTF-8 编码（编辑器可能默认使用 GBK、ANSI 或 UTF-16）。",
    )  # fmt: skip


def parse_config(where: str, values: dict[str, Any]) -> OfficeConfig:
    """Check settings, those of the environment too. Raises: BadConfig."""
    try:
        return OfficeConfig(**{n: value for n, value in values.items() if n not in RETIRED})
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        if variable := variable_of(name):
            where = variable
        why, why_zh = _what_is_wrong(name, first)
        raise BadConfig(
            where, why, why_zh, "Correct it and start again.", "请修正后重新启动。"
        ) from None


def _what_is_wrong(name: str, error: Any) -> tuple[str, str]:
    """Return in both languages what is wrong with a setting, by what it should be."""
    info = OfficeConfig.model_fields.get(name)
    if info is None:
        near = difflib.get_close_matches(name, OfficeConfig.model_fields, 1)
        hint = (f". Did you mean `{near[0]}`?", f"，是否应为 {near[0]}？") if near else ("", "")
        return f"there is no setting `{name}`{hint[0]}", f"没有名为 {name} 的设置项{hint[1]}"
    if error["type"] == "missing":
        return f"the setting `{name}` is missing", f"缺少设置项 {name}"
    fault = error.get("ctx", {}).get("error")
    en, zh = (fault.en, fault.zh) if isinstance(fault, Fault) else _wanted(info)
    secret = name.startswith("store")  # a URL may have a password in it
    given = "..." if secret else str(error["input"])[:60]
    return f"the setting `{name}` ({given}) {en}", f"设置项 {name}（{given}）{zh}"


def _wanted(info: FieldInfo) -> tuple[str, str]:
    """Return in both languages what a setting's type accepts."""
    if info.annotation is bool:
        return "should be true or false", "应为 `true` 或 `false`"
    if info.annotation is int:
        least = next((str(m.ge) for m in info.metadata if isinstance(m, Ge)), "0")
        most = next((str(m.le) for m in info.metadata if isinstance(m, Le)), "")
        if most:
            return (f"should be a whole number from {least} to {most}",
                    f"应为 {least} 至 {most} 的整数")  # fmt: skip
        return f"should be a whole number from {least}", f"应为不小于 {least} 的整数"
    if info.annotation is str:
        return 'should be text in double quotes: "..."', "应为加英文双引号的文字"
    return 'should be a list of texts: ["...", "..."]', '应为文字列表，例如 ["...", "..."]'


def variable_of(name: str) -> str:
    """Return the environment's variable that overrides a setting; "" when none does."""
    wanted = f"{PREFIX}{name}".upper()
    return next((variable for variable in os.environ if variable.upper() == wanted), "")


def password_of(folder: Path, config: OfficeConfig) -> str:
    """Return the database's password: the environment's, or what its file holds; "" for none.

    Raises: BadConfig when the file cannot be read, or holds nothing.
    """
    if config.store_password or not config.store_password_file:
        return config.store_password
    path = folder / config.store_password_file
    try:
        found = path.read_text(encoding="utf-8-sig").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", "") or "not UTF-8"
        raise _no_password(path, f"cannot be read ({why})", f"无法读取（{why}）") from None
    if not found:
        raise _no_password(path, "is empty", "内容为空")
    return found


def _no_password(path: Path, why: str, why_zh: str) -> BadConfig:
    return BadConfig(
        "store_password_file", f"{path} {why}", f"{path} {why_zh}",
        "Put the database's password into it, and nothing else; its mode should be 0600.",
        "请在其中只写数据库密码，并将文件权限设为 0600。",
    )  # fmt: skip


def write_config(folder: Path, config: OfficeConfig) -> None:
    """Write a commented file with every setting, so that an operator finds them in one place.

    Only this account may read it: `store` may have a password in it.
    """
    lines = ["# Settings of this office. A variable SILIAN_<NAME> overrides a line.", ""]
    for name, info in OfficeConfig.model_fields.items():
        if name in UNWRITTEN:
            continue
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
    write_whole(folder / FILE, "\n".join(lines).encode())


def _quoted(text: str) -> str:
    """Return a TOML string: JSON's escapes are TOML's, except one that JSON does not have."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
