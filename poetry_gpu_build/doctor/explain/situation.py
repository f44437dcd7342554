"""What is known beside the text: the project, the facts and the machine's GPUs; and what they say about an error.

The one place where the cases meet the facts; every answer that rests on less than a measurement says so.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.code import Architecture
from poetry_gpu_build.coverage.code import code_covers
from poetry_gpu_build.coverage.drivers import cuda_of
from poetry_gpu_build.coverage.drivers import driver_objections
from poetry_gpu_build.coverage.drivers import last_branch_for
from poetry_gpu_build.coverage.toolkits import cudnn_serves
from poetry_gpu_build.coverage.toolkits import toolkit_serves
from poetry_gpu_build.coverage.toolkits import toolkits_compiling
from poetry_gpu_build.coverage.wheels import wheel_covers
from poetry_gpu_build.doctor.explain.told import Told
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.gpu.interface import Gpu
from poetry_gpu_build.selection.flags import Flags
from poetry_gpu_build.selection.question import Question
from poetry_gpu_build.selection.ways_out import ways_out
from poetry_gpu_build.torch_pin import PinnedTorch
from poetry_gpu_build.torch_pin import TorchPin

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry_gpu_build.coverage.answer import Answer
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import ToolkitFact
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import CudaVersion
    from poetry_gpu_build.values import DriverVersion
    from poetry_gpu_build.values import TorchBuild

_BY_TEXT = "the text"


class Situation(NamedTuple):
    """What is known; outside a project the shipped policy speaks for a project that follows it."""

    facts: CompatibilityFacts
    policy: Policy
    in_project: bool = False
    pinned: PinnedTorch | None = None
    """The torch that the project pins; None: no project, or none pinned."""
    gpus: tuple[Gpu, ...] = ()
    """Those of --gpu, of [tool.gpu-build], or of this machine."""
    told: Told = Told()
    """What the text tells beside its errors."""

    @property
    def drivers(self) -> tuple[DriverVersion, ...]:
        """The text's driver, else this machine's."""
        if self.told.driver is not None:
            return (self.told.driver,)
        return tuple(dict.fromkeys(gpu.driver for gpu in self.gpus if gpu.driver is not None))

    def targets(self, capability: ComputeCapability | None = None) -> tuple[ComputeCapability, ...]:
        """The cards in question: that of the error, else those of the text, else those of the project or machine."""
        if capability is not None:
            return (capability,)
        return self.told.capabilities or tuple(sorted({gpu.capability for gpu in self.gpus}))

    def about_torch(self, capability: ComputeCapability | None) -> Iterator[str]:
        """Whether the torch of the text, and the one that the project pins, run on the cards in question."""
        text_torch = self.told.torch
        pinned = self.pinned.build if self.pinned is not None else None
        for target in self.targets(capability):
            if text_torch is not None and text_torch != pinned and self.facts.wheel(text_torch) is not None:
                yield f"torch {text_torch}, which the text speaks of, {self._runs(text_torch, target)}"
            if self.pinned is None:
                continue
            if pinned is None or self.facts.wheel(pinned) is None:
                yield f"whether the project's torch runs on {target} is not known: {self.pinned.unknown_because}"
                continue
            yield f"the project pins torch {pinned} ({self.pinned.said_by}), which {self._runs(pinned, target)}"
            if self.pinned_runs_on(target):
                yield (
                    "so this text is of another torch: an image from before the pin, an extension, or a torch that is "
                    "found before the project's"
                )

    def pinned_runs_on(self, target: ComputeCapability) -> bool:
        """Whether the torch that the project pins is known to hold code for a card."""
        wheel = None if self.pinned is None or self.pinned.build is None else self.facts.wheel(self.pinned.build)
        return wheel is not None and wheel_covers(wheel, target, self.facts).runs

    def ways_to_run(self, capability: ComputeCapability | None) -> Iterator[str]:
        """Every way to an image that runs on the cards in question, the cheapest first."""
        targets = self.targets(capability)
        named = " ".join(f"--gpu {target}" for target in targets)
        if not targets:
            yield "poetry gpu-build --dry-run: which mode this machine's GPU needs, and why"
            return
        if self.pinned is not None and all(map(self.pinned_runs_on, targets)):
            yield f"poetry gpu-build verify IMAGE {named}: which torch is in the image, and what its code runs on"
            yield f"poetry gpu-build {named}: build it again"
            return
        for way in ways_out("binary", self._question(targets)):
            yield f"poetry gpu-build {named} {way}" if way.startswith("--") else way

    def serves(self, listed: Iterable[ComputeCapability], target: ComputeCapability) -> Answer:
        """Whether a torch that holds machine code for these runs on a card."""
        return code_covers([Architecture(code) for code in listed], (), target, self.facts.sass_rules)

    def toolkit_answer(self, target: ComputeCapability, cuda: CudaVersion) -> Answer | None:
        """Whether a toolkit compiles for a card; None where the facts do not know it."""
        toolkit = self.facts.toolkit(cuda)
        return None if toolkit is None else toolkit_serves(target, toolkit, self.facts.sass_rules)

    def toolkits_for(self, target: ComputeCapability) -> tuple[ToolkitFact, ...]:
        """The toolkits that compile for a card, oldest first."""
        return toolkits_compiling((target,), self.facts)

    def about_driver(self, cuda: CudaVersion) -> Iterator[str]:
        """What a CUDA asks of the driver, and whether the drivers that are known give it."""
        toolkit = self.facts.toolkit(cuda)
        if toolkit is None:
            return
        text = f"machine code of CUDA {cuda} needs a driver from {toolkit.driver_minimum} on"
        if toolkit.driver_released_with is not None:
            text += f"; its PTX, and NVIDIA's own images of it, one from {toolkit.driver_released_with} on"
        yield with_doubt(text, toolkit.minimum_evidence.doubt)
        for driver in self.drivers:
            reported = cuda_of(driver, self.facts)
            if reported is not None:
                yield f"driver {driver} is of CUDA {reported}"

    def about_cards_and_drivers(self) -> Iterator[str]:
        """Cards that the known drivers do not drive, and the last driver of old cards."""
        for gpu in self.gpus:
            cuda = self.policy.binary.cuda
            if gpu.driver is not None:
                for answer in driver_objections(gpu.driver, gpu.capability, cuda, self.facts):
                    yield with_doubt(f"{gpu}: {answer.because}", answer.doubt)
            last = last_branch_for(gpu.capability, self.facts)
            if last is not None:
                yield with_doubt(f"driver branch {last.branch} is the last that drives {gpu}", last.evidence.doubt)

    def cudnn_answer(self, version: str, target: ComputeCapability) -> Answer | None:
        """Whether a cuDNN still has kernels for a card; None where the facts do not know."""
        return cudnn_serves(version, target, self.facts)

    def cudnn_of_pinned(self) -> str | None:
        """The cuDNN that the pinned wheel comes with, as far as the facts know."""
        wheel = None if self.pinned is None or self.pinned.build is None else self.facts.wheel(self.pinned.build)
        return None if wheel is None else wheel.cudnn

    def _runs(self, torch: TorchBuild, target: ComputeCapability) -> str:
        wheel = self.facts.wheel(torch)
        assert wheel is not None
        answer = wheel_covers(wheel, target, self.facts)
        text = f"{'runs' if answer.runs else 'does not run'} on {target}: {answer.because}"
        return with_doubt(text, answer.doubt)

    def _question(self, targets: tuple[ComputeCapability, ...]) -> Question:
        """The question of the mode, for these cards; drivers of other cards say nothing about them."""
        known = {gpu.capability: gpu for gpu in self.gpus}
        gpus = tuple(known.get(target) or Gpu(capability=target, reported_by=_BY_TEXT) for target in targets)
        nothing = TorchPin("*", None, None, None, Position(Path()))
        return Question(
            flags=Flags(),
            gpus=gpus,
            policy=self.policy,
            pinned=self.pinned or PinnedTorch(self.told.torch, nothing, _BY_TEXT),
            facts=self.facts,
        )


def with_doubt(text: str, doubt: str | None) -> str:
    """The text, and how the fact behind it is known where that is less than measured."""
    return text if doubt is None else f"{text} (known by: {doubt})"
