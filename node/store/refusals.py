"""Refusals of a store that is not opened, each kind with a code and a remedy of its own.

What may pass by itself (a lock, a full disk, a server that starts) is `StoreUnavailable` in
`node.store.engine`; here is what needs a person.
"""

from __future__ import annotations

from sync.model.errors import ErrorKind, SilianError


class StoreMissing(SilianError):
    """The store is gone, or it is empty. It is never created again: that would hide the loss."""

    code = "store_missing"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(
        self, where: str, why: str = "there is no such file", why_zh: str = "数据库不存在",
        *, on_server: bool = False,
    ) -> None:  # fmt: skip
        if on_server:
            remedy_en = (
                "Check the database's name in `store`; if it is lost, make it anew and put a "
                "backup back with psql."
            )
            remedy_zh = "请检查 store 设置中的数据库名；若已丢失，请重建数据库并用 psql 恢复备份。"
        else:
            remedy_en = (
                "Put a backup back (`silian db restore FILE`), or move the folder away and run "
                "`silian init`."
            )
            remedy_zh = (
                "请用 silian db restore 恢复备份；没有备份时，移走该目录后重新运行 silian init。"
            )
        super().__init__(
            f"the store {where} is missing: {why}", f"{where}：{why_zh}",
            remedy_en=remedy_en, remedy_zh=remedy_zh,
        )  # fmt: skip


class StoreReadOnly(SilianError):
    """The store can be read and not written: its file, its folder, its disk or its server."""

    code = "store_read_only"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"the store {where} cannot be written: {why}",
            f"数据库 {where} 不可写入：{why}",
            remedy_en="Give the account that runs this the right to write the file and its folder; "
            "is the disk mounted read-only, is the server a standby?",
            remedy_zh="请为运行本程序的账户授予该文件及其目录的写权限；并检查磁盘是否以只读方式"
            "挂载、数据库服务器是否为备用服务器。",
        )


class StoreForbidden(SilianError):
    """The account, its password or its rights do not open the store."""

    code = "store_forbidden"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"the store {where} does not let this account in: {why}",
            f"数据库 {where} 拒绝了当前账户：{why}",
            remedy_en="Check user and password in `store` (or store_password_file, "
            "SILIAN_STORE_PASSWORD), and the rights of that account.",
            remedy_zh="请检查 store 设置中的用户名和密码（或 store_password_file、"
            "SILIAN_STORE_PASSWORD），以及该账户的权限。",
        )


class StoreUnreachable(SilianError):
    """No database server answers at the address."""

    code = "store_unreachable"
    kind = ErrorKind.UNREACHABLE

    def __init__(self, where: str, why: str) -> None:
        super().__init__(
            f"no database server answers for {where}: {why}",
            f"数据库服务器 {where} 没有应答：{why}",
            remedy_en="Is the server running? Check host and port in `store`, and the network.",
            remedy_zh="请确认数据库服务已启动，并检查 store 设置中的主机、端口和网络。",
        )


class StoreUnsuited(SilianError):
    """The setting `store` names something in which no office can be kept."""

    code = "store_unsuited"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, where: str, why: str, why_zh: str, remedy_en: str, remedy_zh: str) -> None:
        super().__init__(
            f"{where} cannot hold an office: {why}",
            f"{where} 不能用作本单位的数据库：{why_zh}",
            remedy_en=remedy_en,
            remedy_zh=remedy_zh,
        )
