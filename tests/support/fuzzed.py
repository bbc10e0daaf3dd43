"""Served offices that messages of fuzzing are sent to, and what must be true of each answer.

A district and a community of it are served. One street calls its district honestly; another one's
key, certificate and sessions are the fuzzer's. Nobody shows the enrolment port a certificate.
"""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message import DecodeError, Message
from structlog.testing import capture_logs

from hub.api.tokens import TOKEN_KEY, token_of
from hub.client.client import wall_ms
from hub.link.servicer import TO_KEY
from hub.serve.ports import ANSWERS, Port
from hub.serve.process import Process
from node.identity import files
from sync.codec import entry as codec
from sync.codec.signing import Signer
from sync.link.possession import CHILD, Sides, sign
from sync.log.append import signature_for
from sync.model.errors import Malformed
from sync.model.limits import PROTOCOL_MAX
from sync.rpc.channel import NO_PROXY, Secure, open_channel
from sync.rpc.status import read_refusal
from sync.wire.link.v1 import link_pb2 as pb
from sync.wire.link.v1.link_pb2_grpc import LinkServiceStub
from tests.support.edits import premises
from tests.support.enrolled import Enrolled, enrolled, idle, served, until
from tests.support.fuzz import Known, methods
from tests.support.tier import CITY, DISTRICT, GARDEN, STREET

FUZZER = "330102001000"  # 清波街道
ANSWER_S = 30.0  # a call that has no answer by then has none
LARGE_BYTES = 100_000  # a Watch of this size is refused, and takes longer to send
WATCHED_S = 0.05  # how long an open Watch is waited for: it answers when there is news
MEMORY_BYTES = 400 << 20  # that all calls of one run may add at most
# A refusal has one of the other codes and, for programs, a code of its own.
FAULTS = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DEADLINE_EXCEEDED)
ANY_SIZE = (NO_PROXY, ("grpc.max_send_message_length", -1), ("grpc.enable_retries", 0))
WATCH = "/silian.link.v1.LinkService/Watch"
HELLO = "/silian.link.v1.LinkService/Hello"

# By port: connections, and what each call sends with them.
Lines = dict[Port, list[tuple[grpc.Channel, Any]]]


