"""Install Silian from this folder, without a network. It needs Python 3.11 and ssh-keygen, no more.

It checks the signature and every file first, and changes nothing if one is wrong. A release goes
into a folder of its own below the target; `current` is a link to the one in use, `previous` to the
one before. So an upgrade is one step, and so is the way back.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

MANIFEST, SIGNATURE, FACTS = "SHA256SUMS", "SHA256SUMS.sig", "bundle.json"
REQUIREMENTS, SBOM, COMPLETE = "requirements.txt", "sbom.cdx.json", "installed.json"
SIGNER, NAMESPACE = "silian-release", "silian-bundle"
LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
REFUSED, FAILED = 2, 1


class Refused(Exception):
    """What is wrong, where, and what to do; nothing was changed."""

    def __init__(self, where: object, en: str, zh: str, do: str, do_zh: str) -> None:
        super().__init__(f"{where}: {en}")
        self.lines = (f"{where}: {en}. {do}", f"{where}：{zh}。{do_zh}")


def main(arguments: list[str] | None = None) -> int:
    """Return 0, or 2 if something is refused, with what and why on standard error."""
    parsed = _arguments(arguments)
    try:
        if parsed.back:
            print(f"current: {go_back(parsed.to)}")
            return 0
        check(parsed.bundle, parsed.signers)
        if parsed.check:
            print(f"{parsed.bundle}: signature and files are good. 签名和文件校验通过。")
            return 0
        print(f"installed: {install(parsed.bundle, parsed.to)}")
    except Refused as refused:
        print("\n".join(refused.lines), file=sys.stderr)
        return REFUSED
    return 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="install.py")
    parser.add_argument(
        "--signers",
        type=Path,
        help="who may sign a release (allowed_signers); "
        "from another way than the bundle. 发布签名者名单，须另行取得",
    )
    parser.add_argument(
        "--to", type=Path, default=Path("/opt/silian"), help="target folder. 安装目录"
    )
    parser.add_argument("--check", action="store_true", help="only check. 仅校验")
    parser.add_argument(
        "--back", action="store_true", help="use the release before. 回退到上一版本"
    )
    parsed = parser.parse_args(arguments)
    parsed.bundle = Path(__file__).resolve().parent
    if not parsed.back and parsed.signers is None:
        parser.error("--signers FILE is needed. 须指定 --signers 文件")
    return parsed


# -- checks: nothing is changed -------------------------------------------------------------------


def check(bundle: Path, signers: Path) -> None:
    """Check signature, files and machine. Raises: Refused."""
    check_signature(bundle, signers)
    check_files(bundle)
    check_machine(bundle)


def check_signature(bundle: Path, signers: Path) -> None:
    """Check that a known signer has signed the manifest. Raises: Refused."""
    for needed in (signers, bundle / MANIFEST, bundle / SIGNATURE):
        if not needed.is_file():
            _refuse_bundle(needed, "the file is missing", "文件不存在")
    tool = shutil.which("ssh-keygen")
    if tool is None:
        raise Refused(
            "ssh-keygen", "the program is missing", "未找到该程序",
            "Install the system's package openssh-client.", "请安装系统软件包 openssh-client。",
        )  # fmt: skip
    with (bundle / MANIFEST).open("rb") as manifest:
        done = subprocess.run(
            [tool, "-Y", "verify", "-f", str(signers), "-I", SIGNER, "-n", NAMESPACE,
             "-s", str(bundle / SIGNATURE)],
            stdin=manifest, capture_output=True, check=False,
        )  # fmt: skip
    if done.returncode:
        _refuse_bundle(
            bundle / MANIFEST, f"no signer of {signers} has signed it", f"签名与名单 {signers} 不符"
        )


def check_files(bundle: Path) -> None:
    """Check that the bundle has the manifest's files, unchanged, and no others. Raises: Refused."""
    listed = dict(_listed(bundle))
    for name, digest in listed.items():
        path = bundle / name
        if not path.is_file():
            _refuse_bundle(path, "the file is missing", "缺少该文件")
        if _digest(path) != digest:
            _refuse_bundle(path, "the file was changed", "文件已被改动")
    extra = sorted(set(_found(bundle)) - listed.keys() - {MANIFEST, SIGNATURE})
    if extra:
        _refuse_bundle(bundle / extra[0], "the manifest has no such file", "清单中没有该文件")


def _listed(bundle: Path) -> Iterator[tuple[str, str]]:
    text = (bundle / MANIFEST).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        matched = LINE.fullmatch(line)
        if matched is None or ".." in Path(matched[2]).parts or Path(matched[2]).is_absolute():
            _refuse_bundle(
                bundle / MANIFEST, f"line {number} is no entry", f"第 {number} 行格式不符"
            )
        yield matched[2], matched[1]


