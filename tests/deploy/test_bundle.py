"""The air-gapped bundle: it installs without a network, and a wrong one changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.bundle.build import CannotBuild, build
from deploy.bundle.install import MANIFEST, SIGNATURE, Refused, check, go_back, install
from tests.deploy.conftest import NO_NETWORK, Release

UNIT = "330102013000"


@pytest.fixture
def bundle(release: Release, tmp_path: Path) -> Path:
    """A copy that a test may change; wheels are links, so that it is quick."""
    return Path(shutil.copytree(release.built.folder, tmp_path / "bundle", copy_function=os.link))


def rewritten(path: Path, content: bytes) -> None:
    path.unlink()  # the file of the release is the same one
    path.write_bytes(content)


# -- what is in it --------------------------------------------------------------------------------


def test_two_builds_of_one_commit_give_the_same_bytes(release: Release, tmp_path: Path) -> None:
    again = build(tmp_path, release.key, wheels=release.built.folder / "wheels")
    for name in (MANIFEST, SIGNATURE):
        one, two = release.built.folder / name, again.folder / name
        assert one.read_text("utf-8") == two.read_text("utf-8")
    assert again.archive.read_bytes() == release.built.archive.read_bytes()


def test_the_list_of_parts_is_valid_cyclonedx_and_has_every_wheel(release: Release) -> None:
    folder = release.built.folder
    text = (folder / "sbom.cdx.json").read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    found = json.loads(text)
    parts = [found["metadata"]["component"], *found["components"]]
    sums = {part["hashes"][0]["content"] for part in parts}
    manifest = (folder / MANIFEST).read_text("utf-8").splitlines()
    assert sums == {line[:64] for line in manifest if line.endswith(".whl")}
    assert all(part["licenses"] and part["purl"].startswith("pkg:pypi/") for part in parts)
    (own,) = (each for each in found["dependencies"] if each["ref"].startswith("silian@"))
    assert {"grpcio", "protobuf", "sqlalchemy"} <= {ref.split("@")[0] for ref in own["dependsOn"]}


def test_the_wheels_are_what_the_lock_names(release: Release) -> None:
    """Every dependency with the lock's version; nothing that only developers need."""
    names = {path.name.split("-")[0] for path in (release.built.folder / "wheels").iterdir()}
    assert {"silian", "grpcio", "psycopg_binary", "pip"} <= names
    assert not names & {"pytest", "ruff", "mypy", "hypothesis"}


def test_the_archive_has_the_folder_and_no_owner_of_the_build_machine(release: Release) -> None:
    with tarfile.open(release.built.archive) as tar:
        members = tar.getmembers()
    assert {(m.uid, m.gid, m.uname) for m in members} == {(0, 0, "root")}
    files = {m.name.partition("/")[2] for m in members if m.isfile()}
    found = [p for p in release.built.folder.rglob("*") if p.is_file()]
    assert files == {p.relative_to(release.built.folder).as_posix() for p in found}


def test_no_bundle_is_built_without_a_key(tmp_path: Path) -> None:
    with pytest.raises(CannotBuild, match="ssh-keygen -t ed25519"):
        build(tmp_path, tmp_path / "none")
    assert not list(tmp_path.iterdir())


# -- installing -----------------------------------------------------------------------------------


