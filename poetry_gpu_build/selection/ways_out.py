"""Every way to an image that runs, where the chosen one would not: each was put to the decision again, and passed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.hosts import driver_needed
from poetry_gpu_build.coverage.hosts import late_in
from poetry_gpu_build.offers.case import Case
from poetry_gpu_build.offers.compiles import compiles
from poetry_gpu_build.offers.ways_out import find_ways_out
from poetry_gpu_build.offers.wheels import offers
from poetry_gpu_build.offers.wheels import worth_naming
from poetry_gpu_build.selection.decision import finds_a_mode
from poetry_gpu_build.selection.decision import mode_of
from poetry_gpu_build.selection.flags import requested_mode
from poetry_gpu_build.selection.objections import cuda_of_mode
from poetry_gpu_build.selection.reasons import listed
from poetry_gpu_build.selection.steps import BaseImage
from poetry_gpu_build.selection.steps import Driver
from poetry_gpu_build.selection.steps import Flag
from poetry_gpu_build.selection.steps import OtherMachine
from poetry_gpu_build.selection.steps import Pin
from poetry_gpu_build.selection.steps import Toolkit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.offers.wheels import Offer
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.selection.question import Question
    from poetry_gpu_build.selection.steps import Step


class Way(NamedTuple):
    """Steps that lead to a mode, if all of them are taken."""

    steps: tuple[Step, ...]

    def then(self, question: Question) -> Question:
        """The question after them."""
        for step in self.steps:
            question = step.then(question)
        return question

    def leads(self, question: Question) -> bool:
        """Whether the decision finds a mode after them."""
        return finds_a_mode(self.then(question))

    def and_also(self, step: Step) -> Way:
        """The way with one step more."""
        return Way((*self.steps, step))


def ways_out(mode: ModeName, question: Question) -> list[str]:
    """Every way to an image that runs, where ``mode`` does not: the cheapest first, each in one line."""
    case = _case(question)
    if case.boards:
        return _for_boards(case)
    lines = [_line(way, question) for way in find_ways(mode, question)]
    if len(question.targets) > 1 and _each_alone_finds_a_mode(question):
        lines.append("build one image for each: poetry gpu-build --gpu with one target at a time")
    return lines or [f"none is known for {listed(question.targets)}: {find_ways_out(case).why_nothing}"]


def _for_boards(case: Case) -> list[str]:
    """Why is said already: what is left are the other machines, and NVIDIA's own images on the board."""
    others = " ".join(f"--gpu {target}" for target in case.targets if target not in case.boards)
    return [
        "on the board itself, build from NVIDIA's images for it (L4T), with the torch that NVIDIA makes for JetPack",
        f"leave it out: {others}" if others else "to build for another machine, name its card: --gpu 8.6",
    ]


def find_ways(mode: ModeName, question: Question) -> list[Way]:
    """The ways as values: what the driver allows, by wheel and then by compile; then another driver; then elsewhere.

    A way of several steps is among them only if none of its steps leads there alone.
    """
    if _case(question).boards:
        return []  # whatever is compiled for one of them, the image around it is made for x86_64
    wheels, compiled = [*_by_wheel(mode, question)], [*_by_compile(mode, question)]
    drivers = [*_by_driver(mode, question, has_wheel=bool(wheels), has_compile=bool(compiled))]
    other = Way((OtherMachine(),))
    is_host = any(gpu.driver is not None for gpu in question.gpus)
    elsewhere = [other] if is_host and not finds_a_mode(question) and other.leads(question) else []
    return [*wheels, *compiled, *drivers, *elsewhere]


def wheels_to_offer(question: Question) -> list[Offer]:
    """The wheels worth naming: the pinned release in another variant, then the newest; each covers every target."""
    return list(worth_naming(offers(_case(question)), question.pinned.build))


def _case(question: Question) -> Case:
    return Case.under(question.policy, question.gpus, question.facts)


def _by_wheel(mode: ModeName, question: Question) -> Iterator[Way]:
    """The pinned wheel, by the flag or in another base image; where that is not it, another wheel."""
    pinned = Way((Flag("binary"),) if mode == "source" else ())
    way = _in_some_image(pinned, question)
    if way is not None:
        yield way
        return
    yield from filter(None, (_in_some_image(pin, question) for pin in _pins(question)))


def _by_compile(mode: ModeName, question: Question) -> Iterator[Way]:
    flag = Way((Flag("source"),))
    if mode == "binary" and flag.leads(question):
        yield flag
        return
    yield from [way for way in _toolkits(question) if way.leads(question)][:1]


