"""Builds that cannot start, that fail, and that are stopped: one message, the right exit code, nothing left behind."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .harness.plugin import CHECKOUT
from .harness.project import edit_pyproject
from .harness.project import files_of
from .harness.terminal import CTRL_C
from .harness.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from .harness.engine import Engine
    from .harness.gitserver import GitServer
    from .harness.plugin import Poetry
    from .images import Image

NO_IMAGE = "nvidia/cuda:12.8.0-none"

QUICKLY_S = 10.0
"""Far above what an answer takes, and half of what docker itself waits for a builder that is gone."""

SYSTEM_PLUGINS = [Path(f"/usr/{folder}/docker/cli-plugins/docker-buildx") for folder in ("lib", "libexec", "local/lib")]


def message(stderr: str) -> str:
    """The error that the plugin itself reports, behind all that docker said."""
    head, found, tail = stderr.rpartition("\nerror: ")
    assert found, head
    return tail


# Builds that fail


@dataclass(frozen=True, slots=True)
class Failed:
    """A build that failed, and the image of its name as it was before and after."""

    result: subprocess.CompletedProcess[str]
    before: str
    after: str


@pytest.fixture(scope="module")
def failed_compile(source_image: Image, poetry: Poetry, project: Path, git_server: GitServer) -> Failed:
    before = source_image.id()
    broken = f"TORCH_REPOSITORY={git_server.url('broken/pytorch.git')}"
    result = poetry.gpu_build("--gpu", "5.2", "--build-arg", broken, cwd=project)
    return Failed(result, before, source_image.id())


def test_a_compile_that_fails_is_told_with_its_step_its_line_and_the_compilers_words(failed_compile: Failed) -> None:
    dockerfile = (CHECKOUT / "docker/Dockerfile.source").read_text().splitlines()
    heredoc = next(number for number, text in enumerate(dockerfile) if text.endswith("<<'COMPILE'"))
    line = 1 + max(number for number in range(heredoc + 1) if dockerfile[number].startswith("RUN "))
    said = message(failed_compile.result.stderr)
    assert said.startswith("the build failed in [torch-build 1/1] RUN ")
    assert "add.cu(" in said
    assert 'error: expected a ";"' in said
    assert f"--> docker/Dockerfile.source:{line}" in said


def test_a_compile_that_fails_has_its_exit_code_and_no_result(failed_compile: Failed) -> None:
    assert failed_compile.result.returncode == 5
    assert failed_compile.result.stdout == ""


def test_a_compile_that_fails_leaves_the_last_good_image_alone(failed_compile: Failed) -> None:
    assert failed_compile.after == failed_compile.before


def test_a_get_pip_that_is_not_the_expected_one_is_not_run(binary_image: Image, poetry: Poetry, project: Path) -> None:
    result = poetry.gpu_build("--gpu", "8.6", "--build-arg", f"GET_PIP_SHA256={'0' * 64}", cwd=project)
    assert result.returncode == 5
    assert "computed checksum did NOT match" in message(result.stderr)
    assert "--> docker/Dockerfile:" in message(result.stderr)
    assert "Installing collected packages" not in result.stderr


def test_a_base_image_that_cannot_be_had_is_told_with_what_to_do(
    bases: Engine, poetry: Poetry, project: Path, tmp_path: Path
) -> None:
    copy = tmp_path / project.name
    shutil.copytree(project, copy)
    edit_pyproject(
        copy, lambda document: document["tool"]["gpu-build"]["modes"].update(binary={"base-image": NO_IMAGE})
    )
    # Not linted: the Dockerfile names another base image, which is an error of its own.
    result = poetry.gpu_build("--gpu", "8.6", "--no-lint", cwd=copy)
    assert result.returncode == 5
    assert NO_IMAGE in message(result.stderr)
    assert "modes.binary.base-image in [tool.gpu-build]" in message(result.stderr)


# No engine


@pytest.fixture
def without_docker(poetry: Poetry) -> Poetry:
    return poetry.with_env(PATH=str(poetry.program.parent))


@pytest.fixture
def without_buildx(poetry: Poetry, tmp_path: Path) -> Poetry:
    if any(plugin.exists() for plugin in SYSTEM_PLUGINS):
        pytest.skip("this machine's own buildx would be found")
    (tmp_path / "cli-plugins").mkdir()
    return poetry.with_env(DOCKER_CONFIG=str(tmp_path))


@pytest.fixture
def without_daemon(poetry: Poetry, tmp_path: Path) -> Poetry:
    return poetry.with_env(DOCKER_HOST=f"unix://{tmp_path}/nobody.sock")


NO_ENGINE = pytest.mark.parametrize(
    ("lacking", "expected"),
    [
        ("without_docker", "docker is not installed, or not on PATH\n"),
        ("without_buildx", "this docker has no working buildx, and would fall back to the legacy builder\n"),
        ("without_daemon", "the Docker daemon does not answer (Cannot connect to the Docker daemon"),
    ],
)


@NO_ENGINE
def test_without_an_engine_nothing_is_built(
    lacking: str, expected: str, project: Path, request: pytest.FixtureRequest
) -> None:
    poetry: Poetry = request.getfixturevalue(lacking)
    started = time.monotonic()
    result = poetry.gpu_build("--gpu", "8.6", cwd=project)
    took = time.monotonic() - started
    assert result.returncode == 4
    assert message(result.stderr).startswith(expected)
    assert "  help: " in message(result.stderr)
    assert result.stdout == ""
    assert took < QUICKLY_S


@NO_ENGINE
def test_without_an_engine_a_plan_is_made_all_the_same(
    lacking: str, expected: str, poetry: Poetry, project: Path, request: pytest.FixtureRequest
) -> None:
    without: Poetry = request.getfixturevalue(lacking)
    arguments = ("--dry-run", "--gpu", "8.6", "--format", "json")
    result, usual = (command.gpu_build(*arguments, cwd=project) for command in (without, poetry))
    assert result.returncode == 0
    assert expected not in result.stderr
    revision = '"org.opencontainers.image.revision"'  # git, too, is looked for on PATH
    assert [line.rstrip(",") for line in result.stdout.splitlines() if revision not in line] == [
        line.rstrip(",") for line in usual.stdout.splitlines() if revision not in line
    ]


def test_a_builder_that_does_not_exist_is_told(bases: Engine, poetry: Poetry, project: Path) -> None:
    result = poetry.gpu_build("--gpu", "8.6", "--builder", "nobody", cwd=project)
    assert result.returncode == 4
    assert message(result.stderr).startswith("the builder nobody does not answer")


# Ctrl-C

# Another architecture: a compile that no cache answers.
# A compile asks first whether it may, where somebody can answer.
COMPILE = ("gpu-build", "--gpu", "5.0", "--yes")


@dataclass(frozen=True, slots=True)
class Interrupted:
    """How a build ended that was stopped while torch was compiled."""

    exit_code: int
    shown: str


def interrupt_from_the_keyboard(poetry: Poetry, project: Path, engine: Engine) -> Interrupted:
    with Terminal([poetry.program, *COMPILE], env=poetry.environment, cwd=project) as terminal:
        terminal.wait_for("[torch-build 1/1] RUN ")
        # The step is shown a moment before its container runs.
        deadline = time.monotonic() + QUICKLY_S
        while not engine.builds_running():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        terminal.type(CTRL_C)
        return Interrupted(terminal.wait(), terminal.screen)


def interrupt_by_signal(poetry: Poetry, project: Path, engine: Engine) -> Interrupted:
    command = subprocess.Popen(
        [poetry.program, *COMPILE],
        cwd=project,
        env=dict(poetry.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert command.stdout
        shown = ""
        while "Collecting" not in shown:
            line = command.stdout.readline()
            assert line, shown
            shown += line
        assert engine.builds_running()
        command.send_signal(signal.SIGINT)
        rest, _ = command.communicate(timeout=60)
    finally:
        command.kill()
        command.wait()
    return Interrupted(command.returncode, shown + rest)


@pytest.mark.parametrize("interrupt", [interrupt_from_the_keyboard, interrupt_by_signal])
def test_an_interrupted_build_ends_and_leaves_nothing_behind(
    interrupt: Callable[[Poetry, Path, Engine], Interrupted],
    source_image: Image,
    bases: Engine,
    poetry: Poetry,
    project: Path,
) -> None:
    before, image = files_of(project), source_image.id()
    ended = interrupt(poetry, project, bases)
    assert ended.exit_code == 130
    assert message(ended.shown) == "the build was interrupted\n"
    assert "Traceback" not in ended.shown
    bases.wait_until_idle(timeout_s=30)
    assert files_of(project) == before
    assert source_image.id() == image
    assert bases.docker("version").returncode == 0


# In a terminal docker draws, and the message is the same


def test_a_failure_in_a_terminal_is_told_as_without_one(binary_image: Image, poetry: Poetry, project: Path) -> None:
    command = ("gpu-build", "--gpu", "8.6", "--build-arg", f"GET_PIP_SHA256={'0' * 64}")
    with Terminal([poetry.program, *command], env=poetry.environment, cwd=project) as terminal:
        assert terminal.wait() == 5
        assert "[+] Building " in terminal.screen
        assert "computed checksum did NOT match" in message(terminal.screen)
        assert "--> docker/Dockerfile:" in message(terminal.screen)