def run(command: list[str | Path], room: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=room, env=NO_NETWORK | {"HOME": str(room)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_bundle_installs_without_a_network_and_the_program_runs(
    release: Release, tmp_path: Path
) -> None:
    with tarfile.open(release.built.archive) as tar:
        tar.extractall(tmp_path, filter="data")
    unpacked = tmp_path / release.built.folder.name
    signers = shutil.copy(release.built.signers, tmp_path)
    target, room = tmp_path / "opt silian", tmp_path / "elsewhere"
    room.mkdir()
    done = run(
        [sys.executable, unpacked / "install.py", "--signers", signers, "--to", target], room
    )
    assert done.returncode == 0, done.stderr
    silian = target / "current" / "bin" / "silian"
    shutil.rmtree(unpacked)  # the program needs nothing of it
    version = json.loads(run([silian, "version", "--json"], room).stdout)
    assert version["silian"] == "0.1.0"
    made = run([silian, "init", "--dir", "street", "--unit", "闸弄口街道"], room)
    assert made.returncode == 0, made.stderr
    ran = run([silian, "template", "resident", "--dir", "street"], room)  # catalogue and texts
    assert ran.returncode == 0, ran.stderr
    assert UNIT in (room / "street/office.toml").read_text("utf-8")
    doctor = run([silian, "db", "check", "--dir", "street"], room)
    assert doctor.returncode == 0, doctor.stderr


def test_the_installed_readme_names_the_commands_that_check_a_bundle(
    release: Release, tmp_path: Path
) -> None:
    folder = release.built.folder
    lines = (folder / "README.txt").read_text("utf-8").splitlines()
    commands = [line.strip() for line in lines if line.startswith("  ")]
    assert [each.split()[0] for each in commands] == ["ssh-keygen", "sha256sum", "python3.11"]
    for command in commands[:2]:
        shown = command.replace("SIGNERS", f"'{release.built.signers}'")
        subprocess.run(shown, shell=True, cwd=folder, check=True, stdout=subprocess.DEVNULL)


# -- what is wrong with it ------------------------------------------------------------------------


def _wheel_changed(bundle: Path) -> str:
    wheel = next((bundle / "wheels").glob("structlog-*.whl"))
    rewritten(wheel, wheel.read_bytes()[:-1] + b"!")
    return "structlog"


def _wheel_missing(bundle: Path) -> str:
    next((bundle / "wheels").glob("typer-*.whl")).unlink()
    return "typer"


def _wheel_extra(bundle: Path) -> str:
    with zipfile.ZipFile(bundle / "wheels" / "grpcio-9.9-py3-none-any.whl", "w"):
        return "grpcio-9.9"


def _requirements_changed(bundle: Path) -> str:
    rewritten(bundle / "requirements.txt", b"typer\n")
    return "requirements.txt"


def _installer_changed(bundle: Path) -> str:
    rewritten(bundle / "install.py", b"print('done')\n")
    return "install.py"


def _sbom_missing(bundle: Path) -> str:
    (bundle / "sbom.cdx.json").unlink()
    return "sbom.cdx.json"


def _link_extra(bundle: Path) -> str:
    (bundle / "docs" / "more").symlink_to("/etc")
    return "more"


def _file_is_a_link(bundle: Path) -> str:
    (bundle / "README.txt").rename(bundle.parent / "README.txt")
    (bundle / "README.txt").symlink_to(bundle.parent / "README.txt")
    return "README.txt"


def _manifest_changed(bundle: Path) -> str:
    text = (bundle / MANIFEST).read_text("utf-8")
    rewritten(bundle / MANIFEST, ("0" * 64 + text[64:]).encode())
    return MANIFEST


def _manifest_shortened(bundle: Path) -> str:
    lines = (bundle / MANIFEST).read_bytes().splitlines(keepends=True)
    rewritten(bundle / MANIFEST, b"".join(lines[:-1]))
    return MANIFEST


def _manifest_missing(bundle: Path) -> str:
    (bundle / MANIFEST).unlink()
    return MANIFEST


def _signature_missing(bundle: Path) -> str:
    (bundle / SIGNATURE).unlink()
    return SIGNATURE


def _signature_changed(bundle: Path) -> str:
    lines = (bundle / SIGNATURE).read_bytes().splitlines(keepends=True)
    rewritten(bundle / SIGNATURE, b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    return MANIFEST


def _signed_with_another_key(bundle: Path, namespace: str = "silian-bundle") -> str:
    another = bundle.parent / "another"
    if not another.exists():
        _ssh_keygen("-t", "ed25519", "-N", "", "-f", another)
    (bundle / SIGNATURE).unlink()
    _ssh_keygen("-Y", "sign", "-f", another, "-n", namespace, bundle / MANIFEST)
    return MANIFEST


def _ssh_keygen(*arguments: str | Path) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, arguments)], check=True, capture_output=True)


@pytest.mark.parametrize(
    "tamper",
    [
        _wheel_changed, _wheel_missing, _wheel_extra, _requirements_changed, _installer_changed,
        _sbom_missing, _link_extra, _file_is_a_link, _manifest_changed, _manifest_shortened,
        _manifest_missing, _signature_missing, _signature_changed, _signed_with_another_key,
    ],
)  # fmt: skip
def test_a_bundle_that_is_not_as_it_was_signed_is_refused_and_named(
    bundle: Path, release: Release, tamper: Callable[[Path], str]
) -> None:
    check(bundle, release.built.signers)
    where = tamper(bundle)
    with pytest.raises(Refused) as refused:
        check(bundle, release.built.signers)
    english, chinese = refused.value.lines
    assert where in english
    assert where in chinese
    assert "Nothing was installed" in english
    assert "未作任何安装" in chinese


