"""Certificates over the wire: list, show, renew, revoke; invite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from hub.api.call_context import BadRequest, CallContext, Method
from hub.link import enroller
from node.address import EVERYWHERE, Address, Fault, addresses, enrolment_addresses, shown
from node.china import DAY_MS
from node.domain.english import counted
from node.identity.chain import place_in
from node.identity.files import Credentials
from node.services.common.reason import stated_reason
from node.services.enrolment import authority, invitations
from node.services.enrolment.authority import OFFICE, end_ms, serial_text
from node.services.enrolment.errors import NotEnrolled, NotOurChild
from node.store import certificates as table
from node.store.certificates import Issued
from sync.codec.signing import fingerprint
from sync.wire.office.v1 import certificates_pb2 as pb

FOREVER_MS = 1 << 62


def list_(context: CallContext, request: pb.ListCertificatesRequest) -> pb.ListCertificatesResponse:
    office = context.office
    now_ms = office.clock.now_ms()
    until_ms = now_ms + request.within_days * DAY_MS if request.within_days else FOREVER_MS
    with office.store.read() as tx:
        listed = [_issued(context, each) for each in table.issued_by_end(tx, now_ms, until_ms)]
    own = office.certificates.credentials
    if own is not None and serial_text(own.office) not in {each.serial for each in listed}:
        shown = _own(context, own)
        if shown.not_after_ms < until_ms:
            listed.append(shown)
    listed.sort(key=lambda each: (each.not_after_ms, each.serial))
    return pb.ListCertificatesResponse(certificates=listed)


def show(context: CallContext, _request: pb.GetCertificateRequest) -> pb.GetCertificateResponse:
    own = _credentials(context)
    return pb.GetCertificateResponse(
        certificate=_own(context, own),
        uri=place_in(own.office).uri,
        issuer=_name(own.office.issuer),
        authority=grouped(own.roots[0]),
        revocations=[
            pb.KnownRevocations(issuer=issuer, number=number)
            for issuer, number in sorted(context.office.certificates.numbers().items())
        ],
    )


def found(context: CallContext, _request: pb.FoundAuthorityRequest) -> pb.FoundAuthorityResponse:
    authority.found_city(context.office)
    return pb.FoundAuthorityResponse(certificate=show(context, pb.GetCertificateRequest()))


def renew(
    context: CallContext, _request: pb.RenewCertificateRequest
) -> pb.RenewCertificateResponse:
    enroller.renew(context.office)
    return pb.RenewCertificateResponse(certificate=show(context, pb.GetCertificateRequest()))


def revoke(
    context: CallContext, request: pb.RevokeCertificatesRequest
) -> pb.RevokeCertificatesResponse:
    which, reason = request.which.strip(), stated_reason(request.reason)
    revoked = authority.revoke(context.office, which, reason, by=context.actor)
    serials = {each.serial for each in revoked}
    with context.office.store.read() as tx:
        after = [e for unit in {r.unit for r in revoked} for e in table.of_unit(tx, unit)]
    return pb.RevokeCertificatesResponse(
        certificates=[_issued(context, each) for each in after if each.serial in serials]
    )


def invite(context: CallContext, request: pb.InviteUnitsRequest) -> pb.InviteUnitsResponse:
    office, config = context.office, context.office.config
    own = _credentials(context)
    if request.hours > invitations.HOURS_MAX:
        raise BadRequest(
            f"an invitation is valid for {counted(invitations.HOURS_MAX, 'hour')} at most",
            f"邀请的有效期最长为 {invitations.HOURS_MAX} 小时",
            "Invite the office on the day on which it is set up.", "请在安装当天发出邀请。",
            fields=["hours"],
        )  # fmt: skip
    places = {context.resolve_unit(each.unit): each.address for each in request.places}
    units = [*(context.resolve_unit(text) for text in request.units), *places]
    if request.all_below:
        units += office.tree.children(office.identity.unit)
    listen = addresses(config.listen, any_port=True)
    enrols = enrolment_addresses(listen, config.enrolment)
    parent, enrolment = _reached(listen, request.host), _reached(enrols, request.host)
    if not (parent and enrolment):
        raise BadRequest(
            f"`listen` is {config.listen}, which is no address to call",
            f"监听地址 {config.listen} 不能供其他机器连接",
            "Give --host: the name or the address under which the invited reach this machine.",
            "请用 --host 给出下级可以访问的主机名或地址。", fields=["host"],
        )  # fmt: skip
    if not all(each.port for each in (*parent, *enrolment)):
        raise BadRequest(
            "`listen` has no fixed port", "监听地址没有固定端口",
            "Set a port in office.toml: the letters name it.",
            "请在 office.toml 中设置端口，邀请函须写明端口。",
        )  # fmt: skip
    tls_name = context.tls_name or place_in(own.office).dns
    key = fingerprint(office.replica.signer.public_key)
    here = _Above(shown(parent), shown(enrolment), tls_name, key)
    above = {unit: _above(context, unit, here, places) for unit in dict.fromkeys(units)}
    made = invitations.invite(
        office, dict.fromkeys(units), hours=request.hours or invitations.HOURS_MAX,
        replaces=request.replaces, again=request.again, by=context.actor,
    )  # fmt: skip
    with office.store.read() as tx:
        recovered = {each.unit: table.recoveries(tx, each.unit) for each in made}
    return pb.InviteUnitsResponse(
        invitations=[
            pb.Invitation(
                unit=context.unit(each.unit),
                secret=each.secret,
                expires_ms=each.expires_ms,
                recovered_ms=recovered[each.unit],
                parent_unit=context.unit(office.tree.parent(each.unit)),
                parent=above[each.unit].parent,
                parent_enrolment=above[each.unit].enrolment,
                parent_tls_name=above[each.unit].tls_name,
                parent_key=above[each.unit].key,
            )
            for each in made
        ],
        parent=shown(parent),
        enrolment=shown(enrolment),
        tls_name=tls_name,
        parent_key=key,
        authority=own.roots_pem.decode(),
        authority_fingerprint=grouped(own.roots[0]),
    )


@dataclass(frozen=True, slots=True)
class _Above:
    """What a letter says of the office above the invited one."""

    parent: str
    enrolment: str
    tls_name: str  # "": that office's own
    key: str  # "": not known here yet


def _above(context: CallContext, unit: int, here: _Above, places: Mapping[int, str]) -> _Above:
    """Return the office above a unit: this one, or the street whose address is listed.

    Raises: NotOurChild, BadRequest.
    """
    office = context.office
    above = office.tree.parent(unit)
    if above is None or not invitations.may_invite(office, unit):
        raise NotOurChild(office.tree.get(unit).name)
    if above == office.identity.unit:
        return here
    name, listed = office.tree.get(above).name, places.get(above, "")
    if not listed.strip():
        raise BadRequest(
            f"the list has no address of {name}, the office above {office.tree.get(unit).name}",
            f"{office.tree.get(unit).name} 将连接 {name}，而名单中没有 {name} 的地址",
            f"Add a row for {name} with its address, host:port; or invite the unit there.",
            f"请在名单中填写 {name} 的地址（主机:端口），或由 {name} 发出邀请。", fields=["places"],
        )  # fmt: skip
    try:
        served = addresses(listed)
    except Fault as fault:
        raise BadRequest(
            f"the address of {name} ({listed[:60]}) {fault.en}",
            f"{name} 的地址（{listed[:60]}）{fault.zh}",
            "Correct it in the list.", "请在名单中更正。", fields=["places"],
        ) from None  # fmt: skip
    with office.store.read() as tx:
        pinned = invitations.known_key(office, tx, above)
    return _Above(
        shown(served), shown(enrolment_addresses(served, "")),
        here.tls_name if shown(served) == here.parent else "", fingerprint(bytes.fromhex(pinned)),
    )  # fmt: skip


def _reached(served: Sequence[Address], hosts: str) -> list[Address]:
    """Return the addresses to call: those served, or the hosts given, at the first one's port."""
    named = [host.strip().strip("[]") for host in hosts.split(",") if host.strip()]
    if named:
        return [Address(host, served[0].port) for host in named]
    return [each for each in served if each.host not in EVERYWHERE]


