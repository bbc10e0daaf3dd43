"""Files over the wire: import with its progress and report, export and templates in pieces."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, Literal

from hub.api import choices
from hub.api.call_context import BadRequest, CallContext, Method, only
from hub.api.progress_stream import stream_progress
from hub.api.registers import conditions_of
from node.domain.register import Register
from node.services.records import exporting, importing
from node.services.records.import_plan import ImportReport
from node.services.records.importing import WorkbookReport
from node.services.records.rules import registered
from node.workbook.errors import NotAnnotatable
from node.workbook.limits import Limits
from node.workbook.notes import Note
from node.workbook.writer import template
from sync.model.attribution import attributed
from sync.wire.office.v1 import common_pb2 as common
from sync.wire.office.v1 import registers_pb2 as pb

WORKBOOK = "workbook"
PIECE_BYTES = 256 * 1024
FAULTS_MAX = 500
GROUPS_MAX = 100


def import_records(
    context: CallContext, pieces: Iterator[pb.ImportRecordsRequest]
) -> Iterator[pb.ImportRecordsResponse]:
    first = next(pieces, None) or pb.ImportRecordsRequest()
    lang = _lang(first.lang)
    by = attributed(first.actor)
    data = _joined(first, pieces)

    def work(report: Any) -> WorkbookReport:
        options: dict[str, Any] = {
            "dry_run": first.dry_run,
            "mode": "valid" if first.valid_only else "all",
            "blank": "clear" if first.clear_blank else "keep",
            "progress": report,
            "by": by,
        }
        if first.register == WORKBOOK:
            if first.sheets:
                raise BadRequest(
                    "a workbook is imported by the names of its sheets",
                    "按工作表名称导入整个工作簿时不能再指定工作表",
                    "Leave --sheet out, or import one register by name.",
                    "请去掉 --sheet，或指定要导入的台账。",
                    fields=["sheets"],
                )
            return importing.import_workbook(context.office, data, first.filename, **options)
        return importing.import_register(
            context.office, first.register, data, first.filename, sheets=first.sheets, **options
        )

    for done, total, outcome in stream_progress(work):
        if outcome is None:
            yield pb.ImportRecordsResponse(
                progress=common.Progress(done=done, total=total, of="rows")
            )
            continue
        yield pb.ImportRecordsResponse(
            outcome=pb.ImportOutcome(
                reports=map(_report, outcome.reports),
                skipped=outcome.skipped,
                notes=map(_note, outcome.notes),
            )
        )
        if first.annotate:
            for piece in _pieces(_annotated(data, outcome, lang)):
                yield pb.ImportRecordsResponse(annotated=piece)


def export_records(
    context: CallContext, request: pb.ExportRecordsRequest
) -> Iterator[pb.ExportRecordsResponse]:
    """Send the file, written first: a slow reader holds no snapshot open."""
    register = None
    if request.register or not request.sample:
        register = registered(context.office, request.register)
    if request.sample:
        only(request, ("register", "sample", "lang"), when="a sample", when_zh="样例")
    elif request.template:
        taken = ("register", "template", "lang", *(["format"] if request.format == "xlsx" else []))
        only(request, taken, when="an empty sheet", when_zh="空白模板")
    kind = _kind(request.format or "xlsx")
    lang = _lang(request.lang)
    with tempfile.TemporaryFile() as file:
        if request.sample:
            from hub.api.samples import write_sample  # the generator, which is rarely needed

            count, kind, what = write_sample(context, file, register, lang), "xlsx", "sample"
        elif request.template:
            assert register is not None, "a template is of a register"
            template(file, register, lang, context.office.level)
            count, kind, what = 0, "xlsx", "template"
        else:
            count, what = _exported(context, request, file, kind, lang), "export"
        file.seek(0)
        filename = _named(context, register, kind, lang, what)
        yield pb.ExportRecordsResponse(filename=filename, records=count)
        while data := file.read(PIECE_BYTES):
            yield pb.ExportRecordsResponse(data=data)


def _exported(
    context: CallContext, request: pb.ExportRecordsRequest, file: BinaryIO,
    kind: Literal["xlsx", "csv"], lang: str,
) -> int:  # fmt: skip
    return exporting.export_register(
        context.office,
        request.register,
        file,
        kind=kind,
        unit=context.resolve_unit(request.unit),
        subtree=request.subtree,
        lang=lang,
        conditions=conditions_of(request.conditions),
        search=request.search,
        sort=request.sort,
        columns=request.columns,
        by=context.actor,
    )


FILES = {"template": "模板", "sample": "样例", "export": "导出"}


def _named(context: CallContext, register: Register | None, kind: str, lang: str, what: str) -> str:
    """Return a file name that says what it is, so that nobody takes a template for an export."""
    if register is None:
        name = context.office.unit.name if lang == "zh" else "workbook"
    else:
        name = register.zh if lang == "zh" else register.name
    day = f"_{context.office.today():%Y%m%d}" if what == "export" else ""
    return f"{name}_{FILES[what] if lang == 'zh' else what}{day}.{kind}"


def _lang(text: str) -> str:
    return choices.chosen(text or "zh", choices.LANGS, ("language", "语言"), "lang")


def _kind(text: str) -> Literal["xlsx", "csv"]:
    match text:
        case "xlsx" | "csv":
            return text
    raise BadRequest(
        f"{text[:20]!r} is no format of a file",
        f"“{text[:20]}”不是有效的文件格式",
        "Take xlsx or csv.",
        "请选择 xlsx 或 csv。",
        fields=["format"],
    )


def _joined(first: pb.ImportRecordsRequest, rest: Iterable[pb.ImportRecordsRequest]) -> bytes:
    """Put the file together, and stop reading when it is larger than any file may be."""
    most = Limits().file_bytes_max
    data = bytearray(first.data)
    for piece in rest:
        data += piece.data
        if len(data) > most:
            raise BadRequest(
                f"the file is larger than {most >> 20} MiB", f"文件超过 {most >> 20} MiB",
                "Split it and import the parts one after the other.", "请拆分后逐个导入。",
            )  # fmt: skip
    return bytes(data)


def _annotated(data: bytes, outcome: WorkbookReport, lang: str) -> bytes:
    """Return the file with faults and notes of every sheet in it; empty when there are none.

    The notes on sheets that were not read are in the first one that was.
    """
    marked = b""
    more = outcome.notes
    for report in outcome.reports:
        if report.faults or report.notes or more:
            try:
                marked = importing.annotated(marked or data, report, lang, more)
            except NotAnnotatable:
                return b""
        more = ()
    return marked


def _pieces(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE_BYTES):
        yield data[start : start + PIECE_BYTES]


def _report(report: ImportReport) -> pb.ImportReport:
    return pb.ImportReport(
        register=report.register,
        sheet=report.sheet,
        done=report.done,
        read=report.read,
        new=report.new,
        changed=report.changed,
        unchanged=report.unchanged,
        refused=report.refused,
        faults=[
            pb.RowFault(
                row=fault.row,
                column=fault.column,
                field=fault.field,
                code=fault.code,
                text=common.Label(zh=fault.zh, en=fault.en),
                suggestion=common.Label(zh=fault.suggestion_zh, en=fault.suggestion_en),
            )
            for fault in report.faults[:FAULTS_MAX]
        ],
        faults_total=len(report.faults),
        summary=[
            pb.FaultGroup(
                code=group.code,
                field=group.field,
                column=group.column,
                count=group.count,
                first_rows=group.first_rows,
                text=common.Label(zh=group.text("zh"), en=group.text("en")),
            )
            for group in report.summary[:GROUPS_MAX]
        ],
        unknown_headers=[
            pb.UnknownHeader(column=h.column, text=h.text, nearest=h.nearest or "")
            for h in report.unknown_headers
        ],
        encoding=report.encoding,
        notes=map(_note, report.notes),
    )


def _note(note: Note) -> pb.ImportNote:
    return pb.ImportNote(
        code=note.code,
        sheet=note.sheet,
        column=note.column,
        first_rows=note.rows,
        count=note.count,
        text=common.Label(zh=note.zh, en=note.en),
        attention=note.attention,
    )


METHODS = {
    "ImportRecords": Method(
        pb.ImportRecordsRequest, pb.ImportRecordsResponse, duplex=import_records
    ),
    "ExportRecords": Method(
        pb.ExportRecordsRequest, pb.ExportRecordsResponse, stream=export_records
    ),
}