def test_a_signature_for_another_purpose_is_refused(release: Release, bundle: Path) -> None:
    (bundle / SIGNATURE).unlink()
    _ssh_keygen("-Y", "sign", "-f", release.key, "-n", "file", bundle / MANIFEST)
    with pytest.raises(Refused, match=MANIFEST):
        check(bundle, release.built.signers)


def test_a_refused_bundle_makes_nothing(release: Release, bundle: Path, tmp_path: Path) -> None:
    _wheel_extra(bundle)
    target = tmp_path / "target"
    signers = release.built.signers
    done = run(
        [sys.executable, bundle / "install.py", "--signers", signers, "--to", target], tmp_path
    )
    assert done.returncode == 2
    assert "the manifest has no such file" in done.stderr
    assert "Traceback" not in done.stderr
    assert not target.exists()


def test_a_bundle_for_another_python_is_refused(release: Release, bundle: Path) -> None:
    """Before pip would say that no wheel fits."""
    from deploy.bundle.install import check_machine

    facts = json.loads((bundle / "bundle.json").read_text("utf-8"))
    rewritten(bundle / "bundle.json", json.dumps(facts | {"python": "3.99"}).encode())
    with pytest.raises(Refused, match=r"made for python 3\.99"):
        check_machine(bundle)


# -- upgrade and the way back ---------------------------------------------------------------------


@pytest.fixture
def quick(bundle: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A bundle with a product that does nothing: what is tried is the change of releases."""

    def make(version: str, *, works: bool = True) -> Path:
        made = tmp_path / f"quick-{version}"
        shutil.copytree(bundle, made, copy_function=os.link)
        for wheel in (made / "wheels").iterdir():
            if not wheel.name.startswith("pip-"):
                wheel.unlink()
        wheel = made / "wheels" / f"silian-{version}-py3-none-any.whl"
        info = f"silian-{version}.dist-info"
        with zipfile.ZipFile(wheel, "w") as opened:
            exit_code = 0 if works else 3
            opened.writestr("tiny.py", f"import sys\ndef main(): sys.exit({exit_code})\n")
            opened.writestr(
                f"{info}/METADATA", f"Metadata-Version: 2.1\nName: silian\nVersion: {version}\n"
            )
            opened.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            opened.writestr(f"{info}/entry_points.txt", "[console_scripts]\nsilian = tiny:main\n")
            opened.writestr(f"{info}/RECORD", "")
        from deploy.bundle.build import requirements

        rewritten(made / "requirements.txt", requirements(made / "wheels").encode())
        rewritten(made / MANIFEST, version.encode())
        facts = json.loads((made / "bundle.json").read_text("utf-8"))
        rewritten(made / "bundle.json", json.dumps(facts | {"version": version}).encode())
        return made

    return make


def test_an_upgrade_is_one_step_and_so_is_the_way_back(
    quick: Callable[..., Path], tmp_path: Path
) -> None:
    target = tmp_path / "opt"
    first, second = install(quick("1.0"), target), install(quick("1.1"), target)
    current = target / "current"
    assert current.resolve() == second
    assert go_back(target) == first
    assert current.resolve() == first
    assert go_back(target) == second  # and forward again
    assert install(quick("1.2"), target) == current.resolve()
    assert (target / "previous").resolve() == second


def test_an_upgrade_that_fails_leaves_the_release_in_use(
    quick: Callable[..., Path], tmp_path: Path
) -> None:
    target = tmp_path / "opt"
    first = install(quick("1.0"), target)
    with pytest.raises(Refused, match="silian ended with 3"):
        install(quick("1.1", works=False), target)
    assert (target / "current").resolve() == first
    assert [path.name for path in (target / "releases").iterdir()] == [first.name]
    with pytest.raises(Refused, match="no release before"):
        go_back(target)


def test_an_installation_that_was_interrupted_is_made_anew(
    quick: Callable[..., Path], tmp_path: Path
) -> None:
    target = tmp_path / "opt"
    made = quick("1.0")
    first = install(made, target)
    (first / "installed.json").unlink()
    (first / "venv/bin/silian").unlink()
    assert install(made, target) == first
    assert (first / "venv/bin/silian").exists()
