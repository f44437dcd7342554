"""Whether a CuPy distribution fits: the card, the driver, the CUDA libraries of the image, and NumPy.

Its wheels are made for one CUDA major each and bring neither its libraries nor machine code for most of their kernels:
NVRTC of that major compiles them at their first call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.answer import Answer
from poetry_gpu_build.facts.evidence import Row

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Sequence

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import CupyFact
    from poetry_gpu_build.facts.rows import NumpyFact
    from poetry_gpu_build.facts.rows import ToolkitFact
    from poetry_gpu_build.required import Required
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import CudaVersion
    from poetry_gpu_build.values import DriverVersion

#: The distributions that the table knows: it is not read for a project that has none of them.
DISTRIBUTIONS = frozenset({"cupy-cuda11x", "cupy-cuda12x", "cupy-cuda13x"})
# CuPy's own name for "with NVIDIA's wheels of all CUDA libraries".
_WITH_LIBRARIES = "ctk"


def compiles_for(fact: CupyFact, targets: Sequence[ComputeCapability]) -> Answer:
    """Whether NVRTC of its CUDA major compiles for all these GPUs."""
    older = ", ".join(str(target) for target in targets if target < fact.oldest)
    because = f"CUDA {fact.cuda_major} compiles for GPUs from {fact.oldest} on" + (
        f", not for {older}" if older else ""
    )
    return Answer(not older, because, (fact.row,))


def driver_runs(fact: CupyFact, driver: DriverVersion, facts: CompatibilityFacts) -> Answer | None:
    """Whether this driver runs code of its CUDA major; None where nothing is known of that major."""
    toolkit = _toolkit_of(fact, facts)
    if toolkit is None:
        return None
    needed = toolkit.driver_minimum
    because = f"CUDA {fact.cuda_major} needs a driver from {needed} on, and this one is {driver}"
    return Answer(driver >= needed, because, (toolkit.minimum_row,))


def driver_minimum(fact: CupyFact, facts: CompatibilityFacts) -> DriverVersion | None:
    """The oldest driver that runs code of its CUDA major; None where nothing is known of that major."""
    toolkit = _toolkit_of(fact, facts)
    return None if toolkit is None else toolkit.driver_minimum


def _toolkit_of(fact: CupyFact, facts: CompatibilityFacts) -> ToolkitFact | None:
    """A toolkit of its CUDA major: all of one major ask for the same driver."""
    return next((toolkit for toolkit in facts.toolkits if toolkit.cuda.major == fact.cuda_major), None)


def has_libraries(fact: CupyFact, at_hand: Sequence[CudaVersion], extras: Collection[str] = ()) -> Answer:
    """Whether the libraries of its CUDA major are in an image that holds these CUDA versions."""
    if _WITH_LIBRARIES in extras:
        return Answer(True, f"{fact.package} brings the libraries of CUDA {fact.cuda_major} along", (fact.row,))
    held = " and ".join(dict.fromkeys(str(cuda) for cuda in at_hand))
    has = any(cuda.major == fact.cuda_major for cuda in at_hand)
    because = f"it needs the libraries of CUDA {fact.cuda_major}, and the image has those of CUDA {held}"
    return Answer(has, because, (fact.row,))


def takes_numpy(fact: CupyFact, required: Required, numpy: Required, ranges: tuple[NumpyFact, ...]) -> Answer | None:
    """Whether some version of it that may be installed takes some NumPy that may be; None where nothing is known."""
    there_are = required if fact.last is None else required.up_to(fact.last)
    known = [each for each in ranges if there_are.may_be(each.versions)]
    if not known:
        return None
    rows = [Row("library", f"CuPy {each.versions} asks for numpy {each.numpy}", each.evidence) for each in known]
    fitting = [row for each, row in zip(known, rows, strict=True) if numpy.may_be(each.numpy)]
    if fitting:
        return Answer(True, f"{fact.package} takes the project's NumPy", (fitting[0],))
    asked = " or ".join(dict.fromkeys(each.numpy for each in known))
    return Answer(False, f"{fact.package} asks for numpy {asked}, and {numpy} allows none of these", tuple(rows))
