"""The shape of the help: groups of verbs, and examples.

The verbs themselves are in their own modules; nothing here does anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import typer
from typer._click.core import Context
from typer._click.formatting import HelpFormatter

# A group's heading and its verbs, in this order. A verb in no group comes last.
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Office 单位",
        (
            "init",
            "serve",
            "today",
            "status",
            "where",
            "sync",
            "unit",
            "bundle",
            "invite",
            "join",
            "demo",
        ),
    ),
    ("Registers 台账", ("register", "record", "import", "export", "template", "correction")),
    ("Work 工作任务", ("work", "order")),
    ("Money 资金", ("money",)),
    ("Figures 汇总指标", ("report", "rollup", "indicator", "verify")),
    (
        "Trouble 待处理事项",
        (
            "conflict",
            "duplicate",
            "quarantine",
            "clone",
            "compare",
            "repair",
            "retention",
            "explain",
        ),
    ),
    ("Machine 运行维护", ("doctor", "cert", "audit", "db", "seal", "config", "version")),
)

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": ("silian init --dir home --unit 万家花园社区 --parent 127.0.0.1:7412",),
    "serve": ("silian serve --dir home", "silian serve --dir street --dir home"),
    "status": ("silian status --dir home", "silian status --dir city --tree --check"),
    "invite": (
        "silian invite --unit 闸弄口街道 --out 邀请函",
        "silian invite --all-below --out 邀请函 --hours 8",
    ),
    "join": ("silian join 330102013000.invite --dir street --listen 10.1.2.3:7412",),
    "cert ls": ("silian cert ls --within 30d",),
    "cert revoke": ("silian cert revoke 万家花园社区 --reason 设备遗失",),
    "audit export": ("silian audit export --out 审计日志.jsonl",),
    "audit prove": (
        "silian audit prove --entry 12",
        "silian audit prove --figure K3 --unit 闸弄口街道 --out K3.tlog-proof",
    ),
    "where": ("silian where premises 文体中心",),
    "register ls": ("silian register ls",),
    "register show": ("silian register show 居民",),
    "import": (
        "silian import 居民.xlsx --register 居民 --dry-run --annotated 居民_标注.xlsx",
        "silian import 全部.xlsx --register workbook --valid-only",
    ),
    "export": (
        "silian export 居民",
        "silian export 居民 --where '出生日期<=1966-12-31' --sort 出生日期 --out 老人.xlsx",
    ),
    "template": ("silian template 居民", "silian template --sample"),
    "rollup": (
        "silian rollup K3",
        "silian rollup 老龄化程度（60岁及以上） --unit 闸弄口街道 --by unit",
    ),
    "record ls": (
        "silian record ls 居民 --search 张",
        "silian record ls premises --where '面积>=100' --sort -area_m2 --columns name,area_m2",
        "silian record ls --search 13900000000",
    ),
    "record show": ("silian record show premises 文体中心 --history",),
    "record create": ("silian record create premises 用房名称=文体中心 用途=活动 建筑面积=320.5",),
    "record change": (
        "silian record change premises 文体中心 建筑面积=330 --reason 复测 --as 王敏",
    ),
    "record end": ("silian record end 居民 110101199003072316 --reason 迁出",),
    "record restore": ("silian record restore premises 文体中心 --reason 误注销",),
    "correction ask": (
        "silian correction ask premises 文体中心 area_m2=330 --reason 实测 --due 2026-12-31",
    ),
    "conflict ls": ("silian conflict ls", "silian conflict ls --settled"),
    "conflict resolve": (
        "silian conflict resolve 7ed4 --take shown --reason 以现场为准",
        "silian conflict resolve 7ed4 --take value --value 备注=已拆除 --reason 现场核实",
    ),
    "work issue": (
        "silian work issue 楼道灯排查 --to 万家花园社区 --duty undertakes --due 2026-12-31",
        "silian work issue 楼道灯排查 --below 闸弄口街道 --duty undertakes --due 2026-12-31",
    ),
    "today": ("silian today --dir home",),
    "order ls": ("silian order ls --open",),
    "order show": ("silian order show 楼道灯排查",),
    "report": (
        "silian report --by street --indicator K3,K4,K5",
        "silian report --by community --month 2026-10 --month 2026-11 --out 报表.xlsx",
    ),
    "work ls": ("silian work ls --box todo",),
    "work accept": ("silian work accept 楼道灯排查 --as 王敏",),
    "money release": ("silian money release 6000 --to 万家花园社区 --fund 创业补贴 --year 2026",),
    "money receive": ("silian money receive 闸弄口街道", "silian money receive --all"),
    "money spend": ("silian money spend 1200 --fund F10 --year 2026 --category office",),
    "bundle write": ("silian bundle write 上报.bundle --to 闸弄口街道",),
    "db backup": ("silian db backup backup.db",),
    "seal key": ("silian seal key", "silian seal key --again --out 恢复密钥.txt"),
    "seal restore": (
        "silian seal restore --key 恢复密钥.txt",
        "silian seal restore 备份.sealed --key 恢复密钥.txt",
    ),
    "unit find": ("silian unit find 万家",),
}


def shaped(app: typer.Typer) -> None:
    """Give every verb its place in the help, and its examples."""
    heading = {name: title for title, names in GROUPS for name in names}
    for group in app.registered_groups:
        group.rich_help_panel = heading.get(str(group.name), "Other 其他")
        for verb in group.typer_instance.registered_commands if group.typer_instance else ():
            verb.epilog = _epilog(f"{group.name} {verb.name}")
    for verb in app.registered_commands:
        verb.rich_help_panel = heading.get(str(verb.name), "Other 其他")
        verb.epilog = _epilog(str(verb.name))


_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_FRAME = {  # typer's own texts in a help: English, Chinese
    "ARGUMENTS_PANEL_TITLE": ("Arguments", "参数"),
    "OPTIONS_PANEL_TITLE": ("Options", "选项"),
    "COMMANDS_PANEL_TITLE": ("Commands", "命令"),
    "DEFAULT_STRING": ("[default: {}]", "［默认：{}］"),
    "ENVVAR_STRING": ("[env var: {}]", "［环境变量：{}］"),
    "REQUIRED_LONG_STRING": ("[required]", "［必填］"),
    "ERRORS_PANEL_TITLE": ("Error", "错误"),
    "ABORTED_TEXT": ("Aborted.", "已中止。"),
    "RICH_HELP": (
        "Try [blue]'{command_path} {help_option}'[/] for help.",
        "请查看 [blue]{command_path} {help_option}[/]。",
    ),
}
USAGE = ("Usage: ", "用法：")
_TYPES = {"str": "文本", "int": "整数", "int range": "整数", "float": "数字",
          "float range": "数字", "Path": "路径", "path": "路径"}  # fmt: skip
_ARGUMENTS = {  # what typer shows by the parameter's name
    "amount": "金额", "assignment": "任务", "case": "重复登记", "code": "代码", "conflict": "冲突",
    "file": "文件", "files": "文件", "indicator": "指标", "now": "now", "order": "工作单",
    "percent": "百分比", "posting": "分录", "quarantined_change": "变更", "record": "记录",
    "letter": "邀请函", "which": "序列号或单位",
    "register": "台账", "request": "申请", "score": "评分", "source": "备份文件",
    "target": "目标文件", "text": "文字", "title": "标题", "transfer": "划转", "unit": "单位",
    "values": "字段=值",
}  # fmt: skip
_TYPERS = {  # helps of options that typer adds
    "help": "显示本帮助",
    "install_completion": "为当前命令行环境安装自动补全",
    "show_completion": "显示自动补全脚本，可复制或修改",
}


def in_language(text: str, *, zh: bool) -> str:
    """Return the English or the Chinese part of a help, "Yuan, as 1234.50. 金额，元"."""
    lines = []
    for line in re.sub(r"(?<=\.)\n(?=[\u4e00-\u9fff])", " ", text).split("\n"):
        first = _CHINESE.search(line)
        if first is None:
            lines.append(line)
            continue
        cut = max(line.rfind(mark, 0, first.start()) + len(mark) for mark in (". ", "/ ", " "))
        lines.append(line[cut:] if zh else line[:cut].rstrip(" /"))
    return "\n".join(lines)


def localise(command: Any, *, zh: bool) -> None:
    """Show the help of the tree of verbs in one language; once is enough for a tree."""
    Context.formatter_class = _ChineseFormatter if zh else HelpFormatter
    if command.shown_in_zh is None:
        _localise(command, zh=zh)
        command.shown_in_zh = zh


def _write_help(write: Callable[..., None], zh: bool, ctx: Context, formatter: Any) -> None:
    """Write a help in typer's frame, in one language."""
    from typer import rich_utils  # a third of a quick verb's time, and only a help needs it

    for name, texts in _FRAME.items():
        setattr(rich_utils, name, texts[zh])
    rich_utils.OptionHighlighter.highlights[-1] = f"(?P<usage>{USAGE[zh]})"
    write(ctx, formatter)


