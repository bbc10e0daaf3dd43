"""The gRPC servicer of the link: decode, call, encode. It decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import grpc

from hub.link.callers import Callers, certificates_of
from sync.apply.host import DISTRUSTED, Host
from sync.codec import entry as codec
from sync.codec import receipt, statement
from sync.link import Hello, Parent, Verdict, exchange_keys, take_keys
from sync.model.errors import ErrorKind, SilianError
from sync.model.schema import Lane
from sync.recovery.heads import required_of, required_to_wire
from sync.rpc.status import status_of
from sync.tlog import wire as tlog
from sync.wire.link.v1 import link_pb2 as pb

REFUSALS = (ErrorKind.PERMISSION_DENIED, ErrorKind.UNAUTHENTICATED)
TO_KEY = "silian-to"  # metadata: the unit whose office is called; a process may serve many


class LinkServicer:
    """Finds the office called and passes the message to its `Parent`."""

    def __init__(self, parent_of: Callable[[int], Parent], callers: Callers | None = None) -> None:
        self._parent_of = parent_of
        self._callers = callers or Callers()

    def Hello(self, request: pb.HelloRequest, context: grpc.ServicerContext) -> pb.HelloResponse:
        parent = self._parent(context)
        me = parent.host.replica.identity
        certificates = certificates_of(parent)
        logs = list(map(tlog.submission_from_wire, request.logs))
        answer = parent.hello(
            Hello(
                certified=self._callers.check_hello(certificates, context, request),
                unit=request.unit,
                level=request.level,
                incarnation=request.incarnation,
                protocol_min=request.protocol_min,
                protocol_max=request.protocol_max,
                log_position=request.log_position,
                heads=dict(map(codec.head_from_wire, request.heads)),
                acked=codec.positions_from_wire(request.cursors, me.incarnation),
                knows_other_incarnation=any(
                    c.incarnation not in (0, me.incarnation) for c in request.cursors
                ),
                peer_status=tuple(map(statement.status_from_wire, request.offices)),
                token=request.token,
                continues=request.continues,
                process=request.process,
                public_key=request.public_key and codec.key_from_wire(request.public_key),
                has_bulk=any(c.position for c in request.cursors if c.lane == pb.LANE_BULK),
                snapshot_under_way=request.snapshot_under_way,
                challenge=request.challenge,
                signed_challenge=request.signed_challenge,
                signature=request.signature,
                required_heads=required_of(request.required_heads, request.cursors, me.incarnation),
            )
        )
        if certificates.enrolled and answer.session:
            self._callers.opened(me.unit, context, request, answer.session)
        go_on = answer.verdict in (Verdict.ACCEPTED, Verdict.SNAPSHOT)
        asked = take_keys(parent.host, request.keys, request.unit, from_child=True) if go_on else []
        witness = parent.host.witness
        if go_on:
            witness.judge(request.unit, request.public_key, logs)
        return pb.HelloResponse(
            verdict=answer.verdict.value,  # type: ignore[arg-type]  # the wire's numbers
            unit=me.unit,
            incarnation=me.incarnation,
            cursors=codec.positions_to_wire(request.incarnation, answer.durable),
            now_ms=parent.host.replica.now_ms,
            protocol=answer.protocol,
            retry_after_ms=answer.retry_after_ms,
            reason=answer.reason,
            session=answer.session,
            waiting=[lane.value for lane in sorted(answer.waiting)],  # type: ignore[misc]
            durable_above=map(codec.durable_to_wire, parent.durable_above(request.unit))
            if go_on
            else (),
            token=answer.token,
            required_heads=required_to_wire(answer.required_heads),
            public_key=parent.host.replica.signer.public_key,
            snapshot_follows=answer.snapshot_follows,
            challenge=answer.challenge,
            signature=answer.signature,
            receipts=map(receipt.to_wire, parent.receipts_for(request.unit, hello=True))
            if go_on
            else (),
            certificates=certificates.own(),
            keys=exchange_keys(parent.host, asked, request.unit, from_child=True) if go_on else (),
            revocations=[
                pb.RevocationList(list=kept.der, authority=kept.authority)
                for kept in certificates.lists_after(
                    {each.issuer: each.number for each in request.revocations}
                )
            ],
            logs=map(tlog.answer_to_wire, witness.answers(request.unit)) if go_on else (),
        )

    def Push(self, request: pb.PushRequest, context: grpc.ServicerContext) -> pb.PushResponse:
        batch = codec.batch_from_wire(request.batch)
        received, durable_above = self._parent(context).push(
            self._caller(context, request),
            request.session,
            batch,
        )
        return pb.PushResponse(
            durable=codec.cursor_to_wire(batch.lane, batch.incarnation, received.position),
            durable_above=map(codec.durable_to_wire, durable_above),
            receipts=map(
                receipt.to_wire, self._parent(context).receipts_for(request.unit, hello=False)
            ),
        )

    def Pull(self, request: pb.PullRequest, context: grpc.ServicerContext) -> pb.PullResponse:
        batch = self._parent(context).pull(
            self._caller(context, request),
            request.session,
            codec.lane_from_wire(request.cursor.lane),
            request.cursor.position,
            request.bytes_max,
        )
        return pb.PullResponse(batch=codec.batch_to_wire(batch))

    def Replay(self, request: pb.ReplayRequest, context: grpc.ServicerContext) -> pb.ReplayResponse:
        parent, unit = self._parent(context), self._caller(context, request)
        if request.probing:
            probes = list(map(codec.head_from_wire, request.probes))
            found = parent.recognise(unit, request.session, probes)
            return pb.ReplayResponse(
                known=found.known,
                heads=[codec.head_to_wire(key, head) for key, head in found.heads.items()],
                cursors=[
                    codec.cursor_to_wire(lane, incarnation, position)
                    for lane, incarnation, position in found.cursors
                ],
                more=True,
                truncated=[codec.head_to_wire(key, head) for key, head in found.truncated.items()],
            )
        page = parent.replay(
            unit,
            request.session,
            dict(map(codec.head_from_wire, request.common)),
            {codec.lane_from_wire(c.lane): c.position for c in request.cursors},
            request.after,
            request.bytes_max,
        )
        return pb.ReplayResponse(
            entries=page.entries,
            upto=page.upto,
            more=page.more,
            signatures=map(codec.signature_to_wire, page.signatures),
        )

    def RestoreParent(
        self, request: pb.RestoreParentRequest, context: grpc.ServicerContext
    ) -> pb.RestoreParentResponse:
        self._parent(context).restore_own(
            self._caller(context, request), request.session, request.entries,
            codec.signatures_from_wire(request.signatures), last=request.last,
        )  # fmt: skip
        return pb.RestoreParentResponse()

    def Snapshot(
        self, request: pb.SnapshotRequest, context: grpc.ServicerContext
    ) -> pb.SnapshotResponse:
        chunk = self._parent(context).snapshot(
            self._caller(context, request), request.session, request.after
        )
        return pb.SnapshotResponse(
            payload=chunk.payload, next=chunk.next, done=chunk.done, total=chunk.total
        )

    def UploadSnapshot(
        self, request: pb.UploadSnapshotRequest, context: grpc.ServicerContext
    ) -> pb.UploadSnapshotResponse:
        self._parent(context).upload_snapshot(
            self._caller(context, request), request.session, request.payload
        )
        return pb.UploadSnapshotResponse()

    def Digest(self, request: pb.DigestRequest, context: grpc.ServicerContext) -> pb.DigestResponse:
        return self._parent(context).compare(
            self._caller(context, request), request.session, request
        )

    def watch(
        self,
        request: pb.WatchRequest,
        context: grpc.ServicerContext,
        send: Callable[[pb.WatchResponse | None], None],
    ) -> None:
        """Answer a Watch call when it is notified; no thread waits for it.

        The call is unary on the wire. It is registered as a stream of one answer, because the
        library lets only streams be answered later from elsewhere (docs/adr/0005).
        """
        try:
            parent = self._parent(context)
            try:
                unit = self._caller(context, request)
            except SilianError as error:
                note_refused(parent.host, request, error)
                raise

            def watch_reply(lanes: Iterable[Lane]) -> None:
                if context.is_active():
                    listed = [lane.value for lane in sorted(lanes)]
                    durable_above = map(codec.durable_to_wire, parent.durable_above(unit))
                    send(pb.WatchResponse(lanes=listed, durable_above=durable_above))  # type: ignore[arg-type]
                    send(None)

            ended = parent.watch(unit, request.session, watch_reply)
        except SilianError as error:
            context.set_code(status_of(error))
            context.set_details(error.en)
            send(None)
            return
        context.add_callback(ended)

    watch.experimental_non_blocking = True  # type: ignore[attr-defined]

    def host(self, context: grpc.ServicerContext) -> Host:
        """Return the office called."""
        return self._parent(context).host

    def _parent(self, context: grpc.ServicerContext) -> Parent:
        return self._parent_of(called(context))

    def _caller(self, context: grpc.ServicerContext, request: Any) -> int:
        """Return the unit that calls. Raises: a CertificateRefused; SessionUnknown."""
        parent = self._parent(context)
        return self._callers.caller(
            parent.host.replica.identity.unit, certificates_of(parent), context,
            request.unit, request.session,
        )  # fmt: skip


def called(context: grpc.ServicerContext) -> int:
    """Return the unit whose office is called; 0 when the call does not name it."""
    value: Any = dict(context.invocation_metadata()).get(TO_KEY, "0")
    text = value.decode() if isinstance(value, bytes) else value
    return int(text) if text.isdecimal() and len(text) <= 19 else 0


def note_refused(host: Host, request: Any, error: SilianError) -> None:
    """Report a caller that is not who it says to be, or may not call; others are reported there."""
    if error.kind in REFUSALS and not isinstance(error, DISTRUSTED):
        host.caller_refused(request.unit, error)


def _guarded(servicer: LinkServicer, method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that refuses a message whose lists are too long. Raises: Malformed."""

    def call(request: Any, context: grpc.ServicerContext) -> Any:
        codec.check_lists(request)
        try:
            return method(request, context)
        except SilianError as error:
            note_refused(servicer.host(context), request, error)
            raise

    return call


