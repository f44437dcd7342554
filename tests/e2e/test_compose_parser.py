"""Our reading of Compose files against Compose itself: `docker compose config` of Debian's package, without a daemon.

The files are in compose_corpus/. Compared is what the rules look at: the services, what each publishes, how each image
is built, and the values that variables give. What the peer refuses, we must call a problem.
"""

from __future__ import annotations

import json
import os
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any

import pytest

from poetry_gpu_build.documents.compose.read import read_compose
from poetry_gpu_build.documents.interpolation import interpolate

from .harness.engine import unpacked_engine
from .harness.machine import why_not
from .harness.process import run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.documents.compose.model import Build
    from poetry_gpu_build.documents.compose.model import ComposeProject
    from poetry_gpu_build.documents.compose.model import Service

CORPUS = Path(__file__).parent / "compose_corpus"

ENVIRONMENTS: dict[str, dict[str, str]] = {
    "none": {},
    "empty": {"BUILD_FROM_SOURCE": "", "PORT": "", "TAG": "", "BIND": "", "BOARD_PORT": "", "WEB_FILE": ""},
    "false": {"BUILD_FROM_SOURCE": "false", "BOARD_PORT": "6006", "A": "", "B": "b", "C": "c"},
    "true": {"BUILD_FROM_SOURCE": "true", "PORT": "9000-9001", "TAG": "a$b", "EXTRA": "", "PLAIN_PORT": "1"},
    "other": {"CONTEXT": "/srv", "TARGET": "1", "PUBLISHED": "2-3", "COMPOSE_PROJECT_NAME": "named", "NOTHING": "n"},
}

# As one would name them behind -f; the folder of the first one is the project's.
PROJECTS: list[list[str]] = [
    ["anchors.yml"],
    ["documents.yml"],
    ["ephemeral.yml"],
    ["extends.yml"],
    ["include.yml"],
    ["interpolated.yml"],
    ["long-ports.yml"],
    ["merge-keys.yml"],
    ["network-host.yml"],
    ["override/compose.yaml", "override/compose.override.yml"],
    ["profiles.yml"],
    ["short-ports.yml"],
    ["twice/first.yml", "twice/second/second.yml"],
    ["usual-repair.yml"],
    ["values.yml"],
    ["volumes.yml"],
]


class Peer:
    """The `docker-compose` program of the harness's engine."""

    def __init__(self, home: Path) -> None:
        self._program = unpacked_engine() / "usr/libexec/docker/cli-plugins/docker-compose"
        self._home = home

    def config(self, files: Sequence[Path], environment: Mapping[str, str], *profiles: str) -> dict[str, Any] | str:
        """The project as the peer reads it; the message, where it refuses it."""
        chosen = [word for profile in profiles for word in ("--profile", profile)]
        named = [word for file in files for word in ("-f", str(file))]
        surroundings = {"PATH": os.defpath, "HOME": str(self._home), **environment}
        answer = run([self._program, *chosen, *named, "config", "--format", "json"], env=surroundings, check=False)
        if answer.returncode:
            return answer.stderr
        project: dict[str, Any] = json.loads(answer.stdout)
        return project


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Peer:
    reason = why_not()
    if reason is not None:
        if os.environ.get("GPU_BUILD_E2E") == "require":
            pytest.fail(f"the end-to-end tests cannot run here: {reason}", pytrace=False)
        pytest.skip(reason)
    return Peer(tmp_path_factory.mktemp("home"))


def told(text: str | None) -> str | None:
    """A text as `config` prints it: fit to be read as a Compose file again."""
    return None if text is None else text.replace("$", "$$")


def our_build(build: Build, project: ComposeProject) -> dict[str, Any]:
    given = {name: argument.value for name, argument in build.args.items()}
    args = {name: project.variables.get(name) if value is None else value for name, value in given.items()}
    inline = None if build.dockerfile_inline is None else build.dockerfile_inline.value
    dockerfile = None if inline is not None else "Dockerfile" if build.dockerfile is None else build.dockerfile.value
    return {
        "context": str(build.context_path),
        "dockerfile": told(dockerfile),
        "inline": told(inline),
        "target": None if build.target is None else build.target.value,
        # An argument without a value, in the file and in the environment, is left to the Dockerfile.
        "args": {name: told(value) for name, value in args.items() if value is not None},
    }


