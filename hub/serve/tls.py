"""TLS of a process: the certificate of its first enrolled office, in use without a restart.

Python's gRPC either demands a client's certificate on a port or never asks for one. So there are
two ports: that of the link demands one, that of enrolment proves only who answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import grpc

from node.identity.chain import place_in
from node.identity.files import Credentials
from node.peers.certificates import Certificates
from sync.rpc.channel import Secure

if TYPE_CHECKING:
    from node.office import Office


class Tls:
    """What a process shows at its ports and to parents: at each handshake the newest."""

    def __init__(self, certificates: Certificates) -> None:
        self._certificates = certificates

    @property
    def credentials(self) -> Credentials:
        found = self._certificates.credentials
        assert found is not None, "an enrolled office stays enrolled"
        return found

    @property
    def name(self) -> str:
        """The host's name in the certificate."""
        return place_in(self.credentials.office).dns

    def of_link(self) -> grpc.ServerCredentials:
        """Return the credentials of a port where the caller must show a certificate."""
        return self._dynamic(demands=True)

    def of_enrolment(self) -> grpc.ServerCredentials:
        """Return the credentials of a port where the caller has no certificate yet."""
        return self._dynamic(demands=False)

    def towards(self, office: Office, parent: int) -> Secure:
        """Return how an office of this process reaches its parent."""
        own = office.certificates.credentials
        assert own is not None, "only an enrolled office dials with TLS"
        name = office.config.parent_tls_name or office.certificates.place(parent).dns
        return Secure(own.roots_pem, name, self.credentials.key_pem, self.credentials.chain_pem)

    def _dynamic(self, *, demands: bool) -> grpc.ServerCredentials:
        first = self.credentials
        # The stub says that there is always a new configuration; None keeps the present one.
        fetch: Any = _Fetcher(first, lambda: self.credentials)
        return grpc.dynamic_ssl_server_credentials(
            _configuration(first), fetch,
            require_client_authentication=demands,
        )  # fmt: skip


class _Fetcher:
    """Called by gRPC before each handshake: returns what has changed, or None."""

    def __init__(self, used: Credentials, newest: Callable[[], Credentials]) -> None:
        self._used, self._newest = used, newest

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        newest = self._newest()
        if newest is self._used:
            return None
        self._used = newest
        return _configuration(newest)


def _configuration(credentials: Credentials) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(credentials.key_pem, credentials.chain_pem)], root_certificates=credentials.roots_pem
    )


def tls_of(offices: Iterable[Office]) -> Tls | None:
    """Return the TLS of a process: its first enrolled office's; None when none is."""
    for office in offices:
        if office.certificates.enrolled:
            return Tls(office.certificates)
    return None
