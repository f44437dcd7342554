from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.engine.compose import compose_command
from poetry_gpu_build.engine.compose import compose_environment
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.resources import docker_dir

from ..builders import inputs
from ..builders import request
from ..builders import settings

if TYPE_CHECKING:
    from pathlib import Path


def test_compose_gets_the_file_the_image_and_every_build_argument(tmp_path: Path) -> None:
    plan = make_plan(inputs(tmp_path), request("5.2"))
    assert compose_environment(plan) == {
        "GPU_BUILD_DOCKERFILE": "docker/Dockerfile.source",
        "GPU_BUILD_IMAGE": "minimal:source",
        **plan.build_args,
    }


def test_the_dockerfile_is_relative_to_the_build_context(tmp_path: Path) -> None:
    # Compose resolves it so, unlike bake.
    tmp_path.joinpath("sub", "folder").mkdir(parents=True)
    plan = make_plan(inputs(tmp_path, settings("context = 'sub/folder'")), request("8.6"))
    assert compose_environment(plan)["GPU_BUILD_DOCKERFILE"] == "../../docker/Dockerfile"


@pytest.mark.parametrize("target", ["5.2", "8.6"])
def test_the_shipped_file_forwards_every_argument_of_the_plan(tmp_path: Path, target: str) -> None:
    plan = make_plan(inputs(tmp_path), request(target))
    compose = (docker_dir() / "docker-compose.yml").read_text(encoding="utf-8")
    forwarded = re.findall(r"^\s+- ([A-Z_]+)$", compose, re.MULTILINE)
    assert set(plan.build_args) <= set(forwarded)


def test_the_shipped_file_reads_the_file_and_the_image() -> None:
    compose = (docker_dir() / "docker-compose.yml").read_text(encoding="utf-8")
    assert "${GPU_BUILD_DOCKERFILE:-" in compose
    assert "${GPU_BUILD_IMAGE:-" in compose


def test_the_command_brings_the_projects_file_up_with_the_users_own_arguments(tmp_path: Path) -> None:
    plan = make_plan(inputs(tmp_path), request("8.6"))
    file = str(tmp_path / "docker" / "docker-compose.yml")
    assert compose_command(plan, ["--detach", "app"]) == [
        *("docker", "compose", "--file", file, "up", "--build"),
        *("--detach", "app"),
    ]
