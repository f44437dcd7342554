"""NVIDIA's driver: whether there is one, drives the cards, and is let in by what a build here would be based on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.base_images import image_starts
from poetry_gpu_build.coverage.drivers import driver_answers
from poetry_gpu_build.coverage.drivers import drives
from poetry_gpu_build.coverage.drivers import last_branch_for
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import weakest_doubt
from poetry_gpu_build.gpu.pci import NAME as PCI
from poetry_gpu_build.selection.reasons import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

    from poetry_gpu_build.coverage.answer import Answer
    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.gpu.detect import GpuReport
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.policy import Mode
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import DriverVersion

TOPIC = "driver"


def check_driver(seen: Seen) -> Iterator[Line]:
    """One line: a machine has one driver."""
    yield judge_driver(seen.here, seen.mode, seen.facts)


def judge_driver(report: GpuReport, mode: Mode, facts: CompatibilityFacts) -> Line:
    """Hold the driver against the machine's cards, and against the toolkit and the base image of the mode."""
    cards = report.gpus
    if report.platform.is_jetson:
        return Line(
            TOPIC, "ok", "not judged: a Jetson's driver is part of its system, and x86 images do not apply to it"
        )
    told = (*(gpu.driver for gpu in cards), *(detection.driver for detection in report.detections))
    driver = next((version for version in told if version is not None), None)
    if not cards:
        if driver is None:
            return Line(TOPIC, "ok", "not needed: this machine has no GPU that was found")
        return Line(TOPIC, "warning", f"{driver} is loaded, and shows no GPU that is known")
    if all(gpu.reported_by == PCI for gpu in cards):
        return _absent(cards, facts) if driver is None else _silent(driver, report, facts)
    if driver is None:
        return Line(TOPIC, "warning", "its version was not told")
    # Under WSL2 it is Windows' driver, whose numbers of one branch are Linux's or a little above (580: 580 to 582).
    return _judge(driver, cards, mode, facts)


def _absent(cards: tuple[Gpu, ...], facts: CompatibilityFacts) -> Line:
    shown = ", ".join(dict.fromkeys(map(str, cards)))
    return Line(TOPIC, "problem", f"none is loaded, and the PCI bus shows {shown}", _advice(cards, facts))


def _silent(driver: DriverVersion, report: GpuReport, facts: CompatibilityFacts) -> Line:
    """The cards are on the bus, a driver is loaded, and neither NVML nor nvidia-smi knows of them."""
    answers = [(gpu, answer) for gpu in report.gpus for answer in drives(driver, gpu.capability, facts)]
    against = [(gpu, answer) for gpu, answer in answers if not answer.runs]
    if against:
        return _refusal(against, facts)
    why = "; ".join(
        f"{detection.source}: {note}"
        for detection in report.detections
        if detection.source != PCI
        for note in detection.notes
    )
    return Line(
        TOPIC,
        "problem",
        f"{driver} is loaded and does not answer{f' ({why})' if why else ''}",
        (
            "restart the machine, if the driver was updated since it started",
            "in a container: start it with --gpus all",
        ),
    )


def _judge(driver: DriverVersion, cards: tuple[Gpu, ...], mode: Mode, facts: CompatibilityFacts) -> Line:
    answers = [(gpu, answer) for gpu in cards for answer in _answers(driver, gpu, mode, facts)]
    against = [(gpu, answer) for gpu, answer in answers if not answer.runs]
    if against:
        return _refusal(against, facts)
    targets = _capabilities(cards)
    seen = f"{driver} drives {listed(targets)}"
    for target in targets:
        last = last_branch_for(target, facts)
        if last is not None:
            seen += f"; branch {last.branch} is the last for {target}"
    return Line(TOPIC, "ok", seen, (), weakest_doubt(answer for _, answer in answers))


def _refusal(against: Sequence[tuple[Gpu, Answer]], facts: CompatibilityFacts) -> Line:
    because = "; ".join(dict.fromkeys(answer.because for _, answer in against))
    cards = tuple(gpu for gpu, _ in against)
    return Line(TOPIC, "problem", because, _advice(cards, facts), weakest_doubt(answer for _, answer in against))


def _answers(driver: DriverVersion, gpu: Gpu, mode: Mode, facts: CompatibilityFacts) -> list[Answer]:
    answers = driver_answers(driver, gpu.capability, mode.cuda, facts)
    starts = image_starts(mode.base_image, gpu.name, driver, facts)
    return answers if starts is None else [*answers, starts]


def _advice(cards: tuple[Gpu, ...], facts: CompatibilityFacts) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_remedy(target, facts) for target in _capabilities(cards)))


def _remedy(target: ComputeCapability, facts: CompatibilityFacts) -> str:
    """Which driver a card asks for."""
    last = last_branch_for(target, facts)
    if last is not None:
        return f"install NVIDIA's driver of branch {last.branch}, the last one for GPUs of {target}"
    first = max((floor.branch for floor in facts.driver_floors if target >= floor.capability), default=None)
    if first is not None:
        return f"install NVIDIA's driver of branch {first} or newer, which GPUs of {target} need"
    return f"install NVIDIA's newest driver, which drives GPUs of {target}"


def _capabilities(cards: tuple[Gpu, ...]) -> list[ComputeCapability]:
    return sorted({gpu.capability for gpu in cards})
