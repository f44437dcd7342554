from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..builders import put_on_path
from ..builders import settings
from ..builders import tree

if TYPE_CHECKING:
    from .conftest import Poetry
    from .conftest import Ran

DRY = "gpu-build up --dry-run"


def variables(text: str) -> dict[str, str]:
    return dict(word.partition("=")[::2] for line in text.splitlines() for word in shlex.split(line))


@pytest.mark.parametrize(
    ("target", "dockerfile", "flag"),
    [("5.2", "docker/Dockerfile.source", "true"), ("8.6", "docker/Dockerfile", "false")],
)
def test_a_dry_run_prints_what_compose_would_get(poetry: Poetry, target: str, dockerfile: str, flag: str) -> None:
    ran = poetry(f"{DRY} --gpu {target}")
    assert ran.status == 0
    found = variables(ran.out)
    assert found["GPU_BUILD_DOCKERFILE"] == dockerfile
    assert found["BUILD_FROM_SOURCE"] == flag
    assert found["GPU_BUILD_IMAGE"].startswith("minimal:")


def test_the_plan_is_shown_beside_it(poetry: Poetry) -> None:
    ran = poetry(f"{DRY} --gpu 5.2")
    assert "mode: source" in ran.err
    assert "mode:" not in ran.out


def test_a_dry_run_touches_nothing(poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", f"touch '{tmp_path}/touched'")
    before = tree(root)
    poetry(f"{DRY} --gpu 8.6")
    assert tree(root) == before
    assert not tmp_path.joinpath("touched").exists()


def test_an_option_overrules_the_environment(poetry: Poetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUILD_FROM_SOURCE", "true")
    assert variables(poetry(f"{DRY} --gpu 8.6").out)["BUILD_FROM_SOURCE"] == "true"
    assert variables(poetry(f"{DRY} --gpu 8.6 --binary").out)["BUILD_FROM_SOURCE"] == "false"


COMPOSE = """\
case "$*" in
  'compose version') echo 'Docker Compose version 2.26.1-4' ;;
  'version '*) echo 26.1.5 ;;
  'compose --file '*) env > "$RECORD/env"; printf '%s\\n' "$@" > "$RECORD/argv"; pwd; exit 17 ;;
  *) exit 64 ;;
esac"""


def up(poetry: Poetry, folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str, script: str = COMPOSE) -> Ran:
    put_on_path(monkeypatch, folder / "bin", script)
    return poetry.process("gpu-build", "up", *arguments, RECORD=str(folder), BUILD_FROM_SOURCE="TRUE", KEPT="kept")


def test_compose_takes_over_with_its_environment_its_arguments_and_its_exit_code(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = up(poetry, tmp_path, monkeypatch, "--gpu", "5.2", "--", "--detach", "app", "a b")
    assert ran.status == 17
    argv = tmp_path.joinpath("argv").read_text(encoding="utf-8").splitlines()
    assert argv[:2] == ["compose", "--file"]
    assert Path(argv[2]).samefile(root / "docker" / "docker-compose.yml")
    assert argv[3:] == ["up", "--build", "--detach", "app", "a b"]
    environment = dict(
        line.partition("=")[::2] for line in tmp_path.joinpath("env").read_text(encoding="utf-8").splitlines()
    )
    assert environment["GPU_BUILD_DOCKERFILE"] == "docker/Dockerfile.source"
    assert environment["GPU_BUILD_IMAGE"] == "minimal:source"
    assert environment["BUILD_FROM_SOURCE"] == "true"
    assert environment["TORCH_CUDA_ARCH_LIST"] == "5.2"
    assert environment["POETRY_WITHOUT"] == "binary-torch"
    assert environment["KEPT"] == "kept"


def test_what_compose_prints_is_all_that_stdout_holds(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = up(poetry, tmp_path, monkeypatch, "--gpu", "8.6", "--binary")
    assert Path(ran.out.rstrip("\n")).samefile(root)


def test_without_compose_it_is_exit_4(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path / "bin", "exit 1")
    ran = poetry("gpu-build up --gpu 8.6")
    assert ran.status == 4
    assert "Compose" in ran.err


def test_without_docker_it_is_exit_4(poetry: Poetry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert poetry("gpu-build up --gpu 8.6").status == 4


def test_a_card_that_no_mode_serves_brings_nothing_up(poetry: Poetry) -> None:
    ran = poetry(f"{DRY} --gpu 6.1")
    assert (ran.status, ran.out) == (3, "")


def test_a_missing_compose_file_is_named_with_the_setting(poetry: Poetry, root: Path) -> None:
    root.joinpath("docker", "docker-compose.yml").unlink()
    ran = poetry(f"{DRY} --gpu 8.6")
    assert (ran.status, ran.out) == (2, "")
    assert "the Compose file does not exist" in ran.err
    assert "--> docker/docker-compose.yml" in ran.err
    assert "compose-file in [tool.gpu-build]" in ran.err


@pytest.mark.parametrize("path", ["../compose.yml", "/etc/hostname"])
def test_a_compose_file_outside_the_project_is_refused(poetry: Poetry, root: Path, path: str) -> None:
    root.parent.joinpath("compose.yml").touch()
    root.joinpath("pyproject.toml").write_text(settings(f"compose-file = '{path}'"), encoding="utf-8")
    ran = poetry(f"{DRY} --gpu 8.6")
    assert (ran.status, ran.out) == (2, "")
    assert "outside the project" in ran.err
    assert "--> pyproject.toml:" in ran.err


def test_another_compose_file_may_be_named(
    poetry: Poetry, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = root.joinpath("docker", "docker-compose.yml").read_text(encoding="utf-8")
    root.joinpath("compose.yml").write_text(text.replace("context: ..", "context: ."), encoding="utf-8")
    root.joinpath("pyproject.toml").write_text(settings("compose-file = 'compose.yml'"), encoding="utf-8")
    up(poetry, tmp_path, monkeypatch, "--gpu", "8.6")
    argv = tmp_path.joinpath("argv").read_text(encoding="utf-8").splitlines()
    assert Path(argv[2]).samefile(root / "compose.yml")
