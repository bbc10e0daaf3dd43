"""Sealed backups over the wire: what there is, seal and send, keep what was carried here."""

from __future__ import annotations

from collections.abc import Iterator

from hub.api.call_context import CallContext, Method
from hub.link import sealer
from node.sealed.kept import Announced
from node.sealed.sealed_file import Header, read_header
from node.services.enrolment.errors import NotOurChild
from node.services.upkeep import sealed
from sync.wire.link.v1 import sealed_pb2 as link
from sync.wire.office.v1 import sealed_pb2 as pb


def list_(context: CallContext, request: pb.ListSealedRequest) -> pb.ListSealedResponse:
    office, kept = context.office, sealed.kept(context.office)
    listed = [
        (header, kept.path(unit, header.number))
        for unit in kept.units()
        for header in kept.of(unit)
    ]
    return pb.ListSealedResponse(
        own=own_status(context),
        at_parent=[_of_parent(context, each) for each in sealer.at_parent(office)]
        if request.parent
        else (),
        kept=[_file(context, each, sealer.relative(office, path)) for each, path in listed],
    )


def own_status(context: CallContext) -> pb.SealedStatus | None:
    """Return how this office is provided for; None: it needs no sealed backup."""
    now = sealed.state(context.office)
    if not now.due:
        return None
    return pb.SealedStatus(
        has_key=now.has_key, number=now.number, sent_number=now.sent_number, sent_ms=now.sent_ms
    )


def seal(context: CallContext, request: pb.SealBackupRequest) -> Iterator[pb.SealBackupResponse]:
    office = context.office
    if request.send:
        sealed.must_be_sendable(office)
    yield pb.SealBackupResponse()  # it may take minutes: the caller knows that it began
    with office.sealing:
        file = sealed.make(office)
        with file.open("rb") as opened:
            header = read_header(opened)
        if request.send:
            sealer.send(office)
    where = "" if request.send else sealer.relative(office, file)
    yield pb.SealBackupResponse(backup=_file(context, header, where))


def keep(context: CallContext, request: pb.KeepSealedRequest) -> pb.KeepSealedResponse:
    office = context.office
    if request.unit_id not in office.tree.children(office.identity.unit):
        raise NotOurChild(f"#{request.unit_id}")
    received = sealed.kept(office).receive(
        request.unit_id, Announced(request.number, request.size, request.digest),
        request.offset, request.data,
    )  # fmt: skip
    return pb.KeepSealedResponse(received=received)


def _file(context: CallContext, header: Header, where: str) -> pb.SealedFile:
    return pb.SealedFile(
        unit=context.unit(header.unit), number=header.number, made_ms=header.made_ms,
        size=header.file_bytes, key_number=header.key_number.hex(), file=where,
    )  # fmt: skip


def _of_parent(context: CallContext, each: link.SealedBackup) -> pb.SealedFile:
    return pb.SealedFile(
        unit=context.unit(each.unit), number=each.number, made_ms=each.made_ms, size=each.size,
        key_number=each.key_number.hex(),
    )  # fmt: skip


METHODS = {
    "ListSealed": Method(pb.ListSealedRequest, pb.ListSealedResponse, unary=list_),
    "SealBackup": Method(pb.SealBackupRequest, pb.SealBackupResponse, stream=seal),
    "KeepSealed": Method(pb.KeepSealedRequest, pb.KeepSealedResponse, unary=keep),
}