def _credentials(context: CallContext) -> Credentials:
    own = context.office.certificates.credentials
    if own is None:
        raise NotEnrolled
    return own


def _own(context: CallContext, own: Credentials) -> pb.Certificate:
    made = own.office
    return pb.Certificate(
        serial=serial_text(made),
        unit=context.unit(context.office.identity.unit),
        kind=OFFICE,
        issued_ms=int(made.not_valid_before_utc.timestamp()) * 1_000,
        not_after_ms=end_ms(made),
        fingerprint=grouped(made),
        office_key=fingerprint(context.office.replica.signer.public_key),
    )


def _issued(context: CallContext, each: Issued) -> pb.Certificate:
    return pb.Certificate(
        serial=each.serial,
        unit=context.unit(each.unit),
        kind=each.kind,
        issued_ms=each.issued_ms,
        not_after_ms=each.not_after_ms,
        revoked_ms=each.revoked_ms,
        reason=each.reason,
        fingerprint=grouped(x509.load_der_x509_certificate(each.der)),
        office_key=fingerprint(each.office_key) if each.office_key else "",
    )


def grouped(certificate: x509.Certificate) -> str:
    """Return a certificate's SHA-256 as people compare it: groups of four digits."""
    digits = sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def _name(subject: x509.Name) -> str:
    found = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""


METHODS = {
    "ListCertificates": Method(
        pb.ListCertificatesRequest, pb.ListCertificatesResponse, unary=list_
    ),
    "GetCertificate": Method(pb.GetCertificateRequest, pb.GetCertificateResponse, unary=show),
    "FoundAuthority": Method(pb.FoundAuthorityRequest, pb.FoundAuthorityResponse, unary=found),
    "RenewCertificate": Method(
        pb.RenewCertificateRequest, pb.RenewCertificateResponse, unary=renew
    ),
    "RevokeCertificates": Method(
        pb.RevokeCertificatesRequest, pb.RevokeCertificatesResponse, unary=revoke
    ),
    "InviteUnits": Method(pb.InviteUnitsRequest, pb.InviteUnitsResponse, unary=invite),
}  # fmt: skip
