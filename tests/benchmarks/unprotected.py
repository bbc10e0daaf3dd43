"""Offices whose signatures and audit are switched off: only here, as what protection is held to.

Run as a module it is a tier of `tests.benchmarks.tiers`. Must be switched off before the parts that
use it are imported.
"""

from __future__ import annotations

from typing import Any


def switch_off() -> None:
    """Let offices of this process sign with zeros, believe every signature, and audit nothing."""
    from sync.codec import signing

    def sign(*_: Any) -> bytes:
        return bytes(signing.SIGNATURE_BYTES)

    replaced: Any = signing
    replaced.Signer.sign = replaced.Signer.sign_note = sign
    replaced.is_signed = lambda *_: True
    from node.audit.log import AuditLog

    silent: Any = AuditLog
    silent.append = silent.record = lambda *_: 0


if __name__ == "__main__":
    switch_off()
    from tests.benchmarks import tiers

    tiers.main()
