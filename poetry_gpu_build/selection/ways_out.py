"""Every way to an image that runs, where the chosen one would not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.drivers import driver_objections
from poetry_gpu_build.coverage.drivers import oldest_driven
from poetry_gpu_build.coverage.toolkits import toolkits_compiling
from poetry_gpu_build.coverage.wheels import wheel_covers
from poetry_gpu_build.coverage.wheels import wheels_covering
from poetry_gpu_build.selection.objections import host_objections
from poetry_gpu_build.selection.objections import objections_to
from poetry_gpu_build.selection.objections import source_objections
from poetry_gpu_build.selection.reasons import listed
from poetry_gpu_build.torch_pin import PYPI

if TYPE_CHECKING:
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.selection.question import Question


def ways_out(mode: ModeName, question: Question) -> list[str]:
    """Every way to an image that runs, the cheapest first."""
    ways = []
    if mode == "source" and question.wheel is not None and not objections_to("binary", question):
        ways.append(f"--binary: the pinned torch {question.wheel.torch} runs on {listed(question.targets)}")
    ways += _other_wheels(question)
    if mode == "binary" and not objections_to("source", question):
        source = question.policy.source
        ways.append(
            f"--from-source: compiles torch {source.torch} for {listed(question.targets)} with CUDA {source.cuda}"
        )
    ways += _other_toolkits(question)
    if host_objections(mode, question):
        named = " ".join(f"--gpu {target}" for target in question.targets)
        driver = _other_driver(question)
        ways.append(f"install {driver}; or, if the image runs on another machine, name its target: {named}")
    if len(question.targets) > 1:
        ways.append("build one image for each: poetry gpu-build --gpu with one target at a time")
    return ways or [f"none is known: no wheel and no toolkit of the facts serves {listed(question.targets)}"]


def pinned_covers(question: Question) -> bool:
    """Whether the wheel that the project pins is known to run on every target."""
    wheel = question.wheel
    return wheel is not None and all(wheel_covers(wheel, target, question.facts).runs for target in question.targets)


def wheels_to_offer(question: Question) -> list[WheelFact]:
    """The wheels worth naming: the pinned release in another variant, then the newest; each covers every target.

    A wheel that a known driver or the image's Python forbids is none. Of one release's variants, what somebody
    measured comes before what a script or a report says.
    """
    covering = [
        wheel
        for wheel in wheels_covering(question.targets, question.facts)
        if wheel.installs_on(question.policy.python)
        and not any(
            driver_objections(gpu.driver, gpu.capability, wheel.cuda, question.facts)
            for gpu in question.gpus
            if gpu.driver is not None
        )
    ]
    pinned = question.pinned.build
    same_release = [wheel for wheel in covering if pinned is not None and wheel.torch.version == pinned.version]
    best = sorted(same_release, key=lambda wheel: wheel.evidence.is_measured)[-1:]
    return list(dict.fromkeys([*best, *covering[-1:]]))


def _other_wheels(question: Question) -> list[str]:
    if pinned_covers(question):
        return []
    group, targets = question.policy.torch_group, listed(question.targets)
    return [
        f"pin {offer(wheel)} in the group {group}: it runs on {targets} (known by: {wheel.evidence.status})"
        for wheel in wheels_to_offer(question)
    ]


def _other_driver(question: Question) -> str:
    """Newer, unless a card is too old for the branch that is installed."""
    facts = question.facts
    for gpu in question.gpus:
        oldest = None if gpu.driver is None else oldest_driven(gpu.driver, facts)
        if oldest is not None and gpu.capability < oldest:
            driving = [row.branch for row in facts.driver_branches if gpu.capability >= row.oldest]
            return f"driver branch {max(driving)}, the last that drives {gpu}" if driving else "an older driver"
    return "a newer driver"


def _other_toolkits(question: Question) -> list[str]:
    """Toolkits for the source mode that compile for every target, where the policy's own does not."""
    if not source_objections(question):
        return []
    toolkits = toolkits_compiling(question.targets, question.facts)
    if not toolkits:
        return []
    versions = " or ".join(str(toolkit.cuda) for toolkit in toolkits[:2])
    serves = f"--from-source on CUDA {versions}, which compiles for {listed(question.targets)}"
    return [f"{serves}: set modes.source.base-image in [tool.gpu-build], and a torch that supports it"]


def offer(wheel: WheelFact) -> str:
    """How to pin a wheel: PyPI names no variant, PyTorch's own indexes do."""
    if wheel.index == PYPI:
        return f"torch {wheel.torch.version} from PyPI ({wheel.torch.variant})"
    return f"torch {wheel.torch} from {wheel.index}"