def _found(bundle: Path) -> Iterator[str]:
    """Yield every file of the bundle. Raises: Refused, for what is neither a file nor a folder."""
    for folder, folders, names in os.walk(bundle):
        for name in (*folders, *names):
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                yield path.relative_to(bundle).as_posix()
            elif not stat.S_ISDIR(mode):
                _refuse_bundle(path, "neither a file nor a folder", "既不是文件也不是目录")


def check_machine(bundle: Path) -> None:
    """Check that this Python and this machine are those of the wheels. Raises: Refused."""
    facts = json.loads((bundle / FACTS).read_text(encoding="utf-8"))
    here = {"python": "{}.{}".format(*sys.version_info[:2]), "machine": platform.machine()}
    for name, found in here.items():
        if facts[name] != found:
            raise Refused(
                bundle, f"made for {name} {facts[name]}, and this is {found}",
                f"适用于 {name} {facts[name]}，本机为 {found}",
                "Take the bundle for this machine, or run install.py with that Python.",
                "请使用适用于本机的安装包，或用对应版本的 Python 运行 install.py。",
            )  # fmt: skip


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _refuse_bundle(where: object, en: str, zh: str) -> NoReturn:
    raise Refused(
        where,
        en,
        zh,
        "Nothing was installed. Take the bundle anew from its source, and ask the sender if this "
        "comes again.",
        "未作任何安装。请重新取得安装包；若再次出现，请与发布方核实。",
    )


# -- the change -----------------------------------------------------------------------------------


def install(bundle: Path, target: Path) -> Path:
    """Install a checked bundle below `target`, and make it the current release; return its folder.

    Raises: Refused.
    """
    facts = json.loads((bundle / FACTS).read_text(encoding="utf-8"))
    name = f"{facts['version']}-{_digest(bundle / MANIFEST)[:12]}"
    release = target / "releases" / name
    if not (release / COMPLETE).is_file():
        shutil.rmtree(release, ignore_errors=True)  # an earlier attempt was interrupted
        try:
            release.mkdir(parents=True)
        except OSError as error:
            raise Refused(
                release, f"cannot be made: {error.strerror}", f"无法创建：{error.strerror}",
                "Run as root, or choose another folder with --to.",
                "请以 root 身份运行，或用 --to 指定其他目录。",
            ) from None  # fmt: skip
        try:
            _fill(bundle, release)
        except BaseException:
            shutil.rmtree(release)
            raise
    _use(target, release)
    return release


def _fill(bundle: Path, release: Path) -> None:
    venv, wheels = release / "venv", bundle / "wheels"
    (pip,) = wheels.glob("pip-*.whl")
    python = venv / "bin" / "python"
    steps = [
        [sys.executable, "-I", "-m", "venv", "--without-pip", str(venv)],
        # pip checks each hash once more as it reads the wheel.
        [str(python), str(pip / "pip"), "--isolated", "--disable-pip-version-check", "install",
         "--quiet", "--no-index", "--no-cache-dir", "--require-hashes", "--only-binary", ":all:",
         "--find-links", str(wheels), "--requirement", str(bundle / REQUIREMENTS)],
        [str(venv / "bin" / "silian"), "--help"],
    ]  # fmt: skip
    clean = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, check=False, env=clean)
        if done.returncode:
            print(done.stdout + done.stderr, file=sys.stderr)
            raise Refused(
                release, f"{Path(step[0]).name} ended with {done.returncode}",
                f"{Path(step[0]).name} 失败，退出码 {done.returncode}",
                "The reason is above; the release in use was not touched.",
                "原因见上；当前使用的版本未受影响。",
            )  # fmt: skip
    (release / "bin").mkdir()
    (release / "bin" / "silian").symlink_to("../venv/bin/silian")
    shutil.copy(bundle / "install.py", release)
    for part in (SBOM, FACTS, "systemd", "config", "docs"):
        source = bundle / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, release / part)
    (release / COMPLETE).write_text(json.dumps({"manifest": _digest(bundle / MANIFEST)}), "utf-8")


def _use(target: Path, release: Path) -> None:
    current = target / "current"
    if current.is_symlink() and current.resolve() != release.resolve():
        _link(target / "previous", current.resolve())
    _link(current, release)


def _link(link: Path, release: Path) -> None:
    """Point a link at a release in one step."""
    new = link.with_name(f".{link.name}.new")
    new.unlink(missing_ok=True)
    new.symlink_to(Path("releases") / release.name)
    new.replace(link)


def go_back(target: Path) -> Path:
    """Make the release before the current one again; return its folder. Raises: Refused."""
    current, previous = target / "current", target / "previous"
    if not (previous / COMPLETE).is_file():
        raise Refused(
            target, "there is no release before this one", "没有更早的版本可供回退",
            "Install the bundle of the release that you want.", "请安装所需版本的安装包。",
        )  # fmt: skip
    older, newer = previous.resolve(), current.resolve()
    _link(current, older)
    _link(previous, newer)
    return older


if __name__ == "__main__":
    sys.exit(main())
