"""Ports: by which one a call came, and which services answer there. What is not named is refused.

Local: loopback without TLS, for programs that show the office's token, and for links between
offices that are not enrolled. Link: TLS, the caller's host has shown a certificate. Enrolment: TLS,
the caller has none.
"""

from __future__ import annotations

from enum import Enum

import grpc

from sync.model.errors import ErrorKind, SilianError


class Port(Enum):
    LOCAL = "local"
    LINK = "link"
    ENROLMENT = "enrolment"


ANSWERS: dict[str, frozenset[Port]] = {
    "silian.link.v1.LinkService": frozenset({Port.LOCAL, Port.LINK}),
    "silian.link.v1.SealedService": frozenset({Port.LINK}),
    "silian.link.v1.EnrolmentService": frozenset({Port.ENROLMENT}),
    "silian.office.v1.OfficeService": frozenset({Port.LOCAL}),
    "grpc.health.v1.Health": frozenset({Port.LOCAL, Port.LINK}),
    "grpc.reflection.v1alpha.ServerReflection": frozenset({Port.LOCAL}),
}


class WrongPort(SilianError):
    """The service does not answer at this port: a program's calls come from the same machine."""

    code = "wrong_port"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self) -> None:
        super().__init__(
            "this service does not answer at this port", "该端口不提供此项服务",
            remedy_en="Programs call from the office's own machine, at the address in office.lock.",
            remedy_zh="程序须在本单位的机器上调用，地址见单位目录内的锁文件。",
        )  # fmt: skip


def check_port(method: str, context: grpc.ServicerContext) -> None:
    """Refuse a call that came by another port than its service's. Raises: WrongPort."""
    service = method.strip("/").partition("/")[0]
    if port_of(context) not in ANSWERS.get(service, frozenset()):
        raise WrongPort


def port_of(context: grpc.ServicerContext) -> Port:
    shown = context.auth_context()
    if b"ssl" not in shown.get("transport_security_type", ()):
        return Port.LOCAL
    return Port.LINK if shown.get("x509_pem_cert") else Port.ENROLMENT
