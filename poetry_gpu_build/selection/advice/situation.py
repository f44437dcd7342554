"""The plan that advice is given on."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.cupy import DISTRIBUTIONS as CUPY
from poetry_gpu_build.required import Requirements
from poetry_gpu_build.required import requirements_of

if TYPE_CHECKING:
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import CupyFact
    from poetry_gpu_build.facts.rows import PackageFacts
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.policy import Mode
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.required import Required
    from poetry_gpu_build.selection.question import Question
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import CudaVersion
    from poetry_gpu_build.values import TorchBuild


class Situation:
    """The question, and the mode that answers it. What only some advice needs is made when it is asked for."""

    def __init__(self, mode: ModeName, question: Question) -> None:
        """Look at this mode of the question's policy."""
        self.question = question
        self.mode: Mode = question.policy.mode(mode)

    @property
    def is_binary(self) -> bool:
        """Whether the image holds a wheel's torch."""
        return self.mode.name == "binary"

    @property
    def facts(self) -> CompatibilityFacts:
        """What wheels, toolkits and drivers run on."""
        return self.question.facts

    @property
    def wheel(self) -> WheelFact | None:
        """The wheel in the image; None in the source mode, and where nothing is known of it."""
        return self.question.wheel if self.is_binary else None

    @property
    def torch(self) -> TorchBuild | None:
        """The torch in the image; None where the project names no single build."""
        return self.question.pinned.build if self.is_binary else self.mode.torch

    @property
    def cuda(self) -> CudaVersion:
        """The CUDA that this torch is made with, as far as it is told; else that of the base image."""
        torch = self.torch
        return (torch.cuda if torch is not None and self.is_binary else None) or self.mode.cuda

    @property
    def targets(self) -> tuple[ComputeCapability, ...]:
        """What the image is built for: the targets; without any, in the source mode, what it is compiled for."""
        return self.question.targets or (() if self.is_binary else self.question.policy.source_targets)

    @cached_property
    def requirements(self) -> Requirements | None:
        """What the image installs beside torch; None where nothing is known of the project."""
        project = self.question.project
        return None if project is None else requirements_of(project, self.mode, self.question.policy)

    @cached_property
    def cupy(self) -> list[tuple[CupyFact, Required]]:
        """The distributions of CuPy that the image installs; the table is not read for a project without one."""
        requirements = self.requirements
        if requirements is None or not CUPY & requirements.names:
            return []
        asked = ((fact, requirements.find(fact.package)) for fact in self.packages.cupy)
        return [(fact, required) for fact, required in asked if required is not None]

    @cached_property
    def packages(self) -> PackageFacts:
        """What packages beside torch ask for: a table that is read when this is asked for."""
        return self.question.load_packages()
