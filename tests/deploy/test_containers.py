"""Image, Compose and Kubernetes: each is checked by its own tool, and the commands are run.

No image is built here: that needs a daemon. The commands of deploy/README.md for Compose are run
with processes of this machine for its containers, with the same arguments and variables.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.support.silian import SERVE, START_S_MAX, STOP_S_MAX, free_ports, silian

ROOT = Path(__file__).resolve().parents[2]
CONTAINER = ROOT / "deploy/container"
KUBERNETES = ROOT / "deploy/kubernetes"
BIN = Path(sys.executable).parent
OVERLAYS = ["base", "district"]
COMPOSE: dict[str, Any] = yaml.safe_load((CONTAINER / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def ran(*command: str | Path) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# -- the image ------------------------------------------------------------------------------------


def image() -> list[tuple[str, str]]:
    """Return the instructions of the last stage."""
    text = (CONTAINER / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line.partition(" ") for line in text.splitlines() if re.match(r"[A-Z]+ ", line)]
    last = max(at for at, (word, _, _) in enumerate(lines) if word == "FROM")
    return [(word, rest.strip()) for word, _, rest in lines[last:]]


def test_hadolint_accepts_the_image() -> None:
    ran(BIN / "hadolint", "--failure-threshold", "style", CONTAINER / "Dockerfile")


def test_hadolint_refuses_what_is_bad(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM debian\nRUN cd /x && sudo apt install y\n", "utf-8")
    done = subprocess.run([BIN / "hadolint", tmp_path / "Dockerfile"], check=False, stdout=-3)
    assert done.returncode == 1


def test_the_image_runs_as_nobody_of_the_host_and_downloads_nothing() -> None:
    last = dict(image())
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last["USER"])
    text = (CONTAINER / "Dockerfile").read_text("utf-8")
    assert "--no-index" in text
    assert not re.search(r"apt|curl|wget|git clone|ADD ", text)


def variables() -> dict[str, str]:
    (line,) = (rest for word, rest in image() if word == "ENV")
    return dict(pair.split("=", 1) for pair in shlex.split(line))


# -- Compose --------------------------------------------------------------------------------------


def test_compose_accepts_the_file_by_its_own_schema() -> None:
    ran(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec",
        CONTAINER / "compose.yaml")  # fmt: skip


def test_compose_itself_accepts_the_file() -> None:
    has = (
        shutil.which("docker")
        and not subprocess.run(
            ["docker", "compose", "version"], capture_output=True, check=False
        ).returncode
    )
    if not has:
        pytest.skip("platform: no docker compose here")
    ran("docker", "compose", "--file", CONTAINER / "compose.yaml", "config", "--quiet")


def test_the_file_has_all_four_levels_and_every_container_is_locked() -> None:
    assert [re.sub(r"\d", "", name) for name in SERVICES] == [
        "city", "district", "street", *["community"] * 4,
    ]  # fmt: skip
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service["user"].startswith("0"), name
        assert "ports" not in service, name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert f"{name}:/var/lib/silian" in service["volumes"], name
    assert all(network["internal"] for network in COMPOSE["networks"].values())


def test_a_container_reaches_its_parent_and_its_children_only() -> None:
    joined = {
        (a, b)
        for a in SERVICES
        for b in SERVICES
        if a < b and set(SERVICES[a]["networks"]) & set(SERVICES[b]["networks"])
    }
    assert ("city", "district") in joined
    assert ("district", "street") in joined
    assert not {("city", "street"), ("community1", "district"), ("city", "community1")} & joined


@dataclass
class Engine:
    """Stands for Docker: a process for a container, a folder for a volume."""

    room: Path
    places: dict[str, str] = field(
        default_factory=dict
    )  # of a service: host:port that it listens at
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for number, name in enumerate(SERVICES, start=2):
            (self.room / name).mkdir(mode=0o700)
            self.places[name] = f"127.0.1.{number}:{free_ports(f'127.0.1.{number}')}"
        (self.room / "letters").mkdir()

    def do(self, line: str) -> None:
        """Do what `docker compose ...` says. It knows run, exec and up, as the page needs them."""
        words = shlex.split(line)
        assert words[:2] == ["docker", "compose"], line
        verb, rest = words[2], [word for word in words[3:] if word not in ("--rm", "--detach")]
        if verb == "up":
            for name in rest:
                self._up(name)
            return
        name, *arguments = rest
        if verb == "exec":
            if arguments[0] == "python":
                self.healthy(name)
                return
            assert arguments.pop(0) == "silian", line
        else:
            assert verb == "run", line
            assert name not in self.running, line
        texts = [self._inside(name, text) for text in arguments]
        done = silian(*texts, env=self._own(name))
        assert done.exit == 0, f"{line}\n{done.out}{done.err}"

    def _inside(self, name: str, text: str) -> str:
        text = text.replace("/letters", str(self.room / "letters"))
        text = text.replace("0.0.0.0:7410", self.places[name])
        named = re.fullmatch(r"(city|district|street|community\d)", text)  # the engine's names
        return self.places[named[0]].split(":")[0] if named else text

    def _own(self, name: str) -> dict[str, str]:
        own = {key: value for key, value in variables().items() if key != "PATH"}
        own["SILIAN_HEALTH"] = own["SILIAN_HEALTH"].replace("0.0.0.0", self._host(name))
        return own | {"SILIAN_DIR": str(self.room / name)}

    def _host(self, name: str) -> str:
        return self.places[name].split(":")[0]

    def _up(self, name: str) -> None:
        (command,) = (json.loads(rest) for word, rest in image() if word == "CMD")
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, *command], env=os.environ | self._own(name),
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.running[name] = process
        assert process.stdout is not None
        assert process.stdout.readline(), name
        self.healthy(name)

    def healthy(self, name: str) -> None:
        """Run the container's own check."""
        text = (CONTAINER / "health.py").read_text("utf-8").replace("127.0.0.1", self._host(name))
        done = subprocess.run(
            [sys.executable, "-c", text],
            env=os.environ | self._own(name),
            check=False,
            timeout=START_S_MAX,
        )
        assert done.returncode == 0, name

    def stop(self) -> None:
        for name, process in reversed(self.running.items()):  # the lowest office first
            process.send_signal(signal.SIGTERM)
            assert process.wait(6 * STOP_S_MAX) == 0, name
            process.stdout.close()  # type: ignore[union-attr]


