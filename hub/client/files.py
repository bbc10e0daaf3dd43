"""What a program streams to an office: files, cut into pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sync.wire.office.v1 import bundle_pb2, registers_pb2

PIECE_BYTES = 1 << 20


def record_pieces(data: bytes, **first: Any) -> Iterator[registers_pb2.ImportRecordsRequest]:
    """Cut a file for `import_records`; `first`: the fields of its first request, but the data."""
    yield registers_pb2.ImportRecordsRequest(data=data[:PIECE_BYTES], **first)
    for start in range(PIECE_BYTES, len(data), PIECE_BYTES):
        yield registers_pb2.ImportRecordsRequest(data=data[start : start + PIECE_BYTES])


def bundle_pieces(
    files: Iterable[Path], *, dry_run: bool = False, trust: str = ""
) -> Iterator[bundle_pb2.ReadBundleRequest]:
    """Cut bundle files for `read_bundle`: all are applied, or none if one is not in order."""
    for path in files:
        with path.open("rb") as file:
            yield bundle_pb2.ReadBundleRequest(
                filename=path.name, data=file.read(PIECE_BYTES), dry_run=dry_run, trust=trust
            )
            while data := file.read(PIECE_BYTES):
                yield bundle_pb2.ReadBundleRequest(data=data)
