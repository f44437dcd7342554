"""The branches of NVIDIA's driver that drive all GPUs of a case."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.drivers import drives
from poetry_gpu_build.coverage.drivers import last_branch_for
from poetry_gpu_build.coverage.drivers import some_branch_drives

if TYPE_CHECKING:
    from poetry_gpu_build.coverage.answer import Answer
    from poetry_gpu_build.facts.evidence import Row
    from poetry_gpu_build.offers.case import Case
    from poetry_gpu_build.values import ComputeCapability


class Window(NamedTuple):
    """From the lowest branch that is needed to the last that still drives the oldest GPU."""

    first: int | None
    """None: no GPU asks for one."""
    last: int | None
    """None: the newest branch drives them all."""
    rows: tuple[Row, ...] = ()
    """Those that set the two ends."""
    objections: tuple[Answer, ...] = ()
    """Why a driver that is known drives one of them not."""
    undriven: tuple[ComputeCapability, ...] = ()
    """Those that no branch of the facts drives."""

    @property
    def is_open(self) -> bool:
        """Whether any branch drives them all."""
        return not self.undriven and (self.first is None or self.last is None or self.first <= self.last)

    def __str__(self) -> str:
        """The window as a sentence names it: ``branch 570 to 580``."""
        if self.undriven:
            return "none is known"
        if self.first is None and self.last is None:
            return "any branch"
        if self.first is None:
            return f"branch {self.last} or older"
        if self.last is None:
            return f"branch {self.first} or newer"
        return f"branch {self.first}" if self.first == self.last else f"branch {self.first} to {self.last}"


def driver_window(case: Case) -> Window:
    """The branches that drive all GPUs; what an image's CUDA asks for comes on top of it."""
    floors = [floor for floor in case.facts.driver_floors for target in case.targets if target >= floor.capability]
    known = (last_branch_for(target, case.facts) for target in case.targets)
    lasts = [each for each in known if each is not None]
    answers = [
        answer
        for gpu in case.gpus
        if gpu.driver is not None
        for answer in drives(gpu.driver, gpu.capability, case.facts)
    ]
    first = max((floor.branch for floor in floors), default=None)
    last = min((each.branch for each in lasts), default=None)
    deciding = [floor.row for floor in floors if floor.branch == first]
    deciding += [each.row for each in lasts if each.branch == last]
    return Window(
        first=first,
        last=last,
        rows=tuple(dict.fromkeys(deciding)),
        objections=tuple(dict.fromkeys(answer for answer in answers if not answer.runs)),
        undriven=tuple(target for target in case.targets if not some_branch_drives(target, case.facts)),
    )
