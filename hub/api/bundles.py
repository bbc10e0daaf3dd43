"""Bundles over the wire: files for a neighbour that no line reaches, given and taken in pieces."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

from hub.api.desk import BadRequest, Desk, Method
from hub.api.narrate import narrated
from node.services.bundles import Written, read_bundles, write_bundle
from sync.bundling import Survey
from sync.limits import BUNDLE_BYTES_MAX
from sync.schema import Lane
from sync.signing import fingerprint
from sync.wire.v1 import office_bundle_pb2 as pb
from sync.wire.v1 import office_common_pb2 as common

PIECE_BYTES = 256 * 1024


def give(desk: Desk, request: pb.WriteBundleRequest) -> Iterator[pb.WriteBundleResponse]:
    """Give the files, written first: a reader in no hurry holds no snapshot open."""
    to = desk.unit_asked(request.to)
    with ExitStack() as files:
        parts: list[BinaryIO] = []

        def new_file(_number: int) -> BinaryIO:
            parts.append(cast(BinaryIO, files.enter_context(tempfile.TemporaryFile())))
            return parts[-1]

        def work(say: Any) -> Written:
            return write_bundle(
                desk.office, to, new_file, max_bytes=request.max_bytes,
                start_over=request.start_over, say=say,
            )  # fmt: skip

        for done, total, written in narrated(work):
            if written is None:
                yield pb.WriteBundleResponse(progress=_progress(done, total, "entries"))
                continue
            for number, part in enumerate(parts, start=1):
                yield pb.WriteBundleResponse(part=number)
                part.seek(0)
                while data := part.read(PIECE_BYTES):
                    yield pb.WriteBundleResponse(data=data)
            yield pb.WriteBundleResponse(written=_written(desk, written))


def take(desk: Desk, pieces: Iterator[pb.ReadBundleRequest]) -> Iterator[pb.ReadBundleResponse]:
    """Take the files in: all of them here before the first is looked at."""
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

        def work(say: Any) -> Survey:
            return read_bundles(
                desk.office, parts, dry_run=first.dry_run, trust=first.trust, say=say
            )

        for done, total, survey in narrated(work):
            if survey is None:
                yield pb.ReadBundleResponse(progress=_progress(done, total, "batches"))
            else:
                yield pb.ReadBundleResponse(outcome=_outcome(desk, survey, dry_run=first.dry_run))


def _progress(done: int, total: int, of: str) -> common.Progress:
    return common.Progress(done=done, total=total, of=of)


def _written(desk: Desk, written: Written) -> pb.BundleWritten:
    signer = desk.office.applier.signer
    return pb.BundleWritten(
        to=desk.unit(written.to),
        parts=written.parts,
        control=written.control,
        bulk=written.bulk,
        changes=written.changes,
        key=fingerprint(signer.public_key) if signer is not None else "",
    )


def _outcome(desk: Desk, survey: Survey, *, dry_run: bool) -> pb.BundleOutcome:
    return pb.BundleOutcome(
        sender=desk.unit(survey.peer.unit if survey.peer is not None else None),
        done=not dry_run,
        files=survey.files,
        lanes=[
            pb.BundleLane(
                lane=lane.name.lower(),
                new=survey.new[lane],
                known=survey.known[lane],
                held=survey.held.get(lane, 0),
                acked=survey.acked.get(lane, 0),
            )
            for lane in Lane
        ],
        changes=survey.changes,
        holes=survey.holes,
        written_ms=survey.written_ms,
        key=fingerprint(survey.key),
        key_is_new=survey.key_is_new,
    )


METHODS = {
    "WriteBundle": Method(pb.WriteBundleRequest, pb.WriteBundleResponse, stream=give),
    "ReadBundle": Method(pb.ReadBundleRequest, pb.ReadBundleResponse, duplex=take),
}
