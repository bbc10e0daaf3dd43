"""The gRPC servicer of sealed backups: who calls, decode, keep or give back, encode.

Each office calls over a connection of its own, so TLS itself shows whose the call is: no session is
needed, and an office whose store is gone can take its backup back before it has one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from hub.link.callers import certificates_of, shown_by
from node.host import LinkedOffice
from node.identity.refusals import CertificateBranch
from node.sealed.kept import CHUNK_BYTES, Announced, Kept
from node.sealed.sealed_file import Header
from node.services.enrolment.errors import NotEnrolled
from node.services.upkeep import sealed
from sync.codec import entry as codec
from sync.link import Parent
from sync.wire.link.v1 import sealed_pb2 as pb


class SealedServicer:
    """Finds the office called, and keeps its children's backups."""

    def __init__(
        self, parent_of: Callable[[int], Parent], office_of: Callable[[int], LinkedOffice]
    ) -> None:
        self._parent_of = parent_of
        self._office_of = office_of

    def ListSealed(
        self, request: pb.ListSealedRequest, context: grpc.ServicerContext
    ) -> pb.ListSealedResponse:
        kept = self._kept(request, context)
        return pb.ListSealedResponse(backups=map(to_wire, kept.of(request.unit)))

    def PutSealed(
        self, request: pb.PutSealedRequest, context: grpc.ServicerContext
    ) -> pb.PutSealedResponse:
        kept = self._kept(request, context)
        with self._parent_of(request.parent).quotas.call(request.unit, size=len(request.data)):
            received = kept.receive(
                request.unit, Announced(request.number, request.size, request.digest),
                request.offset, request.data,
            )  # fmt: skip
        return pb.PutSealedResponse(received=received)

    def GetSealed(
        self, request: pb.GetSealedRequest, context: grpc.ServicerContext
    ) -> pb.GetSealedResponse:
        kept = self._kept(request, context)
        with (
            self._parent_of(request.parent).quotas.call(request.unit, size=CHUNK_BYTES),
            kept.path(request.unit, request.number).open("rb") as file,
        ):
            file.seek(request.offset)
            return pb.GetSealedResponse(data=file.read(CHUNK_BYTES))

    def _kept(self, request: Any, context: grpc.ServicerContext) -> Kept:
        """Return what is kept, for the office that calls. Raises: a CertificateRefused."""
        office = self._office_of(request.parent)
        judge = certificates_of(self._parent_of(request.parent))
        if not judge.enrolled:
            raise NotEnrolled
        judge.certified(shown_by(context), judge.place(request.unit))
        if office.tree.parent(request.unit) != office.identity.unit:
            raise CertificateBranch
        return sealed.kept(office)


def to_wire(header: Header) -> pb.SealedBackup:
    return pb.SealedBackup(
        unit=header.unit, incarnation=header.incarnation, number=header.number,
        made_ms=header.made_ms, size=header.file_bytes, key_number=header.key_number,
    )  # fmt: skip


def handlers(servicer: SealedServicer) -> grpc.GenericRpcHandler:
    """Return the methods of sealed backups as the server accepts them."""
    methods: dict[str, tuple[Any, Any]] = {
        "ListSealed": (servicer.ListSealed, pb.ListSealedRequest),
        "PutSealed": (servicer.PutSealed, pb.PutSealedRequest),
        "GetSealed": (servicer.GetSealed, pb.GetSealedRequest),
    }
    return grpc.method_handlers_generic_handler(
        "silian.link.v1.SealedService",
        {
            name: grpc.unary_unary_rpc_method_handler(
                _within_limits(method),
                request_deserializer=message.FromString,
                response_serializer=lambda reply: reply.SerializeToString(),
            )
            for name, (method, message) in methods.items()
        },
    )


def _within_limits(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        codec.check_lists(request)
        return method(request, context)

    return call