class _ChineseFormatter(HelpFormatter):
    """Writes how a verb is used under a Chinese word."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        super().write_usage(prog, args, prefix or USAGE[True])


def _type_zh(option: Any, ctx: Any = None) -> str:
    """Return what an option takes; nothing for one that takes no value."""
    if getattr(option, "is_flag", False):
        return ""
    stated = str(option.display_type(ctx)).strip("<>").removeprefix("list[").removesuffix("]")
    text = f"<{_TYPES.get(stated, stated)}>"
    return f"{text}..." if option.nargs != 1 or getattr(option, "multiple", False) else text


def _localise(command: Any, *, zh: bool) -> None:
    command.format_help = partial(_write_help, command.format_help, zh)
    for name in ("help", "short_help", "rich_help_panel"):
        if text := getattr(command, name, None):
            setattr(command, name, in_language(text, zh=zh))
    if command.epilog:
        head, *lines = command.epilog.split("\n\n")
        command.epilog = "\n\n".join((in_language(head, zh=zh), *lines))
    if zh:
        command.options_metavar = "[选项]"
        if hasattr(command, "subcommand_metavar"):
            command.subcommand_metavar = "命令 [参数]..."
    for option in command.params:
        if zh:
            option.display_type_rich = partial(_type_zh, option)
            if option.param_type_name == "argument":
                option.metavar = _ARGUMENTS.get(option.name, option.name)
        if zh and option.name in _TYPERS:
            option.help = _TYPERS[option.name]
        elif getattr(option, "help", None):
            option.help = in_language(option.help, zh=zh)
    own_help = command.get_help_option(Context(command, info_name=command.name))
    if zh and own_help is not None:
        own_help.help = _TYPERS["help"]
        own_help.display_type_rich = partial(_type_zh, own_help)
    for below in getattr(command, "commands", {}).values():
        _localise(below, zh=zh)


def in_order(names: list[str]) -> list[str]:
    """Return the names of verbs in the order of the groups; others after them."""
    order = [name for _, listed in GROUPS for name in listed]
    place = {name: at for at, name in enumerate(order)}
    return sorted(names, key=lambda name: (place.get(name, len(order)), name))


def _epilog(path: str) -> str | None:
    lines = EXAMPLES.get(path)
    return "\n\n".join(("For instance 示例：", *lines)) if lines else None
