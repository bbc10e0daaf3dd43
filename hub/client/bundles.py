"""The calls of `hub.client.client.OfficeClient` about bundles. docs/api.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sync.wire.office.v1 import bundle_pb2 as pb

PIECE_BYTES = 1 << 20


class BundleCalls:
    """Files for a parent or a child that no line reaches."""

    _call: Any

    def write_bundle(
        self, to: str, *, max_bytes: int = 0, start_over: bool = False
    ) -> Iterator[pb.WriteBundleResponse]:
        """Write what waits for a neighbour; yields progress, the files' bytes, what was written."""
        request = pb.WriteBundleRequest(to=to, max_bytes=max_bytes, start_over=start_over)
        replies: Iterator[pb.WriteBundleResponse] = self._call("WriteBundle", request)
        return replies

    def read_bundles(
        self, files: Iterable[Path], *, dry_run: bool = False, trust: str = ""
    ) -> Iterator[pb.ReadBundleResponse]:
        """Take files in, all or none if one of them is not in order; yields progress, outcome."""
        replies: Iterator[pb.ReadBundleResponse] = self._call(
            "ReadBundle", _pieces(files, dry_run=dry_run, trust=trust)
        )
        return replies


def _pieces(files: Iterable[Path], *, dry_run: bool, trust: str) -> Iterator[pb.ReadBundleRequest]:
    for path in files:
        with path.open("rb") as file:
            yield pb.ReadBundleRequest(
                filename=path.name, data=file.read(PIECE_BYTES), dry_run=dry_run, trust=trust
            )
            while data := file.read(PIECE_BYTES):
                yield pb.ReadBundleRequest(data=data)