@dataclass
class Fuzzed:
    """Calls to the served offices, in the fuzzer's name."""

    offices: Enrolled
    hub: Process
    honest: Process
    own: files.Credentials
    signer: Signer
    unit: int
    lines: Lines
    session: int = 0
    turn: int = 0
    answered: dict[str, set[str]] = field(default_factory=dict)  # method -> codes it ended with

    def known(self, path: str) -> Known:
        """Return what the fields of a method may well have."""
        if "/silian.office." in path:
            return OFFICE
        district = served(self.hub, DISTRICT).office
        return {
            **LINK,
            "unit": [self.unit], "parent": [district.identity.unit], "session": [self.session],
            "public_key": [self.signer.public_key], "certificates": list(self.own.ders),
            "chain": list(self.own.ders), "hlc": [wall_ms() << 16],
        }  # fmt: skip

    def open_session(self) -> int:
        """Show the fuzzer's key as an honest street does; return the session."""
        hello = pb.HelloRequest(
            unit=self.unit, level=2, incarnation=INCARNATION, protocol_min=1,
            protocol_max=PROTOCOL_MAX, public_key=self.signer.public_key, process=5,
            challenge=bytes(16), certificates=self.own.ders,
        )  # fmt: skip
        channel, to = self.lines[Port.LINK][0]
        stub = LinkServiceStub(channel)
        reply = stub.Hello(self.finished(hello, stub.Hello(hello, metadata=to)), metadata=to)
        assert reply.session, reply
        self.session = reply.session
        return self.session

    def finished(self, hello: pb.HelloRequest, reply: pb.HelloResponse) -> pb.HelloRequest:
        """Return a handshake again, with the parent's challenge signed."""
        sides = Sides(hello.unit, reply.unit, hello.incarnation, reply.incarnation)
        again = pb.HelloRequest()
        again.CopyFrom(hello)
        again.signed_challenge = reply.challenge
        again.signature = sign(self.signer, CHILD, sides, reply.challenge)
        return again

    def sign(self, message: Message) -> None:
        """Sign the entries of a batch that are entries, as their own office would."""
        if not isinstance(message, pb.PushRequest):
            return
        for wire in message.batch.entries:
            try:
                entry = codec.entry_from_wire(wire)
            except (Malformed, DecodeError):
                continue
            signed = codec.signature_to_wire(signature_for(entry, self.signer))
            message.batch.signatures.append(signed)

    def send(self, path: str, *octets: bytes, compression: grpc.Compression | None = None) -> str:
        """Call with messages as bytes; return how the call ended. Fails on what is no answer."""
        lines = self.lines[
            next(p for p in Port if p in ANSWERS[methods()[path].containing_service.full_name])
        ]
        if path.startswith("/silian.link.v1.Link"):
            lines = self.lines[Port.LINK]
        self.turn += 1
        channel, metadata = lines[self.turn % len(lines)]
        waits = path == WATCH and len(octets[0]) < LARGE_BYTES
        opened: Any = channel.stream_stream(path)
        call = opened(
            iter(octets), timeout=WATCHED_S if waits else ANSWER_S, metadata=metadata,
            compression=compression,
        )  # fmt: skip
        replies: list[bytes] = []
        ended = self._ended(path, lambda: replies.extend(call))
        self.answered.setdefault(path, set()).add(ended)
        if path == HELLO and replies:
            self._go_on(octets[0], replies[0], channel, metadata)
        return ended

    def _ended(self, path: str, call: Callable[[], object]) -> str:
        """Return how a call ended: a refusal's code, or the name of a status that has none."""
        try:
            call()
            return "answered"
        except grpc.RpcError as error:
            found = error
        refusal = read_refusal(found)
        code = found.code()
        watched = path == WATCH and code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert watched or code not in FAULTS, (path, code, found.details())
        assert "Traceback" not in (found.details() or "")
        return refusal.code if refusal is not None else code.name

    def _go_on(self, asked: bytes, reply: bytes, channel: grpc.Channel, to: Any) -> None:
        """Sign the challenge of an answer, so that the rest of the handshake is read, too."""
        answer = pb.HelloResponse.FromString(reply)
        if answer.verdict == pb.VERDICT_CHALLENGE:
            again = self.finished(pb.HelloRequest.FromString(asked), answer)
            hello = LinkServiceStub(channel).Hello
            self._ended(HELLO, lambda: hello(again, timeout=ANSWER_S, metadata=to))

    def still_served(self, name: str) -> None:
        """What an honest office writes goes up, and its clerks are answered."""
        premises(served(self.honest, GARDEN).office, name)
        until(lambda: name in self._names())
        honest = served(self.honest, STREET).dialer
        assert honest is not None
        honest.redial()
        idle(self.honest, STREET)

    def _names(self) -> list[str]:
        with served(self.hub, DISTRICT).office.store.read() as tx:
            return [row[0] for row in tx.exec_driver_sql("SELECT f_name FROM r_premises")]


