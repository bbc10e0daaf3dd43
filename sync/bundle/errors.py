"""Errors of a bundle: why an undamaged one is refused."""

from __future__ import annotations

from typing import Self

from sync.model.errors import ErrorKind, SilianError


class BundleNotForUs(SilianError):
    """The file is for another office. It must be read there."""

    code = "bundle_not_for_us"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, receiver: str) -> None:
        super().__init__(
            f"this bundle is for {receiver}",
            f"该离线包是发给 {receiver} 的",
            remedy_en="Read it at that office.",
            remedy_zh="请在该单位读取。",
        )


class BundleNotNeighbour(SilianError):
    """The other office is neither this office's parent nor one of its children."""

    code = "bundle_unknown_sender"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, who: str) -> None:
        super().__init__(
            f"{who} is neither this office's parent nor one of its children",
            f"{who} 不是本单位的上级或直接下级",
            remedy_en="A bundle goes one level: from an office to its parent, or to a child.",
            remedy_zh="离线包只在上下级之间逐级传递。",
        )


class BundleOutdated(SilianError):
    """The file is of a former incarnation of its sender, which has reissued these changes."""

    code = "bundle_outdated"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, who: str) -> None:
        super().__init__(
            f"this bundle was written before {who}'s store was restored",
            f"该离线包生成于 {who} 恢复数据之前",
            remedy_en="Have that office write a new one.",
            remedy_zh="请该单位重新生成。",
        )


class BundleNeedsLine(SilianError):
    """One of the two stores has lost entries that the other has; it needs a link to recover."""

    code = "bundle_needs_link"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, who: str, who_zh: str = "") -> None:
        super().__init__(
            f"the store of {who} was restored and lacks changes that this office has",
            f"{who_zh or who} 的数据曾被恢复，缺少本单位已收到的内容",
            remedy_en="Connect the two offices once: it gets back what it lost. Then continue.",
            remedy_zh="请让两个单位联网一次，对方会自动取回缺失的数据，之后可继续使用离线包。",
        )

    @classmethod
    def of_us(cls) -> Self:
        """Return the error for the case that our own store is the restored one."""
        return cls("this office", "本单位")


class BundleMissing(SilianError):
    """An earlier bundle of the sender has not been read here."""

    code = "bundle_missing"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, who: str, *, applied: int, start: int, lane: str) -> None:
        super().__init__(
            f"a bundle of {who} is missing: its {lane} log was received up to {applied}, "
            f"this file continues after {start}",
            f"缺少 {who} 的前一个离线包：{lane} 通道已收到 {applied}，本文件从 {start} 之后开始",
            remedy_en="Read the missing file first, or all files of the set at once; or have the "
            "files written again with --start-over.",
            remedy_zh="请先读取缺少的文件，或一次读取整套；也可请对方用 --start-over 重新生成。",
        )
