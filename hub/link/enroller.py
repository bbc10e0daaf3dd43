"""The calls by which an office gets certificates from its parent. No store is locked meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import grpc
from cryptography import x509

from node.address import listed
from node.identity import files
from node.identity.authority import moment
from node.identity.chain import Trust, read_chain, verify
from node.identity.refusals import CertificateKey
from node.services.enrolment import authority
from node.services.enrolment.authority import Grant
from node.services.enrolment.errors import NotEnrolled
from node.services.enrolment.requests import Request, passed_on, request_of
from sync.model.errors import ErrorKind, SilianError
from sync.rpc.channel import Secure, open_channel
from sync.rpc.status import read_refusal, status_texts
from sync.wire.link.v1 import enrolment_pb2 as pb
from sync.wire.link.v1 import enrolment_pb2_grpc

if TYPE_CHECKING:
    from node.office import Office

TIMEOUT_S = 30.0


class NobodyEnrols(SilianError):
    """Nobody answers where certificates are given out, or TLS does not prove who it is."""

    code = "enrolment_unreachable"
    kind = ErrorKind.UNREACHABLE

    def __init__(self, address: str, why: str, why_zh: str) -> None:
        super().__init__(
            f"no certificate from {address}: {why}", f"未能从 {address} 取得证书：{why_zh}",
            remedy_en="Is the parent served, and the address right? If the certificate of another "
            "office answers there, ask for a new letter.",
            remedy_zh="请确认上级服务已启动、地址无误；若该地址由其他单位应答，请重新索取邀请函。",
        )  # fmt: skip


def to_wire(request: Request) -> pb.CertificateRequest:
    return pb.CertificateRequest(
        unit=request.unit, csr=request.csr, public_key=request.office_key,
        signature=request.signature, authority_csr=request.authority_csr,
    )  # fmt: skip


def enrol(address: str, secure: Secure, request: pb.EnrolRequest) -> pb.EnrolResponse:
    """Ask for the first certificate, at one address or several, as a setting lists them.

    Raises: NobodyEnrols; what the parent refuses.
    """
    reply: pb.EnrolResponse = _call(address, secure, "Enrol", request)
    return reply


def renew(office: Office) -> None:
    """Get a new certificate for this office, under a new key, and put both into use.

    The city issues its own. Raises: NotEnrolled, NobodyEnrols; what the parent refuses.
    """
    credentials = office.certificates.credentials
    if credentials is None:
        raise NotEnrolled
    key, unit = files.pending_key(office.folder), office.identity.unit
    own = files.load_authority(office.folder)
    if own is not None and own.certificate in credentials.roots:
        grant = authority.issue(office, unit, key.public_key(), office.replica.signer.public_key)
    else:
        request = request_of(office.replica.signer, unit, key, own.key if own is not None else None)
        grant = certified(office, request)
    must_be_ours(office, grant, credentials.roots)
    if own is not None and grant.authority is not None:
        files.save_authority(office.folder, own.key, grant.authority)
    files.save(office.folder, key, grant.chain, credentials.roots)
    office.certificates.reload()
    office.log.info("certificate_renewed", until=str(grant.chain[0].not_valid_after_utc))


def certified(office: Office, request: Request) -> Grant:
    """Ask the parent for a certificate: this office's own, or that of one that enrols here.

    Raises: NotEnrolled, NobodyEnrols; what the parent refuses.
    """
    credentials, parent = office.certificates.credentials, office.parent_unit
    if credentials is None or parent is None:
        raise NotEnrolled
    config = office.config
    name = config.parent_tls_name or office.certificates.place(parent).dns
    reply = _call(
        config.parent_enrolment,
        Secure(credentials.roots_pem, name),
        "Certify",
        pb.CertifyRequest(
            parent=parent, chain=credentials.ders, request=to_wire(request),
            signature=passed_on(office.replica.signer, request),
        ),
    )  # fmt: skip
    return grant_of(reply)


def grant_of(reply: pb.EnrolResponse | pb.CertifyResponse) -> Grant:
    """Raises: CertificateUnreadable."""
    own = read_chain([reply.authority])[0] if reply.authority else None
    return Grant(read_chain(reply.chain), own)


def must_be_ours(office: Office, grant: Grant, roots: Sequence[x509.Certificate]) -> None:
    """Check that what came certifies this office and its key. Raises: a CertificateRefused."""
    expected = office.certificates.place(office.identity.unit)
    found = verify(grant.chain, Trust(tuple(roots)), moment(office.clock.now_ms()), expected)
    if found.office_key != office.replica.signer.public_key:
        raise CertificateKey


def _call(addresses: str, secure: Secure, method: str, request: object) -> Any:
    """Call at the first address that answers; an answer that was lost is asked for again."""
    failed: NobodyEnrols | None = None
    for address in listed(addresses) or ("",):
        try:
            return _call_at(address, secure, method, request)
        except NobodyEnrols as error:
            failed = error
    assert failed is not None
    raise failed


def _call_at(address: str, secure: Secure, method: str, request: object) -> Any:
    with open_channel(address, secure) as channel:
        stub = enrolment_pb2_grpc.EnrolmentServiceStub(channel)
        try:
            return getattr(stub, method)(request, timeout=TIMEOUT_S)
        except grpc.RpcError as error:
            refusal = read_refusal(error)
            if refusal is not None:
                raise refusal from error
            raise NobodyEnrols(address, *status_texts(error)) from error