def handlers(servicer: LinkServicer) -> grpc.GenericRpcHandler:
    """Return the link's methods as the server accepts them."""
    unary: dict[str, tuple[Any, Any]] = {
        "Hello": (servicer.Hello, pb.HelloRequest),
        "Push": (servicer.Push, pb.PushRequest),
        "Pull": (servicer.Pull, pb.PullRequest),
        "Replay": (servicer.Replay, pb.ReplayRequest),
        "RestoreParent": (servicer.RestoreParent, pb.RestoreParentRequest),
        "Digest": (servicer.Digest, pb.DigestRequest),
        "Snapshot": (servicer.Snapshot, pb.SnapshotRequest),
        "UploadSnapshot": (servicer.UploadSnapshot, pb.UploadSnapshotRequest),
    }
    methods: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        name: grpc.unary_unary_rpc_method_handler(
            _guarded(servicer, method),
            request_deserializer=message.FromString,
            response_serializer=lambda reply: reply.SerializeToString(),
        )
        for name, (method, message) in unary.items()
    }
    methods["Watch"] = grpc.unary_stream_rpc_method_handler(
        servicer.watch,
        request_deserializer=pb.WatchRequest.FromString,
        response_serializer=lambda reply: reply.SerializeToString(),
    )
    return grpc.method_handlers_generic_handler("silian.link.v1.LinkService", methods)
