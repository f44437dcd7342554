"""Every way to an image that runs, where the chosen one would not: what ``advice`` finds, as lines to follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.wheels import wheel_covers
from poetry_gpu_build.offers.case import Case
from poetry_gpu_build.offers.compiles import compiles
from poetry_gpu_build.offers.wheels import base_images_that_start
from poetry_gpu_build.offers.wheels import offers
from poetry_gpu_build.offers.wheels import refusals
from poetry_gpu_build.offers.wheels import worth_naming
from poetry_gpu_build.offers.window import driver_window
from poetry_gpu_build.selection.objections import host_objections
from poetry_gpu_build.selection.objections import objections_to
from poetry_gpu_build.selection.objections import source_objections
from poetry_gpu_build.selection.reasons import listed

if TYPE_CHECKING:
    from poetry_gpu_build.offers.wheels import Offer
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
    ways += _other_base_image(mode, question)
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


def wheels_to_offer(question: Question) -> list[Offer]:
    """The wheels worth naming: the pinned release in another variant, then the newest; each covers every target."""
    return list(worth_naming(offers(_case(question)), question.pinned.build))


def _case(question: Question) -> Case:
    return Case.under(question.policy, question.gpus, question.facts)


def _other_wheels(question: Question) -> list[str]:
    if pinned_covers(question):
        return []
    group, targets = question.policy.torch_group, listed(question.targets)
    found = [
        f"pin {offer} in the group {group}: it runs on {targets} (known by: {offer.known_by})"
        for offer in wheels_to_offer(question)
    ]
    named = "".join(f" --gpu {gpu.capability}" for gpu in question.gpus if gpu.driver is None)
    return [*found, f"poetry gpu-build advise{named}: every way out; with --apply it pins the newest"] if found else []


def _other_base_image(mode: ModeName, question: Question) -> list[str]:
    """A base image that the host starts, where only the policy's one stands in the wheel's way."""
    case = _case(question)
    if mode != "binary" or not pinned_covers(question) or not refusals(case, case.base_image):
        return []
    text = "it starts on this driver, and a wheel brings its own CUDA libraries along"
    return [
        f'set modes.binary.base-image = "{image}" in [tool.gpu-build]: {text}' for image in base_images_that_start(case)
    ]


def _other_driver(question: Question) -> str:
    """Newer, unless a card is too old for the branch that is installed."""
    last = driver_window(_case(question)).last
    for gpu in question.gpus:
        if last is not None and gpu.driver is not None and gpu.driver.branch > last:
            oldest = min(question.gpus, key=lambda each: each.capability)
            return f"driver branch {last}, the last that drives {oldest}"
    return "a newer driver"


def _other_toolkits(question: Question) -> list[str]:
    """Toolkits for the source mode that compile for every target, where the policy's own does not."""
    if not source_objections(question):
        return []
    found = compiles(_case(question))
    if not found:
        return []
    versions = " or ".join(str(each.toolkit.cuda) for each in found[:2])
    serves = f"--from-source on CUDA {versions}, which compiles for {listed(question.targets)}"
    return [f"{serves}: set modes.source.base-image in [tool.gpu-build], and a torch that supports it"]
