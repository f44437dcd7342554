"""Says how long a compile may take before it begins; asks, on a terminal; and remembers how long it took."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

from cleo.helpers import option

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence
    from typing import TextIO

    from cleo.io.inputs.option import Option

    from poetry_gpu_build.commands.base import GpuBuildBaseCommand
    from poetry_gpu_build.engine.preflight import Ask
    from poetry_gpu_build.engine.preflight import Engine
    from poetry_gpu_build.plan import Plan

# The stages of the shipped Dockerfile behind which there is a compile.
COMPILING_STAGES = ("app", "torch", "torch-build")


def yes_option() -> Option:
    """The option that a command offers if it asks before a long compile."""
    return option("yes", None, "Do not ask before a compile that takes long.")


@contextlib.contextmanager
def compiling(command: GpuBuildBaseCommand, plans: Sequence[Plan], engine: Engine, *, compiles: bool) -> Iterator[None]:
    """Say, before the build inside, how long its compile may take; ask where that is long and somebody can answer.

    Raises BuildInterruptedError where the answer is no. Without a terminal nobody is asked.
    """
    plan = next((plan for plan in plans if plan.mode == "source"), None)
    if plan is None or not compiles:
        yield
        return
    from poetry_gpu_build.engine.compile_time import LONG_SECONDS
    from poetry_gpu_build.engine.compile_time import CompileRecord
    from poetry_gpu_build.engine.compile_time import estimate
    from poetry_gpu_build.errors import BuildInterruptedError
    from poetry_gpu_build.errors import ConfigurationError

    record = CompileRecord(plan, engine.builder, os.environ)
    expected = estimate(record.recall(), _jobs(plan, engine))
    command.note(f"compiling torch takes {expected.text}; nothing, if the builder has it in its cache")
    can_ask = command.io.is_interactive() and _is_terminal(sys.stdin) and _is_terminal(sys.stderr)
    if expected.seconds >= LONG_SECONDS and can_ask and not command.option("yes") and not _agreed():
        raise BuildInterruptedError("nothing was built", ways_out=("to go on without the question: --yes",))
    began = time.monotonic()
    yield
    try:
        record.keep(time.monotonic() - began)
    except ConfigurationError as error:
        command.note(f"note: {error.message}")


def _is_terminal(stream: TextIO | None) -> bool:
    """A closed stream is None, or raises."""
    with contextlib.suppress(ValueError):
        return stream is not None and stream.isatty()
    return False


def _agreed() -> bool:
    """Whether the user wants to go on; asked on stderr, because stdout is for results."""
    sys.stderr.write("go on? [Y/n] ")
    sys.stderr.flush()
    answer = sys.stdin.readline()
    # An end of the input is no answer, and no consent to hours.
    return answer != "" and answer.strip().lower() in ("", "y", "yes")


def _jobs(plan: Plan, engine: Engine, ask: Ask | None = None) -> int | None:
    """As many as the compile will count: the daemon tells its machine, and no other builder does."""
    from poetry_gpu_build.engine.preflight import DOCKER_DRIVER
    from poetry_gpu_build.engine.preflight import ask_docker
    from poetry_gpu_build.machine import Machine

    own = plan.build_args.get("MAX_JOBS", "")
    if own.isascii() and own.isdigit() and 0 < len(own) < 5 and int(own):
        return int(own)
    if engine.driver != DOCKER_DRIVER:
        return None
    words = (ask or ask_docker)(["info", "--format", "{{.NCPU}} {{.MemTotal}}"]).output.split()
    if len(words) != 2 or not all(word.isascii() and word.isdigit() and len(word) < 20 for word in words):
        return None
    cores, memory = map(int, words)
    with contextlib.suppress(ValueError, ZeroDivisionError, OverflowError):
        return Machine(cores, memory or None).jobs(float(plan.build_args.get("COMPILE_GIB_PER_JOB", "4")))
    return None