def our_service(service: Service, project: ComposeProject) -> dict[str, Any]:
    environment = {name: given.value for name, given in service.environment.items()}
    return {
        "image": None if service.image is None else told(service.image.value),
        "ports": sorted({binding for port in service.ports for binding in port.bindings()}),
        "expose": sorted(text.value for text in service.expose),
        "network_mode": None if service.network_mode is None else service.network_mode.value,
        "profiles": sorted(text.value for text in service.profiles),
        "volumes": sorted(
            (mount.type, str(mount.source_path or mount.source), mount.target, mount.read_only)
            for mount in service.volumes
        ),
        "environment": {
            name: told(project.variables.get(name) if value is None else value) for name, value in environment.items()
        },
        "gpus": [device.capabilities for device in service.devices],
        "build": None if service.build is None else our_build(service.build, project),
    }


def their_service(service: Mapping[str, Any]) -> dict[str, Any]:
    build = service.get("build")
    devices = service.get("deploy", {}).get("resources", {}).get("reservations", {}).get("devices", [])
    return {
        "image": service.get("image"),
        # A set: Compose lists "1:1" and {target: 1, published: 1} both, because the one's port is a text.
        "ports": sorted(
            {
                (port.get("host_ip", ""), port.get("published", ""), port["target"], port["protocol"])
                for port in service.get("ports", [])
            }
        ),
        "expose": sorted(service.get("expose", [])),
        "network_mode": service.get("network_mode"),
        "profiles": sorted(service.get("profiles", [])),
        "volumes": sorted(
            (mount["type"], mount.get("source", ""), mount["target"], mount.get("read_only", False))
            for mount in service.get("volumes", [])
        ),
        "environment": service.get("environment", {}),
        "gpus": [tuple(device["capabilities"]) for device in devices],
        "build": build
        and {
            "context": build["context"],
            "dockerfile": build.get("dockerfile"),
            "inline": build.get("dockerfile_inline"),
            "target": build.get("target"),
            "args": build.get("args", {}),
        },
    }


@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("files", PROJECTS, ids=lambda files: files[-1])
def test_a_project_is_read_as_compose_reads_it(peer: Peer, files: list[str], environment: str) -> None:
    paths = [CORPUS / name for name in files]
    project = read_compose(paths, ENVIRONMENTS[environment])
    theirs = peer.config(paths, ENVIRONMENTS[environment], "*")
    if isinstance(theirs, str):
        assert project.problems, theirs
        return
    assert list(map(str, project.problems)) == []
    ours = {name: our_service(service, project) for name, service in project.services.items()}
    assert ours == {name: their_service(service) for name, service in theirs["services"].items()}


@pytest.mark.parametrize("name", sorted(path.stem for path in (CORPUS / "refused").glob("*.yml")))
def test_what_compose_refuses_is_a_problem_with_a_place(peer: Peer, name: str) -> None:
    path = CORPUS / "refused" / f"{name}.yml"
    assert isinstance(peer.config([path], {}), str)
    problems = read_compose([path], {}).problems
    assert problems
    assert all(problem.position.line or name == "nothing" for problem in problems)


def test_a_project_directory_counts_as_the_specification_says(peer: Peer) -> None:
    # The packaged 2.26.1 takes the included file's own folder; compose-go has been mended since.
    path = CORPUS / "include-project-directory.yml"
    build = read_compose([path], {}).services["long"].build
    theirs = peer.config([path], {})
    assert isinstance(theirs, dict), theirs
    assert build is not None
    assert build.context_path == CORPUS / "included/elsewhere"
    assert theirs["services"]["long"]["build"]["context"] == str(CORPUS / "included")


