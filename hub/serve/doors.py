"""Doors: by which port a call came, and which services answer there. What is not named is refused.

Local: loopback without TLS, for programs that show the office's token, and for links between
offices that are not enrolled. Link: TLS, the caller's host has shown a certificate. Enrolment: TLS,
the caller has none.
"""

from __future__ import annotations

from enum import Enum

import grpc

from sync.model.errors import ErrorKind, SilianError


class Door(Enum):
    LOCAL = "local"
    LINK = "link"
    ENROLMENT = "enrolment"


ANSWERS: dict[str, frozenset[Door]] = {
    "silian.link.v1.LinkService": frozenset({Door.LOCAL, Door.LINK}),
    "silian.link.v1.EnrolmentService": frozenset({Door.ENROLMENT}),
    "silian.office.v1.OfficeService": frozenset({Door.LOCAL}),
    "grpc.health.v1.Health": frozenset({Door.LOCAL, Door.LINK}),
    "grpc.reflection.v1alpha.ServerReflection": frozenset({Door.LOCAL}),
}


class WrongDoor(SilianError):
    """The service does not answer at this port: a program's calls come from the same machine."""

    code = "wrong_port"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self) -> None:
        super().__init__(
            "this service does not answer at this port", "该端口不提供此项服务",
            remedy_en="Programs call from the office's own machine, at the address in office.lock.",
            remedy_zh="程序须在本单位的机器上调用，地址见单位目录内的锁文件。",
        )  # fmt: skip


def check_door(method: str, context: grpc.ServicerContext) -> None:
    """Refuse a call that came by another port than its service's. Raises: WrongDoor."""
    service = method.strip("/").partition("/")[0]
    if door_of(context) not in ANSWERS.get(service, frozenset()):
        raise WrongDoor


def door_of(context: grpc.ServicerContext) -> Door:
    shown = context.auth_context()
    if b"ssl" not in shown.get("transport_security_type", ()):
        return Door.LOCAL
    return Door.LINK if shown.get("x509_pem_cert") else Door.ENROLMENT
