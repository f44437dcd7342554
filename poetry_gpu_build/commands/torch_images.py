"""A build's compile from a registry: looked for before torch is compiled, and said aloud either way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cleo.helpers import option

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.selection.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cleo.io.inputs.option import Option

    from poetry_gpu_build.commands.base import GpuBuildBaseCommand
    from poetry_gpu_build.commands.planning import Planned
    from poetry_gpu_build.engine.options import BuildOptions
    from poetry_gpu_build.engine.preflight import Engine
    from poetry_gpu_build.engine.published import Found
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.torch_image.wanted import WantedTorch

COMMAND = "poetry gpu-build torch --push"
STEP = "compile"

# What `--set` may change that a key knows nothing of.
_DECIDING = frozenset(
    {"args", "context", "contexts", "dockerfile", "dockerfile-inline", "no-cache", "no-cache-filter", "platform"}
    | {"target"}
)


def no_torch_image_option() -> Option:
    """The option that a command offers if it takes a published compile."""
    return option("no-torch-image", None, "Compile torch here, even where its compile is published.")


def expect_torch(
    command: GpuBuildBaseCommand, planned: Planned, options: BuildOptions
) -> tuple[Planned, WantedTorch | None]:
    """The plans with the compile that the source mode will look for, and that compile; no registry is asked."""
    from poetry_gpu_build.torch_image.wanted import needs_torch
    from poetry_gpu_build.torch_image.wanted import wanted_torch

    plan = next((plan for plan in planned.plans if plan.mode == "source"), None)
    if plan is None or planned.policy.torch_image is None:
        return planned, None
    why_not = _why_not(command, options)
    if why_not:
        return _told(planned, f"torch is compiled here: {why_not}"), None
    try:
        if not needs_torch(plan, options.stage):
            return planned, None
        wanted = wanted_torch(plan, planned.policy)
    except ConfigurationError as error:
        # Whatever is wrong with the Dockerfile is for the linter and for BuildKit to say.
        return _told(planned, f"torch is compiled here: {error.message}"), None
    return _told(planned, f"would look for {wanted.reference}", wanted.reference), wanted


def take_torch(
    command: GpuBuildBaseCommand, planned: Planned, wanted: WantedTorch | None, engine: Engine
) -> tuple[Planned, Mapping[ModeName, Mapping[str, str]]]:
    """Ask the registry: the plans as they are built, and the named context in the place of the compile.

    Nothing that a registry answers stops the build; before a compile of hours a note says why there is one.
    """
    if wanted is None:
        return planned, {}
    from poetry_gpu_build.engine.published import builder_platform
    from poetry_gpu_build.engine.published import look_up
    from poetry_gpu_build.torch_image.key import PLATFORM
    from poetry_gpu_build.torch_image.key import STAGE

    platform = builder_platform(engine.builder)
    if platform != PLATFORM:
        note = f"the builder {engine.builder} makes images for {platform or 'an unknown platform'}, not for {PLATFORM}"
        command.note(f"note: {note}: torch is compiled here")
        return _told(planned, f"torch is compiled here: {note}"), {}
    found = look_up(wanted.reference, wanted.labels, engine.builder)
    if found.state == "published":
        reason = f"taken from {found.reference} (published)"
        command.note(f"torch: {reason}")
        return _told(planned, reason, found.reference), {"source": {STAGE: f"docker-image://{found.reference}"}}
    why = _why_compiled(found)
    command.note(f"note: {why}")
    return _told(planned, why), {}


def _why_not(command: GpuBuildBaseCommand, options: BuildOptions) -> str:
    if command.option("no-torch-image"):
        return "--no-torch-image"
    if options.no_cache:
        return "--docker-no-cache"
    for override in options.overrides:
        key = override.partition("=")[0].partition(".")[2].partition(".")[0]
        if key in _DECIDING:
            return f"--set {override.partition('=')[0]} may change what is compiled"
    return ""


def _why_compiled(found: Found) -> str:
    match found.state:
        case "absent":
            return f"torch is compiled here: {found.reference} is not published; once for everybody: {COMMAND}"
        case "refused":
            return f"torch is compiled here: {found.reference} is not taken, because {found.reason}"
        case _:
            return f"torch is compiled here: {found.reference} could not be looked for ({found.reason})"


def _told(planned: Planned, text: str, reference: str | None = None) -> Planned:
    """The source mode's plan with this said about its compile, in the place of what was said before."""
    plans = tuple(
        replace(
            plan,
            torch_image=reference,
            reasons=(*(reason for reason in plan.reasons if reason.step != STEP), Reason(STEP, text)),
        )
        if plan.mode == "source"
        else plan
        for plan in planned.plans
    )
    return replace(planned, plans=plans)