INCARNATION = 4_711
ID = bytes(range(16))
LINK: Known = {
    "level": [2], "incarnation": [INCARNATION], "lane": [1, 2], "protocol_min": [1],
    "protocol_max": [PROTOCOL_MAX], "process": [5], "challenge": [ID], "seq": [1],
    "prev_hash": [b""], "audience": ["up:city", "up:district"], "changes": [1], "after": [0],
    "upto": [1], "positions": [1], "position": [0, 1], "register": ["premises", "work_order"],
    "fields": ["name", "use"], "ids": [ID, ID * 2], "id": [ID], "operation": [1], "index": [0],
    "bytes_max": [0, 1 << 16], "number": [1], "size": [0, 10], "offset": [0],
}  # fmt: skip
UNITS = [GARDEN, FUZZER, "上城区"]
OFFICE: Known = {
    "register": ["premises", "resident", "household", "project"], "unit": UNITS, "to": UNITS,
    "targets": UNITS, "units": UNITS, "which": [GARDEN], "below": UNITS, "place": UNITS,
    "as_of": ["2026-02-01"], "on": ["2026-02-01"], "due_on": ["2026-12-31"], "actor": ["甲"],
    "due_ms": [wall_ms() + 10**9], "category": ["office"], "box": ["all"], "direction": ["all"],
    "field": ["name", "area_m2"], "operator": ["=", ">=", "~"], "value": ["x", "100"],
    "history": ["as-was"], "indicator": ["K1", "K3", "K5"], "by": ["unit"], "lang": ["en", "zh"],
    "format": ["csv", "xlsx", "jsonl"], "take": ["shown"], "answer": ["accept"],
    "step": ["accept", "complete"], "kind": ["spend"], "funds": ["F1"], "fund": ["F1"],
    "state": ["received"], "states": ["draft"], "year": [2026], "page_size": [5], "level": [3],
    "wait_ms": [1], "indicators": ["K5"], "months": ["2026-01"], "file": [b"code,name\n1,x\n"],
    "reason": ["r"], "title": ["t"], "id": [ID.hex()], "transfer": [ID.hex()],
    "values.key": ["name", "use", "area_m2", "tenure", "id_number"], "amount_fen": [5, 1],
    "query": ["x"], "text": ["x"],
}  # fmt: skip


@contextmanager
def fuzzed(base: Path) -> Iterator[Fuzzed]:
    with enrolled(base) as offices, ExitStack() as stack:
        offices.make(CITY)
        offices.make(DISTRICT, CITY)
        offices.make(STREET, DISTRICT)
        offices.make(FUZZER, DISTRICT)
        offices.make(GARDEN, STREET, host=STREET)
        with closing(offices.opened(FUZZER)) as fuzzer:
            own, signer = fuzzer.certificates.credentials, fuzzer.replica.signer
            unit = fuzzer.identity.unit
        assert own is not None
        hub, honest = offices.serve(DISTRICT), offices.serve(STREET, GARDEN)
        idle(honest, GARDEN)
        office = served(hub, DISTRICT).office
        name = office.certificates.place(office.identity.unit).dns
        to = ((TO_KEY, str(office.identity.unit)),)
        with_key = Secure(own.roots_pem, name, own.key_pem, own.chain_pem)
        link = stack.enter_context(open_channel(hub.server.address, with_key, ANY_SIZE))
        enrolment = stack.enter_context(
            open_channel(hub.server.enrolments[0], Secure(own.roots_pem, name), ANY_SIZE)
        )
        local = [
            (
                stack.enter_context(open_channel(process.server.local, None, ANY_SIZE)),
                ((TOKEN_KEY, token_of(offices.base / code)),),
            )
            for process, code in ((hub, DISTRICT), (honest, GARDEN))
        ]
        lines: Lines = {
            Port.LINK: [(link, to)], Port.ENROLMENT: [(enrolment, ())], Port.LOCAL: local,
        }  # fmt: skip
        yield Fuzzed(offices, hub, honest, own, signer, unit, lines)


class Watched(logging.Handler):
    """What the offices log meanwhile that no caller may cause."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(record.getMessage())

    def read(self, entries: Iterable[Mapping[str, Any]]) -> None:
        for each in entries:
            if each.get("exc_info") or each["log_level"] in ("error", "critical"):
                self.found.append(str(each))


@contextmanager
def watched() -> Iterator[None]:
    """Fail if an office logs a fault or a trace, or takes more memory than it may."""
    handler, before = Watched(), peak_bytes()
    logging.getLogger().addHandler(handler)
    try:
        with capture_logs() as entries:
            yield
            handler.read(entries)
    finally:
        logging.getLogger().removeHandler(handler)
    assert not handler.found, handler.found[:3]
    added = peak_bytes() - before
    assert added < MEMORY_BYTES, f"{added >> 20} MiB"


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
