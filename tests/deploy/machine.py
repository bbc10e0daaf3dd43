"""A machine to throw away, with systemd as process 1, on which a package is really installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

SCRIPT = Path(__file__).with_name("machine.sh")
UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--net"]
TOOLS = ("unshare", "systemctl", "dpkg", "runuser", "pivot_root", "ip")
RUN_S_MAX = 1_200
TRIED = "mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w /mnt/r /mnt/c && mount -t overlay overlay"
TRIED += " /mnt/r -o lowerdir=/,upperdir=/mnt/u,workdir=/mnt/w && mount -t cgroup2 none /mnt/c"


def why_not() -> str:
    """Return what this system lacks for such a machine; "" if it has all."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"no {', '.join(missing)}"
    done = subprocess.run(
        [*UNSHARE, "sh", "-c", TRIED], capture_output=True, text=True, check=False
    )
    return done.stderr.strip()


def run(
    files: Mapping[str, Path], before: str, sections: Mapping[str, str], below: Path = Path("/")
) -> dict[str, str]:
    """Run `before` as root, boot, and run each section in a shell of its own.

    Return what each printed; its last line is "exit N". `files` lie in /mnt by their names.
    """
    folder = Path(tempfile.mkdtemp(prefix="silian-machine-"))
    try:
        for name, path in files.items():
            shutil.copy(path, folder / name)
        (folder / "before.sh").write_text(before, "utf-8")
        lines = []
        for name, text in sections.items():
            (folder / f"{name}.sh").write_text(f"cd /\n{text}", "utf-8")
            lines.append(
                f"echo '## {name}'; SECONDS=0; bash -euxo pipefail /mnt/{name}.sh 2>&1 "
                "|| failed=$?; echo took $SECONDS s; echo exit ${failed:-0}; failed=0\n"
            )
        (folder / "after.sh").write_text("".join(lines), "utf-8")
        output = _booted(folder, below)
    finally:
        _clean(folder)
    return dict(re.findall(r"^## (\S+)\n(.*?^exit \d+)$", output, re.MULTILINE | re.DOTALL))


def _booted(folder: Path, below: Path) -> str:
    command = ["timeout", "--kill-after=1", str(RUN_S_MAX), *UNSHARE, "bash", str(SCRIPT)]
    with subprocess.Popen(
        [*command, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
             "BELOW": str(below)},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        output = []
        for line in process.stdout:
            output.append(line)
            if line.startswith("after.sh ended"):
                break
        process.terminate()  # systemd ends with the namespace that it is the first process of
    found = "".join(output)
    assert "after.sh ended with 0" in found, found[-3_000:]
    return found


def _clean(folder: Path) -> None:
    """Remove the folder, and the groups of processes that systemd had made."""
    remove = (
        f"mount -t cgroup2 none /mnt && find /mnt/{folder.name} -depth -type d -exec rmdir {{}} +"
    )
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["unshare", "--mount", "sh", "-c", remove], capture_output=True, check=False, timeout=60
        )
    shutil.rmtree(folder)
