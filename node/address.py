"""Addresses in settings, host:port: what they must look like, and who can reach them.

A setting may list several, separated by commas: IPv4, IPv6 in brackets, and names.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from sync.model.errors import ErrorKind, SilianError

PORT_MAX = 65_535
ADDRESSES_MAX = 8
EVERYWHERE = ("0.0.0.0", "::")  # hosts to listen at, not to call
_NAME = re.compile(
    r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?", re.ASCII
)
_NUMBERS = re.compile(r"[0-9.]+", re.ASCII)


class Fault(ValueError):
    """A value that its setting cannot have, with what it should be in both languages."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.en = en
        self.zh = zh


class Unprotected(SilianError):
    """A call to another machine would go without TLS."""

    code = "unprotected"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, address: str) -> None:
        super().__init__(
            f"{address} is another machine, and this office has no certificate",
            f"{address} 在其他机器上，而本单位尚无证书",
            remedy_en="Have the parent invite this office (`silian invite`), then run `silian "
            "join`.",
            remedy_zh="请由上级运行 silian invite 发出邀请，再在本单位运行 silian join。",
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens. `host` without the brackets of IPv6; `port` 0: any that is free."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only programs of this machine can reach it."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(text: str, *, any_port: bool = False) -> Address:
    """Return an address written host:port; port 0 only where any will do. Raises: Fault."""
    host, colon, digits = text.strip().rpartition(":")
    if "//" in text or "/" in text:
        raise Fault("should be host:port without http://", "应写成 主机:端口，不带 http://")
    if not colon or not host:
        raise Fault(
            "should be host:port, as 127.0.0.1:7412", "应写成 主机:端口，例如 127.0.0.1:7412"
        )
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 5:
        raise Fault(
            f"has {digits[:20]!r} for a port; a port is a number up to {PORT_MAX}",
            f"的端口“{digits[:20]}”无效，端口应为不大于 {PORT_MAX} 的数字",
        )
    port = int(digits)
    if port > PORT_MAX or (port == 0 and not any_port):
        least = 0 if any_port else 1
        raise Fault(
            f"has the port {port}; a port is {least} to {PORT_MAX}",
            f"的端口 {port} 超出范围，端口应为 {least} 至 {PORT_MAX}",
        )
    return Address(_host(host), port)


def addresses(text: str, *, any_port: bool = False) -> tuple[Address, ...]:
    """Return the addresses that a setting lists, separated by commas. Raises: Fault."""
    found = tuple(dict.fromkeys(address(each, any_port=any_port) for each in text.split(",")))
    if len(found) > ADDRESSES_MAX:
        raise Fault(
            f"should list no more than {ADDRESSES_MAX}, separated by commas",
            f"最多列出 {ADDRESSES_MAX} 个，以半角逗号分隔",
        )
    return found


def listed(text: str) -> tuple[str, ...]:
    """Return the addresses of a setting that was checked, as they are dialled; () for none."""
    return tuple(str(each) for each in addresses(text, any_port=True)) if text else ()


def shown(found: Iterable[Address | str]) -> str:
    """Return addresses as a setting lists them."""
    return ", ".join(map(str, found))


def must_be_protected(text: str) -> None:
    """Refuse to call another machine without TLS. Raises: Unprotected."""
    try:
        known = address(text)
    except Fault:
        known = Address(text, 0)
    if not known.loopback:
        raise Unprotected(text)


def enrolment_addresses(listen: Iterable[Address], setting: str) -> tuple[Address, ...]:
    """Return where invited offices enrol: as set, or at the next port of each of the link's."""
    if setting:
        return addresses(setting, any_port=True)
    return tuple(Address(each.host, each.port + 1 if each.port else 0) for each in listen)


def _host(text: str) -> str:
    if text.startswith("[") and text.endswith("]"):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError:
            raise Fault(f"has no IPv6 address in {text!r}", f"的“{text}”不是 IPv6 地址") from None
    if ":" in text:
        raise Fault(
            "should have IPv6 in brackets, as [::1]:7412", "的 IPv6 地址应加方括号，例如 [::1]:7412"
        )
    if _NUMBERS.fullmatch(text):
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError:
            raise Fault(f"has no IPv4 address in {text!r}", f"的“{text}”不是 IPv4 地址") from None
    if len(text) > 253 or not _NAME.fullmatch(text):
        raise Fault(
            f"has {text[:60]!r} for a host; a host is a name of a-z, 0-9, - and ., or an address",
            f"的主机“{text[:60]}”无效，主机应为英文域名或 IP 地址（使用半角符号）",
        )
    return text
