"""cert, invite, join: certificates of offices, and how an office gets its first."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.arguments import day_of, usage
from hub.cli.inputs import content_of
from hub.cli.letter_pages import printed
from hub.cli.letters import Letter, expires_text, is_void, must_be_valid, read_letter
from hub.cli.options import Needs
from hub.cli.outputs import Force
from hub.cli.quarantine import Reason
from hub.cli.terminal import Terminal
from hub.cli.verb import verb
from node.domain.english import counted

if TYPE_CHECKING:
    from sync.wire.office.v1 import certificates_pb2 as pb

HEADINGS = ("code", "unit", "代码", "单位", "单位代码", "机构代码")
STATES = {True: ("已吊销", "revoked"), False: ("有效", "valid")}
KINDS = {"office": ("单位", "office"), "authority": ("颁发机构", "authority")}


def register(app: typer.Typer) -> None:
    cert = typer.Typer(help="Certificates. 证书", no_args_is_help=True)
    app.add_typer(cert, name="cert")
    verb(cert)(ls)
    verb(cert)(show)
    verb(cert, "init")(found)
    verb(cert)(renew)
    verb(cert)(revoke)
    verb(app, rules=[Needs("force", "pages"), Needs("again", "replace")])(invite)
    verb(app)(join)


def ls(
    terminal: Terminal,
    within: Annotated[
        str, typer.Option("--within", help="Ending within so many days, as 30d. 多少天内到期")
    ] = "",
) -> None:
    """List certificates that this office has issued, and its own. 证书列表"""
    with terminal.office() as office:
        found = office.list_certificates(within_days=_days_of(within))

    def human() -> None:
        print_certificates(terminal, found.certificates)
        terminal.note_total(len(found.certificates), "张")

    terminal.show(found, human)


def print_certificates(terminal: Terminal, certificates: Iterable[pb.Certificate]) -> None:
    """Print certificates as a table."""
    heads = (
        ("到期", "单位", "类别", "状态", "序列号")
        if terminal.zh
        else ("UNTIL", "OFFICE", "KIND", "STATE", "SERIAL")
    )
    terminal.table(heads, [
        (terminal.time(c.not_after_ms), c.unit.name,
         terminal.localized(*KINDS.get(c.kind, (c.kind, c.kind))),
         terminal.localized(*STATES[bool(c.revoked_ms)]), c.serial)
        for c in certificates
    ])  # fmt: skip


def show(terminal: Terminal) -> None:
    """Show this office's certificate and whom it trusts. 查看本单位证书"""
    with terminal.office() as office:
        found = office.get_certificate()
    terminal.show(found, lambda: _print(terminal, found))


def found(terminal: Terminal) -> None:
    """Make the city's certificate authority and the city's own certificate. 建立市级证书颁发机构"""
    with terminal.office() as office:
        made = office.found_authority().certificate
    terminal.show(made, lambda: _print(terminal, made))
    folder = shlex.quote(str(terminal.folder))
    terminal.note(
        f"下一步：重新启动 silian serve --dir {folder}，再用 silian invite 邀请下级。",
        f"Next: start silian serve --dir {folder} again, then invite offices: silian invite.",
    )


def renew(terminal: Terminal) -> None:
    """Renew this office's certificate now; a served office does it by itself. 更新证书"""
    with terminal.office() as office:
        made = office.renew_certificate().certificate
    terminal.show(made, lambda: _print(terminal, made))


def revoke(
    terminal: Terminal,
    which: Annotated[str, typer.Argument(help="Serial number or unit. 序列号或单位")],
    reason: Reason,
) -> None:
    """Revoke certificates that this office has issued. 吊销证书"""
    with terminal.office() as office:
        done = office.revoke_certificates(which=which, reason=reason)

    def human() -> None:
        for each in done.certificates:
            terminal.line(
                f"已吊销 {each.unit.name} {each.serial}", f"revoked {each.unit.name} {each.serial}"
            )
        if not done.certificates:
            terminal.line("此前均已吊销", "all were revoked before")

    terminal.show(done, human)


