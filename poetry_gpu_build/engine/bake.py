"""Hands a definition to `docker buildx bake`, and turns its end into success or one clear error."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.engine.failure import OUT_OF_MEMORY
from poetry_gpu_build.engine.failure import read_failure
from poetry_gpu_build.engine.outputs import pushes_by_output
from poetry_gpu_build.engine.relay import relay
from poetry_gpu_build.errors import BuildFailedError
from poetry_gpu_build.errors import BuildInterruptedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any
    from typing import BinaryIO

    from poetry_gpu_build.engine.failure import Failure
    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.plan import Plan


_LONGEST_STEP = 120
_MOUNTS = re.compile(r"--mount=\S+\s+")


def bake_command(options: BuildOptions) -> list[str]:
    """The command that reads the definition from its stdin."""
    command = ["docker", "buildx", "bake", "--file", "-", "--progress", options.progress]
    if options.builder:
        command += ["--builder", options.builder]
    if options.push and not pushes_by_output(options):
        command.append("--push")
    if options.load:
        command.append("--load")
    for override in options.overrides:
        command += ["--set", override]
    for entitlement in options.allow:
        command += ["--allow", entitlement]
    return command


def run_bake(plans: Sequence[Plan], definition: dict[str, Any], options: BuildOptions, out: BinaryIO) -> None:
    """Build; docker's own output goes to ``out``.

    Raises BuildFailedError with the failed step, its Dockerfile line and its last output, BuildInterruptedError after
    an interrupt.
    """
    ended = relay(bake_command(options), stdin=json.dumps(definition).encode(), folder=plans[0].root, out=out)
    if ended.interrupted:
        raise BuildInterruptedError("the build was interrupted")
    if ended.status != 0:
        raise _build_error(read_failure(ended.tail), plans)


def _build_error(failure: Failure, plans: Sequence[Plan]) -> BuildFailedError:
    plan = _plan_of(failure, plans)
    step = _shortened(failure.step)
    if step is None:
        message = f"the build failed: {failure.error}"
    elif failure.exit_code is None:
        message = f"the build failed in {step}: {failure.error}"
    else:
        message = f"the build failed in {step}, with exit code {failure.exit_code}"
    lines = [message, *(f"  | {line}" for line in failure.output)]
    where = Position(plan.root / plan.dockerfile, failure.line) if failure.line else None
    return BuildFailedError("\n".join(lines), where=where, ways_out=tuple(_advice(failure, plan)))


def _shortened(step: str | None) -> str | None:
    """A RUN's whole text is its name: without its mounts, and as much of it as one reads; the line says the rest."""
    if step is None:
        return None
    told = _MOUNTS.sub("", step)
    return told if len(told) <= _LONGEST_STEP else f"{told[: _LONGEST_STEP - 1]}…"


def _plan_of(failure: Failure, plans: Sequence[Plan]) -> Plan:
    """The plan whose Dockerfile failed: buildx prints the file's name, with or without its folder."""
    named = [plan for plan in plans if failure.dockerfile and plan.dockerfile.endswith(failure.dockerfile)]
    return max(named, key=lambda plan: len(plan.dockerfile), default=plans[0])


def _advice(failure: Failure, plan: Plan) -> list[str]:
    advice = []
    # Through ninja a killed compiler ends with exit code 1, and gcc's own words.
    killed = any("Killed signal terminated program" in line for line in failure.output)
    if failure.exit_code == OUT_OF_MEMORY or killed:
        jobs = plan.build_args.get("MAX_JOBS")
        gib = plan.build_args.get("COMPILE_GIB_PER_JOB")
        fewer = "more"
        if jobs or gib:
            fewer = "fewer jobs, --build-arg MAX_JOBS=N; it was " + (jobs or f"one for each {gib} GiB")
        advice.append(f"the step ran out of memory: give it {fewer}")
    if "failed to resolve source metadata" in failure.error and plan.base_image in failure.error:
        fault = "is not in its registry" if failure.error.endswith(": not found") else "cannot be reached"
        advice.append(f"the base image {fault}; to see why: docker pull {plan.base_image}")
        advice.append(f"name a mirror's: modes.{plan.mode}.base-image in [tool.gpu-build]")
    if any("Unable to locate package python" in line for line in failure.output):
        version = plan.build_args.get("PYTHON_VERSION")
        advice.append(f"the base image's distribution has no Python {version}: set python in [tool.gpu-build]")
    if plan.torch_image is not None and failure.step is not None and "gpu-build swap" in failure.step:
        advice.append(f"its torch is the published {plan.torch_image}; to compile one here: --no-torch-image")
    if "unknown instruction" in failure.error:
        advice.append("a heredoc (RUN <<NAME) needs Docker 23 or newer; docker version says which one this is")
    if "network.host" in failure.error:
        advice.append("allow it for this build: --allow network.host")
    return advice
