from __future__ import annotations

import pytest

from poetry_gpu_build.doctor.checks.memory import judge_memory
from poetry_gpu_build.machine import Machine

from ..builders import GIB
from .world import INFO


def test_the_binary_mode_asks_for_none() -> None:
    assert judge_memory("binary", 4, Machine(4, GIB), INFO).mark == "ok"
    assert judge_memory("binary", 4, Machine(4, None), "no engine").mark == "ok"


@pytest.mark.parametrize(
    ("cores", "gib", "jobs"), [(16, 32, "8 compile jobs"), (4, 32, "4 compile jobs"), (16, 5, "1 compile job")]
)
def test_the_source_mode_says_how_many_jobs_fit(cores: int, gib: int, jobs: str) -> None:
    line = judge_memory("source", 4, Machine(cores, gib * GIB), "no engine")
    assert line.mark == "ok"
    assert f"room for {jobs} at once" in line.seen
    assert "4 GiB" in line.seen


def test_memory_for_less_than_one_job_is_a_problem() -> None:
    line = judge_memory("source", 4, Machine(4, 3 * GIB), "no engine")
    assert line.mark == "problem"
    assert "this machine has 3.0 GiB" in line.seen
    assert any("memory-per-job" in remedy for remedy in line.remedies)


def test_so_is_an_engine_in_a_small_virtual_machine() -> None:
    line = judge_memory("source", 4, Machine(8, 64 * GIB), INFO._replace(memory=2 * GIB, cores=8))
    assert line.mark == "problem"
    assert "the engine has 2.0 GiB" in line.seen


@pytest.mark.parametrize(("gib", "cores"), [(8, 8), (64, 2)])
def test_where_the_engine_is_another_machine_its_size_counts(gib: int, cores: int) -> None:
    line = judge_memory("source", 4, Machine(8, 64 * GIB), INFO._replace(memory=gib * GIB, cores=cores))
    assert line.mark == "ok"
    assert "the engine has" in line.seen
    assert "room for 2 compile jobs at once" in line.seen


def test_an_engine_that_does_not_tell_its_size_has_this_machine_s() -> None:
    assert "this machine has 64.0 GiB" in judge_memory("source", 4, Machine(8, 64 * GIB), INFO).seen


def test_memory_of_unknown_size_is_a_warning() -> None:
    line = judge_memory("source", 4, Machine(8, None), INFO)
    assert line.mark == "warning"
    assert any("--build-arg MAX_JOBS=1" in remedy for remedy in line.remedies)