def invite(
    terminal: Terminal,
    unit: Annotated[
        list[str] | None,
        typer.Option("--unit", help="Code, name or path; repeat for more. 下级单位，可多次"),
    ] = None,
    all_below: Annotated[
        bool, typer.Option("--all-below", help="Every unit directly below. 全部直接下级")
    ] = False,
    from_: Annotated[
        Path | None,
        typer.Option(
            "--from",
            "--file",
            help="Excel or CSV file: units, and their addresses in a second column. 单位名单",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the letters. 邀请函存放目录")
    ] = Path(),
    hours: Annotated[
        int, typer.Option("--hours", min=1, max=24, help="Valid for so long. 有效小时数")
    ] = 24,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Also a new key: the disk was lost. 允许更换密钥"),
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="With --replace: not the first time. 再次更换密钥"),
    ] = False,
    host: Annotated[
        str, typer.Option("--host", help="How they reach this machine. 下级访问本机的地址")
    ] = "",
    pages: Annotated[
        Path | None,
        typer.Option("--print", help="Also an .html file to print, a page each. 可打印的通知书"),
    ] = None,
    force: Force = False,
) -> None:
    """Invite units below, a letter each for one use; a district, also communities. 邀请下级入网"""
    from hub.cli import outputs

    places = _listed(from_) if from_ is not None else []
    if not (unit or places or all_below):
        raise usage(
            "no unit is named", "未指定单位",
            "Give --unit, --all-below or --from.", "请给出 --unit、--all-below 或 --from。",
        )  # fmt: skip
    if not out.is_dir():
        raise usage(
            f"there is no folder {out}", f"没有目录 {out}", "Make it first.", "请先新建该目录。"
        )
    if pages is not None:
        outputs.must_be_free(pages, force=force)
    with terminal.office() as office:
        made = office.invite_units(
            units=unit or [], places=places, all_below=all_below, hours=hours, replaces=replace,
            again=again, host=host,
        )  # fmt: skip
        parent = office.get_certificate().certificate.unit
    paths = [out / f"{each.unit.code}.invite" for each in made.invitations]
    letters = [_letter(made, each, parent.code) for each in made.invitations]
    for path, each, letter in zip(paths, made.invitations, letters, strict=True):
        with outputs.written(path, force=is_void(path, each.unit.code)) as file:
            file.write(letter.text(path.name).encode())
    if pages is not None:
        with outputs.written(pages, force=force) as file:
            file.write(printed(terminal, letters).encode())
    facts = {
        "fingerprint": made.authority_fingerprint, "parent_key": made.parent_key,
        "letters": [
            {"unit": each.unit.code, "name": each.unit.name, "file": str(path),
             "expires_ms": each.expires_ms, "recovered_ms": list(each.recovered_ms)}
            for path, each in zip(paths, made.invitations, strict=True)
        ],
    }  # fmt: skip

    def human() -> None:
        heads = ("单位", "邀请函", "有效至") if terminal.zh else ("OFFICE", "LETTER", "UNTIL")
        terminal.table(heads, [
            (each.unit.name, str(path), terminal.time(each.expires_ms))
            for path, each in zip(paths, made.invitations, strict=True)
        ])  # fmt: skip
        for each in made.invitations:
            if replace and each.recovered_ms:
                times = len(each.recovered_ms)
                terminal.line(
                    f"{each.unit.name} 此前已更换密钥 {times} 次",
                    f"{each.unit.name} has replaced its key {counted(times, 'time')} before",
                )
        _fingerprints(terminal, made.authority_fingerprint, made.parent_key)

    terminal.show(facts, human)


def _letter(made: pb.InviteUnitsResponse, each: pb.Invitation, inviter: str) -> Letter:
    return Letter(
        unit=each.unit.code, name=each.unit.name, parent=each.parent,
        parent_unit=each.parent_unit.code, parent_key=each.parent_key, enrolment=made.enrolment,
        tls_name=made.tls_name, secret=each.secret.hex(), expires=expires_text(each.expires_ms),
        fingerprint=made.authority_fingerprint, authority=made.authority, enrols_at=inviter,
        parent_enrolment=each.parent_enrolment, parent_tls_name=each.parent_tls_name,
    )  # fmt: skip


