"""Refusals of certificates: one class for each reason, with its stable code."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from node.domain.english import counted
from sync.model.errors import ErrorKind, SilianError

_RENEW = "Renew it: `silian cert renew`, or an invitation of the parent and `silian join`."
_RENEW_ZH = "请运行 silian cert renew 更新；如不能更新，请由上级重新发出邀请后运行 silian join。"
_FOREIGN = "Ask the office that sent it who issued it; enrol it with an invitation of its parent."
_FOREIGN_ZH = "请向对方核实证书由谁签发，并由其上级重新发出邀请办理入网。"


# What reading X.509 raises for bytes that are none, or that use what is not known here.
UNREADABLE = (
    ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension, x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    Warning,  # of what a later release refuses, where warnings are errors
)  # fmt: skip


class CertificateRefused(SilianError):
    """A certificate is not accepted."""

    code = "certificate_refused"
    kind = ErrorKind.PERMISSION_DENIED


class CertificateMissing(CertificateRefused):
    """A call from another machine shows no certificate of an office."""

    code = "certificate_missing"
    kind = ErrorKind.UNAUTHENTICATED

    def __init__(self) -> None:
        super().__init__(
            "no certificate of an office was shown", "对方未出示单位证书",
            remedy_en="Enrol the office: `silian invite` at its parent, `silian join` there.",
            remedy_zh="请先办理入网：上级运行 silian invite，本单位运行 silian join。",
        )  # fmt: skip


class CertificateUnreadable(CertificateRefused):
    """What was shown is no X.509 certificate, or uses an algorithm that is not allowed."""

    code = "certificate_unreadable"

    def __init__(self) -> None:
        super().__init__(
            "what was shown cannot be read as a certificate", "对方出示的证书无法识别",
            remedy_en=_FOREIGN, remedy_zh=_FOREIGN_ZH,
        )  # fmt: skip


class CertificateNames(CertificateRefused):
    """A certificate must name exactly one office, by one URI; a common name counts for nothing."""

    code = "certificate_names"

    def __init__(self, count: int) -> None:
        super().__init__(
            f"the certificate names {count} offices by URI, and must name one",
            f"证书以网址形式写明了 {count} 个单位，应为一个",
            remedy_en=_FOREIGN, remedy_zh=_FOREIGN_ZH,
        )  # fmt: skip


class CertificateForeign(CertificateRefused):
    """A certificate was not issued under the city's authority."""

    code = "certificate_foreign"

    def __init__(self) -> None:
        super().__init__(
            "the certificate was not issued under this city's authority",
            "证书不是由本市的证书颁发机构签发",
            remedy_en=_FOREIGN, remedy_zh=_FOREIGN_ZH,
        )  # fmt: skip


class CertificateOutside(CertificateRefused):
    """An authority has issued a certificate for an office outside its subtree."""

    code = "certificate_outside"

    def __init__(self) -> None:
        super().__init__(
            "the authority may not issue certificates for this office",
            "该证书颁发机构无权为此单位签发证书",
            remedy_en=_FOREIGN, remedy_zh=_FOREIGN_ZH,
        )  # fmt: skip


class CertificateDepth(CertificateRefused):
    """The chain has more authorities than are allowed, or an office acts as one."""

    code = "certificate_depth"

    def __init__(self) -> None:
        super().__init__(
            "an issuer in the chain may not issue certificates", "证书链中有无权签发证书的单位",
            remedy_en=_FOREIGN, remedy_zh=_FOREIGN_ZH,
        )  # fmt: skip


class CertificateTooLong(CertificateRefused):
    """A certificate is valid for longer than is allowed."""

    code = "certificate_too_long"

    def __init__(self, days: int, allowed: int) -> None:
        super().__init__(
            f"the certificate is valid for {counted(days, 'day')}, {allowed} allowed",
            f"证书有效期 {days} 天，上限为 {allowed} 天",
            remedy_en=_RENEW, remedy_zh=_RENEW_ZH,
        )  # fmt: skip


class CertificateEarly(CertificateRefused):
    """A certificate is not valid yet, or a clock is wrong."""

    code = "certificate_early"

    def __init__(self) -> None:
        super().__init__(
            "the certificate is not valid yet", "证书尚未生效",
            remedy_en="Check the clocks of both machines: `silian doctor`.",
            remedy_zh="请运行 silian doctor 检查双方的系统时钟。",
        )  # fmt: skip


class CertificateExpired(CertificateRefused):
    """A certificate is no longer valid."""

    code = "certificate_expired"

    def __init__(self) -> None:
        super().__init__(
            "the certificate has expired", "证书已过期", remedy_en=_RENEW, remedy_zh=_RENEW_ZH
        )


class CertificateRevoked(CertificateRefused):
    """A certificate, or the authority that issued it, was revoked."""

    code = "certificate_revoked"

    def __init__(self) -> None:
        super().__init__(
            "the certificate was revoked", "证书已被吊销",
            remedy_en="Its issuer decided so. A new invitation enrols the office again.",
            remedy_zh="该证书已由颁发机构吊销；如需恢复，请由上级重新发出邀请。",
        )  # fmt: skip


class CertificateLevel(CertificateRefused):
    """A certificate is of another level than the unit that calls."""

    code = "certificate_level"

    def __init__(self) -> None:
        super().__init__(
            "the certificate is of another level", "证书所写层级与该单位不符",
            remedy_en=_FOREIGN, remedy_zh=_FOREIGN_ZH,
        )  # fmt: skip


class CertificateBranch(CertificateRefused):
    """A certificate is of another unit, or of another place in the tree."""

    code = "certificate_branch"

    def __init__(self) -> None:
        super().__init__(
            "the certificate is of another office, or of another place in the tree",
            "证书属于其他单位，或与该单位在层级树中的位置不符",
            remedy_en="After a move in the tree, enrol the office again under its new parent.",
            remedy_zh="区划调整后，请由新的上级重新发出邀请办理入网。",
        )  # fmt: skip


class CertificateKey(CertificateRefused):
    """The signing key that is shown is not the one that the certificate names."""

    code = "certificate_key"

    def __init__(self) -> None:
        super().__init__(
            "the certificate does not name the signing key that is shown",
            "证书所写签名密钥与对方出示的不符",
            remedy_en=_RENEW, remedy_zh=_RENEW_ZH,
        )  # fmt: skip


class RevocationsOlder(CertificateRefused):
    """A revocation list is older than the one that is known; the known one stays in force."""

    code = "revocations_older"

    def __init__(self, number: int, known: int) -> None:
        super().__init__(
            f"revocation list {number} is older than the known {known}",
            f"收到的吊销列表编号 {number} 早于已有的 {known}",
            remedy_en="The office that sent it may have been restored from a backup: look at its "
            "`silian status`.",
            remedy_zh="请核实对方是否由备份恢复，可运行 silian status 查看。",
        )  # fmt: skip


class RevocationsForged(CertificateRefused):
    """A revocation list is not signed by the authority that it is of."""

    code = "revocations_forged"

    def __init__(self) -> None:
        super().__init__(
            "a revocation list is not signed by its authority", "吊销列表的签名与颁发机构不符",
            remedy_en=_FOREIGN, remedy_zh=_FOREIGN_ZH,
        )  # fmt: skip
