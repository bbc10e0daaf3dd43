"""db, config, doctor, explain, version: for the person who looks after the machine."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.exits import Exit
from hub.cli.terminal import Refusal, Terminal
from hub.cli.verb import verb


def register(app: typer.Typer) -> None:
    db = typer.Typer(help="The store. 数据库", no_args_is_help=True)
    config = typer.Typer(help="Settings. 设置", no_args_is_help=True)
    app.add_typer(db, name="db")
    app.add_typer(config, name="config")
    for function in (upgrade, check, backup):
        verb(db)(function)
    verb(config, "show")(config_show)
    verb(config, "check")(config_check)
    verb(app)(doctor)
    verb(app, folder=False)(explain)
    verb(app, folder=False)(version)


def upgrade(terminal: Terminal) -> None:
    """Bring the store to this program's schema, after a copy where it is a file. 升级数据库"""
    from hub.cli.store import locked_store
    from node.store import migrate

    with locked_store(terminal.folder) as store:
        if store.is_sqlite:
            migrate.upgrade_with_backup(store, terminal.folder)
        else:
            migrate.upgrade(store)
        migrate.check(store)
    terminal.show(
        {"upgraded": True}, lambda: terminal.line("数据库结构已是最新", "schema is current")
    )


def check(terminal: Terminal) -> Exit:
    """Check schema and, in a SQLite file, every page. 检查数据库"""
    from hub.cli.store import locked_store, page_faults
    from node.store import migrate

    with locked_store(terminal.folder) as store:
        migrate.check(store)
        faults = page_faults(store)

    def human() -> None:
        for fault in faults:
            terminal.line(fault, fault)
        if not faults:
            terminal.line("数据库完好", "the store is sound")

    terminal.show({"sound": not faults, "faults": faults}, human)
    return Exit.PROBLEMS if faults else Exit.OK


def backup(
    terminal: Terminal,
    target: Annotated[Path, typer.Argument(help="File to write; must not exist. 目标文件")],
) -> None:
    """Write a consistent copy of a SQLite store. 备份"""
    from hub.cli.store import copy_store

    copy_store(terminal.folder, target)
    size = target.stat().st_size
    terminal.show(
        {"file": str(target), "bytes": size},
        lambda: terminal.line(f"{target}: {size} 字节", f"{target}: {size} bytes"),
    )


def config_show(terminal: Terminal) -> None:
    """Show every setting, and whether a variable overrides the file. 查看设置"""
    import os

    from node.config import OfficeConfig, load_config
    from node.store.engine import redacted

    config = load_config(terminal.folder)
    facts: dict[str, Any] = {}
    for name in OfficeConfig.model_fields:
        value = getattr(config, name)
        if name == "store" and value:
            value = redacted(value)
        origin = "environment" if f"SILIAN_{name.upper()}" in os.environ else "office.toml"
        facts[name] = {"value": list(value) if isinstance(value, tuple) else value,
                       "origin": origin}  # fmt: skip
    heads = ("设置", "值", "来源") if terminal.zh else ("SETTING", "VALUE", "FROM")
    rows = [(name, _text(fact["value"]), fact["origin"]) for name, fact in facts.items()]
    terminal.show(facts, lambda: terminal.table(heads, rows))


def config_check(terminal: Terminal) -> None:
    """Check the settings, the catalogue and the address, without opening the store. 检查设置"""
    from hub.serve.server import Server
    from node.config import load_config
    from node.domain.catalogue import load_catalogue

    config = load_config(terminal.folder)
    catalogue = load_catalogue([terminal.folder / name for name in config.extra_catalogue])
    Server(config.listen, allow_plaintext=config.allow_plaintext).stop(0)
    facts = {"unit": config.unit, "catalogue": catalogue.version}
    terminal.show(
        facts,
        lambda: terminal.line(
            f"设置有效, 目录版本 {catalogue.version}",
            f"settings are valid, catalogue {catalogue.version}",
        ),
    )


def doctor(terminal: Terminal) -> Exit:
    """Look at what an office needs of its machine. 体检"""
    from hub.cli.examine import examine

    findings = examine(terminal.folder)
    marks = {True: terminal.localized("正常", "ok"), False: terminal.localized("问题", "PROBLEM")}
    heads = ("项目", "结果", "说明") if terminal.zh else ("CHECK", "RESULT", "WHAT")
    rows = [(f.check, marks[f.good], f.zh if terminal.zh else f.en) for f in findings]
    terminal.show(
        [{"check": f.check, "good": f.good, "zh": f.zh, "en": f.en} for f in findings],
        lambda: terminal.table(heads, rows),
    )
    return Exit.OK if all(f.good for f in findings) else Exit.PROBLEMS


def explain(
    terminal: Terminal, code: Annotated[str, typer.Argument(help="An error's code. 错误代码")]
) -> None:
    """Explain an error's code. 解释错误代码"""
    from hub.cli.explain import explanation

    found = explanation(code)
    if found is None:
        from hub.cli.explain import near

        listed = ", ".join(near(code)) or "-"
        raise Refusal(
            "unknown_code", f"no error has the code {code[:60]!r}", f"没有错误代码“{code[:60]}”",
            f"Nearest: {listed}.", f"最接近的有: {listed}。",
        )  # fmt: skip
    terminal.show(found, lambda: terminal.line(found["zh"] or found["en"], found["en"]))


def version(terminal: Terminal) -> None:
    """Print the versions of the program and of what it rests on. 版本"""
    names = ("silian", "grpcio", "protobuf", "SQLAlchemy")
    facts = {name.lower(): importlib.metadata.version(name) for name in names}
    facts["python"] = platform.python_version()
    text = " ".join(f"{name} {number}" for name, number in facts.items())
    terminal.show(facts, lambda: terminal.line(text, text))


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
