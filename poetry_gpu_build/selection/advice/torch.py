"""Advice on the torch of the image: whether a compile is needed, and what the image does not run on."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.answer import all_of
from poetry_gpu_build.coverage.code import Architecture
from poetry_gpu_build.coverage.code import code_covers
from poetry_gpu_build.coverage.code import sass_runs_on
from poetry_gpu_build.coverage.toolkits import compiled_for
from poetry_gpu_build.coverage.toolkits import toolkit_serves
from poetry_gpu_build.coverage.wheels import wheel_covers
from poetry_gpu_build.selection.objections import objections_to
from poetry_gpu_build.selection.reasons import Reason
from poetry_gpu_build.selection.reasons import listed
from poetry_gpu_build.selection.ways_out import wheels_to_offer
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from poetry_gpu_build.selection.advice.situation import Situation

_ARCH_LIST = "TORCH_CUDA_ARCH_LIST"
_PTX = "+PTX"


def unneeded_compile(situation: Situation) -> list[Reason]:
    """A source build that a wheel makes unnecessary; the policy still decides."""
    question = situation.question
    targets, wheel = question.targets, question.wheel
    if situation.is_binary or not targets:
        return []
    if wheel is not None and not objections_to("binary", question):
        text = f"no compile is needed: the pinned torch {wheel.torch} runs on {listed(targets)} as it is"
        return [Reason("advice", text, wheel.evidence.doubt)]
    for offer in wheels_to_offer(question)[:1]:
        text = f"no compile is needed: {offer} runs on {listed(targets)}"
        return [Reason("advice", text, offer.wheel.evidence.doubt)]
    return []


def below_the_floor(situation: Situation) -> list[Reason]:
    """A wheel that a flag asks for, below the policy's floor."""
    question = situation.question
    below = question.floor.below(question.targets)
    if not situation.is_binary or not below:
        return []
    text = f"{listed(below)}: below the policy's floor {question.policy.floor}, but the wheel holds code for it"
    return [Reason("advice", text)]


def unknown_wheel(situation: Situation) -> list[Reason]:
    """A wheel of which the facts know nothing cannot be held against a card; the proof of the built image can."""
    if not situation.is_binary or situation.wheel is not None:
        return []
    torch = situation.question.pinned.build or situation.question.pinned.pin.constraint
    text = f"what torch {torch} runs on shows after the build, when the image is proved"
    return [
        *_machine_code_it_cannot_hold(situation),
        Reason("advice", f"{text}; to see it before: poetry gpu-build archs WHEEL"),
    ]


def _machine_code_it_cannot_hold(situation: Situation) -> list[Reason]:
    """A wheel holds no machine code that its CUDA cannot compile. No veto: PTX that is old enough may serve."""
    torch = situation.question.pinned.build
    toolkit = None if torch is None or torch.cuda is None else situation.facts.toolkit(torch.cuda)
    if toolkit is None:
        return []
    answers = {
        target: toolkit_serves(target, toolkit, situation.facts.sass_rules) for target in situation.question.targets
    }
    noes = {target: answer for target, answer in answers.items() if not answer.runs}
    if not noes:
        return []
    text = (
        f"torch {torch} can hold no machine code for {listed(list(noes))}: CUDA {toolkit.cuda} compiles for "
        f"{toolkit.compiles[0]} to {toolkit.compiles[-1]}"
    )
    newer = all(target > toolkit.compiles[-1] for target in noes)
    text += "; at best its PTX runs there, if it has any" if newer else ""
    return [Reason("advice", text, all_of(noes.values()).doubt)]


def no_target(situation: Situation) -> list[Reason]:
    """Without a target nothing can be vetoed: say what the wheel does not run on."""
    wheel, facts = situation.wheel, situation.facts
    if wheel is None or situation.question.targets:
        return []
    # No x86 machine has a Tegra part, so the gaps in between do not matter.
    known = sorted({capability for toolkit in facts.toolkits for capability in toolkit.compiles})
    answers = {target: wheel_covers(wheel, target, facts) for target in known}
    runs = [target for target, answer in answers.items() if answer.runs]
    newer = [target for target in known if runs and target > max(runs)]
    noes = [answers[target] for target in known if runs and (target < min(runs) or target in newer)]
    if not noes:
        return []
    upwards = f", nor on {min(newer)} and newer" if newer else ""
    text = f"no GPU is known: torch {wheel.torch} does not run on GPUs below {min(runs)}{upwards}"
    return [Reason("advice", f"{text}; name the card: --gpu", wheel.evidence.doubt)]


def portable_code_only(situation: Situation) -> list[Reason]:
    """A card that only PTX serves: the driver compiles it, each time where its cache is lost."""
    wheel, facts = situation.wheel, situation.facts
    if wheel is None:
        return []
    portable = [
        target
        for target in situation.question.targets
        if not any(sass_runs_on(code, target, facts.sass_rules, wheel.cuda) for code in wheel.sass)
    ]
    if not portable:
        return []
    answer = all_of(wheel_covers(wheel, target, facts) for target in portable)
    text = f"torch {wheel.torch} has PTX only for {listed(portable)}: the first start of each container compiles it"
    return [Reason("advice", f"{text}, for minutes, unless CUDA_CACHE_PATH lies on a volume", answer.doubt)]


def no_portable_code(situation: Situation) -> list[Reason]:
    """An arch list without PTX makes an image for these generations alone."""
    own = dict(situation.mode.build_args) | dict(situation.question.build_args)
    if situation.is_binary or not situation.targets or _PTX in own.get(_ARCH_LIST, ""):
        return []
    toolkit, rules = situation.facts.toolkit(situation.mode.cuda), situation.facts.sass_rules
    compiled = ((toolkit and compiled_for(target, toolkit, rules)) or target for target in situation.targets)
    code = sorted({Architecture(capability) for capability in compiled})
    # Descending: of each generation the oldest stays.
    oldest = {each.capability.major: each.capability for each in reversed(code)}
    runs = ", ".join(f"{major}.x from {oldest[major]} on" for major in sorted(oldest))
    newer = code_covers(code, [], ComputeCapability(code[-1].capability.major + 1, 0), rules)
    arch_list = ";".join(str(each.capability) for each in code) + _PTX
    setting = quote(f"{_ARCH_LIST}={arch_list}")
    text = f"compiled without PTX, the image runs on {runs}, and on nothing else"
    return [Reason("advice", f"{text}; to add it for newer GPUs: --build-arg {setting}", newer.doubt)]
