"""The toolkits that compile for all GPUs of a case, each with its arch list."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.answer import all_of
from poetry_gpu_build.coverage.drivers import driver_objections
from poetry_gpu_build.coverage.hosts import first_driver
from poetry_gpu_build.coverage.toolkits import compiled_for
from poetry_gpu_build.coverage.toolkits import toolkit_serves
from poetry_gpu_build.coverage.toolkits import toolkits_compiling

if TYPE_CHECKING:
    from poetry_gpu_build.coverage.answer import Answer
    from poetry_gpu_build.facts.rows import ToolkitFact
    from poetry_gpu_build.offers.case import Case
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import DriverVersion


class Compile(NamedTuple):
    """A toolkit that compiles for every GPU of a case."""

    toolkit: ToolkitFact
    architectures: tuple[ComputeCapability, ...]
    """Ascending: the targets' own, or the best that the toolkit has for each."""
    answer: Answer
    driver_from: DriverVersion | None
    """The oldest driver that runs its code on all of them; None: none is known that does."""

    @property
    def arch_list(self) -> str:
        """TORCH_CUDA_ARCH_LIST: machine code, which serves these GPUs and newer ones of the same majors."""
        return ";".join(str(each) for each in self.architectures)

    @property
    def portable_arch_list(self) -> str:
        """The same with PTX for the newest, which a driver compiles for anything newer."""
        return f"{self.arch_list}+PTX"


def compiles(case: Case) -> tuple[Compile, ...]:
    """The toolkits whose code runs on all GPUs with the drivers that are known, oldest first."""
    if not case.gpus or case.boards:
        return ()
    return tuple(
        _compile(toolkit, case) for toolkit in toolkits_compiling(case.targets, case.facts) if _runs(toolkit, case)
    )


def _runs(toolkit: ToolkitFact, case: Case) -> bool:
    return not any(
        driver_objections(gpu.driver, gpu.capability, toolkit.cuda, case.facts)
        for gpu in case.gpus
        if gpu.driver is not None
    )


def _compile(toolkit: ToolkitFact, case: Case) -> Compile:
    rules = case.facts.sass_rules
    compiled = {compiled_for(target, toolkit, rules) for target in case.targets}
    architectures = tuple(sorted(each for each in compiled if each is not None))
    firsts = [first_driver(target, toolkit.cuda, case.facts) for target in case.targets]
    known = [first for first in firsts if first is not None]
    return Compile(
        toolkit,
        architectures,
        all_of(toolkit_serves(target, toolkit, rules) for target in case.targets),
        driver_from=max(known) if len(known) == len(firsts) else None,
    )
