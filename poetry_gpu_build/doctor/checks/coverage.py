"""Whether the torch of the image runs on the cards that it is for: the pinned wheel's, or what would be compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import not_looked_at
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.selection.advice.host import dropped_by_cudnn
from poetry_gpu_build.selection.advice.packages import cupy_that_does_not_fit
from poetry_gpu_build.selection.advice.packages import numpy_that_does_not_fit
from poetry_gpu_build.selection.advice.situation import Situation
from poetry_gpu_build.selection.advice.torch import no_target
from poetry_gpu_build.selection.advice.torch import portable_code_only
from poetry_gpu_build.selection.advice.torch import unknown_wheel
from poetry_gpu_build.selection.advice.torch import unneeded_compile
from poetry_gpu_build.selection.objections import host_objections
from poetry_gpu_build.selection.objections import objections_to
from poetry_gpu_build.selection.reasons import Reason
from poetry_gpu_build.selection.reasons import each_once
from poetry_gpu_build.selection.reasons import listed
from poetry_gpu_build.selection.select import select_mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.selection.question import Question

TOPIC = "coverage"
#: The advice that warns: of hours for nothing, of what shows at the first start only. What merely describes the image
#: is left to the plan: `poetry gpu-build --dry-run` gives all advice.
WARNINGS = (
    unneeded_compile,
    unknown_wheel,
    no_target,
    portable_code_only,
    dropped_by_cudnn,
    cupy_that_does_not_fit,
    numpy_that_does_not_fit,
)


def check_coverage(seen: Seen) -> Iterator[Line]:
    """A line for each answer, and one for each advice that is about something going wrong."""
    if seen.question is None:
        yield not_looked_at(TOPIC, "the project pins no torch that is known")
        return
    yield from judge_coverage(seen.mode.name, seen.question)


def judge_coverage(mode: ModeName, question: Question) -> Iterator[Line]:
    """Ask what the build asks: what it would refuse is a problem, with the build's own ways out."""
    try:
        reasons = select_mode(question).reasons
    except NoModeServesError as error:
        yield from _refused(mode, question, error)
        return
    facts = [reason for reason in reasons if reason.step == "facts"]
    situation = Situation(mode, question)
    advice = each_once([reason for give in WARNINGS for reason in give(situation)])
    if _is_known(mode, question):
        for reason in facts:
            yield Line(TOPIC, "ok", reason.text, (), reason.status)
    elif question.targets or not advice:
        # What is not known, and the advice on just that.
        yield Line(TOPIC, "warning", "; ".join(reason.text for reason in facts), tuple(each.text for each in advice))
        return
    for reason in advice:
        yield Line(TOPIC, "warning", reason.text, (), reason.status)


def _refused(mode: ModeName, question: Question, error: NoModeServesError) -> Iterator[Line]:
    """A line for each objection, the ways out below the last. What the driver forbids stands in the driver's line."""
    by_host = host_objections(mode, question)
    objections = [each for each in objections_to(mode, question) if each not in by_host]
    if not objections:
        by_driver = f"the {mode} mode does not serve {listed(question.targets)} with this machine's driver"
        objections = [Reason("facts", by_driver)]
    *others, last = (Line(TOPIC, "problem", each.text, (), each.status) for each in objections)
    yield from (*others, last._replace(remedies=error.ways_out))


def _is_known(mode: ModeName, question: Question) -> bool:
    """Whether the facts know what the image's torch is made for, and there is something to hold it against."""
    if mode == "source":
        return question.facts.toolkit(question.policy.source.cuda) is not None
    return question.wheel is not None and bool(question.targets)
