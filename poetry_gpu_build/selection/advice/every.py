"""All advice, in the order in which a plan shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.selection.advice.host import driver_of_the_host
from poetry_gpu_build.selection.advice.host import dropped_by_cudnn
from poetry_gpu_build.selection.advice.packages import cupy_that_does_not_fit
from poetry_gpu_build.selection.advice.packages import lacking_features
from poetry_gpu_build.selection.advice.packages import numpy_that_does_not_fit
from poetry_gpu_build.selection.advice.situation import Situation
from poetry_gpu_build.selection.advice.torch import below_the_floor
from poetry_gpu_build.selection.advice.torch import no_portable_code
from poetry_gpu_build.selection.advice.torch import no_target
from poetry_gpu_build.selection.advice.torch import portable_code_only
from poetry_gpu_build.selection.advice.torch import unknown_wheel
from poetry_gpu_build.selection.advice.torch import unneeded_compile
from poetry_gpu_build.selection.reasons import each_once

if TYPE_CHECKING:
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.selection.question import Question
    from poetry_gpu_build.selection.reasons import Reason

#: First what saves most: the compile, then the image, the machine that runs it, and what is installed beside torch.
EVERY = (
    unneeded_compile,
    below_the_floor,
    unknown_wheel,
    no_target,
    portable_code_only,
    no_portable_code,
    driver_of_the_host,
    dropped_by_cudnn,
    lacking_features,
    cupy_that_does_not_fit,
    numpy_that_does_not_fit,
)


def advice(mode: ModeName, question: Question) -> list[Reason]:
    """What the plan says beyond its decision, each once; the policy still decides."""
    situation = Situation(mode, question)
    return each_once([reason for give in EVERY for reason in give(situation)])
