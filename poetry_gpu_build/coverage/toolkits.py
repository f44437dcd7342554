"""What a CUDA toolkit compiles for, with which gcc, and which GPUs a cuDNN serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.answer import Answer
from poetry_gpu_build.coverage.code import sass_runs_on
from poetry_gpu_build.facts.evidence import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import SassRule
    from poetry_gpu_build.facts.rows import ToolkitFact
    from poetry_gpu_build.values import ComputeCapability


def compiled_for(
    target: ComputeCapability, toolkit: ToolkitFact, rules: Iterable[SassRule]
) -> ComputeCapability | None:
    """The architecture that a toolkit compiles for ``target``: its own, else the best that runs there, else None."""
    if target in toolkit.compiles:
        return target
    rules = tuple(rules)
    return max((code for code in toolkit.compiles if sass_runs_on(code, target, rules, toolkit.cuda)), default=None)


def toolkit_serves(target: ComputeCapability, toolkit: ToolkitFact, rules: Iterable[SassRule]) -> Answer:
    """Whether what this toolkit compiles runs on ``target``."""
    code = compiled_for(target, toolkit, rules)
    if code is None:
        known = f"its nvcc knows {toolkit.compiles[0]} to {toolkit.compiles[-1]}"
        return Answer(False, f"CUDA {toolkit.cuda} cannot compile for {target}: {known}", (toolkit.row,))
    instead = "" if code == target else f": its {code.sm} machine code runs there"
    return Answer(True, f"CUDA {toolkit.cuda} compiles for {target}{instead}", (toolkit.row,))


def toolkits_compiling(targets: Iterable[ComputeCapability], facts: CompatibilityFacts) -> tuple[ToolkitFact, ...]:
    """The toolkits that compile for every target, oldest first."""
    wanted = tuple(targets)
    return tuple(
        toolkit
        for toolkit in facts.toolkits
        if all(compiled_for(target, toolkit, facts.sass_rules) is not None for target in wanted)
    )


def gcc_serves(toolkit: ToolkitFact, gcc: int) -> Answer | None:
    """Whether the toolkit's headers accept this major version of gcc; None where nobody looked.

    For those who use these rules as a library: a build here takes the gcc of its base image, which nobody chose.
    """
    newest, evidence = toolkit.newest_gcc, toolkit.gcc_evidence
    if newest is None or evidence is None:
        return None
    row = Row("toolkit", f"CUDA {toolkit.cuda} accepts gcc up to {newest}", evidence)
    because = f"CUDA {toolkit.cuda} accepts gcc up to {newest}, and this one is {gcc}"
    return Answer(gcc <= newest, because, (row,))


def cudnn_serves(version: str, target: ComputeCapability, facts: CompatibilityFacts) -> Answer | None:
    """Whether a cuDNN (``9.10.2.21``) still has kernels for ``target``; None where nothing is known of the version."""
    numbers = tuple(int(part) for part in version.split(".") if part.isdecimal())
    fact = next((fact for fact in facts.cudnns if numbers and fact.holds(numbers)), None)
    if fact is None:
        return None
    serves = target >= fact.oldest
    because = f"cuDNN {version} serves GPUs from {fact.oldest} on" + ("" if serves else f", and this one is {target}")
    return Answer(serves, because, (fact.row,))
