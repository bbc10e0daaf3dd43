"""What the tests of packages share: one bundle, built once, and a room to install it in."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.bundle.build import Built, build

# A proxy that nobody answers: whatever asks a registry fails.
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
NO_NETWORK = dict.fromkeys(_PROXIES, "http://127.0.0.1:9") | {
    "PIP_CONFIG_FILE": "/dev/null",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
}


@dataclass(frozen=True)
class Release:
    """A bundle and the key that signed it."""

    built: Built
    key: Path


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    room = tmp_path_factory.mktemp("release")
    key = room / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return Release(build(room, key), key)
