"""What can be done about a refusal: steps, each of which changes the question, and says what to do.

Values: a step is not taken here. Whether one leads anywhere is for whoever puts the changed question again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from typing import NamedTuple
from typing import Protocol

from poetry_gpu_build.facts.evidence import Evidence
from poetry_gpu_build.facts.rows import ImageFact
from poetry_gpu_build.torch_pin import PinnedTorch

if TYPE_CHECKING:
    from poetry_gpu_build.offers.wheels import Offer
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.selection.question import Question
    from poetry_gpu_build.values import CudaVersion
    from poetry_gpu_build.values import DriverVersion

SETTINGS = "[tool.gpu-build]"


class Step(Protocol):
    """One change of the question."""

    def then(self, question: Question) -> Question:
        """The question after it."""

    def said(self, question: Question) -> str:
        """What to do, for the one who asked this question."""


class Flag(NamedTuple):
    """Ask for the other mode."""

    mode: ModeName

    def then(self, question: Question) -> Question:
        """The flag stands in the stead of what the flags said; an option overrules BUILD_FROM_SOURCE."""
        is_source = self.mode == "source"
        flags = question.flags._replace(from_source=is_source, binary=not is_source, all_modes=False)
        return replace(question, flags=flags)

    def said(self, question: Question) -> str:  # noqa: ARG002 - a Step
        """The option."""
        return "--from-source" if self.mode == "source" else "--binary"


class Pin(NamedTuple):
    """Pin another torch."""

    offer: Offer
    follow_wheel: bool = False
    """Whether the floor is to follow it, as where its number would have torch compiled all the same."""
    is_newest: bool = False
    """Whether it is the one that `advise --apply` writes."""

    def then(self, question: Question) -> Question:
        """The project pins exactly this build."""
        build = self.offer.wheel.torch
        pin = replace(question.pinned.pin, constraint=self.offer.pin, variant=build.variant, index=self.offer.index_url)
        policy = question.policy._replace(floor_follows_wheel=self.follow_wheel or question.policy.floor_follows_wheel)
        return replace(question, pinned=PinnedTorch(build, pin, question.pinned.said_by), policy=policy)

    def said(self, question: Question) -> str:
        """Which, and where to write it."""
        text = f"pin {self.offer} in the group {question.policy.torch_group}"
        return f'{text}, with floor = "wheel" in {SETTINGS}' if self.follow_wheel else text


class BaseImage(NamedTuple):
    """Build the binary image from another one of the facts; the wheel stays what it is."""

    name: str

    def then(self, question: Question) -> Question:
        """Only the name: the CUDA that the driver is asked for is the wheel's."""
        binary = question.policy.binary._replace(base_image=self.name)
        return replace(question, policy=question.policy._replace(binary=binary))

    def said(self, question: Question) -> str:  # noqa: ARG002 - a Step
        """The setting."""
        return f'set modes.binary.base-image = "{self.name}" in {SETTINGS}'


class Toolkit(NamedTuple):
    """Compile with another CUDA toolkit."""

    cuda: CudaVersion

    def then(self, question: Question) -> Question:
        """The source mode, on an image of this toolkit, which is taken to ask for its own CUDA as NVIDIA's do."""
        image = ImageFact(
            f"a base image of CUDA {self.cuda}", f"cuda>={self.cuda}", Evidence("documented", "nvidia/cuda")
        )
        facts = replace(question.facts, images=(*question.facts.images, image))
        source = question.policy.source._replace(base_image=image.name, cuda=self.cuda)
        asked = replace(question, facts=facts, policy=question.policy._replace(source=source))
        return Flag("source").then(asked)

    def said(self, question: Question) -> str:  # noqa: ARG002 - a Step
        """Image and torch go together."""
        return (
            f"--from-source on CUDA {self.cuda}, with modes.source.base-image in {SETTINGS} set to a devel image "
            "of it, and modes.source.torch and torch-ref to a release that supports it"
        )


class Driver(NamedTuple):
    """Install another driver on the machine."""

    driver: DriverVersion
    """The oldest that will do; of a branch that is older than what is installed, the newest."""
    last: int | None
    """The last branch that drives every card of the machine; None: the newest does."""
    is_older: bool
    """Whether the one that is installed is too new."""

    def then(self, question: Question) -> Question:
        """Every GPU that has a driver sits in this machine; one that was named does not."""
        gpus = tuple(gpu if gpu.driver is None else replace(gpu, driver=self.driver) for gpu in question.gpus)
        return replace(question, gpus=gpus)

    def said(self, question: Question) -> str:
        """From which on, and up to which."""
        oldest = min(question.gpus, key=lambda each: each.capability)
        if self.is_older:
            drives = f", the last that drives {oldest}" if self.last == self.driver.branch else ""
            return f"install driver branch {self.driver.branch}{drives}"
        text = f"install driver {self.driver} or newer"
        return text if self.last is None else f"{text} (branch {self.last} is the last that drives {oldest})"


class OtherMachine(NamedTuple):
    """The image runs elsewhere, so that this machine's driver does not matter."""

    def then(self, question: Question) -> Question:
        """The same cards, named."""
        return replace(question, gpus=tuple(replace(gpu, driver=None) for gpu in question.gpus))

    def said(self, question: Question) -> str:
        """Each card once."""
        named = " ".join(f"--gpu {target}" for target in question.targets)
        return f"if the image runs on another machine, name its target: {named}"
