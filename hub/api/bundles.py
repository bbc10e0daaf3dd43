"""Bundles over the wire: files for a neighbour without a connection, sent, received in pieces."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

from hub.api.call_context import BadRequest, CallContext, Method
from hub.api.progress_stream import stream_progress
from node.services.upkeep.bundles import Written, read_bundles, write_bundle
from sync.bundle.transfer import Survey
from sync.codec.signing import fingerprint
from sync.model.limits import BUNDLE_BYTES_MAX
from sync.model.schema import Lane
from sync.wire.office.v1 import bundle_pb2 as pb
from sync.wire.office.v1 import common_pb2 as common

PIECE_BYTES = 256 * 1024


def send_bundle(
    context: CallContext, request: pb.WriteBundleRequest
) -> Iterator[pb.WriteBundleResponse]:
    """Send the files, written first: a slow reader holds no snapshot open."""
    to = context.resolve_unit(request.to)
    with ExitStack() as files:
        parts: list[BinaryIO] = []

        def new_file(_number: int) -> BinaryIO:
            parts.append(cast(BinaryIO, files.enter_context(tempfile.TemporaryFile())))
            return parts[-1]

        def work(report: Any) -> Written:
            return write_bundle(
                context.office, to, new_file, max_bytes=request.max_bytes,
                start_over=request.start_over, by=context.actor, report=report,
            )  # fmt: skip

        for done, total, written in stream_progress(work):
            if written is None:
                yield pb.WriteBundleResponse(progress=_progress(done, total, "entries"))
                continue
            for number, part in enumerate(parts, start=1):
                yield pb.WriteBundleResponse(part=number)
                part.seek(0)
                while data := part.read(PIECE_BYTES):
                    yield pb.WriteBundleResponse(data=data)
            yield pb.WriteBundleResponse(written=_written(context, written))


def receive_bundle(
    context: CallContext, pieces: Iterator[pb.ReadBundleRequest]
) -> Iterator[pb.ReadBundleResponse]:
    """Receive the files: all of them are here before the first is read."""
    with ExitStack() as files:
        parts: list[BinaryIO] = []
        first = pb.ReadBundleRequest()
        size = 0
        for number, piece in enumerate(pieces):
            first = piece if number == 0 else first
            if piece.filename or not parts:
                parts.append(cast(BinaryIO, files.enter_context(tempfile.TemporaryFile())))
                size = 0
            size += len(piece.data)
            if size > BUNDLE_BYTES_MAX:
                raise BadRequest(
                    f"a bundle larger than {BUNDLE_BYTES_MAX >> 30} GiB",
                    f"离线包超过 {BUNDLE_BYTES_MAX >> 30} GiB",
                    "Have it written with --max-bytes.", "请对方使用 --max-bytes 拆分。",
                )  # fmt: skip
            parts[-1].write(piece.data)

        def work(report: Any) -> Survey:
            return read_bundles(
                context.office, parts, dry_run=first.dry_run, trust=first.trust, report=report
            )

        for done, total, survey in stream_progress(work):
            if survey is None:
                yield pb.ReadBundleResponse(progress=_progress(done, total, "batches"))
            else:
                yield pb.ReadBundleResponse(
                    outcome=_outcome(context, survey, dry_run=first.dry_run)
                )


def _progress(done: int, total: int, of: str) -> common.Progress:
    return common.Progress(done=done, total=total, of=of)


def _written(context: CallContext, written: Written) -> pb.BundleWritten:
    signer = context.office.replica.signer
    return pb.BundleWritten(
        to=context.unit(written.to),
        parts=written.parts,
        control=written.control,
        bulk=written.bulk,
        changes=written.changes,
        key=fingerprint(signer.public_key),
    )


def _outcome(context: CallContext, survey: Survey, *, dry_run: bool) -> pb.BundleOutcome:
    return pb.BundleOutcome(
        sender=context.unit(survey.peer.unit if survey.peer is not None else None),
        done=not dry_run,
        files=survey.files,
        lanes=[
            pb.BundleLane(
                lane=lane.name.lower(),
                new=survey.new[lane],
                known=survey.known[lane],
                applied=survey.applied.get(lane, 0),
                acked=survey.acked.get(lane, 0),
            )
            for lane in Lane
        ],
        changes=survey.changes,
        quarantined=survey.quarantined,
        written_ms=survey.written_ms,
        key=fingerprint(survey.key),
        key_is_new=survey.key_is_new,
    )


METHODS = {
    "WriteBundle": Method(pb.WriteBundleRequest, pb.WriteBundleResponse, stream=send_bundle),
    "ReadBundle": Method(pb.ReadBundleRequest, pb.ReadBundleResponse, duplex=receive_bundle),
}
