"""Callers: who calls, on every call of the link. What a message says of its sender is not believed.

TLS proves the host. The office itself shows its certificate in its handshake, and that it has the
signing key that the certificate names. So the session that was opened is that office's, on that
host's connection only; both certificates are checked again on each call.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from node.identity.refusals import (
    UNREADABLE,
    CertificateMissing,
    CertificateRefused,
    CertificateUnreadable,
)
from node.peers.certificates import Certificates, Chain
from sync.link import Parent, SessionUnknown
from sync.wire.link.v1 import link_pb2 as pb


@dataclass(frozen=True, slots=True)
class _Bound:
    """Whose session it is, and on which host's connections it counts."""

    session: int
    host: Chain
    office: Chain


class Callers:
    """The sessions of one process that were opened with certificates. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bound: dict[tuple[int, int], _Bound] = {}  # the office called, the unit that calls

    def check_hello(
        self, judge: Certificates, context: grpc.ServicerContext, request: pb.HelloRequest
    ) -> bool:
        """Return whether a certificate names the key of a handshake; False: none is needed here.

        Raises: a CertificateRefused.
        """
        if not judge.enrolled:
            return False
        host = shown_by(context)
        chain = tuple(request.certificates)
        judge.check(request.unit, request.public_key, chain)
        if host != chain:
            judge.certified(host)
        return True

    def opened(
        self, called: int, context: grpc.ServicerContext, request: pb.HelloRequest, session: int
    ) -> None:
        """Bind a session to the office that has shown its key, and to its host."""
        bound = _Bound(session, shown_by(context), tuple(request.certificates))
        with self._lock:
            self._bound[called, request.unit] = bound

    def caller(
        self,
        called: int,
        judge: Certificates,
        context: grpc.ServicerContext,
        claimed: int,
        session: int,
    ) -> int:
        """Return the unit that calls. Raises: a CertificateRefused; SessionUnknown."""
        if not judge.enrolled:
            return claimed
        host = shown_by(context)
        with self._lock:
            bound = self._bound.get((called, claimed))
        if bound is None or (bound.session, bound.host) != (session, host):
            raise SessionUnknown
        _check(judge, bound, claimed)
        return claimed

    def end_refused(self, parent: Parent, judge: Certificates) -> None:
        """End the sessions, and the open Watch calls, of offices whose certificate is over."""
        called = parent.host.replica.identity.unit
        with self._lock:
            bound = [(unit, each) for (at, unit), each in self._bound.items() if at == called]
        for unit, each in bound:
            try:
                _check(judge, each, unit)
            except CertificateRefused as error:
                with self._lock:
                    self._bound.pop((called, unit), None)
                parent.sessions.end_session(unit)
                parent.host.log.warning("session_ended", unit=unit, code=error.code)


def certificates_of(parent: Parent) -> Certificates:
    """Return the certificates of the office at this end."""
    return cast(Certificates, parent.host.certificates)


def _check(judge: Certificates, bound: _Bound, unit: int) -> None:
    judge.certified(bound.office, judge.place(unit))
    if bound.host != bound.office:
        judge.certified(bound.host)


def shown_by(context: grpc.ServicerContext) -> Chain:
    """Return the certificates of the host that calls.

    Raises: CertificateMissing without TLS; CertificateUnreadable.
    """
    shown = context.auth_context()
    office, above = _first(shown, "x509_pem_cert"), _first(shown, "x509_pem_cert_chain")
    if not office:
        raise CertificateMissing
    return _chain_of(office, above)


@lru_cache(maxsize=4_096)
def _chain_of(office: bytes, above: bytes) -> Chain:
    """Return a chain from what gRPC gives: the office's apart from those above it."""
    try:
        found = x509.load_pem_x509_certificates(office + above)
    except UNREADABLE:
        raise CertificateUnreadable from None
    return tuple(dict.fromkeys(each.public_bytes(Encoding.DER) for each in found))


def _first(shown: Any, name: str) -> bytes:
    values = shown.get(name) or (b"",)
    return bytes(next(iter(values)))
