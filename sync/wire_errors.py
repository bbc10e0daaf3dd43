"""What is wrong with bytes that came, or that should go."""

from __future__ import annotations

from sync.errors import SilianError


class Malformed(SilianError):
    """A message is not what the protocol allows. Sending it again will not help."""

    code = "malformed"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"malformed message: {what}",
            f"报文格式错误: {what}",
            remedy_en="Check that both offices run a released version; report it with this text.",
            remedy_zh="请确认双方均为正式版本，并将此信息报告给维护人员。",
        )


class TooLarge(SilianError):
    """A transaction would not fit through a link; it is refused here, where somebody can act."""

    code = "transaction_too_large"

    def __init__(self, size: int, allowed: int) -> None:
        super().__init__(
            f"one transaction of {size} bytes, {allowed} allowed",
            f"一次提交的数据为 {size} 字节，上限为 {allowed} 字节",
            remedy_en="Commit it in smaller pieces.",
            remedy_zh="请分批提交。",
        )