def _by_driver(mode: ModeName, question: Question, *, has_wheel: bool, has_compile: bool) -> Iterator[Way]:
    """Another driver; with a further change only where that alone leads nowhere, and the one that is there neither."""
    alone = _with_driver(Way(()), question)
    if alone is not None:
        yield alone
        return
    if has_wheel:
        return
    anywhere = OtherMachine().then(question)
    wheels = [Way((Flag("binary"),))] if mode == "source" else []
    found = [*filter(None, (_with_driver(each, question) for each in [*wheels, *_pins(anywhere)]))]
    yield from found
    if found or has_compile:
        return
    flag = [Way((Flag("source"),))] if mode == "binary" else []
    yield from [*filter(None, (_with_driver(each, question) for each in [*flag, *_toolkits(anywhere)]))][:1]


def _pins(question: Question) -> list[Way]:
    """Pinning each wheel worth naming, with what else the binary mode needs to be chosen then."""
    requested, _ = requested_mode(question.flags)
    policy = question.policy
    is_below = any(target < policy.floor for target in question.targets) and not policy.floor_follows_wheel
    flag: tuple[Step, ...] = (Flag("binary"),) if requested == "source" else ()
    worth = wheels_to_offer(question)
    return [
        Way((Pin(offer, follow_wheel=is_below and requested is None, is_newest=offer is worth[-1]), *flag))
        for offer in worth
    ]


def _toolkits(question: Question) -> list[Way]:
    """Compiling with each toolkit that serves, that nearest to the policy's own first: torch must support it too."""
    own = question.policy.source.cuda
    found = [each.toolkit.cuda for each in compiles(_case(question))]
    newer, older = [cuda for cuda in found if cuda >= own], [cuda for cuda in reversed(found) if cuda < own]
    return [Way((Toolkit(cuda),)) for cuda in (*newer, *older)]


def _in_some_image(way: Way, question: Question) -> Way | None:
    """The way itself, else in the first base image of the facts that makes it one; None where none does."""
    if way.leads(question):
        return way if way.steps else None
    images = (way.and_also(BaseImage(image.name)) for image in question.facts.images)
    return next((each for each in images if each.leads(question)), None)


def _with_driver(way: Way, question: Question) -> Way | None:
    """The way with the driver that it needs; None where it needs none, or none would do."""
    asked = way.then(question)
    driver = _driver_for(asked)
    if driver is None or finds_a_mode(asked):
        return None
    complete = way.and_also(driver)
    return complete if complete.leads(question) else None


def _driver_for(question: Question) -> Driver | None:
    """The driver that every card of the machine needs for the mode that this question gets."""
    mode = mode_of(question)
    wheel = question.wheel if mode == "binary" else None
    cuda, image = cuda_of_mode(mode, question), question.policy.mode(mode).base_image
    here = [gpu for gpu in question.gpus if gpu.driver is not None]
    found = [driver_needed(gpu.capability, gpu.name, cuda, image, question.facts, wheel) for gpu in here]
    needed = [each for each in found if each is not None]
    if not here or len(needed) < len(found):
        return None
    last = min((each.last for each in needed if each.last is not None), default=None)
    oldest = [each.oldest for each in needed if each.oldest is not None]
    newest_here = max(gpu.driver for gpu in here if gpu.driver is not None)
    if len(oldest) == len(needed) and (last is None or max(oldest).branch <= last):
        if last is None or newest_here.branch <= last:
            return Driver(max(oldest), last, is_older=newest_here >= max(oldest))
        return Driver(late_in(last), last, is_older=True)
    shared = set.intersection(*({*each.excepted} for each in needed))
    return Driver(late_in(max(shared)), last, is_older=True) if shared else None


def _each_alone_finds_a_mode(question: Question) -> bool:
    return all(
        finds_a_mode(replace(question, gpus=tuple(gpu for gpu in question.gpus if gpu.capability == target)))
        for target in question.targets
    )


def _line(way: Way, question: Question) -> str:
    """What to do, and why it helps."""
    text = ", and ".join(step.said(question) for step in way.steps)
    because = _because(way, question)
    return text if because is None else f"{text}: {because}"


def _because(way: Way, question: Question) -> str | None:
    targets = listed(question.targets)
    first, *others = way.steps
    if isinstance(first, Pin):
        text = f"it runs on {targets} (known by: {first.offer.known_by})"
        named = "".join(f" --gpu {gpu.capability}" for gpu in question.gpus if gpu.driver is None)
        return f"{text}; poetry gpu-build advise{named} --apply writes it" if first.is_newest and not others else text
    if isinstance(first, BaseImage):
        return "it starts on this driver, and a wheel brings its own CUDA libraries along"
    if isinstance(first, Toolkit):
        return f"it compiles for {targets}"
    if isinstance(first, Flag):
        wheel, source = question.wheel, question.policy.source
        if first.mode == "source":
            return f"compiles torch {source.torch} for {targets} with CUDA {source.cuda}"
        return None if wheel is None else f"the pinned torch {wheel.torch} runs on {targets}"
    return None
