"""Exit codes and their meaning. `sync.model.errors` has the numbers and each refusal's kind."""

from __future__ import annotations

from sync.model.errors import Exit

__all__ = ["MEANINGS", "Exit"]

MEANINGS: dict[Exit, tuple[str, str]] = {
    Exit.OK: ("成功", "done"),
    Exit.FAILURE: ("失败", "failed"),
    Exit.USAGE: ("参数或数据有误", "wrong arguments or values"),
    Exit.NOT_FOUND: ("未找到", "not found"),
    Exit.REFUSED: ("不允许", "not allowed"),
    Exit.UNREACHABLE: ("无法连接", "nobody answers"),
    Exit.PROBLEMS: ("检查完成，发现问题", "checked, and found problems"),
    Exit.CONFLICT: ("当前状态不允许", "not in this state"),
    Exit.TRY_LATER: ("请稍后再试", "try again later"),
}
