"""The order in which the sources are asked, and whose answer counts."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.facts.load import load_gpus
from poetry_gpu_build.gpu.explicit import FROM_CONFIGURATION
from poetry_gpu_build.gpu.explicit import FROM_FLAG
from poetry_gpu_build.gpu.explicit import ExplicitTargets
from poetry_gpu_build.gpu.names import CardTable
from poetry_gpu_build.gpu.nvidia_smi import NvidiaSmiDetector
from poetry_gpu_build.gpu.nvml import NvmlDetector
from poetry_gpu_build.gpu.pci import PciDetector
from poetry_gpu_build.gpu.platforms import PLAIN_PC
from poetry_gpu_build.gpu.platforms import read_platform
from poetry_gpu_build.gpu.visible import keep_visible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.gpu.interface import Detection
    from poetry_gpu_build.gpu.interface import Detector
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.gpu.interface import LoadCards
    from poetry_gpu_build.gpu.platforms import Platform

_VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuReport:
    """The GPUs that the image must run on, who was asked, and what each said."""

    gpus: tuple[Gpu, ...] = ()
    """None is an answer: neither the user nor the machine names a GPU."""
    detections: tuple[Detection, ...] = ()
    """Each source that was asked, in order; the ones after the first settled answer were not."""
    notes: tuple[str, ...] = ()
    """What belongs to no single source: the platform, CUDA_VISIBLE_DEVICES, sources that contradict each other."""
    platform: Platform = PLAIN_PC
    """Only looked at when the machine was asked."""

    @property
    def messages(self) -> tuple[str, ...]:
        """Every note, those of a source after its name."""
        told = (f"{detection.source}: {note}" for detection in self.detections for note in detection.notes)
        return (*told, *self.notes)


def find_gpus(
    *,
    flags: Sequence[str] = (),
    configured: Sequence[str] = (),
    configured_at: Position | None = None,
    environment: Mapping[str, str],
    facts_dir: Path,
    root: Path = Path("/"),
) -> GpuReport:
    """The GPUs by precedence: ``--gpu``, then ``[tool.gpu-build] targets``, then the machine's own.

    ``environment`` is the program's (PATH, LD_LIBRARY_PATH, CUDA_VISIBLE_DEVICES are used); ``root`` is the file
    system's. Where the user names GPUs, the machine is not asked.

    Raises InvalidValueError for a text that names no GPU, ConfigurationError if the table of cards is not TOML.
    """
    load_cards = load_cards_once(facts_dir)
    for texts, source, where in ((flags, FROM_FLAG, None), (configured, FROM_CONFIGURATION, configured_at)):
        if texts:
            named = ExplicitTargets(tuple(texts), source, load_cards, where).detect()
            return GpuReport(gpus=named.gpus, detections=(named,))
    detectors = machine_detectors(environment=environment, load_cards=load_cards, root=root)
    return ask_machine(detectors, visible_devices=environment.get(_VISIBLE_DEVICES), platform=read_platform(root))


def load_cards_once(facts_dir: Path) -> LoadCards:
    """A loader of the table of cards that reads it at the first call, and never again."""
    return lru_cache(maxsize=1)(lambda: CardTable(load_gpus(facts_dir)))


def machine_detectors(
    *, environment: Mapping[str, str], load_cards: LoadCards, root: Path = Path("/")
) -> tuple[Detector, ...]:
    """The machine's sources in the order to ask them: NVML, nvidia-smi, PCI ids."""
    return (
        NvmlDetector(load_cards),
        NvidiaSmiDetector(load_cards, environment, root),
        PciDetector(load_cards, root),
    )


def ask_machine(
    detectors: Iterable[Detector], *, visible_devices: str | None = None, platform: Platform = PLAIN_PC
) -> GpuReport:
    """Ask one source after the other, until one has found GPUs, knows all that it saw, and guesses at none.

    ``visible_devices`` is the value of CUDA_VISIBLE_DEVICES, None if unset (see ``keep_visible``).
    """
    asked: list[Detection] = []
    best: Detection | None = None
    notes: list[str] = []
    for detector in detectors:
        answer = detector.detect()
        asked.append(answer)
        notes.extend(_contradictions(best, answer))
        if answer.gpus and (best is None or _is_better(answer, best)):
            best = answer
        if answer.is_settled:
            break
    gpus = () if best is None else _with_driver(best.gpus, asked)
    visible = keep_visible(gpus, visible_devices)
    return GpuReport(
        gpus=visible.gpus,
        detections=tuple(asked),
        notes=(*notes, *visible.notes, *platform.notes(visible.gpus)),
        platform=platform,
    )


def _is_better(answer: Detection, best: Detection) -> bool:
    """Whether a later source's answer replaces an earlier one's.

    It does where the earlier one missed GPUs, and where it guesses at the same GPUs that the later one knows. It does
    not merely for seeing more: in a container the PCI bus shows the host's cards, the driver those that are lent.
    """
    if len(answer.gpus) == len(best.gpus):
        return answer.guesses < best.guesses
    return not best.is_complete and len(answer.gpus) > len(best.gpus)


def _contradictions(best: Detection | None, answer: Detection) -> tuple[str, ...]:
    """Two sources that see the same number of GPUs and other compute capabilities."""
    if best is None or len(answer.gpus) != len(best.gpus):
        return ()
    before, after = (sorted(gpu.capability for gpu in detection.gpus) for detection in (best, answer))
    if before == after:
        return ()
    told = " and ".join(
        f"{detection.source} says {', '.join(str(gpu) for gpu in detection.gpus)}" for detection in (best, answer)
    )
    return (told,)


def _with_driver(gpus: tuple[Gpu, ...], asked: Sequence[Detection]) -> tuple[Gpu, ...]:
    """A machine has one driver: who knows it tells it to the others."""
    driver = next((detection.driver for detection in asked if detection.driver is not None), None)
    return tuple(gpu if gpu.driver is not None else replace(gpu, driver=driver) for gpu in gpus)
