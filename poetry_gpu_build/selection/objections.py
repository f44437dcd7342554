"""What the facts forbid: a mode whose torch would not run on a target, or not on the machine's driver."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.base_images import image_starts
from poetry_gpu_build.coverage.boards import board_answer
from poetry_gpu_build.coverage.drivers import driver_objections
from poetry_gpu_build.coverage.toolkits import toolkit_serves
from poetry_gpu_build.coverage.wheels import wheel_covers
from poetry_gpu_build.selection.reasons import Reason
from poetry_gpu_build.selection.reasons import each_once
from poetry_gpu_build.selection.reasons import listed

if TYPE_CHECKING:
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.selection.question import Question
    from poetry_gpu_build.values import CudaVersion


def objections_to(mode: ModeName, question: Question) -> list[Reason]:
    """Why this mode's image would not run; empty where nothing is known against it."""
    boards, others = _without_boards(question)
    artefact = _binary_objections(others) if mode == "binary" else source_objections(others)
    return each_once(boards + artefact + host_objections(mode, others))


def _without_boards(question: Question) -> tuple[list[Reason], Question]:
    """The objections to boards, which no mode serves, and the question for the other GPUs."""
    answers = [(gpu, board_answer(gpu.capability, question.facts)) for gpu in question.gpus]
    found = [Reason("facts", f"{gpu}: {answer.because}", answer.doubt) for gpu, answer in answers if answer is not None]
    if not found:
        return [], question
    return found, replace(question, gpus=tuple(gpu for gpu, answer in answers if answer is None))


def _binary_objections(question: Question) -> list[Reason]:
    wheel = question.wheel
    if wheel is None:
        # The facts are silent, so the policy's floor is all there is to go by.
        below = [target for target in question.targets if target < question.policy.floor]
        text = f"{question.pinned.unknown_because}, and the policy's binary floor is {question.policy.floor}"
        return [Reason("policy", f"{listed(below)}: {text}")] if below else []
    found = []
    for gpu in question.gpus:
        coverage = wheel_covers(wheel, gpu.capability, question.facts, gpu.driver)
        if not coverage.runs:
            text = f"torch {wheel.torch} does not run on {gpu}: {coverage.because}"
            found.append(Reason("facts", text, coverage.doubt))
    return found


def source_objections(question: Question) -> list[Reason]:
    """The targets that the source mode's toolkit cannot compile for."""
    cuda = question.policy.source.cuda
    toolkit = question.facts.toolkit(cuda)
    if toolkit is None:
        return []
    answers = {gpu: toolkit_serves(gpu.capability, toolkit, question.facts.sass_rules) for gpu in question.gpus}
    return [
        Reason("facts", f"{gpu}: {answer.because}", answer.doubt) for gpu, answer in answers.items() if not answer.runs
    ]


def host_objections(mode: ModeName, question: Question) -> list[Reason]:
    """What the driver of the machine's own GPUs forbids; a target that was named has no driver."""
    found = []
    image = question.policy.mode(mode).base_image
    for gpu in question.gpus:
        if gpu.driver is None:
            continue
        for objection in driver_objections(gpu.driver, gpu.capability, cuda_of_mode(mode, question), question.facts):
            found.append(Reason("facts", f"{gpu}: {objection.because}", objection.doubt))
        starts = image_starts(image, gpu.name, gpu.driver, question.facts)
        if starts is not None and not starts.runs:
            found.append(Reason("facts", f"{gpu}: {starts.because}", starts.doubt))
    return found


def cuda_of_mode(mode: ModeName, question: Question) -> CudaVersion:
    """The CUDA that the image's torch is made with."""
    if mode == "binary" and question.wheel is not None:
        return question.wheel.cuda
    return question.policy.mode(mode).cuda