def join(
    terminal: Terminal,
    letter: Annotated[Path, typer.Argument(help="The letter of invitation. 邀请函文件")],
    listen: Annotated[str, typer.Option("--listen", help="Address for children. 监听地址")] = "",
    enrolment: Annotated[
        str, typer.Option("--enrolment", help="Address where its children enrol. 下级入网地址")
    ] = "",
    store: Annotated[str, typer.Option("--store", help="Database URL. 数据库地址")] = "",
    tree: Annotated[Path | None, typer.Option("--tree", help="CSV file of units. 区划文件")] = None,
    tree_from: Annotated[
        str, typer.Option("--tree-from", help="First day on which that tree is valid. 区划起始日期")
    ] = "",
) -> None:
    """Enrol this office by its parent's letter; what it has already it keeps. 凭邀请函入网"""
    from hub.cli.enrolment import Settings, join_office
    from hub.client.client import wall_ms

    read = read_letter(letter)
    must_be_valid(read, wall_ms())
    made = join_office(
        terminal.folder,
        read,
        Settings(
            listen=listen, enrolment=enrolment, store=store,
            tree=content_of(tree) if tree is not None else None, tree_from=day_of(tree_from),
        ),
    )  # fmt: skip

    def human() -> None:
        terminal.line(
            f"{made['code']} {made['name']} 已入网，上级 {read.parent}",
            f"{made['code']} {made['name']} is enrolled; its parent is {read.parent}",
        )
        _fingerprints(terminal, read.fingerprint, made["key"], own=True)
        terminal.line(f"上级密钥 {read.parent_key}", f"parent's key {read.parent_key}")

    terminal.show(made, human)
    folder = shlex.quote(str(terminal.folder))
    terminal.note(f"下一步：silian serve --dir {folder}", f"Next: silian serve --dir {folder}")


def _print(terminal: Terminal, shown: pb.GetCertificateResponse) -> None:
    own = shown.certificate
    until = terminal.time(own.not_after_ms)
    terminal.line(f"{own.unit.code} {own.unit.path}", f"{own.unit.code} {own.unit.path}")
    terminal.line(f"证书名称 {shown.uri}", f"name {shown.uri}")
    terminal.line(f"颁发机构 {shown.issuer}", f"issued by {shown.issuer}")
    terminal.line(f"有效至 {until}", f"valid until {until}")
    terminal.line(f"序列号 {own.serial}", f"serial {own.serial}")
    terminal.line(f"证书指纹 {own.fingerprint}", f"fingerprint {own.fingerprint}")
    _fingerprints(terminal, shown.authority, own.office_key)
    for each in shown.revocations:
        terminal.line(
            f"吊销列表 {each.issuer} 第 {each.number} 号",
            f"revocation list of {each.issuer}: number {each.number}",
        )


def _fingerprints(terminal: Terminal, authority: str, key: str, *, own: bool = False) -> None:
    terminal.line(f"市级颁发机构指纹 {authority}", f"city's authority {authority}")
    whose = ("本单位签名密钥", "this office's key") if own else ("签名密钥", "signing key")
    terminal.line(f"{whose[0]} {key}", f"{whose[1]} {key}")


def _days_of(text: str) -> int:
    """Return days typed as 30d or 30; 0 for none. Raises: Refusal."""
    digits = text.strip().lower().removesuffix("d").removesuffix("天")
    if not digits:
        return 0
    if not (digits.isascii() and digits.isdecimal() and 0 < int(digits) <= 3_650):
        raise usage(
            f"{text[:20]!r} is no number of days", f"“{text[:20]}”不是天数",
            "Write, for instance, 30d.", "例如：30d。",
        )  # fmt: skip
    return int(digits)


def _listed(path: Path) -> list[dict[str, str]]:
    """Return the units of a list, and their addresses. Raises: what reading a file raises."""
    from node.workbook.book import csv_rows, open_book
    from node.workbook.cells import is_blank
    from node.workbook.limits import Limits

    limits = Limits()
    book = open_book(content_of(path), path.name, limits)
    if book.decoded is not None:
        rows = csv_rows(book.decoded.text, ",", limits)
    else:
        rows = next(sheet for sheet in book.sheets if sheet.visible).rows()
    listed = []
    for _, row in rows:
        texts = ["" if is_blank(cell) else _cell_text(cell) for cell in (*row[:2], None, None)[:2]]
        if texts[0] and texts[0].casefold() not in HEADINGS:
            listed.append({"unit": texts[0], "address": texts[1]})
    return listed


def _cell_text(cell: Any) -> str:
    """Return a cell as text: a code may have been kept as a number."""
    return f"{cell:.0f}" if isinstance(cell, float) else str(cell).strip()
