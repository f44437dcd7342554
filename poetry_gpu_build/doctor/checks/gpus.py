"""The GPUs: each card of the machine and who reported it, and the cards that a build here would be for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.gpu.pci import NAME as PCI
from poetry_gpu_build.gpu.pci import NO_CARD
from poetry_gpu_build.gpu.platforms import JETSON_NOTE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.gpu.detect import GpuReport
    from poetry_gpu_build.gpu.interface import Gpu

TOPIC = "gpu"
TARGET = "target"
_NAME_IT = 'name the card that the image is for: --gpu "GTX 970", or --gpu 5.2'


def check_gpus(seen: Seen) -> Iterator[Line]:
    """The machine's own cards."""
    yield from judge_gpus(seen.here, is_named=seen.named is not None)


def check_targets(seen: Seen) -> Iterator[Line]:
    """The cards that are named in their stead."""
    for gpu in () if seen.named is None else seen.named.gpus:
        yield _card(TARGET, gpu)


def judge_gpus(report: GpuReport, *, is_named: bool) -> Iterator[Line]:
    """A line for each card and each note; ``is_named``: the build is for other cards, which the user named."""
    for gpu in report.gpus:
        yield _card(TOPIC, gpu)
    missed = [detection for detection in report.detections if detection.source == PCI and not detection.is_complete]
    if not report.gpus:
        told = _why_none(report)
        mark: Line = Line(TOPIC, "warning", f"none found ({told})" if told else "none found", (_NAME_IT,))
        if missed and not is_named:
            # A build would take the default mode and never know that a card is there.
            mark = mark._replace(mark="problem", seen=f"a card that nobody can identify ({told})")
        yield mark._replace(remedies=()) if is_named else mark
    else:
        for note in (note for detection in missed for note in detection.notes):
            yield Line(TOPIC, "warning", note, (_NAME_IT,))
    for note in report.notes:
        if note == JETSON_NOTE and not is_named:
            yield Line(TOPIC, "problem", note, ("to build for another machine, name its card: --gpu 8.6",))
        else:
            yield Line(TOPIC, "warning", note)


def _why_none(report: GpuReport) -> str:
    """What each source said. A bus without a card explains why the driver's do not answer; WSL2 has no such bus."""
    told = [(detection.source, note) for detection in report.detections for note in detection.notes]
    if (PCI, NO_CARD) in told and not report.platform.is_wsl2:
        return NO_CARD
    return "; ".join(f"{source}: {note}" for source, note in told)


def _card(topic: str, gpu: Gpu) -> Line:
    parts = [f"{gpu}, says {gpu.reported_by}"]
    if gpu.memory_mib is not None:
        parts.append(f"{gpu.memory_mib / 1024:.1f} GiB")
    if gpu.mig_uuids:
        number = len(gpu.mig_uuids)
        parts.append(f"divided into {number} MIG device{'' if number == 1 else 's'}")
    if gpu.note is not None:
        parts.append(gpu.note)
    if gpu.is_guess:
        return Line(topic, "warning", "; ".join(parts), (_NAME_IT,))
    return Line(topic, "ok", "; ".join(parts))
