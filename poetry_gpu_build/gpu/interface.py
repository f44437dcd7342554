"""What a detector is, what it answers, and what is known of one GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from poetry_gpu_build.gpu.names import CardTable
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import DriverVersion

    LoadCards = Callable[[], CardTable]
    """Loads the table of cards. A function, because reading it costs about 40 ms and most runs never need it."""

# Generations so far: 1.x (2006) to 12.x (2025). The ceiling leaves room for cards that this release has never heard
# of, and still refuses what a broken driver or a slip of the pen yields: 99.9, and 97.0 from "970".
_FIRST_MAJOR_IN_USE = 2
_NO_MAJOR_FROM = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU that the image must run on."""

    capability: ComputeCapability
    reported_by: str
    """Who says so: ``--gpu``, ``[tool.gpu-build] targets``, ``NVML``, ``nvidia-smi`` or ``PCI id``."""
    name: str | None = None
    """As the source wrote it: the driver writes ``NVIDIA GeForce GTX 970``, the table ``GeForce GTX 970``."""
    index: int | None = None
    """The source's own number, from 0. NVML and nvidia-smi count in PCI bus order, CUDA programs by default do not."""
    uuid: str | None = None
    """``GPU-…``: the same in every tool and after a reboot."""
    mig_uuids: tuple[str, ...] = ()
    """The MIG devices (``MIG-…``) that this GPU is divided into; their compute capability is the GPU's."""
    driver: DriverVersion | None = None
    memory_mib: int | None = None
    """MiB; None also where memory is shared with the CPU (GB10, Jetson), where the driver gives no figure."""
    is_guess: bool = False
    """Whether the capability rests on a name, or on a table row whose sources disagree. Show it when it decides."""
    note: str | None = None
    """What a reader should know about this answer: why it is a guess, or what it is easily mistaken for."""

    def __str__(self) -> str:
        described = f"compute capability {self.capability}" if self.name is None else f"{self.name} ({self.capability})"
        return f"{described}, a guess" if self.is_guess else described


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What one source answered. No GPU is an answer, not an error."""

    source: str
    gpus: tuple[Gpu, ...] = ()
    notes: tuple[str, ...] = ()
    """Why the source could not answer, or what it could not make out: one sentence each, fit for a terminal."""
    is_complete: bool = True
    """Whether ``gpus`` is all that the source saw; False if it saw a GPU that it could not identify, or broke off."""
    driver: DriverVersion | None = None
    """The machine's driver, if the source knows it, even where it could not identify a GPU."""

    @property
    def is_settled(self) -> bool:
        """Whether nobody else need be asked: GPUs were found, all of them, and none is a guess."""
        return bool(self.gpus) and self.is_complete and self.guesses == 0

    @property
    def guesses(self) -> int:
        """How many of the GPUs are guesses."""
        return sum(gpu.is_guess for gpu in self.gpus)


class Detector(Protocol):
    """A source that can be asked for the machine's GPUs."""

    @property
    def name(self) -> str:
        """The source's name, as notes and ``Gpu.reported_by`` write it."""

    def detect(self) -> Detection:
        """Ask. A source that is absent, broken or slow answers with a note and raises nothing."""


def is_plausible(capability: ComputeCapability) -> bool:
    """Whether a GPU may have this number: 2.0 to below 20.0.

    Not the list of known numbers: a card newer than this release is to be believed. A driver that answers 0.0, or a
    hand that typed 970 for a GTX 970 (read as 97.0), is not.
    """
    return _FIRST_MAJOR_IN_USE <= capability.major < _NO_MAJOR_FROM


def printable(text: str, limit: int = 200) -> str:
    """Foreign text, fit to stand in a note: one line, no control characters, at most ``limit`` characters.

    >>> printable("Field is not valid\\x1b[2J\\n")
    'Field is not valid [2J'
    """
    clean = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"
