"""The team's habit, `docker compose up --build`, by hand and through `poetry gpu-build up`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any

import pytest

from .harness.process import run
from .harness.steps import run_again
from .harness.steps import steps_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from .harness.plugin import Poetry
    from .images import Image

COMPOSE_FILE = "docker/docker-compose.yml"


def compose(poetry: Poetry, project: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Docker Compose as typed by hand, in a shell that has these variables."""
    environment = {**poetry.environment, **variables}
    return run(["docker", "compose", "-f", COMPOSE_FILE, *arguments], env=environment, cwd=project, check=False)


def planned(poetry: Poetry, project: Path, gpu: str, form: str) -> str:
    result = poetry.gpu_build("--dry-run", "--gpu", gpu, "--format", form, cwd=project)
    assert result.returncode == 0, result.stderr
    return result.stdout


def plan(poetry: Poetry, project: Path, gpu: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(planned(poetry, project, gpu, "json"))
    return document


# By hand: a flag that contradicts the Dockerfile stops the build


@pytest.mark.parametrize(
    ("flag", "dockerfile", "remedy"),
    [
        ("true", None, "poetry gpu-build --from-source"),
        ("YES", None, "poetry gpu-build --from-source"),
        ("1", "docker/Dockerfile", "poetry gpu-build --from-source"),
        ("false", "docker/Dockerfile.source", "poetry gpu-build --binary"),
        ("0", "docker/Dockerfile.source", "poetry gpu-build --binary"),
        ("", "docker/Dockerfile.source", "poetry gpu-build --binary"),
        ("maybe", None, "poetry gpu-build up"),
        ("maybe", "docker/Dockerfile.source", "poetry gpu-build up"),
    ],
)
def test_a_flag_that_the_dockerfile_does_not_serve_stops_the_build_at_its_first_step(
    flag: str, dockerfile: str | None, remedy: str, binary_image: Image, poetry: Poetry, project: Path
) -> None:
    before = binary_image.id()
    chosen = {"BUILD_FROM_SOURCE": flag} | ({"GPU_BUILD_DOCKERFILE": dockerfile} if dockerfile else {})
    result = compose(poetry, project, "--progress", "plain", "build", "app", **chosen)
    assert result.returncode != 0
    # Compose shows its progress on stdout.
    assert f"error: BUILD_FROM_SOURCE={flag} " in result.stdout
    assert remedy in result.stdout
    assert {step.stage for step in steps_of(result.stdout)} == {"mode"}
    assert binary_image.id() == before


# Through the plugin


@pytest.mark.parametrize(("gpu", "dockerfile"), [("8.6", "docker/Dockerfile"), ("5.2", "docker/Dockerfile.source")])
def test_compose_gets_the_dockerfile_the_image_and_every_argument_of_the_plan(
    gpu: str, dockerfile: str, poetry: Poetry, project: Path, tmp_path: Path
) -> None:
    variables = tmp_path / "gpu-build.env"
    variables.write_text(planned(poetry, project, gpu, "env"))
    arguments = ("--env-file", str(variables), "config", "--format", "json", "app")
    result = compose(poetry, project, *arguments)
    assert result.returncode == 0, result.stderr
    app = json.loads(result.stdout)["services"]["app"]
    expected = plan(poetry, project, gpu)
    assert app["build"]["dockerfile"] == dockerfile
    assert app["build"]["context"] == str(project)
    assert app["build"]["args"] == expected["build_args"]
    assert app["image"] == expected["tags"][0]


def test_up_with_dry_run_prints_what_compose_would_get(poetry: Poetry, project: Path) -> None:
    result = poetry.run("gpu-build", "up", "--gpu", "8.6", "--dry-run", cwd=project)
    assert result.returncode == 0
    assert result.stdout == planned(poetry, project, "8.6", "env")


@pytest.fixture
def cleared(poetry: Poetry, project: Path) -> Iterator[None]:
    yield
    assert compose(poetry, project, "down", "--volumes").returncode == 0


@pytest.mark.usefixtures("cleared")
def test_up_hands_over_to_compose_which_builds_the_same_image(
    source_image: Image, poetry: Poetry, project: Path
) -> None:
    layers = source_image.layers()
    result = poetry.run("gpu-build", "up", "--gpu", "5.2", "--", "--no-start", "app", cwd=project)
    assert result.returncode == 0, result.stderr
    assert steps_of(result.stdout)
    # Compose is handed no context: the Dockerfile's own stage makes it, and all behind it takes both for the same.
    assert {step.split("]")[0] for step in run_again(result.stdout)} <= {"[deps"}
    assert source_image.layers() == layers
    containers = compose(poetry, project, "ps", "--all", "--format", "{{.Image}} {{.State}}").stdout
    assert containers.split() == ["hello-gpu:source", "created"]


def test_up_ends_with_the_exit_code_of_compose(poetry: Poetry, project: Path) -> None:
    result = poetry.run("gpu-build", "up", "--gpu", "8.6", "--", "--no-start", "nobody", cwd=project)
    assert result.returncode not in (0, 2)
    assert "no such service: nobody" in result.stderr


def test_up_without_a_daemon_says_so(poetry: Poetry, project: Path, tmp_path: Path) -> None:
    lonely = poetry.with_env(DOCKER_HOST=f"unix://{tmp_path}/nobody.sock")
    result = lonely.run("gpu-build", "up", "--gpu", "8.6", cwd=project)
    assert result.returncode == 4
    assert "error: the Docker daemon does not answer" in result.stderr
