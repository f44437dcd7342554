from __future__ import annotations

import pytest

from poetry_gpu_build.doctor.checks.engine import judge_engine
from poetry_gpu_build.engine.preflight import Engine
from poetry_gpu_build.errors import EngineUnavailableError

from .world import ENGINE
from .world import INFO
from .world import NO_DAEMON


def test_a_healthy_engine_says_what_it_is() -> None:
    line = judge_engine(ENGINE, INFO)
    assert line.mark == "ok"
    assert line.seen == "Docker 26.1.5, buildx 0.13.1, builder default (driver docker)"


def test_an_engine_that_cannot_build_is_a_problem_with_the_ways_out_of_the_build() -> None:
    line = judge_engine(NO_DAEMON, "no engine")
    assert (line.mark, line.seen, line.remedies) == ("problem", NO_DAEMON.message, NO_DAEMON.ways_out)


@pytest.mark.parametrize("driver", ["docker-container", "remote", "kubernetes"])
def test_a_builder_that_keeps_nothing_is_a_warning(driver: str) -> None:
    line = judge_engine(Engine("0.13.1", "box", driver), INFO)
    assert line.mark == "warning"
    assert any("--load" in remedy for remedy in line.remedies)


def test_a_builder_elsewhere_needs_no_daemon() -> None:
    assert judge_engine(Engine("0.13.1", "far", "remote"), "no engine").mark == "warning"


def test_windows_containers_are_a_problem() -> None:
    line = judge_engine(ENGINE, INFO._replace(os_type="windows"))
    assert line.mark == "problem"
    assert line.remedies


@pytest.mark.parametrize(("architecture", "mark"), [("aarch64", "warning"), ("amd64", "ok"), ("", "ok")])
def test_an_engine_of_another_architecture_is_a_warning(architecture: str, mark: str) -> None:
    assert judge_engine(ENGINE, INFO._replace(architecture=architecture)).mark == mark


def test_what_docker_says_was_wrong_may_be_a_book() -> None:
    line = judge_engine(EngineUnavailableError("x\x1b[2J" * 10**6), "no engine")
    assert len(line.seen) <= 300
    assert "\x1b" not in line.seen
