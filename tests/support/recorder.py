"""An office that only writes down what it is asked, on a real line: for tests of verbs."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import Message

from hub.api.service import METHODS, NAME
from node.store.folder_lock import FolderLock
from sync.wire.office.v1 import audit_pb2 as audit
from sync.wire.office.v1 import bundle_pb2 as bundles
from sync.wire.office.v1 import common_pb2 as common
from sync.wire.office.v1 import figures_pb2 as figures
from sync.wire.office.v1 import office_pb2 as office
from sync.wire.office.v1 import registers_pb2 as registers
from sync.wire.office.v1 import sealed_pb2 as sealed

# What a stream of news ends with; other methods answer with ANSWERS, or an empty message.
STREAMS: dict[str, list[Message]] = {
    "ImportRecords": [
        registers.ImportRecordsResponse(outcome=registers.ImportOutcome()),
        registers.ImportRecordsResponse(annotated=b"marked"),
    ],
    "ExportRecords": [registers.ExportRecordsResponse(filename="given.xlsx")],
    "VerifyOffice": [figures.VerifyOfficeResponse(report=figures.VerifyReport(sound=True))],
    "WriteBundle": [
        bundles.WriteBundleResponse(part=1),
        bundles.WriteBundleResponse(data=b"bundle"),
        bundles.WriteBundleResponse(written=bundles.BundleWritten()),
    ],
    "ExportAudit": [audit.ExportAuditResponse(key="key"), audit.ExportAuditResponse(data=b"log")],
    "VerifyAudit": [audit.VerifyAuditResponse(report=audit.AuditReport())],
    "SealBackup": [sealed.SealBackupResponse(backup=sealed.SealedFile(number=1))],
    "ReadBundle": [bundles.ReadBundleResponse(outcome=bundles.BundleOutcome())],
}


ANSWERS: dict[str, Message] = {
    "GetStatus": office.GetStatusResponse(
        offices=[office.OfficeState()], problems=[office.Problem(code="disk", severity="alarm")]
    ),
    "GetTreeStatus": office.GetTreeStatusResponse(causes=[office.Cause(code="disk")]),
    "GetRegister": registers.GetRegisterResponse(
        register=registers.RegisterDescription(
            fields=[registers.FieldDescription(name="x-columns")]
        )
    ),
    "ListRecords": registers.ListRecordsResponse(
        records=[
            registers.Record(
                register="x-register",
                values={"x-columns": common.Value(text="a"), "y": common.Value(text="b")},
            )
        ]
    ),
    "SyncOffice": office.SyncOfficeResponse(done=True),
}


@dataclass
class Recorder:
    """What was asked since the last look."""

    folder: Path
    asked: list[tuple[str, bytes]] = field(default_factory=list)

    def taken(self) -> list[tuple[str, bytes]]:
        found, self.asked = self.asked, []
        return found


@contextmanager
def recording(folder: Path) -> Iterator[Recorder]:
    """Serve a folder as if an office were there."""
    folder.mkdir()
    recorder = Recorder(folder)
    server = grpc.server(ThreadPoolExecutor(2))
    handlers = {name: _handler(recorder, name) for name in METHODS}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(NAME, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    holder = FolderLock.acquire(folder)
    holder.note({"address": f"127.0.0.1:{port}"})
    try:
        yield recorder
    finally:
        holder.release()
        server.stop(None)


def _handler(recorder: Recorder, name: str) -> grpc.RpcMethodHandler[Any, Any]:
    method = METHODS[name]

    def note(request: Message) -> None:
        recorder.asked.append((name, request.SerializeToString(deterministic=True)))

    def one(request: Message, _context: Any) -> Message:
        note(request)
        return ANSWERS.get(name, method.response())

    def many(request: Message, _context: Any) -> Iterator[Message]:
        note(request)
        yield from STREAMS[name]

    def both(requests: Iterator[Message], _context: Any) -> Iterator[Message]:
        for request in requests:
            note(request)
        yield from STREAMS[name]

    handler_args: dict[str, Any] = {
        "request_deserializer": method.request.FromString,
        "response_serializer": lambda reply: reply.SerializeToString(),
    }
    if method.unary is not None:
        return grpc.unary_unary_rpc_method_handler(one, **handler_args)
    if method.stream is not None:
        return grpc.unary_stream_rpc_method_handler(many, **handler_args)
    return grpc.stream_stream_rpc_method_handler(both, **handler_args)