VALUES = {"SET": "value", "EMPTY": ""}


class AnyValue(dict[str, str]):
    """Another answer each time, the same name's too: so that every branch is taken by some seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._dice = random.Random(seed)

    def get(self, _: object, __: object = None) -> Any:
        return self._dice.choice(["value", "", None])


def random_template(dice: random.Random, depth: int = 0) -> str:
    """Text, braces that mean nothing, and variables with every operator, within one another."""

    def piece() -> str:
        name = dice.choice(["SET", "EMPTY", "UNSET", "_x1"])
        match dice.randrange(9 if depth < 3 else 6):
            case 0 | 1:
                return dice.choice(["a", " ", "-", ":", "?x", "+", "/b", "=", "é", "\n"])
            case 2:
                return dice.choice(["{", "}", "{}", "$$", "$", "{a}"])
            case 3:
                return f"${name}"
            case 4 | 5:
                return f"${{{name}}}"
        # A requirement in a branch that is not taken is the one thing in which 2.26.1 and its successors differ.
        operator = dice.choice([":-", "-", ":+", "+", "!", *((":?", "?") if depth == 0 else ())])
        return f"${{{name}{operator}{random_template(dice, depth + 1)}}}"

    return "".join(piece() for _ in range(dice.randint(1, 4)))


def random_templates(count: int) -> list[str]:
    dice = random.Random(20260)  # the same ones each time
    return [random_template(dice) for _ in range(count)]


def interpolated_by(peer: Peer, templates: Sequence[str], folder: Path) -> dict[str, str] | str:
    """Their values by number; the message, where one of them is refused."""
    environment = {f"V{number}": template for number, template in enumerate(templates)}
    path = folder / "templates.yml"
    path.write_text(json.dumps({"services": {"app": {"image": "app", "environment": environment}}}))
    theirs = peer.config([path], VALUES)
    if isinstance(theirs, str):
        return theirs
    given: dict[str, str] = theirs["services"]["app"]["environment"]
    return given


def every_branch_has_a_value(template: str, throws: int = 60) -> bool:
    """2.26.1 evaluates branches that are not taken too, and refuses their mistakes; its successors do not."""
    return not any(interpolate(template, AnyValue(seed)).mistakes for seed in range(throws))


def test_random_templates_become_the_same_texts(peer: Peer, tmp_path: Path) -> None:
    ours = {template: interpolate(template, VALUES) for template in random_templates(4000)}
    valid = [template for template, result in ours.items() if not result.mistakes]
    agreed = [template for template in valid if every_branch_has_a_value(template) or "?" in template]
    theirs = interpolated_by(peer, agreed, tmp_path)
    while isinstance(theirs, str):
        refused = re.search(r"environment\.V(\d+)", theirs)
        assert refused, theirs
        template = agreed.pop(int(refused[1]))
        assert not every_branch_has_a_value(template, throws=20_000), theirs
        theirs = interpolated_by(peer, agreed, tmp_path)
    assert len(agreed) > 1000
    texts = {f"V{number}": told(ours[template].text) for number, template in enumerate(agreed)}
    assert {key: (agreed[int(key[1:])], text, theirs[key]) for key, text in texts.items() if text != theirs[key]} == {}


def test_random_templates_that_we_call_a_mistake_are_refused(peer: Peer, tmp_path: Path) -> None:
    mistaken = [template for template in random_templates(400) if interpolate(template, VALUES).mistakes][:80]
    assert [template for template in mistaken if isinstance(interpolated_by(peer, [template], tmp_path), dict)] == []


@pytest.mark.parametrize("files", PROJECTS, ids=lambda files: files[-1])
def test_without_a_profile_the_same_services_are_started(peer: Peer, files: list[str]) -> None:
    paths = [CORPUS / name for name in files]
    theirs = peer.config(paths, {})
    assert isinstance(theirs, dict), theirs
    assert {service.name for service in read_compose(paths, {}).active()} == set(theirs["services"])
