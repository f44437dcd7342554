"""Everything that serves a case: the wheels, the compiles, the drivers, and what is left where nothing does."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.boards import why_no_image
from poetry_gpu_build.offers.compiles import compiles
from poetry_gpu_build.offers.wheels import base_images_that_start
from poetry_gpu_build.offers.wheels import newest_of_each_index
from poetry_gpu_build.offers.wheels import offers
from poetry_gpu_build.offers.wheels import refusals
from poetry_gpu_build.offers.window import driver_window

if TYPE_CHECKING:
    from poetry_gpu_build.coverage.answer import Answer
    from poetry_gpu_build.offers.case import Case
    from poetry_gpu_build.offers.compiles import Compile
    from poetry_gpu_build.offers.wheels import Offer
    from poetry_gpu_build.offers.window import Window
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import DriverVersion


class WaysOut(NamedTuple):
    """What serves one case."""

    targets: tuple[ComputeCapability, ...]
    offers: tuple[Offer, ...]
    """The newest wheel of each index that runs on all GPUs, the newest of all first."""
    compiles: tuple[Compile, ...]
    """The toolkits that compile for all of them, oldest first."""
    window: Window
    refusals: tuple[Answer, ...]
    """Why the binary mode's base image does not start on a host whose driver is known."""
    other_base_images: tuple[str, ...]
    """The base images of the facts that do start there, where that one does not."""
    boards: tuple[ComputeCapability, ...]
    """Targets that are boards of another architecture than the wheels and images of the facts."""
    apart: tuple[WaysOut, ...] = ()
    """For each target by itself, where no wheel serves all of them; empty for a single one."""
    with_other_driver: WaysOut | None = None
    """What would serve with a driver that fits, where with the known one nothing does."""

    @property
    def needs_compile(self) -> bool:
        """Whether no wheel serves all GPUs."""
        return not self.offers

    @property
    def serves(self) -> bool:
        """Whether one image, of whatever mode, serves all GPUs."""
        return bool(self.offers or self.compiles) and self.window.is_open

    @property
    def driver_from(self) -> DriverVersion | None:
        """The oldest driver under which something serves: one of the wheels, without any a compile."""
        known = (each.driver_from for each in self.offers or self.compiles)
        return min((driver for driver in known if driver is not None), default=None)

    @property
    def drivers(self) -> str:
        """The drivers under which something serves, as a sentence names them: ``from 450.80.02 to branch 580``."""
        first, last = self.driver_from, self.window.last
        if first is None:
            return f"of {self.window}"
        if last is None:
            return f"from {shown_driver(first)} on"
        if len(first.numbers) == 1 and first.branch == last:
            return f"of {shown_driver(first)}"
        return f"from {shown_driver(first)} to branch {last}"

    @property
    def why_nothing(self) -> str:
        """Where nothing serves: why, which is also what would be needed; a sentence without its end."""
        if self.boards:
            return why_no_image(self.boards)
        if self.window.objections:
            return "; ".join(objection.because for objection in self.window.objections)
        if self.window.undriven:
            return "no driver branch is known that drives " + ", ".join(map(str, self.window.undriven))
        if not self.window.is_open:
            return (
                f"no driver drives all of them: {self.targets[-1]} needs branch {self.window.first} or newer, and "
                f"{self.window.last} is the last for {self.targets[0]}"
            )
        if self.with_other_driver is not None:
            return "no wheel and no toolkit of the facts runs with this driver"
        return "no wheel and no toolkit of the facts does"


def shown_driver(driver: DriverVersion) -> str:
    """A driver as a sentence names it; where its branch alone is known to matter, the branch.

    >>> from poetry_gpu_build.values import DriverVersion
    >>> shown_driver(DriverVersion.parse("450.80.02")), shown_driver(DriverVersion((570,), "570"))
    ('450.80.02', 'branch 570')
    """
    return f"branch {driver}" if len(driver.numbers) == 1 else str(driver)


def find_ways_out(case: Case) -> WaysOut:
    """Everything that serves the GPUs of a case together, and what does if they cannot be served so."""
    together = _together(case)
    if not together.needs_compile and together.serves:
        return together
    if case.drivers and not together.serves:
        anywhere = _together(_without_driver(case))
        together = together._replace(with_other_driver=anywhere if anywhere.serves else None)
    if len(together.targets) > 1:
        together = together._replace(apart=tuple(_together(each) for each in _apart(case)))
    return together


def _together(case: Case) -> WaysOut:
    refused = refusals(case, case.base_image)
    window = driver_window(case)
    return WaysOut(
        targets=case.targets,
        offers=newest_of_each_index(offers(case)) if window.is_open else (),
        compiles=compiles(case) if window.is_open else (),
        window=window,
        refusals=refused,
        other_base_images=base_images_that_start(case) if refused else (),
        boards=case.boards,
    )


def _without_driver(case: Case) -> Case:
    from dataclasses import replace

    return case._replace(gpus=tuple(replace(gpu, driver=None) for gpu in case.gpus))


def _apart(case: Case) -> tuple[Case, ...]:
    return tuple(
        case._replace(gpus=tuple(gpu for gpu in case.gpus if gpu.capability == target)) for target in case.targets
    )
