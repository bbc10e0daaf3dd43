"""What install.py checks before it changes anything, on a small bundle made by hand."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.bundle.install import (
    FACTS,
    MANIFEST,
    NAMESPACE,
    SIGNATURE,
    SIGNER,
    Refused,
    check,
)


def keygen(*arguments: object) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a release key, another key, and the list of those who may sign."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("release", "other"):
        keygen("-t", "ed25519", "-N", "", "-f", folder / name)
    public = (folder / "release.pub").read_text("ascii")
    (folder / "signers").write_text(f'{SIGNER} namespaces="{NAMESPACE}" {public}', "ascii")
    return folder


def signed(bundle: Path, key: Path, namespace: str = NAMESPACE) -> None:
    """Write the manifest of what is there, and sign it."""
    (bundle / SIGNATURE).unlink(missing_ok=True)
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(bundle).as_posix()}\n"
        for path in sorted(bundle.rglob("*"))
        if path.is_file() and path.name not in (MANIFEST, SIGNATURE)
    ]
    (bundle / MANIFEST).write_text("".join(lines), "utf-8")
    keygen("-Y", "sign", "-f", key, "-n", namespace, bundle / MANIFEST)


def facts(**changes: str) -> str:
    here = {"python": "{}.{}".format(*sys.version_info[:2]), "machine": platform.machine()}
    return json.dumps(here | {"version": "1"} | changes)


@pytest.fixture
def bundle(tmp_path: Path, keys: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "one.whl").write_bytes(b"one")
    (folder / FACTS).write_text(facts(), "utf-8")
    signed(folder, keys / "release")
    return folder


def _changed(bundle: Path, _keys: Path) -> None:
    (bundle / "wheels" / "one.whl").write_bytes(b"two")


def _missing(bundle: Path, _keys: Path) -> None:
    (bundle / "wheels" / "one.whl").unlink()


def _extra(bundle: Path, _keys: Path) -> None:
    (bundle / "wheels" / "two.whl").write_bytes(b"two")


def _link(bundle: Path, _keys: Path) -> None:
    elsewhere = bundle.parent / "elsewhere"
    elsewhere.write_bytes(b"one")
    (bundle / "wheels" / "one.whl").unlink()
    (bundle / "wheels" / "one.whl").symlink_to(elsewhere)


def _outside(bundle: Path, keys: Path) -> None:
    """A manifest may name no file outside of the bundle, even if the release key signed it."""
    outside = bundle.parent / "outside"
    outside.write_bytes(b"out")
    (bundle / SIGNATURE).unlink()
    with (bundle / MANIFEST).open("a", encoding="utf-8") as manifest:
        manifest.write(f"{hashlib.sha256(b'out').hexdigest()}  ../outside\n")
    keygen("-Y", "sign", "-f", keys / "release", "-n", NAMESPACE, bundle / MANIFEST)


def _signed_by_another(bundle: Path, keys: Path) -> None:
    signed(bundle, keys / "other")


def _signed_for_another_purpose(bundle: Path, keys: Path) -> None:
    signed(bundle, keys / "release", "file")


def _manifest_changed(bundle: Path, keys: Path) -> None:
    (bundle / "wheels" / "two.whl").write_bytes(b"two")
    signature = (bundle / SIGNATURE).read_bytes()
    signed(bundle, keys / "release")
    (bundle / SIGNATURE).write_bytes(signature)


def _other_machine(bundle: Path, keys: Path) -> None:
    (bundle / FACTS).write_text(facts(machine="vax"), "utf-8")
    signed(bundle, keys / "release")


@pytest.mark.parametrize(
    "tamper",
    [
        _changed, _missing, _extra, _link, _outside, _signed_by_another,
        _signed_for_another_purpose, _manifest_changed, _other_machine,
    ],
)  # fmt: skip
def test_a_bundle_that_is_not_whole_and_signed_for_this_machine_is_refused(
    bundle: Path, keys: Path, tamper: Callable[[Path, Path], None]
) -> None:
    check(bundle, keys / "signers")
    tamper(bundle, keys)
    with pytest.raises(Refused):
        check(bundle, keys / "signers")
