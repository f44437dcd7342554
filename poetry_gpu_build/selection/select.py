"""The choice: every step leaves a reason, and a mode that would not run is vetoed by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.answer import all_of
from poetry_gpu_build.coverage.toolkits import toolkit_serves
from poetry_gpu_build.coverage.wheels import wheel_covers
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.selection.advice.every import advice
from poetry_gpu_build.selection.decision import mode_by_policy
from poetry_gpu_build.selection.flags import requested_mode
from poetry_gpu_build.selection.objections import objections_to
from poetry_gpu_build.selection.reasons import Reason
from poetry_gpu_build.selection.reasons import each_once
from poetry_gpu_build.selection.reasons import listed
from poetry_gpu_build.selection.ways_out import ways_out

if TYPE_CHECKING:
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.selection.question import Question


@dataclass(frozen=True, slots=True)
class Selection:
    """The mode, and every reason that led to it."""

    mode: ModeName
    reasons: tuple[Reason, ...]


def select_mode(question: Question) -> Selection:
    """Choose the mode. Raises NoModeServesError with every way out where the chosen mode would not run on a target."""
    requested, said = requested_mode(question.flags)
    reasons = [said, *_described_targets(question)]
    by_policy, reason = mode_by_policy(question.policy, question.targets, question.floor)
    mode = requested or by_policy
    if requested is None or requested == by_policy:
        reasons.append(reason)
    else:
        reasons.append(Reason("policy", f"{reason.text}; the flag decides otherwise"))
    found = objections_to(mode, question)
    if found:
        raise _veto(mode, found, question, requested)
    reasons += _approvals(mode, question)
    reasons += advice(mode, question)
    return Selection(mode, tuple(reasons))


def _described_targets(question: Question) -> list[Reason]:
    if not question.gpus:
        return [Reason("targets", "no target: no --gpu, no [tool.gpu-build] targets, and no GPU found")]
    return each_once([Reason("targets", _described(gpu)) for gpu in question.gpus])


def _described(gpu: Gpu) -> str:
    parts = [f"{gpu}, says {gpu.reported_by}"]
    if gpu.driver is not None:
        parts.append(f"driver {gpu.driver}")
    if gpu.note is not None:
        parts.append(gpu.note)
    return "; ".join(parts)


def _approvals(mode: ModeName, question: Question) -> list[Reason]:
    if mode == "source":
        return _source_approvals(question)
    wheel = question.wheel
    if wheel is None:
        return [Reason("facts", f"not checked: {question.pinned.unknown_because}")]
    if not question.targets:
        return [Reason("facts", f"not checked: there is no target to hold torch {wheel.torch} against")]
    reasons = []
    for target in question.targets:
        coverage = wheel_covers(wheel, target, question.facts)
        reasons.append(Reason("facts", f"torch {wheel.torch}: {coverage.because}", coverage.doubt))
    return reasons


def _source_approvals(question: Question) -> list[Reason]:
    source = question.policy.source
    toolkit = question.facts.toolkit(source.cuda)
    if toolkit is None:
        return [Reason("facts", f"not checked: nothing is known about CUDA {source.cuda}")]
    targets = question.targets or question.policy.source_targets
    answer = all_of(toolkit_serves(target, toolkit, question.facts.sass_rules) for target in targets)
    return [Reason("facts", f"CUDA {source.cuda} compiles for {listed(targets)}", answer.doubt)]


def _veto(mode: ModeName, found: list[Reason], question: Question, requested: ModeName | None) -> NoModeServesError:
    lines = [f"the {mode} mode does not serve {listed(question.targets)}"]
    if requested is not None and not question.flags.all_modes:
        lines[0] += ", and a flag asks for it"
    lines += [f"  - {objection}" for objection in found]
    return NoModeServesError("\n".join(lines), ways_out=tuple(ways_out(mode, question)))
