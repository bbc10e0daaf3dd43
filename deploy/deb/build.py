"""Build the .deb from a bundle: `python -m deploy.deb BUNDLE`. The same bundle, the same bytes.

The program has its own tree below /usr/lib/silian, with the bundle's wheels and nothing of the
system's Python packages. It needs the system's Python of the bundle's version.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from deploy.bundle.build import ROOT, CannotBuild
from deploy.bundle.install import FACTS, REQUIREMENTS, SBOM

HERE = Path(__file__).parent
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "loongarch64": "loong64"}
HOME = Path("usr/lib/silian")
BACKUP = "silian-backup"
PYTHON = "/usr/bin/python{python}"
CONTROL = """\
Package: silian
Version: {version}
Architecture: {architecture}
Maintainer: Silian <silian@example.invalid>
Installed-Size: {size}
Depends: python{python}, adduser | passwd
Recommends: systemd, logrotate
Section: admin
Priority: optional
Description: joins a city's offices on four levels into one network
 City, district, street and community work with or without a network and
 exchange their changes when there is one. (四联：市、区、街道、社区四级协同)
"""
SCRIPT = """\
#!/usr/lib/silian/bin/python3
import sys
from hub.cli.main import main
sys.exit(main())
"""


def build(bundle: Path, out: Path) -> Path:
    """Build the package of a bundle; return its path. Raises: CannotBuild."""
    facts = json.loads((bundle / FACTS).read_text(encoding="utf-8"))
    version = "{}.{}".format(*sys.version_info[:2])
    if facts["python"] != version:
        raise CannotBuild(
            f"{bundle}: made for Python {facts['python']}, and this is {version}. Build with it."
        )
    if facts["machine"] not in ARCHITECTURES:
        raise CannotBuild(f"{bundle}: no Debian architecture is known for {facts['machine']}")
    architecture = ARCHITECTURES[facts["machine"]]
    with tempfile.TemporaryDirectory(prefix="silian-deb-") as made:
        stage = Path(made)
        stage.chmod(0o755)
        _program(stage, bundle, facts["python"])
        _around(stage, bundle)
        size = sum(p.lstat().st_size for p in stage.rglob("*") if p.is_file()) // 1024
        _control(stage, {**facts, "architecture": architecture, "size": str(size)})
        package = out / f"silian_{facts['version']}_{architecture}.deb"
        listed = json.loads((bundle / SBOM).read_text(encoding="utf-8"))
        moment = int(datetime.fromisoformat(listed["metadata"]["timestamp"]).timestamp())
        for path in (stage, *stage.rglob("*")):
            os.utime(path, (moment, moment), follow_symlinks=False)
        _run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z6", "--build", str(stage),
              str(package)], SOURCE_DATE_EPOCH=str(moment))  # fmt: skip
    return package


def only_bundle(out: Path) -> Path:
    """Return the one bundle of a folder. Raises: CannotBuild."""
    found = [path.parent for path in out.glob(f"*/{FACTS}")]
    if len(found) != 1:
        raise CannotBuild(f"{out}: {len(found)} bundles; run `make bundle` first, or name one")
    return found[0]


def _program(stage: Path, bundle: Path, python: str) -> None:
    """Lay out a tree like that of a virtual environment, with paths of the target machine."""
    home = stage / HOME
    site = home / "lib" / f"python{python}" / "site-packages"
    site.mkdir(parents=True)
    _run(
        [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", "install",
         "--quiet", "--no-index", "--no-compile", "--require-hashes", "--only-binary", ":all:",
         "--find-links", str(bundle / "wheels"), "--requirement", str(bundle / REQUIREMENTS),
         "--target", str(site), "--root-user-action", "ignore"]
    )  # fmt: skip
    shutil.rmtree(site / "bin", ignore_errors=True)  # scripts with paths of this machine
    # Nobody may write there later. A file of the package is what it is: no time to compare with.
    _run(
        [sys.executable, "-m", "compileall", "-q", "-s", str(stage), "-p", "/",
         "--invalidation-mode", "unchecked-hash", str(site)]
    )  # fmt: skip
    interpreter = PYTHON.format(python=python)
    (home / "pyvenv.cfg").write_text(
        f"home = {Path(interpreter).parent}\ninclude-system-site-packages = false\n", "utf-8"
    )
    (home / "bin").mkdir()
    (home / "bin" / "python3").symlink_to(interpreter)
    _write(home / "bin" / "silian", SCRIPT, 0o755)
    (stage / "usr/bin").mkdir()
    (stage / "usr/bin/silian").symlink_to("../lib/silian/bin/silian")


def _around(stage: Path, bundle: Path) -> None:
    """Add units, settings, pages; what dpkg shall not overwrite is listed in conffiles."""
    shutil.copytree(HERE / "files", stage, dirs_exist_ok=True)
    units = stage / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    doc = stage / "usr/share/doc/silian"
    (doc / "examples").mkdir(parents=True)
    shutil.copy(bundle / "systemd" / BACKUP, stage / HOME / "backup")
    for path in (p for p in (bundle / "systemd").iterdir() if p.name != BACKUP):
        shutil.copy(path, units if path.suffix in (".service", ".timer") else doc / "examples")
    for path in (bundle / "config").iterdir():
        shutil.copy(path, doc / "examples")
    for path in (bundle / "docs").iterdir():
        shutil.copy(path, doc)
    shutil.copy(bundle / SBOM, doc)
    shutil.copy(ROOT / "LICENSE", doc / "copyright")
    for path in stage.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.name == "backup" else 0o644)
    (stage / HOME / "bin" / "silian").chmod(0o755)


def _control(stage: Path, facts: dict[str, str]) -> None:
    debian = stage / "DEBIAN"
    debian.mkdir()
    _write(debian / "control", CONTROL.format(**facts), 0o644)
    conffiles = sorted(p for p in (stage / "etc").rglob("*") if p.is_file())
    _write(debian / "conffiles", "".join(f"/{p.relative_to(stage)}\n" for p in conffiles), 0o644)
    for script in (HERE / "control").iterdir():
        _write(debian / script.name, script.read_text(encoding="utf-8"), 0o755)


def _write(path: Path, text: str, mode: int) -> None:
    path.write_text(text, "utf-8")
    path.chmod(mode)


def _run(command: list[str], **variables: str) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | variables
    )
    if done.returncode:
        raise CannotBuild(f"{command[0]}: exit {done.returncode}: {done.stderr.strip()[-600:]}")
