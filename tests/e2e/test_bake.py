"""The definition: what the plugin prints is what buildx understands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from .harness.engine import Engine
    from .harness.plugin import Poetry

PLAIN = ("--gpu", "8.6")
EVERYTHING = (
    *("--all-modes", "--gpu", "8.6", "--gpu", "5.2", "--tag", "registry:5000/app:{mode}", "--tag", "app:{mode}-next"),
    *("--target", "app", "--build-arg", "GREETING=hello, world = all", "--docker-no-cache"),
    *("--cache-from", "type=registry,ref=registry:5000/app:cache"),
    *("--cache-to", "type=registry,ref=registry:5000/app:cache-{mode},mode=max"),
    *("--secret", "id=token,env=TOKEN", "--output", "type=local,dest=out-{mode}"),
)


def printed(poetry: Poetry, project: Path, *arguments: str) -> str:
    result = poetry.gpu_build("--dry-run", "--format", "bake", *arguments, cwd=project)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("arguments", [PLAIN, EVERYTHING], ids=["plain", "everything"])
def test_buildx_reads_the_definition_as_it_was_meant(
    arguments: tuple[str, ...], engine: Engine, poetry: Poetry, project: Path
) -> None:
    definition = printed(poetry, project, *arguments)
    said = engine.docker("buildx", "bake", "-f", "-", "--print", cwd=project, input_text=definition).stdout
    assert json.loads(said) == json.loads(definition)


def test_the_definition_of_all_modes_has_a_target_for_each(poetry: Poetry, project: Path) -> None:
    definition: dict[str, Any] = json.loads(printed(poetry, project, "--all-modes"))
    assert definition["group"]["default"]["targets"] == ["binary", "source"]
    assert [target["tags"] for target in definition["target"].values()] == [["hello-gpu:binary"], ["hello-gpu:source"]]


def test_the_definition_is_the_same_without_an_engine(poetry: Poetry, project: Path, tmp_path: Path) -> None:
    lonely = poetry.with_env(DOCKER_HOST=f"unix://{tmp_path}/nobody.sock")
    assert printed(lonely, project, *PLAIN) == printed(poetry, project, *PLAIN)
