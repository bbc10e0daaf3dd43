"""What is refused about sealed backups and their key."""

from __future__ import annotations

from sync.model.errors import ErrorKind, SilianError

ASK_OTHER = (
    "Take another file, or an earlier backup: silian seal restore --number.",
    "请改用其他文件，或用 silian seal restore --number 选择较早的备份。",
)


class RecoveryKeyExists(SilianError):
    """The office has a recovery key already; a second one could not open the earlier backups."""

    code = "recovery_key_exists"
    kind = ErrorKind.ALREADY_EXISTS

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} is there already", f"{path} 已存在",
            remedy_en="Print it again with silian seal key --again. A new key would not open the "
            "backups that were sealed with this one.",
            remedy_zh="如需重新打印，请运行 silian seal key --again；"
            "更换密钥后，原有密封备份将无法打开。",
        )  # fmt: skip


class RecoveryKeyMissing(SilianError):
    """The office has no recovery key, so no backup can be sealed or opened."""

    code = "recovery_key_missing"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self) -> None:
        super().__init__(
            "this office has no recovery key", "本单位没有恢复密钥",
            remedy_en="Make one: silian seal key, and put the print into the safe. To open a "
            "backup on a new machine, type the print into a file and give it with --key.",
            remedy_zh="请运行 silian seal key 生成并打印，存入保险柜。在新机器上恢复时，"
            "请将打印件内容录入文件，用 --key 指定。",
        )  # fmt: skip


class BadRecoveryKey(SilianError):
    """The file has no recovery key in it, or one with a typing error."""

    code = "bad_recovery_key"
    kind = ErrorKind.DAMAGED_FILE

    def __init__(self, path: str) -> None:
        super().__init__(
            f"{path} has no recovery key, or one that was mistyped",
            f"{path} 中没有恢复密钥，或录入有误",
            remedy_en="Compare it with the print: 14 groups of four letters and digits.",
            remedy_zh="请与打印件逐组核对：共 14 组，每组 4 个字母或数字。",
        )  # fmt: skip


class WrongRecoveryKey(SilianError):
    """The backup was sealed with another recovery key."""

    code = "wrong_recovery_key"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, given: str, sealed: str) -> None:
        super().__init__(
            f"this is recovery key {given}, and the backup was sealed with key {sealed}",
            f"所给恢复密钥编号为 {given}，而该备份使用的密钥编号为 {sealed}",
            remedy_en="Take the print with that number from the safe. Nothing was changed.",
            remedy_zh="请从保险柜取出该编号的打印件。数据未作任何改动。",
        )  # fmt: skip


class SealedDamaged(SilianError):
    """A sealed backup is incomplete, or was changed after it was sealed."""

    code = "sealed_damaged"
    kind = ErrorKind.DAMAGED_FILE

    def __init__(self, why: str, why_zh: str) -> None:
        super().__init__(
            f"the sealed backup cannot be used: {why}", f"密封备份不能使用：{why_zh}",
            remedy_en=f"Nothing was changed. {ASK_OTHER[0]}",
            remedy_zh=f"数据未作任何改动。{ASK_OTHER[1]}",
        )  # fmt: skip


class SealedOfAnother(SilianError):
    """A sealed backup is another office's than the one that it is for."""

    code = "sealed_of_another"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, unit: int, found: int) -> None:
        super().__init__(
            f"the sealed backup is of unit {found}, and this is unit {unit}",
            f"该密封备份属于单位 {found}，而此处是单位 {unit}",
            remedy_en="Nothing was changed. Take the backup of this office.",
            remedy_zh="数据未作任何改动，请使用本单位的密封备份。",
        )  # fmt: skip


class SealedOlder(SilianError):
    """A sealed backup is older than another that is known."""

    code = "sealed_older"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, number: int, newest: int) -> None:
        super().__init__(
            f"sealed backup {number} is older than, or another than, number {newest}",
            f"第 {number} 号密封备份早于第 {newest} 号，或与其不符",
            remedy_en="Take the newest. To go back on purpose: silian seal restore --older.",
            remedy_zh="请使用最新的一份；确需使用较早的备份时，请加 --older。",
        )  # fmt: skip


class SealedTooLarge(SilianError):
    """A sealed backup is larger than the parent takes."""

    code = "sealed_too_large"
    kind = ErrorKind.TOO_LARGE

    def __init__(self, size: int, allowed: int) -> None:
        super().__init__(
            f"a sealed backup of {size} bytes; the parent takes {allowed}",
            f"密封备份为 {size} 字节，上级最多接收 {allowed} 字节",
            remedy_en="Raise sealed_mib in the parent's office.toml, or keep a file: "
            "silian seal write.",
            remedy_zh="请上级调大 office.toml 中的 sealed_mib，"
            "或用 silian seal write 写成文件另行保存。",
        )  # fmt: skip


class SealedNoRoom(SilianError):
    """The parent's disk has no room for a sealed backup."""

    code = "sealed_no_room"
    kind = ErrorKind.RESOURCE_EXHAUSTED

    def __init__(self) -> None:
        super().__init__(
            "the parent's disk has no room for the sealed backup",
            "上级磁盘空间不足，未接收密封备份",
            remedy_en="Free space at the parent; it is sent again by itself.",
            remedy_zh="请上级清理磁盘；系统会自动重新发送。",
        )  # fmt: skip


class SealedMissing(SilianError):
    """There is no such sealed backup."""

    code = "sealed_missing"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, unit: str, number: int = 0) -> None:
        which, which_zh = (f" with number {number}", f"第 {number} 号") if number else ("", "")
        super().__init__(
            f"there is no sealed backup of {unit}{which}", f"没有 {unit} 的{which_zh}密封备份",
            remedy_en="List them: silian seal ls --parent.",
            remedy_zh="请运行 silian seal ls --parent 查看。",
        )  # fmt: skip
