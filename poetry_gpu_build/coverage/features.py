"""Which GPUs the features of packages work on: compiling at run time, fused attention, quantised kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.answer import Answer
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.facts.rows import FeatureFact
    from poetry_gpu_build.required import Required

#: The packages that the table of features knows, beside torch: it is not read for a project that has none of them…
DISTRIBUTIONS = frozenset({"triton", "flash-attn", "bitsandbytes"})
#: …and whose targets are all as new as this, because torch itself lacks nothing there.
TORCH_LACKS_NOTHING_FROM = ComputeCapability(7, 0)


def features_of(packages: Mapping[str, Required | None], features: tuple[FeatureFact, ...]) -> tuple[FeatureFact, ...]:
    """The rows that hold for these packages; None: in a version that does not matter.

    Of several rows for one thing, the first whose versions may be installed.
    """
    found: dict[str, FeatureFact] = {}
    for fact in features:
        if fact.what in found or fact.package not in packages:
            continue
        required = packages[fact.package]
        if required is None or required.may_be(fact.versions):
            found[fact.what] = fact
    return tuple(found.values())


def works_on(fact: FeatureFact, target: ComputeCapability) -> Answer:
    """Whether the feature works on this GPU."""
    works = target >= fact.oldest
    because = f"{fact.what} needs a GPU of {fact.oldest} or newer" + ("" if works else f", and this one is {target}")
    return Answer(works, because, (fact.row,))
