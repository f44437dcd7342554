"""Advice on the machine that runs the image, where it is not the one that builds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.cupy import compiles_for
from poetry_gpu_build.coverage.cupy import driver_minimum
from poetry_gpu_build.coverage.hosts import driver_needed
from poetry_gpu_build.coverage.toolkits import cudnn_serves
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.facts.evidence import weakest
from poetry_gpu_build.selection.reasons import Reason
from poetry_gpu_build.selection.reasons import listed

if TYPE_CHECKING:
    from poetry_gpu_build.selection.advice.situation import Situation
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import DriverVersion

# nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04; newer tags say "cudnn" without a number.
_CUDNN_IN_TAG = lazy_pattern(r"[:-]cudnn(\d+)(?:-|$)")


def driver_of_the_host(situation: Situation) -> list[Reason]:
    """The driver that a named target needs; that of the machine's own GPUs is vetoed where it does not fit."""
    image = situation.mode.base_image
    named = [gpu for gpu in situation.question.gpus if gpu.driver is None]
    found = [
        driver_needed(
            gpu.capability,
            gpu.name,
            situation.cuda,
            image,
            situation.facts,
            situation.wheel,
            _driver_for_cupy(gpu.capability, situation),
        )
        for gpu in named
    ]
    needed = [each for each in found if each is not None]
    if not needed:
        return []
    strictest = max(needed, key=lambda each: (each.oldest is None, each.oldest or ()))
    lasts = [each.last for each in needed if each.last is not None]
    drivers = [] if strictest.oldest is None else [f"driver {strictest.oldest} or newer"]
    if strictest.excepted and (strictest.is_excepted or strictest.oldest is None):
        drivers.append(f"driver branch {', '.join(map(str, strictest.excepted))}")
    text = f"the machine that runs it needs {', or '.join(drivers)}"
    if strictest.excepted and not strictest.is_excepted:
        branches = ", ".join(map(str, strictest.excepted))
        text += f"; {image} takes branch {branches} of certain brands only"
    elif strictest.image_refuses_older:
        text += f": {image} refuses others"
    if lasts:
        bound = [gpu.capability for gpu, each in zip(named, found, strict=True) if each is not None and each.last]
        text += f"; branch {min(lasts)} is the last for {listed(sorted(set(bound)))}"
    evidence = weakest(row for each in needed for row in each.rows)
    return [Reason("advice", text, None if evidence is None else evidence.doubt)]


def _driver_for_cupy(target: ComputeCapability, situation: Situation) -> DriverVersion | None:
    """What CuPy's own CUDA major asks for, which may be more than torch's does.

    Not that of a CuPy which does not compile for the card at all: it has to go.
    """
    fitting = [fact for fact, _ in situation.cupy if compiles_for(fact, (target,)).runs]
    asked = (driver_minimum(fact, situation.facts) for fact in fitting)
    return max((driver for driver in asked if driver is not None), default=None)


def dropped_by_cudnn(situation: Situation) -> list[Reason]:
    """A cuDNN that has no kernels for the card, though torch itself has: convolutions fail."""
    wheel = situation.wheel
    tag = None if situation.is_binary else _CUDNN_IN_TAG.search(situation.mode.base_image)
    version = tag[1] if tag is not None else wheel.cudnn if wheel is not None else None
    if version is None:
        return []
    answers = {target: cudnn_serves(version, target, situation.facts) for target in situation.targets}
    noes = {target: answer for target, answer in answers.items() if answer is not None and not answer.runs}
    if not noes:
        return []
    whose = situation.mode.base_image if wheel is None else f"torch {wheel.torch}"
    evidence = weakest(row for answer in noes.values() for row in answer.rows)
    text = f"cuDNN {version} of {whose} has no kernels for {listed(list(noes))}: convolutions fail there"
    return [Reason("advice", text, None if evidence is None else evidence.doubt)]
