"""The gRPC servicer of enrolment: decode, check, issue or ask the parent to, encode."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import grpc
from cryptography.hazmat.primitives.serialization import Encoding

from hub.link import enroller
from hub.link.servicer import REFUSALS
from node.host import LinkedOffice
from node.identity import files
from node.identity.chain import Certified
from node.identity.refusals import CertificateBranch, CertificateExpired, CertificateKey
from node.office import Office
from node.services.enrolment import authority, invitations
from node.services.enrolment.authority import Grant
from node.services.enrolment.errors import RequestForged
from node.services.enrolment.requests import Request, is_passed_on
from sync.codec import entry as codec
from sync.model.errors import SilianError
from sync.wire.link.v1 import enrolment_pb2 as pb
from sync.wire.link.v1.link_pb2 import RevocationList

GRACE = timedelta(days=30)  # an office that was away renews for so long after its certificate's end


class EnrolmentServicer:
    """Finds the office called, and gives out certificates."""

    def __init__(self, office_of: Callable[[int], LinkedOffice]) -> None:
        self._office_of = office_of

    def note_refused(self, request: Any, error: SilianError) -> None:
        """Record who was refused, in the log of the office called."""
        if error.kind in REFUSALS:
            self._office_of(request.parent).caller_refused(request.request.unit, error)

    def Enrol(self, request: pb.EnrolRequest, _context: grpc.ServicerContext) -> pb.EnrolResponse:
        office = self._office_of(request.parent)
        asked = _request(request.request)
        invitation = invitations.check(office, request.secret, asked)
        invitations.use(office, invitation, asked)
        grant = _grant(office, asked)
        return pb.EnrolResponse(
            chain=_ders(grant), authority=_authority(grant),
            revocations=[
                RevocationList(list=kept.der, authority=kept.authority)
                for kept in office.certificates.lists_after({})
            ],
        )  # fmt: skip

    def Certify(
        self, request: pb.CertifyRequest, _context: grpc.ServicerContext
    ) -> pb.CertifyResponse:
        office = self._office_of(request.parent)
        asked = _request(request.request)
        shown = _shown(office, tuple(request.chain))
        if not is_passed_on(shown.office_key, asked, request.signature):
            raise RequestForged
        if office.tree.parent(shown.place.unit) != office.identity.unit:
            raise CertificateBranch
        if asked.unit == shown.place.unit:
            if asked.office_key != shown.office_key:
                raise CertificateKey
        elif office.tree.parent(asked.unit) != shown.place.unit:
            raise CertificateBranch
        grant = _grant(office, asked)
        return pb.CertifyResponse(chain=_ders(grant), authority=_authority(grant))


def _shown(office: Office, chain: tuple[bytes, ...]) -> Certified:
    """Return who asks; it was in order lately, at least. Raises: a CertificateRefused."""
    certificates, grace = office.certificates, timedelta()
    try:
        found = certificates.certified(chain)
    except CertificateExpired:  # not asked with grace at once: a new one is too early then
        grace = GRACE
        found = certificates.certified(chain, grace=grace)
    return certificates.certified(chain, certificates.place(found.place.unit), grace=grace)


def _grant(office: Office, asked: Request) -> Grant:
    """Issue what was asked for, if this office does that; else ask its parent."""
    key, authority_key = asked.keys()
    if files.load_authority(office.folder) is None:
        return enroller.certified(office, asked)
    grant = authority.issue(office, asked.unit, key, asked.office_key, authority_key)
    authority.supersede(office, asked.unit, asked.office_key)
    return grant


def _request(wire: pb.CertificateRequest) -> Request:
    return Request(wire.unit, wire.csr, wire.public_key, wire.signature, wire.authority_csr)


def _ders(grant: Grant) -> list[bytes]:
    return [each.public_bytes(Encoding.DER) for each in grant.chain]


def _authority(grant: Grant) -> bytes:
    return b"" if grant.authority is None else grant.authority.public_bytes(Encoding.DER)


def handlers(servicer: EnrolmentServicer) -> grpc.GenericRpcHandler:
    """Return the methods of enrolment as the server accepts them."""
    methods: dict[str, tuple[Any, Any]] = {
        "Enrol": (servicer.Enrol, pb.EnrolRequest),
        "Certify": (servicer.Certify, pb.CertifyRequest),
    }
    return grpc.method_handlers_generic_handler(
        "silian.link.v1.EnrolmentService",
        {
            name: grpc.unary_unary_rpc_method_handler(
                _guarded(servicer, method),
                request_deserializer=message.FromString,
                response_serializer=lambda reply: reply.SerializeToString(),
            )
            for name, (method, message) in methods.items()
        },
    )


def _guarded(servicer: EnrolmentServicer, method: Callable[..., Any]) -> Callable[..., Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        codec.check_lists(request)
        try:
            return method(request, context)
        except SilianError as error:
            servicer.note_refused(request, error)
            raise

    return call
