"""The Debian package, really installed: systemd starts, watches, upgrades and removes offices.

Each promise is a shell script (promises/), run on a machine to throw away (machine.sh) until the
first command that fails.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.deb.build import build
from tests.deploy import machine
from tests.deploy.conftest import Release

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "deploy/systemd").glob("*@.*"))
EXPOSURE_MAX = {"silian@.service": 1.5, "silian-backup@.service": 1.5}  # of 10; sshd has 9.6


def lines(page: str, heading: str) -> str:
    """Return the commands below a heading."""
    text = (ROOT / page).read_text(encoding="utf-8")
    part = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^ *```\n(.*?)^ *```", part, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    return "".join(blocks)


pytestmark = pytest.mark.timeout(1_800)  # it builds, installs and boots
INSTALL = "dpkg -i /mnt/silian.deb\n"
# In their order: each goes on with the machine as the one before has left it.
SECTIONS = {
    path.stem: path.read_text(encoding="utf-8")
    for path in sorted(Path(__file__).with_name("promises").glob("*.sh"))
}
# At the end, on the machine that has nothing any more: what the pages tell a new operator to type.
SECTIONS["12_a_new_operator_gets_a_district_to_run_by_the_lines_of_the_page"] = lines(
    "docs/operations.md", "From bare machines to a running district"
).replace("silian_0.1.0_amd64.deb", "/mnt/silian.deb")
SECTIONS["13_the_bundle_serves_an_office_without_any_package"] = f"""
SILIAN_PURGE_DATA=yes dpkg --purge silian
cd /mnt
{lines("deploy/README.md", "Bundle")}
runuser -u silian -- silian init --dir /var/lib/silian/street --unit 闸弄口街道
systemctl enable --now silian@street silian-backup@street.timer
systemctl start silian-backup@street
pid=$(systemctl show silian@street -p MainPID --value)
grep -q /opt/silian/releases/ /proc/$pid/cmdline
runuser -u silian -- silian status --dir /var/lib/silian/street
"""


# A district takes two minutes to set up: `make soak` does that, with all the rest.
LONG = {name for name in SECTIONS if name.startswith(("12", "13"))}
SHORT = {name: text for name, text in SECTIONS.items() if name not in LONG}


@pytest.fixture(scope="session")
def package(release: Release, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(release.built.folder, tmp_path_factory.mktemp("deb"))


def files(release: Release, package: Path) -> dict[str, Path]:
    """Return what lies in /mnt of the machine."""
    paths = [release.built.archive, release.built.signers]
    return {"silian.deb": package, **{path.name: path for path in paths}}


def failed(done: dict[str, str]) -> dict[str, str]:
    return {name: text[-2_000:] for name, text in done.items() if not text.endswith("\nexit 0")}


def test_on_a_machine_with_systemd(release: Release, package: Path) -> None:
    """One test for all promises: the machine is set up once, whoever shares the tests out."""
    if why := machine.why_not():
        pytest.skip(f"platform: no machine to throw away here: {why}")
    done = machine.run(files(release, package), INSTALL, SHORT)
    assert not failed(done)
    assert done.keys() == SHORT.keys()


@pytest.mark.soak
def test_on_a_clean_machine_with_systemd(release: Release, package: Path, tmp_path: Path) -> None:
    """Of Debian's smallest system, with Python, and nothing of the machine around."""
    if why := machine.why_not() or ("" if shutil.which("mmdebstrap") else "no mmdebstrap"):
        pytest.skip(f"platform: no clean machine here: {why}")
    clean = tmp_path / "clean"
    packages = "python3.11,systemd,logrotate,procps,passwd,openssh-client"
    subprocess.run(
        ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", "bookworm",
         str(clean)],
        check=True, capture_output=True,
    )  # fmt: skip
    done = machine.run(files(release, package), INSTALL, SECTIONS, below=clean)
    assert not failed(done)
    assert done.keys() == SECTIONS.keys()


# -- what needs no machine ------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("platform: no systemd here")
    # The command is not installed where the tests run; any program stands for it.
    for each in UNITS:
        text = each.read_text(encoding="utf-8")
        shown = re.sub(r"(?<=^ExecStart=)\S+", "/bin/true", text, flags=re.M)
        (tmp_path / each.name).write_text(shown, "utf-8")
    name = unit.name.replace("@", "@street")
    (tmp_path / name).symlink_to(unit.name)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", EXPOSURE_MAX)
def test_the_exposure_of_a_unit_stays_low(unit: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("platform: no systemd here")
    path = ROOT / "deploy/systemd" / unit
    threshold = str(round(EXPOSURE_MAX[unit] * 10))
    done = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=true",
         f"--threshold={threshold}", str(path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


@pytest.mark.soak  # as long as the first build
def test_two_builds_of_a_bundle_give_the_same_package(
    release: Release, package: Path, tmp_path: Path
) -> None:
    assert build(release.built.folder, tmp_path).read_bytes() == package.read_bytes()


def test_the_package_names_what_dpkg_must_not_overwrite(package: Path, tmp_path: Path) -> None:
    subprocess.run(["dpkg-deb", "--control", str(package), str(tmp_path / "c")], check=True)
    listed = (tmp_path / "c/conffiles").read_text("utf-8").splitlines()
    assert listed == ["/etc/default/silian", "/etc/logrotate.d/silian"]
