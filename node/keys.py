"""Keys: an office's signing key is a file in its folder, readable by its owner, never in the store.

A stolen backup of the store cannot sign. If the file is lost, the office gets a new key, and so a
incarnation: one incarnation has one key for ever (docs/adr/0018).
"""

from __future__ import annotations

import random
from pathlib import Path

from node.bad_config import BadConfig
from node.private import write_whole
from sync.codec.signing import SEED_BYTES, Signer
from sync.model.errors import ErrorKind, SilianError

KEY_FILE = "signing.key"  # 64 hexadecimal digits, and 16 more: the unit whose key it is


class KeyOfAnother(SilianError):
    """The key file of a folder is another office's than its store and its settings."""

    code = "key_of_another"
    kind = ErrorKind.FAILED_PRECONDITION

    def __init__(self, path: Path, unit: int, whose: int) -> None:
        super().__init__(
            f"{path} is the key of unit {whose}, and the store here is of unit {unit}",
            f"{path} 是单位 {whose} 的签名密钥，而此处数据库属于单位 {unit}",
            remedy_en="Put this office's own key file back. Without it, move this one away: the "
            "office then makes a new key, and a person accepts it at the parent.",
            remedy_zh="请恢复本单位的密钥文件；若已丢失，请移走此文件，系统将生成新密钥，由上级核对后放行。",
        )


def signer_of(folder: Path, rng: random.Random, unit: int = 0) -> Signer:
    """Return what the office of a folder signs with; the first time, make its key.

    `unit`: whose store is in the folder; 0: not known. A file of an older program names no unit.
    Raises: BadConfig when the file holds no key; KeyOfAnother.
    """
    path = folder / KEY_FILE
    if not path.exists():
        # A signature must stay valid tomorrow: the key is written durably and completely.
        seed = rng.getrandbits(8 * SEED_BYTES).to_bytes(SEED_BYTES, "big")
        whose = f"\n{unit:016x}\n" if unit else ""
        write_whole(path, f"{seed.hex()}{whose}".encode())
    try:
        seed, *named = map(bytes.fromhex, path.read_text(encoding="ascii").split())
        signer = Signer(seed)
        of = int.from_bytes(named[0], "big") if named else 0
    except ValueError:
        raise BadConfig(
            str(path), "this file holds no key", "文件中没有有效的签名密钥",
            "Put the right file back. Without it, move this one away: the office gets a new key, "
            "which its parent shows as a problem until people have compared it.",
            "请恢复正确的密钥文件；若已丢失，请移走此文件，系统将生成新密钥，上级会提示核对。",
        ) from None  # fmt: skip
    if unit and of and of != unit:
        raise KeyOfAnother(path, unit, of)
    return signer
