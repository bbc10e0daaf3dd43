"""Refusals of enrolment."""

from __future__ import annotations

from sync.model.errors import ErrorKind, SilianError


class NotEnrolled(SilianError):
    """This office has no certificate, and what was asked needs one."""

    code = "not_enrolled"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self) -> None:
        super().__init__(
            "this office is not enrolled: it has no certificate", "本单位尚未入网，没有证书",
            remedy_en="At the city run `silian cert init`; elsewhere have the parent invite this "
            "office and run `silian join`.",
            remedy_zh="市级请运行 silian cert init；其他单位请由上级发出邀请后运行 silian join。",
        )  # fmt: skip


class NoAuthority(SilianError):
    """Only the city and the districts issue certificates."""

    code = "no_authority"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self) -> None:
        super().__init__(
            "this office issues no certificates", "本单位不签发证书",
            remedy_en="Ask the district above, or the city.",
            remedy_zh="请在所属的区或市级办理。",
        )  # fmt: skip


class NotOurChild(SilianError):
    """An office invites the units directly below it; a district, also those of its streets."""

    code = "not_our_child"
    kind = ErrorKind.INVALID_ARGUMENT

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not directly below this office", f"{name} 不是本单位的直接下级",
            remedy_en="Invite it at its parent; a community, also at its district.",
            remedy_zh="请由其直接上级发出邀请；社区也可由所属的区发出邀请。",
        )  # fmt: skip


class RecoveredBefore(SilianError):
    """The unit has got another key by an invitation before. A second time is decided on its own."""

    code = "recovered_before"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, name: str, count: int, last: str) -> None:
        super().__init__(
            f"{name} has replaced its signing key before ({count}, last on {last})",
            f"{name} 此前已更换签名密钥 {count} 次，最近一次在 {last}",
            remedy_en="Ask that office by telephone whether it lost its key again; if so, invite "
            "it with --replace --again.",
            remedy_zh="请电话核实该单位是否再次丢失密钥；属实的，加 --replace --again 重新邀请。",
        )  # fmt: skip


class InvitationRefused(SilianError):
    """An invitation is unknown, used, or over. Which of these it is stays here."""

    code = "invitation_refused"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self) -> None:
        super().__init__(
            "the invitation is not valid: it was used, it is over, or it is for another office",
            "邀请无效：可能已使用、已过期，或属于其他单位",
            remedy_en="Ask the parent for a new one: silian invite.",
            remedy_zh="请由上级运行 silian invite 重新发出邀请。",
        )  # fmt: skip


class AlreadyEnrolled(SilianError):
    """The unit is known under another key. An ordinary invitation does not replace it."""

    code = "already_enrolled"
    kind = ErrorKind.ALREADY_EXISTS

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is known here under another signing key", f"{name} 已使用其他签名密钥登记",
            remedy_en="Put its own key file back. If it is lost, let the parent invite the office "
            "with --replace.",
            remedy_zh="请恢复其原有密钥文件；若已丢失，请由上级加 --replace 重新发出邀请。",
        )  # fmt: skip


class RequestForged(SilianError):
    """A request for a certificate is not signed with the keys that it names."""

    code = "request_forged"
    kind = ErrorKind.PERMISSION_DENIED

    def __init__(self) -> None:
        super().__init__(
            "the request is not signed with the keys that it names", "证书申请的签名与所示密钥不符",
            remedy_en="Run the command again; report it if it goes on.",
            remedy_zh="请重新运行命令；如仍出现，请报告维护人员。",
        )  # fmt: skip


class UnknownCertificate(SilianError):
    """This office has issued no such certificate."""

    code = "unknown_certificate"
    kind = ErrorKind.NOT_FOUND

    def __init__(self, asked: str) -> None:
        super().__init__(
            f"this office has issued no certificate that {asked} means",
            f"本单位没有签发过与“{asked}”对应的证书",
            remedy_en="List them: silian cert ls. The office that has one shows its issuer: "
            "silian cert show.",
            remedy_zh="请用 silian cert ls 查看；颁发机构见该单位的 silian cert show。",
        )  # fmt: skip
