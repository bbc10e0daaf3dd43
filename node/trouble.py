"""Trouble of the machine as a refusal: what, where and what to do, by the kind of the error.

Errors of the system are classified by what a person can do about them, not by a list of known
ones: whatever `errno` a newer system brings has a text and an exit code, too.
"""

from __future__ import annotations

import decimal
import errno
import os
import socket

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from sync.model.errors import ErrorKind, SilianError

_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_RIGHTS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NAMES = frozenset({errno.ENAMETOOLONG, errno.EILSEQ, errno.EINVAL, errno.ELOOP})
_PLACES = frozenset({errno.ENOTEMPTY, errno.EXDEV})


# What the system says of an error, in Chinese. Others are shown by their number.
_ZH = {
    errno.ENOENT: "文件或目录不存在", errno.EEXIST: "同名文件已存在", errno.EACCES: "权限不足",
    errno.EPERM: "不允许该操作", errno.EROFS: "文件系统为只读", errno.ENOSPC: "磁盘空间不足",
    errno.EDQUOT: "超出磁盘配额", errno.EFBIG: "文件过大", errno.ENAMETOOLONG: "名称过长",
    errno.EILSEQ: "名称含有无效字符", errno.EINVAL: "参数无效", errno.ELOOP: "符号链接层数过多",
    errno.EISDIR: "这是目录", errno.ENOTDIR: "路径中有一段不是目录", errno.ENOTEMPTY: "目录不为空",
    errno.EXDEV: "不在同一文件系统", errno.EIO: "磁盘读写出错", errno.ENOMEM: "内存不足",
    errno.EMFILE: "打开的文件过多", errno.ENFILE: "系统打开的文件过多",
    errno.EBUSY: "设备或文件正忙", errno.EAGAIN: "资源暂时不可用",
    errno.ETXTBSY: "文件正被使用", errno.ENODEV: "没有该设备",
    errno.EADDRINUSE: "地址已被占用", errno.EADDRNOTAVAIL: "不是本机地址",
    errno.ECONNREFUSED: "连接被拒绝", errno.ETIMEDOUT: "连接超时", errno.EPIPE: "管道已断开",
}  # fmt: skip


def system_zh(error: OSError) -> str:
    """Return why the system refused, in Chinese."""
    if isinstance(error, socket.gaierror):
        return "主机名无法解析"
    number = error.errno or 0
    return _ZH.get(number, f"系统错误代码 {number}" if number else "系统没有说明原因")


class FileMissing(SilianError):
    """A file or folder does not exist."""

    code = "file_missing"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, where: str, why: str, why_zh: str = "") -> None:
        super().__init__(
            f"{where} does not exist ({why})",
            f"{where} 不存在（{why_zh}）" if why_zh else f"{where} 不存在",
            remedy_en="Check the path.",
            remedy_zh="请检查路径。",
        )


class FileForbidden(SilianError):
    """The office may not read or write a file or folder: rights, a read-only disk, or a name in
    use.
    """

    code = "file_forbidden"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(
        self, where: str, why: str, why_zh: str, remedy_en: str = "", remedy_zh: str = ""
    ) -> None:
        super().__init__(
            f"{where} cannot be used ({why})",
            f"{where} 无法使用（{why_zh}）",
            remedy_en=remedy_en
            or "Check the path and its permissions, and whether the disk is mounted read-only.",
            remedy_zh=remedy_zh or "请检查路径及其权限，以及磁盘是否以只读方式挂载。",
        )


class NotAFile(SilianError):
    """A folder, a device or a link to one stands where a file is to be read or written."""

    code = "not_a_file"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, where: str, en: str = "is a folder", zh: str = "是文件夹") -> None:
        super().__init__(
            f"{where} {en}, not a file",
            f"{where} {zh}，不是文件",
            remedy_en="Name a file, with its folder.",
            remedy_zh="请写明文件名（含所在文件夹）。",
        )


class BadName(SilianError):
    """The file system does not accept this file name."""

    code = "bad_name"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, where: str, why: str, why_zh: str) -> None:
        super().__init__(
            f"{where[:200]} cannot be a file name ({why})",
            f"{where[:200]} 不能用作文件名（{why_zh}）",
            remedy_en="Choose a shorter name of ordinary characters.",
            remedy_zh="请改用较短的、由普通字符组成的名称。",
        )


class MachineTrouble(SilianError):
    """The machine cannot do this now: full disk, no memory, too many open files, or a failing
    disk.
    """

    code = "machine_trouble"
    kind = ErrorKind.UNAVAILABLE

    def __init__(
        self, where: str, why: str, why_zh: str, remedy_en: str = "", remedy_zh: str = ""
    ) -> None:
        super().__init__(
            f"the machine cannot do this now: {where + ': ' if where else ''}{why}",
            f"本机暂时无法完成操作：{where + '：' if where else ''}{why_zh}",
            remedy_en=remedy_en
            or "Check the disk, the memory and the system's log; then try again.",
            remedy_zh=remedy_zh or "请检查磁盘、内存和系统日志，然后重试。",
        )


