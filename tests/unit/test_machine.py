from __future__ import annotations

import pytest

from poetry_gpu_build.machine import Machine
from poetry_gpu_build.machine import this_machine

GIB = 2**30


@pytest.mark.parametrize(
    ("cores", "memory_gib", "jobs"),
    [(16, 64, 16), (16, 32, 8), (4, 64, 4), (16, 15, 3), (16, 3, 1), (1, 1, 1), (8, None, 8), (0, None, 1)],
)
def test_the_jobs_are_bounded_by_the_cores_and_by_4_gib_each(cores: int, memory_gib: int | None, jobs: int) -> None:
    memory = None if memory_gib is None else memory_gib * GIB
    assert Machine(cores, memory).jobs(4) == jobs


def test_this_machine_has_a_core_and_tells_its_memory() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.memory_bytes is None or machine.memory_bytes > GIB // 16
