"""Keys: an office's signing key is a file in its folder, readable by its owner, never in the store.

A stolen backup of the store cannot sign. If the file is lost, the office gets a new key, and so a
incarnation: one incarnation has one key for ever (docs/adr/0018).
"""

from __future__ import annotations

import random
from pathlib import Path

from node.config import BadConfig
from node.private import write_whole
from sync.codec.signing import SEED_BYTES, Signer

KEY_FILE = "signing.key"  # 64 hexadecimal digits


def signer_of(folder: Path, rng: random.Random) -> Signer:
    """Return what the office of a folder signs with; the first time, make its key.

    Raises: BadConfig when the file holds no key.
    """
    path = folder / KEY_FILE
    if not path.exists():
        # A signature must stay valid tomorrow: the key is written durably and completely.
        seed = rng.getrandbits(8 * SEED_BYTES).to_bytes(SEED_BYTES, "big")
        write_whole(path, seed.hex().encode())
    try:
        seed = bytes.fromhex(path.read_text(encoding="ascii"))
        return Signer(seed)
    except ValueError:
        raise BadConfig(
            str(path), "this file holds no key", "文件中没有有效的签名密钥",
            "Put the right file back. Without it, move this one away: the office gets a new key, "
            "which its parent shows as a problem until people have compared it.",
            "请恢复正确的密钥文件；若已丢失，请移走此文件，系统将生成新密钥，上级会提示核对。",
        ) from None  # fmt: skip
