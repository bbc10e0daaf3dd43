"""Administration: db, config, doctor, explain, version, for whoever looks after the machine."""

from __future__ import annotations

import importlib.metadata
import platform
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.exits import Exit
from hub.cli.outputs import Force
from hub.cli.refusals import UnknownCode
from hub.cli.terminal import Terminal
from hub.cli.verb import verb


def register(app: typer.Typer) -> None:
    db = typer.Typer(help="The store. 数据库", no_args_is_help=True)
    config = typer.Typer(help="Settings. 设置", no_args_is_help=True)
    app.add_typer(db, name="db")
    app.add_typer(config, name="config")
    for function in (upgrade, check, backup, restore):
        verb(db)(function)
    verb(config, "show")(config_show)
    verb(config, "check")(config_check)
    verb(app)(doctor)
    verb(app, folder=False)(explain)
    verb(app, folder=False)(version)


def upgrade(terminal: Terminal) -> None:
    """Upgrade the database to this version; a SQLite file is backed up first. 升级数据库"""
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
    target: Annotated[Path, typer.Argument(help="File to write. 目标文件")],
    whole: Annotated[
        bool,
        typer.Option("--whole", help="With settings and signing key. 连同设置和签名密钥"),
    ] = False,
    force: Force = False,
) -> None:
    """Write a consistent copy of a SQLite store, or of the whole office. 备份"""
    from hub.cli.store import back_up_whole, copy_store

    if whole:
        names = back_up_whole(terminal.folder, target, force=force)
    else:
        copy_store(terminal.folder, target, force=force)
        names = []
    size = target.stat().st_size
    terminal.show(
        {"file": str(target), "bytes": size, "holds": names},
        lambda: terminal.line(f"{target}：{size} 字节", f"{target}: {size} bytes"),
    )
    if whole:
        terminal.note(
            "其中含有签名密钥，请像保管密钥一样保管该文件。",
            "It holds the signing key: keep it as you keep the key.",
        )


def restore(
    terminal: Terminal,
    source: Annotated[Path, typer.Argument(help="A backup. 备份文件")],
    force: Annotated[
        bool, typer.Option("--force", help="Move aside what is there. 原文件改名保留")
    ] = False,
) -> None:
    """Restore a backup; the present database is never overwritten. 恢复备份"""
    from hub.cli.store import restore as put_back

    aside = put_back(terminal.folder, source, force=force)

    def human() -> None:
        terminal.line(f"已恢复到 {terminal.folder}", f"restored into {terminal.folder}")
        for path in aside:
            terminal.line(f"原文件保留为 {path}", f"what was there is kept as {path}")

    terminal.show({"restored": str(source), "aside": [str(path) for path in aside]}, human)
    folder = shlex.quote(str(terminal.folder))
    terminal.note(
        f"下一步：silian serve --dir {folder}；缺少的数据会从上级取回。",
        f"Next: silian serve --dir {folder}. What the backup lacks comes back from the parent.",
    )


def config_show(terminal: Terminal) -> None:
    """Show every setting, and whether a variable overrides the file. 查看设置"""
    from node.config import UNWRITTEN, OfficeConfig, load_config, variable_of
    from node.store.engine import redacted

    config = load_config(terminal.folder)
    facts: dict[str, Any] = {}
    for name in OfficeConfig.model_fields:
        value = getattr(config, name)
        if name == "store" and value:
            value = redacted(value)
        if name in UNWRITTEN and value:
            value = "***"
        origin = "environment" if variable_of(name) else "office.toml"
        facts[name] = {"value": list(value) if isinstance(value, tuple) else value,
                       "origin": origin}  # fmt: skip
    heads = ("设置", "值", "来源") if terminal.zh else ("SETTING", "VALUE", "FROM")
    rows = [(name, _text(fact["value"]), fact["origin"]) for name, fact in facts.items()]
    terminal.show(facts, lambda: terminal.table(heads, rows))


def config_check(terminal: Terminal) -> Exit:
    """Check the settings, the catalogue, the store's unit and the addresses. 检查设置"""
    from hub.cli.examine import check_settings

    facts, left = check_settings(terminal.folder)

    def human() -> None:
        terminal.line(
            f"设置有效，目录版本 {facts['catalogue']}",
            f"settings are valid, catalogue {facts['catalogue']}",
        )
        for finding in left:
            terminal.line(f"问题：{finding.zh}", f"PROBLEM {finding.en}")

    terminal.show({**facts, "problems": [f.check for f in left]}, human)
    return Exit.PROBLEMS if left else Exit.OK


def doctor(terminal: Terminal) -> Exit:
    """Look at all that an office needs: machine, files, store, addresses, parent. 运行环境检查"""
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
    terminal: Terminal,
    code: Annotated[str, typer.Argument(help="A code; without one, all. 错误代码")] = "",
) -> None:
    """Explain a code of an error or a problem, or list them all. 解释错误和问题代码"""
    from hub.cli.explain import explanation, listed, meaning_of, near, normal

    if not code:
        codes = listed()
        heads = ("代码", "类别", "退出码", "含义") if terminal.zh else (
            "CODE", "KIND", "EXIT", "MEANING",
        )  # fmt: skip
        rows = [
            (each["code"], _kind(terminal, each), str(each["exit"] or "-"),
             each["cause"][terminal.lang])
            for each in codes
        ]  # fmt: skip
        terminal.show(codes, lambda: terminal.table(heads, rows))
        return
    found = explanation(normal(code))
    if found is None:
        nearest = ", ".join(near(normal(code)))
        raise UnknownCode(
            f"no error has the code {code[:60]!r}", f"没有错误代码“{code[:60]}”",
            f"Nearest: {nearest}." if nearest else "List all with `silian explain`.",
            f"最接近的有：{nearest}。" if nearest else "运行 silian explain 可列出全部代码。",
        )  # fmt: skip

    def human() -> None:
        exit_ = found["exit"]
        ends = "" if exit_ is None else terminal.localized(
            f"，退出码 {exit_}（{meaning_of(exit_)['zh']}）",
            f", exit {exit_} ({meaning_of(exit_)['en']})",
        )  # fmt: skip
        head = f"{found['code']}: {_kind(terminal, found)}{ends}"
        terminal.line(head, head)
        for name, zh, en in (
            ("cause", "原因", "Cause"), ("itself", "系统自动处理", "By itself"),
            ("steps", "处理办法", "What to do"), ("example", "示例", "It reads"),
        ):  # fmt: skip
            terminal.line(f"{zh}：{found[name]['zh']}", f"{en}: {found[name]['en']}")

    terminal.show(found, human)


def _kind(terminal: Terminal, found: dict[str, Any]) -> str:
    words = {
        "problem": ("问题", "problem"), "refusal": ("错误", "error"), "step": ("办理步骤", "step"),
        "alarm": ("警报", "alarm"), "warning": ("警告", "warning"), "notice": ("提示", "notice"),
    }  # fmt: skip
    return terminal.localized(*words[found["severity"] or found["kind"]])


def version(terminal: Terminal) -> None:
    """Print the versions of the program and of what it rests on. 版本"""
    names = ("silian", "grpcio", "protobuf", "SQLAlchemy")
    facts = {name.lower(): importlib.metadata.version(name) for name in names}
    facts["python"] = platform.python_version()
    text = " ".join(f"{name} {number}" for name, number in facts.items())
    terminal.show(facts, lambda: terminal.line(text, text))


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