class NumberOutOfRange(SilianError):
    """A number or a day is larger or smaller than what the database can store."""

    code = "number_out_of_range"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self) -> None:
        super().__init__(
            "a number or a day is too large or too small to be stored",
            "数值或日期超出可保存的范围",
            remedy_en="Numbers lie between -9,223,372,036,854,775,808 and 9,223,372,036,854,775,807"
            ", days between 0001-01-01 and 9999-12-31; amounts count in fen.",
            remedy_zh="数值应在 -9,223,372,036,854,775,808 至 9,223,372,036,854,775,807 之间（金额"
            "以分计），日期应在 0001-01-01 至 9999-12-31 之间。",
        )


class BadText(SilianError):
    """A text has bytes that are not UTF-8; a terminal with another encoding sends such bytes."""

    code = "bad_text"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self) -> None:
        super().__init__(
            "a text has bytes that are not UTF-8",
            "文字中含有不是 UTF-8 编码的字节",
            remedy_en="Type it again in a terminal set to UTF-8.",
            remedy_zh="请在 UTF-8 编码的终端中重新输入。",
        )


class ProgramFailed(SilianError):
    """The program itself failed. Please report this."""

    code = "internal"
    kind = ErrorKind.INTERNAL

    def __init__(self, kind: str, place: str) -> None:
        super().__init__(
            f"the program failed: {kind} at {place}",
            "程序出错",
            remedy_en="Set SILIAN_LOG=DEBUG, run it again, and report what it prints.",
            remedy_zh="请设置 SILIAN_LOG=DEBUG 后重新运行，并报告其输出。",
        )


def refusal_of(error: BaseException) -> SilianError | None:
    """Return an error of the machine as a refusal; None when it is a fault of the program.

    The store's own errors are named where they arise (`node.store.engine`).
    """
    match error:
        case SilianError():
            return error
        case OSError():
            return _of_system(error)
        case MemoryError():
            return MachineTrouble("", "out of memory", "内存不足")
        case OverflowError() | decimal.Overflow():
            return NumberOutOfRange()
        case UnicodeEncodeError():
            return BadText()
        case DBAPIError() if getattr(error.orig, "sqlstate", None) in _NUMBER_STATES:
            return NumberOutOfRange()
        case ValueError() if any(stated in str(error).lower() for stated in _OUT_OF_RANGE):
            return NumberOutOfRange()
    return None


_NUMBER_STATES = ("22003", "22008")  # SQLSTATE: a number, a moment beyond its column
# The texts of protobuf, the calendar and Python: they have no class for it.
_OUT_OF_RANGE = ("out of range", "exceeds the limit")


def failed(error: BaseException) -> SilianError:
    """Return what a person reads of a fault of the program: which, and where; no values."""
    place = "-"
    trace = error.__traceback__
    while trace is not None:  # the innermost of our own lines
        path = trace.tb_frame.f_code.co_filename
        if any(f"{os.sep}{package}{os.sep}" in path for package in ("hub", "node", "sync")):
            parts = path.split(os.sep)
            place = f"{os.sep.join(parts[-3:])}:{trace.tb_lineno}"
        trace = trace.tb_next
    kind = type(error).__name__
    if isinstance(error, DBAPIError):  # its own text has the values of the statement (INV-34)
        kind = f"{kind} {getattr(error.orig, 'sqlstate', None) or type(error.orig).__name__}"
    elif isinstance(error, SQLAlchemyError):
        kind = type(error).__name__
    return ProgramFailed(kind, place)


def _of_system(error: OSError) -> SilianError:
    where = _where(error)
    why, why_zh = (error.strerror or type(error).__name__).lower(), system_zh(error)
    number = error.errno or 0
    if number == errno.EISDIR:
        return NotAFile(where)
    if number == errno.ENOENT:
        return FileMissing(where, why)
    if number == errno.ENOTDIR:
        return FileMissing(
            where, "a part of this path is a file, not a folder", "路径中有一段是文件，不是文件夹"
        )
    if number == errno.EEXIST:
        return FileForbidden(
            where, why, why_zh, "Nothing is overwritten: choose another name.",
            "不会覆盖已有文件，请另选名称。",
        )  # fmt: skip
    if number in _RIGHTS or number in _PLACES or isinstance(error, PermissionError):
        return FileForbidden(where, why, why_zh)
    if number in _NAMES:
        return BadName(where, why, why_zh)
    if number in _ROOM:
        return MachineTrouble(
            where, why, why_zh, "Free disk space, then try again.", "请清理磁盘空间后重试。"
        )
    return MachineTrouble(where, why, why_zh)


def _where(error: OSError) -> str:
    names = [error.filename, error.filename2]
    return " -> ".join(os.fsdecode(name) for name in names if isinstance(name, str | bytes))
