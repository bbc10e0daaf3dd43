"""Build the bundle: `python -m deploy.bundle --key FILE`. The same commit gives the same bundle.

The same means: built with the same Python on the same kind of machine, from the same lock.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from deploy.bundle.install import FACTS, MANIFEST, NAMESPACE, REQUIREMENTS, SBOM, SIGNATURE, SIGNER
from deploy.bundle.sbom import sbom

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PRODUCT = "silian"
README = """\
Silian {version}, for Python {python} on {machine}. Installed without a network:

  ssh-keygen -Y verify -f SIGNERS -I {signer} -n {namespace} -s {signature} < {manifest}
  sha256sum --check --quiet {manifest}
  python{python} install.py --signers SIGNERS --to /opt/silian

SIGNERS (allowed_signers) does not come with the bundle: have it from the publisher by another way,
and compare its fingerprint by telephone (ssh-keygen -l -f SIGNERS).

四联 {version}，适用于 Python {python}（{machine}）。安装无需联网，命令见上。
签名者名单不随安装包提供，须另行取得，并电话核对指纹。
"""


class CannotBuild(Exception):
    """What is missing or wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class Built:
    """Where the bundle is: as a folder, as one file, and who may have signed it."""

    folder: Path
    archive: Path
    signers: Path


def build(out: Path, key: Path, *, wheels: Path | None = None) -> Built:
    """Build below `out`, signed with `key`. `wheels`: take them from there and ask no index.

    Raises: CannotBuild.
    """
    if not key.is_file() or not key.with_name(f"{key.name}.pub").is_file():
        raise CannotBuild(
            f"{key}: no key to sign with, or no {key.name}.pub. Make one once, and keep it safe: "
            f"ssh-keygen -t ed25519 -f {key}"
        )
    with tempfile.TemporaryDirectory(prefix="silian-bundle-") as made:
        stage = Path(made)
        facts = _collect(stage, wheels)
        folder = out / "{name}-{version}-py{python}-{machine}".format(**facts)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(stage, folder)
        folder.chmod(0o755)  # that of a temporary folder is for its owner only
    _sign(folder, key)
    archive = folder.with_name(f"{folder.name}.tar.gz")
    _pack(folder, archive)
    signers = out / f"{SIGNER}.signers"
    public = key.with_name(f"{key.name}.pub").read_text(encoding="utf-8").split()[:2]
    signers.write_text(f'{SIGNER} namespaces="{NAMESPACE}" {" ".join(public)}\n', "utf-8")
    return Built(folder, archive, signers)


def _collect(stage: Path, wheels: Path | None) -> dict[str, str]:
    """Put everything but the signature into `stage`; return the facts about it."""
    there = stage / "wheels"
    there.mkdir()
    product = build_wheel(there)
    download(there, wheels)
    version = product.name.split("-")[1]
    facts = {
        "name": PRODUCT, "version": version, "machine": platform.machine(),
        "python": "{}.{}".format(*sys.version_info[:2]),
    }  # fmt: skip
    (stage / FACTS).write_text(json.dumps(facts, indent=2, sort_keys=True) + "\n", "utf-8")
    (stage / REQUIREMENTS).write_text(requirements(there), "utf-8")
    (stage / SBOM).write_text(
        sbom(there.iterdir(), product=PRODUCT, made=_source_moment()), "utf-8"
    )
    (stage / "README.txt").write_text(
        README.format(
            **facts, signer=SIGNER, namespace=NAMESPACE, signature=SIGNATURE, manifest=MANIFEST
        ),
        "utf-8",
    )
    shutil.copy(ROOT / "deploy/bundle/install.py", stage)
    for name in ("systemd", "config"):
        shutil.copytree(ROOT / "deploy" / name, stage / name)
    (stage / "docs").mkdir()
    for name in ("operations.md", "cli.md", "security.md"):
        shutil.copy(ROOT / "docs" / name, stage / "docs")
    (stage / MANIFEST).write_text("".join(_manifest(stage)), "utf-8")
    return facts


def build_wheel(there: Path) -> Path:
    """Build the product's wheel into a folder; hatchling gives every file the same time."""
    _run([str(BIN / "uv"), "build", "--quiet", "--wheel", "--out-dir", str(there), str(ROOT)])
    (there / ".gitignore").unlink(missing_ok=True)  # uv leaves one
    (product,) = there.glob(f"{PRODUCT}-*.whl")
    return product


def download(there: Path, wheels: Path | None) -> None:
    """Get the wheel of every locked dependency, and pip's; each must have the lock's hash."""
    lock = _run(
        [str(BIN / "uv"), "export", "--quiet", "--locked", "--no-default-groups",
         "--group", "installer", "--no-emit-project", "--no-annotate", "--format",
         "requirements.txt"]
    )  # fmt: skip
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as listed:
        listed.write(lock)
        listed.flush()
        source = ["--no-index", "--find-links", str(wheels)] if wheels else []
        _run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--only-binary", ":all:", "--require-hashes", *source,
             "--requirement", listed.name, "--dest", str(there)]
        )  # fmt: skip


def requirements(wheels: Path) -> str:
    """Return what pip installs: each wheel but pip's own, with its hash."""
    lines = []
    for wheel in sorted(wheels.iterdir()):
        name, version = wheel.name.split("-")[:2]
        if name != "pip":
            lines.append(f"{name}=={version} --hash=sha256:{_digest(wheel)}\n")
    return "".join(lines)


def _manifest(stage: Path) -> Iterator[str]:
    for path in sorted(stage.rglob("*")):
        if path.is_file():
            yield f"{_digest(path)}  {path.relative_to(stage).as_posix()}\n"


def _sign(folder: Path, key: Path) -> None:
    _run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(folder / MANIFEST)]
    )


def _pack(folder: Path, archive: Path) -> None:
    """Write the folder as one file, without owners and times of this machine."""
    moment = int(_source_moment().timestamp())

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime, info.mode = moment, 0o755 if info.isdir() else 0o644
        return info

    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", 6, raw, mtime=moment) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        tar.add(folder, folder.name, recursive=False, filter=plain)
        for path in sorted(folder.rglob("*")):
            tar.add(
                path, f"{folder.name}/{path.relative_to(folder)}", recursive=False, filter=plain
            )


def _source_moment() -> datetime:
    """When the commit was made that is built."""
    return datetime.fromtimestamp(
        int(_run(["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]).strip()), UTC
    )


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        reason = re.sub(r"\s+", " ", (done.stderr or done.stdout).strip())[-600:]
        raise CannotBuild(f"{' '.join(command[:3])} ...: exit {done.returncode}: {reason}")
    return done.stdout
