"""Options of every channel to an office."""

from __future__ import annotations

from sync.model.limits import MESSAGE_BYTES_MAX

# An office is reached directly: a proxy of the environment would be asked even for loopback.
NO_PROXY = ("grpc.enable_http_proxy", 0)
OPTIONS = (
    NO_PROXY,
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.enable_retries", 0),  # the caller retries: it knows what is safe to repeat
)
