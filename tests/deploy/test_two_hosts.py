"""Two hosts are set up and joined by the README's own lines, from the installed wheel.

Each host has a folder, a shell and, where the kernel lets us, a network namespace of its own; else
an address of the loopback. All that crosses between them is the letter, and what goes over TLS.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from hub.demo.hosts import Namespaces, lay
from tests.deploy.conftest import NO_NETWORK, Release
from tests.support.silian import STOP_S_MAX, free_ports

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CITY, DISTRICT = "city", "district"
OVER = "== over: "
pytestmark = pytest.mark.timeout(600)  # it builds and installs


def parts() -> list[tuple[str, list[str]]]:
    """Return the lines of the README's block for two machines, each part with its machine."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (block,) = (each for each in blocks if "silian cert init" in each)
    found = re.split(r"^# on the (\w+)'s machine\n", block, flags=re.MULTILINE)[1:]
    return [(host, lines.splitlines()) for host, lines in zip(found[::2], found[1::2], strict=True)]


class Shell:
    """A shell on one host, into which a person types one line after another."""

    def __init__(self, folder: Path, inside: list[str], wheels: Path) -> None:
        folder.mkdir()
        self.folder = folder
        python = str(Path(sys.executable).resolve().parent)
        env = NO_NETWORK | {
            "HOME": str(folder), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels),
            "SILIAN_LANG": "en", "PATH": f"{python}:{NO_NETWORK['PATH']}",
        }  # fmt: skip
        self._bash = subprocess.Popen(
            [*inside, "bash"], cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip

    def type(self, line: str) -> str:
        """Type a line; return what it printed. Of one that ends with `&`, the first line."""
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{line}\n")
        if re.search(r"&\s*$", line):
            self._bash.stdin.flush()
            return self._until(re.compile(r"^\S+:\d+ \d{12} "))
        self._bash.stdin.write(f'echo "{OVER}$?"\n')
        self._bash.stdin.flush()
        printed = self._until(re.compile(OVER))
        assert printed.rstrip().endswith(f"{OVER}0"), f"{line}\n{printed}"
        return printed

    def _until(self, last: re.Pattern[str]) -> str:
        assert self._bash.stdout is not None
        found = ""
        for line in self._bash.stdout:
            found += line
            if last.search(line):
                return found
        raise AssertionError(f"the shell ended: {found}")

    def close(self) -> None:
        """Stop the shell and what it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGTERM)
        self._bash.communicate(timeout=STOP_S_MAX)


class Two:
    """The two hosts, and the addresses that they have here in place of the README's."""

    def __init__(self, base: Path, wheels: Path) -> None:
        self._hosts = lay({CITY: "", DISTRICT: CITY})
        self._here: dict[str, str] = {}
        if isinstance(self._hosts, Namespaces):
            self._here = {"10.0.0.1": "198.18.1.1", "10.0.0.2": "198.18.1.2"}
        else:
            for readme, here in (("10.0.0.1", "127.0.0.2"), ("10.0.0.2", "127.0.0.3")):
                self._here[f"{readme}:7410"] = f"{here}:{free_ports(here)}"
        self.shells = {
            host: Shell(base / host, self._hosts.inside(host), wheels)
            for host in (CITY, DISTRICT)
        }  # fmt: skip
        (wheel,) = wheels.glob("silian-*.whl")
        for shell in self.shells.values():
            shutil.copy(wheel, shell.folder / wheel.name)

    def type(self, host: str, line: str) -> str:
        for readme, here in self._here.items():
            line = line.replace(readme, here)
        return self.shells[host].type(line)

    def carry_letters(self) -> None:
        for letter in self.shells[CITY].folder.glob("*.invite"):
            shutil.copy(letter, self.shells[DISTRICT].folder)

    def close(self) -> None:
        for shell in reversed(self.shells.values()):
            shell.close()
        self._hosts.close()


@pytest.fixture
def two(release: Release, tmp_path: Path) -> Iterator[Two]:
    made = Two(tmp_path, release.built.folder / "wheels")
    try:
        yield made
    finally:
        made.close()


def test_two_hosts_are_joined_by_the_lines_of_the_readme_from_the_installed_package(
    two: Two,
) -> None:
    printed: dict[str, str] = {}
    for host, lines in parts():
        two.carry_letters()
        for line in lines:
            printed[line.partition("#")[0].strip()] = two.type(host, line)
    for host in (CITY, DISTRICT):
        folder = two.shells[host].folder
        imported = two.type(host, "silian/bin/python -c 'import hub; print(hub.__file__)'")
        assert imported.startswith(f"{folder}/silian/"), "the program is the installed one"
    assert "上城区" in printed["silian cert ls --dir city"]
    assert "上城区" in printed["silian status --tree --dir city"]
    invited = printed["silian invite --dir city --unit 上城区"]
    joined = next(text for line, text in printed.items() if line.startswith("silian join"))
    (authority,) = re.findall(r"city's authority (.*)", invited)
    assert f"city's authority {authority}" in joined, "what a person compares by telephone"
    (key,) = re.findall(r"signing key (.*)", invited)
    assert f"parent's key {key}" in joined
    linked = two.type(DISTRICT, "silian status --dir district --json")
    assert re.search(r'"connected": ?true', linked)