@contextmanager
def engine(room: Path) -> Iterator[Engine]:
    made = Engine(room)
    try:
        yield made
        made.stop()
    finally:
        for process in made.running.values():
            if process.poll() is None:
                process.kill()


def compose_lines() -> list[str]:
    text = (ROOT / "deploy/README.md").read_text("utf-8")
    (block,) = (b for b in re.findall(r"^```\n(.*?)^```", text, re.M | re.S) if "compose run" in b)
    return [line.partition("#")[0].strip() for line in block.splitlines() if line.strip()]


def test_the_commands_of_the_page_set_up_a_city_of_containers(tmp_path: Path) -> None:
    """Every command, with the image's variables; at the end the lowest office is linked."""
    with engine(tmp_path) as docker:
        for line in compose_lines():
            docker.do(line)
        assert docker.running.keys() == SERVICES.keys()


# -- Kubernetes -----------------------------------------------------------------------------------


def rendered(overlay: str) -> list[dict[str, Any]]:
    if shutil.which("kubectl") is None:
        pytest.skip("platform: no kubectl here")
    return [*yaml.safe_load_all(ran("kubectl", "kustomize", KUBERNETES / overlay))]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kubernetes_accepts_every_object_by_its_schema(overlay: str) -> None:
    kinds = []
    for each in rendered(overlay):
        kubernetes_validate.validate(each, "1.37", strict=True)
        kinds.append(each["kind"])
    assert set(kinds) == {
        "ServiceAccount", "StatefulSet", "Service", "NetworkPolicy", "PodDisruptionBudget",
    }  # fmt: skip


def test_the_schemas_refuse_a_field_that_there_is_not() -> None:
    (office,) = (each for each in rendered("base") if each["kind"] == "StatefulSet")
    office["spec"]["template"]["spec"]["colour"] = "red"
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(office, "1.37", strict=True)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_selector_finds_the_offices_pod(overlay: str) -> None:
    objects = rendered(overlay)
    (office,) = (each for each in objects if each["kind"] == "StatefulSet")
    labels = office["spec"]["template"]["metadata"]["labels"].items()
    ports = {p["name"] for p in office["spec"]["template"]["spec"]["containers"][0]["ports"]}
    selectors = [office["spec"]["selector"]["matchLabels"]]
    for each in objects:
        if each["kind"] == "Service":
            selectors.append(each["spec"]["selector"])
            assert {port["targetPort"] for port in each["spec"]["ports"]} <= ports
            assert "health" not in {port["name"] for port in each["spec"]["ports"]}
        if each["kind"] == "NetworkPolicy":
            selectors.append(each["spec"]["podSelector"]["matchLabels"])
            for rule in each["spec"]["ingress"]:
                assert {port["port"] for port in rule["ports"]} <= {"link", "enrolment"}
        if each["kind"] == "PodDisruptionBudget":
            selectors.append(each["spec"]["selector"]["matchLabels"])
    assert len(selectors) >= 4
    assert all(selector.items() <= labels for selector in selectors)
    services = {e["metadata"]["name"]: e for e in objects if e["kind"] == "Service"}
    assert services[office["spec"]["serviceName"]]["spec"]["clusterIP"] == "None"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_pod_runs_one_office_locked_and_probed(overlay: str) -> None:
    (office,) = (each for each in rendered(overlay) if each["kind"] == "StatefulSet")
    pod = office["spec"]["template"]["spec"]
    assert office["spec"]["replicas"] == 1
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in (*pod["initContainers"], *pod["containers"]):
        locked = container["securityContext"]
        assert locked["readOnlyRootFilesystem"] is True
        assert locked["allowPrivilegeEscalation"] is False
        assert locked["capabilities"] == {"drop": ["ALL"]}
    (container,) = pod["containers"]
    port = int({e["name"]: e["value"] for e in container["env"]}["SILIAN_HEALTH"][-4:])
    assert {"name": "health", "containerPort": port} in container["ports"]
    paths = {
        name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")
    }
    assert {get["port"] for get in paths.values()} == {"health"}
    assert paths["liveness"]["path"] == "/livez"
    assert paths["readiness"]["path"] == "/readyz"


def test_the_pod_makes_its_office_once_by_the_letter() -> None:
    (office,) = (each for each in rendered("base") if each["kind"] == "StatefulSet")
    (once,) = office["spec"]["template"]["spec"]["initContainers"]
    from tests.docs.test_commands import wrong

    (script,) = once["args"]
    test, _, command = script.partition(" || ")
    assert test == 'test -e "$SILIAN_DIR/office.toml"'
    assert wrong(shlex.split(command)) == ""
