"""Input files of verbs: read whole, and never more of them than a file may have."""

from __future__ import annotations

from pathlib import Path


def content_of(path: Path) -> bytes:
    """Return what a file holds. One without an end, as a device, is not read for ever.

    Raises: WorkbookTooLarge; OSError.
    """
    from node.workbook.limits import Limits
    from node.workbook.package import too_large

    most = Limits().file_bytes_max
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise too_large(f"more than {most} bytes", f"超过 {most} 字节")
    return content
