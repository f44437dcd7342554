"""Where a published torch wheel runs, and which wheels run on given targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.answer import Answer
from poetry_gpu_build.coverage.answer import all_of
from poetry_gpu_build.coverage.base_images import image_starts
from poetry_gpu_build.coverage.code import Architecture
from poetry_gpu_build.coverage.code import code_covers
from poetry_gpu_build.coverage.code import portable_for
from poetry_gpu_build.coverage.code import sass_runs_on
from poetry_gpu_build.coverage.drivers import driver_answers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import DriverVersion


def wheel_covers(
    wheel: WheelFact, target: ComputeCapability, facts: CompatibilityFacts, driver: DriverVersion | None = None
) -> Answer:
    """Whether a wheel holds code that runs on ``target``; ``driver`` decides about PTX and may be unknown."""
    sass = [Architecture(code) for code in wheel.sass]
    ptx = [Architecture(code) for code in wheel.ptx]
    answer = code_covers(sass, ptx, target, facts.sass_rules, wheel.cuda).resting_on(wheel.row)
    if not answer.runs or any(sass_runs_on(code, target, facts.sass_rules, wheel.cuda) for code in wheel.sass):
        return answer
    return _portable_answer(wheel, max(portable_for(ptx, target, facts.sass_rules)), answer, facts, driver)


def _portable_answer(
    wheel: WheelFact,
    portable: ComputeCapability,
    answer: Answer,
    facts: CompatibilityFacts,
    driver: DriverVersion | None,
) -> Answer:
    """PTX is no promise of minor-version compatibility: the driver must know the toolkit's own PTX version."""
    toolkit = facts.toolkit(wheel.cuda)
    needed = toolkit.driver_released_with if toolkit is not None else None
    if toolkit is None or needed is None:
        return answer._replace(because=f"{answer.because}, if it knows the PTX of CUDA {wheel.cuda}")
    answer = answer.resting_on(toolkit.driver_row)
    if driver is None:
        return answer._replace(because=f"a driver from {needed} on compiles its PTX for {portable} at the first start")
    if driver < needed:
        because = f"its PTX for {portable} needs a driver from {needed} on, and this one is {driver}"
        return answer._replace(runs=False, because=because)
    return answer


def wheel_runs(
    wheel: WheelFact,
    target: ComputeCapability,
    facts: CompatibilityFacts,
    *,
    driver: DriverVersion | None = None,
    base_image: str | None = None,
    card: str | None = None,
) -> Answer:
    """The whole question: this wheel, on this card, with this driver, in this base image.

    What is None is not known, and nothing is asked of it; ``card`` is the driver's name of the GPU, which tells its
    brand.
    """
    answers = [wheel_covers(wheel, target, facts, driver)]
    if driver is not None:
        answers += driver_answers(driver, target, wheel.cuda, facts)
        if base_image is not None:
            answers += filter(None, [image_starts(base_image, card, driver, facts)])
    return all_of(answers)


def wheels_covering(targets: Iterable[ComputeCapability], facts: CompatibilityFacts) -> tuple[WheelFact, ...]:
    """The published wheels that hold machine code for every target, in the order of the table (oldest torch first).

    For docs/gpus.md and for those who use these rules as a library; what a plan offers is in offers.wheels.
    """
    wanted = tuple(targets)
    return tuple(
        wheel
        for wheel in facts.wheels
        if wheel.is_published
        and all(
            any(sass_runs_on(code, target, facts.sass_rules, wheel.cuda) for code in wheel.sass) for target in wanted
        )
    )
