"""The memory, which bounds how many files the source mode compiles at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.docker_info import DockerInfo
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.machine import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.policy import ModeName

TOPIC = "memory"
_GIB = 2**30
_KEY = "memory-per-job in [tool.gpu-build.modes.source]"


def check_memory(seen: Seen) -> Iterator[Line]:
    """One line."""
    yield judge_memory(seen.mode.name, seen.policy.memory_per_job, seen.world.machine, seen.info)


def judge_memory(mode: ModeName, gib_per_job: float, machine: Machine, info: DockerInfo | str) -> Line:
    """Whether one compile job fits where the engine runs: there the compile counts its jobs, by itself."""
    engine = _engine(info, machine)
    where = "the engine" if engine != machine else "this machine"
    if mode == "binary":
        return Line(TOPIC, "ok", f"{_size(engine.memory_bytes)}; the binary mode compiles nothing")
    policy = f"the policy counts {gib_per_job:g} GiB for each compile job"
    if engine.memory_bytes is None:
        way = "give a number that fits: --build-arg MAX_JOBS=1"
        return Line(TOPIC, "warning", f"{where} has {_size(None)} and {_cores(engine.cores)}; {policy}", (way,))
    if engine.memory_bytes < gib_per_job * _GIB:
        return Line(
            TOPIC,
            "problem",
            f"{where} has {_size(engine.memory_bytes)}, and {policy}: the compiler would be killed (exit code 137)",
            ("compile on a machine with more memory, or give the engine's virtual machine more", f"or lower {_KEY}"),
        )
    jobs = engine.jobs(gib_per_job)
    at_once = f"{jobs} compile job{'' if jobs == 1 else 's'} at once"
    seen = f"{where} has {_size(engine.memory_bytes)} and {_cores(engine.cores)}, room for {at_once}"
    return Line(TOPIC, "ok", f"{seen}; {policy}")


def _engine(info: DockerInfo | str, machine: Machine) -> Machine:
    """What the engine may use; what it does not tell is this machine's."""
    if not isinstance(info, DockerInfo):
        return machine
    return Machine(info.cores or machine.cores, info.memory or machine.memory_bytes)


def _size(memory_bytes: int | None) -> str:
    return "memory of unknown size" if memory_bytes is None else f"{memory_bytes / _GIB:.1f} GiB"


def _cores(number: int) -> str:
    return f"{number} core{'' if number == 1 else 's'}"
