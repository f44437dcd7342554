"""The whole examination: what is asked how often, the order of the lines, and the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.doctor.examine import examine
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import exit_code
from poetry_gpu_build.doctor.seen import Wish
from poetry_gpu_build.engine.preflight import Answer
from poetry_gpu_build.errors import ConfigurationError

from ..builders import settings
from ..builders import write_project
from .world import Docker
from .world import has_gpus
from .world import recorded
from .world import world

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from poetry_gpu_build.doctor.examine import Examination

MACHINE = ["gpu", "driver", "engine", "container runtime"]
PROJECT = ["project", "docker files", "group", "source", "lock", "poetry.toml", "policy"]
BUILD = ["mode", "coverage", "disk", "memory", "base image"]
OUTSIDE = [*MACHINE, "project", *BUILD]


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    has_gpus(monkeypatch)


def marks(examination: Examination) -> dict[str, str]:
    return {line.topic: line.mark for line in examination.lines}


def test_a_machine_with_nothing_is_told_what_there_is_to_do(tmp_path: Path) -> None:
    examination = examine(Wish(), world(tmp_path))
    assert [line.topic for line in examination.lines] == OUTSIDE
    assert examination.exit_code == 4
    assert marks(examination) == {
        "gpu": "warning",
        "driver": "ok",
        "engine": "problem",
        "container runtime": "ok",
        "project": "warning",
        "mode": "ok",
        "coverage": "warning",
        "disk": "warning",
        "memory": "ok",
        "base image": "warning",
    }
    assert all(line.remedies for line in examination.lines if line.topic in ("gpu", "engine", "project"))


def test_a_machine_with_an_engine_is_healthy_without_a_gpu_and_without_a_project(tmp_path: Path) -> None:
    examination = examine(Wish(), world(tmp_path, Docker()))
    assert [line.topic for line in examination.lines] == OUTSIDE
    assert examination.exit_code == 0
    assert marks(examination)["engine"] == marks(examination)["base image"] == "ok"


def test_each_question_is_asked_of_docker_once(tmp_path: Path) -> None:
    docker = Docker()
    examine(Wish(), world(tmp_path, docker))
    assert sorted(line.split(" --format")[0] for line in docker.asked) == [
        "buildx inspect",
        "buildx version",
        "image inspect",
        "info",
        "version",
    ]


@pytest.mark.parametrize(
    ("topics", "code"),
    [
        ([], 0),
        ([("gpu", "warning"), ("disk", "ok")], 0),
        ([("engine", "warning")], 0),
        ([("gpu", "problem")], 1),
        ([("engine", "problem")], 4),
        ([("gpu", "problem"), ("engine", "problem"), ("disk", "problem")], 4),
    ],
)
def test_the_exit_code_follows_from_the_lines(topics: list[tuple[str, str]], code: int) -> None:
    assert exit_code([Line(topic, mark, "x") for topic, mark in topics]) == code  # type: ignore[arg-type]


def test_a_dead_daemon_is_one_problem_and_not_five(tmp_path: Path) -> None:
    docker = Docker()
    dead = Answer(1, "", "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
    docker.answers |= {
        "buildx inspect": dead,
        "version": dead,
        "info": Answer(0, recorded("info-no-daemon-26.1.5"), dead.errors),
        "image inspect": dead,
        "buildx imagetools": dead,
    }
    examination = examine(Wish(), world(tmp_path, docker))
    assert [line.topic for line in examination.lines if line.mark == "problem"] == ["engine"]
    assert not any(line.startswith(("image", "buildx imagetools")) for line in docker.asked)
    assert examination.exit_code == 4


def silent(_arguments: Sequence[str]) -> Answer:
    return Answer(None, "", "")


def babbling(_arguments: Sequence[str]) -> Answer:
    return Answer(0, "\x1b[2J\udcff{" * 10**6, "\x07" * 10**6)


@pytest.mark.parametrize("ask", [silent, babbling])
def test_a_docker_that_is_out_of_its_mind_ends_in_lines(tmp_path: Path, ask: object) -> None:
    examination = examine(Wish(), world(tmp_path)._replace(ask=ask))  # type: ignore[arg-type]
    assert examination.exit_code == 4
    assert all(len(line.seen) < 1000 for line in examination.lines)


# --- which mode


@pytest.mark.parametrize(
    ("wish", "mode"),
    [
        (Wish(), "binary"),
        (Wish(gpus=("5.2",)), "source"),
        (Wish(gpus=("8.6",)), "binary"),
        (Wish(from_source=True), "source"),
        (Wish(gpus=("5.2",), binary=True), "binary"),
    ],
)
def test_the_lines_are_about_the_mode_of_a_build_here(tmp_path: Path, wish: Wish, mode: str) -> None:
    docker = Docker()
    examination = examine(wish, world(tmp_path, docker))
    assert examination.mode == mode
    base = "cuda:11.8.0" if mode == "source" else "cuda:12.8.1"
    assert any(base in line for line in docker.asked)


def test_build_from_source_counts(tmp_path: Path) -> None:
    assert examine(Wish(), world(tmp_path, BUILD_FROM_SOURCE="true")).mode == "source"


def test_a_card_that_is_named_is_a_line_beside_those_of_the_machine(tmp_path: Path) -> None:
    lines = examine(Wish(gpus=("GTX 970",)), world(tmp_path)).lines
    assert [(line.topic, line.mark) for line in lines[:2]] == [("gpu", "warning"), ("target", "ok")]
    assert "GTX 970 (5.2), says --gpu" in lines[1].seen


@pytest.mark.parametrize("wish", [Wish(gpus=("GTX 9",)), Wish(from_source=True, binary=True)])
def test_options_that_mean_nothing_are_a_usage_error(tmp_path: Path, wish: Wish) -> None:
    with pytest.raises(ConfigurationError):
        examine(wish, world(tmp_path))


def test_a_switch_that_is_none_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        examine(Wish(), world(tmp_path, BUILD_FROM_SOURCE="perhaps"))


# --- the project


def test_a_project_is_found_from_below_it(tmp_path: Path) -> None:
    root = write_project(tmp_path / "project")
    lines = examine(Wish(), world(tmp_path, Docker(), start=root / "docker")).lines
    assert [line.topic for line in lines] == [*MACHINE, *PROJECT, *BUILD]
    assert next(line for line in lines if line.topic == "project").seen == f"minimal, {root}"


def test_the_targets_of_its_settings_count_and_the_machine_is_looked_at_all_the_same(tmp_path: Path) -> None:
    root = write_project(tmp_path / "project", settings('targets = ["5.2"]'))
    examination = examine(Wish(), world(tmp_path, start=root))
    assert examination.mode == "source"
    assert [line.topic for line in examination.lines[:2]] == ["gpu", "target"]


def test_a_floor_that_follows_the_wheel_decides_as_it_does_for_the_build(tmp_path: Path) -> None:
    # The wheel of the project holds nothing for 7.0, which is above the policy's number.
    root = write_project(tmp_path / "project", settings('floor = "wheel"'))
    assert examine(Wish(gpus=("7.0",)), world(tmp_path, start=root)).mode == "source"


@pytest.mark.parametrize("text", [b"[project\n", b"\x00", b'name = "caf\xe9"', b"a = [" * 10_000, b"", b"tool = 3\n"])
def test_a_project_that_cannot_be_read_is_one_problem_and_the_machine_is_told(tmp_path: Path, text: bytes) -> None:
    root = write_project(tmp_path / "project")
    root.joinpath("pyproject.toml").write_bytes(text)
    examination = examine(Wish(), world(tmp_path, Docker(), start=root))
    assert [line.topic for line in examination.lines] == OUTSIDE
    [problem] = [line for line in examination.lines if line.mark == "problem"]
    assert (problem.topic, bool(problem.remedies)) == ("project", True)
    assert problem.seen.startswith("pyproject.toml")
    assert examination.exit_code == 1


@pytest.mark.parametrize("lines", ["flor = 6", 'targets = ["GTX 9"]', "targets = 5.2"])
def test_settings_that_cannot_be_used_are_a_problem_with_their_place_and_no_usage_error(
    tmp_path: Path, lines: str
) -> None:
    root = write_project(tmp_path / "project", settings(lines))
    examination = examine(Wish(), world(tmp_path, Docker(), start=root))
    [problem] = [line for line in examination.lines if line.mark == "problem"]
    assert problem.topic == "policy"
    assert problem.seen.startswith(f"pyproject.toml:{settings(lines).count(chr(10))}:1")
    assert problem.remedies
    assert examination.exit_code == 1


def test_a_project_that_changes_while_it_is_looked_at_ends_in_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write_project(tmp_path / "project")

    def changed(_root: Path) -> object:
        raise ConfigurationError("it was another file a moment ago")

    monkeypatch.setattr("poetry_gpu_build.lint.main.lint_project", changed)
    assert "policy" not in marks(examine(Wish(), world(tmp_path, Docker(), start=root)))
