"""The examination: every check, in the order in which its lines are shown. A new check is a file and a line here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.doctor.checks import base_image
from poetry_gpu_build.doctor.checks import coverage
from poetry_gpu_build.doctor.checks import disk
from poetry_gpu_build.doctor.checks import docker_files
from poetry_gpu_build.doctor.checks import driver
from poetry_gpu_build.doctor.checks import engine
from poetry_gpu_build.doctor.checks import gpus
from poetry_gpu_build.doctor.checks import group
from poetry_gpu_build.doctor.checks import lock
from poetry_gpu_build.doctor.checks import memory
from poetry_gpu_build.doctor.checks import mode
from poetry_gpu_build.doctor.checks import poetry_toml
from poetry_gpu_build.doctor.checks import policy
from poetry_gpu_build.doctor.checks import project
from poetry_gpu_build.doctor.checks import runtime
from poetry_gpu_build.doctor.checks import source
from poetry_gpu_build.doctor.line import ENGINE
from poetry_gpu_build.doctor.line import exit_code
from poetry_gpu_build.doctor.seen import look

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterable
    from collections.abc import Mapping

    from poetry_gpu_build.doctor.line import Line
    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.doctor.seen import Wish
    from poetry_gpu_build.doctor.seen import World
    from poetry_gpu_build.policy import ModeName

    Check = Callable[["Seen"], "Iterable[Line]"]

CHECKS: Mapping[str, Check] = {
    # The machine.
    gpus.TOPIC: gpus.check_gpus,
    gpus.TARGET: gpus.check_targets,
    driver.TOPIC: driver.check_driver,
    ENGINE: engine.check_engine,
    runtime.TOPIC: runtime.check_runtime,
    # The project.
    project.TOPIC: project.check_project,
    docker_files.TOPIC: docker_files.check_docker_files,
    group.TOPIC: group.check_group,
    source.TOPIC: source.check_source,
    lock.TOPIC: lock.check_lock,
    poetry_toml.TOPIC: poetry_toml.check_poetry_toml,
    policy.TOPIC: policy.check_policy,
    # What a build here would take.
    mode.TOPIC: mode.check_mode,
    coverage.TOPIC: coverage.check_coverage,
    disk.TOPIC: disk.check_disk,
    memory.TOPIC: memory.check_memory,
    base_image.TOPIC: base_image.check_base_image,
}
"""By the topic of the lines that the check says. A topic without a line has nothing to say here."""


class Examination(NamedTuple):
    """What the checks said."""

    mode: ModeName
    lines: tuple[Line, ...]

    @property
    def exit_code(self) -> int:
        """0, 1 or 4 (docs/doctor.md)."""
        return exit_code(self.lines)


def examine(wish: Wish, world: World) -> Examination:
    """Run every check. They run at the same time, because a registry may take seconds; their order does not change.

    Raises ConfigurationError for what the options or BUILD_FROM_SOURCE say wrongly.
    """
    seen = look(wish, world)
    with ThreadPoolExecutor() as pool:
        answers = pool.map(lambda check: tuple(check(seen)), CHECKS.values())
        return Examination(seen.mode.name, tuple(line for answer in answers for line in answer))
