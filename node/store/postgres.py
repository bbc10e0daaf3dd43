"""PostgreSQL servers: what a URL may be, and why a server refuses an office.

libpq gives no code when a connection fails, only a text in the server's own language. But the
server has sent a code, and libpq's trace of the conversation shows it. So after a failure the
office dials once more with the trace on, into memory only: a password may be in it.
"""

from __future__ import annotations

import os
import re
import select
import time
from typing import Any

import psycopg
from psycopg import conninfo, pq
from sqlalchemy import URL

CONNECT_S = 10  # so long a server may take to answer; a URL's own connect_timeout comes first
NO_PASSWORD = "28P01"
_STATE = re.compile(rb'\tErrorResponse\t.*? C "([0-9A-Z]{5})"')
_ENDED = (pq.PollingStatus.OK, pq.PollingStatus.FAILED)


def encoding_of(url: URL) -> str:
    """Return in which encoding a database keeps text. Raises: psycopg.Error.

    Asked before SQLAlchemy connects, which fails by accident on a database without an encoding.
    """
    arguments, options = _arguments(url)
    with psycopg.connect(*arguments, **options) as connection:
        return connection.info.parameter_status("server_encoding") or ""


def state_of_dial(url: URL) -> str | None:
    """Dial a server and return the SQLSTATE of its refusal.

    "" when it did not answer; None when it accepts us: then the fault has passed.
    """
    arguments, options = _arguments(url)
    target = conninfo.make_conninfo(*arguments, **options)
    with os.fdopen(os.memfd_create("silian-dial"), "r+b") as trace:
        connection = pq.PGconn.connect_start(target.encode())
        try:
            connection.trace(trace.fileno())
            _see_through(connection)
            connection.untrace()
            if connection.status == pq.ConnStatus.OK:
                return None
            if connection.needs_password:  # libpq gives up by itself: the server sends nothing
                return NO_PASSWORD
        finally:
            connection.finish()
        trace.seek(0)
        found = _STATE.findall(trace.read())
    return found[-1].decode() if found else ""


def _arguments(url: URL) -> tuple[Any, dict[str, Any]]:
    arguments, options = url.get_dialect()().create_connect_args(url)
    return arguments, {"connect_timeout": CONNECT_S, **options}


def _see_through(connection: pq.abc.PGconn) -> None:
    """Continue a dial until it succeeds or fails."""
    give_up = time.monotonic() + CONNECT_S
    while (state := connection.connect_poll()) not in _ENDED:
        left_s = give_up - time.monotonic()
        if left_s <= 0:
            return
        line = [connection.socket]
        reading = state is pq.PollingStatus.READING
        select.select(line if reading else [], [] if reading else line, [], left_s)
