"""Options of every channel to an office, and how a channel is opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from sync.model.limits import MESSAGE_BYTES_MAX

# An office is reached directly: a proxy of the environment would be asked even for loopback.
NO_PROXY = ("grpc.enable_http_proxy", 0)
OPTIONS = (
    NO_PROXY,
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.enable_retries", 0),  # the caller retries: it knows what is safe to repeat
)


@dataclass(frozen=True, slots=True)
class Secure:
    """TLS of a connection, in PEM: whom it trusts, which name it expects, what it shows."""

    roots: bytes
    name: str
    key: bytes = b""
    chain: bytes = b""


def open_channel(
    address: str, secure: Secure | None, options: Sequence[tuple[str, Any]] = OPTIONS
) -> grpc.Channel:
    """Open a channel. `secure` None: without TLS, which is for loopback only; the caller checks."""
    if secure is None:
        return grpc.insecure_channel(address, options=options)
    credentials = grpc.ssl_channel_credentials(
        secure.roots, secure.key or None, secure.chain or None
    )
    named = ("grpc.ssl_target_name_override", secure.name)
    return grpc.secure_channel(address, credentials, options=(*options, named))
