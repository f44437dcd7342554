"""Where machine code and PTX run.

The rules are NVIDIA's: machine code (SASS) for ``X.y`` runs on ``X.z`` with ``z >= y`` and never on another major
(CUDA C++ Programming Guide, "Binary Compatibility"), with exceptions between desktop and Tegra parts that torch itself
lists; portable code (PTX) runs on anything newer, if the driver is at least as new as the toolkit that made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.answer import Answer
from poetry_gpu_build.facts.evidence import DEFINITION
from poetry_gpu_build.facts.evidence import Evidence
from poetry_gpu_build.facts.evidence import Row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poetry_gpu_build.facts.rows import SassRule
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import CudaVersion

_GUIDE = "CUDA C++ Programming Guide"
_BINARY = Evidence("documented", f"{_GUIDE}, Binary Compatibility")
_OTHER_MAJOR = Row("rule", "machine code runs on its own major version only", _BINARY)
_FEATURE_SETS = Evidence("documented", f"{_GUIDE}, Feature Set Compiler Targets")
_SUFFIXES = {
    "a": Row("rule", "code whose architecture ends in a runs on exactly that one", _FEATURE_SETS),
    "f": Row("rule", "code whose architecture ends in f runs on its own family only", _FEATURE_SETS),
}
_PTX = Row(
    "rule",
    "PTX runs on its own compute capability and anything newer",
    Evidence("documented", f"{_GUIDE}, PTX Compatibility"),
)


class Architecture(NamedTuple):
    """What code was compiled for: a compute capability, and the suffix that ties it to that chip or its family."""

    capability: ComputeCapability
    suffix: str = ""
    """``a``: this compute capability only; ``f``: its family only; empty: whatever the general rules allow."""

    @property
    def sm(self) -> str:
        """The name of the machine code for it: ``sm_90a``."""
        return f"{self.capability.sm}{self.suffix}"


def sass_runs_on(
    code: ComputeCapability, target: ComputeCapability, rules: Iterable[SassRule], cuda: CudaVersion | None = None
) -> bool:
    """Whether machine code for ``code`` runs on a ``target``; without a row for ``code`` the general rule holds.

    ``cuda`` is the toolkit that made it; None: not known, so that every exception holds.
    """
    rule = _rule_for(code, rules)
    if rule is None:
        return target.major == code.major and target >= code
    if rule.only:
        return target in rule.only
    minimum = rule.minimum or code
    if target.major != minimum.major or target < minimum:
        return False
    is_lifted = cuda is not None and rule.no_exception_from is not None and cuda >= rule.no_exception_from
    return is_lifted or target not in rule.excluded


def code_covers(
    sass: Iterable[Architecture],
    ptx: Iterable[Architecture],
    target: ComputeCapability,
    rules: Iterable[SassRule],
    cuda: CudaVersion | None = None,
) -> Answer:
    """Whether something in this code runs on ``target``, as far as it does not depend on the driver.

    ``cuda`` is the toolkit that made it; None: not known.
    """
    held, rules = tuple(sass), tuple(rules)
    runnable = [code for code in held if runs_on(code, target, rules, cuda)]
    if runnable:
        best = max(runnable)
        because = f"its {best.sm} machine code runs on {target}"
        is_own = best.capability == target and not best.suffix
        return Answer(True, because, (_own(target) if is_own else _rule_of(best, rules),))
    portable = portable_for(ptx, target, rules)
    if portable:
        return Answer(True, f"the driver compiles its PTX for {max(portable)} at the first start", (_PTX,))
    if not held:
        return Answer(False, "it holds no machine code, and no PTX that is old enough", (_PTX,))
    listed = ", ".join(f"{code.capability}{code.suffix}" for code in held)
    near = [code for code in held if code.capability.major == target.major]
    deciding = _rule_of(max(near), rules) if near else _OTHER_MAJOR
    return Answer(False, f"it holds machine code for {listed} only", (deciding,))


def runs_on(
    code: Architecture, target: ComputeCapability, rules: Iterable[SassRule], cuda: CudaVersion | None = None
) -> bool:
    """Whether machine code runs on ``target``, its suffix considered."""
    if code.suffix == "a":
        return code.capability == target
    # A family is what machine code of its oldest chip runs on.
    return sass_runs_on(code.capability, target, rules, cuda)


def portable_for(
    ptx: Iterable[Architecture], target: ComputeCapability, rules: Iterable[SassRule]
) -> list[ComputeCapability]:
    """The PTX that a driver can compile for ``target``."""
    return [
        code.capability for code in ptx if (runs_on(code, target, rules) if code.suffix else code.capability <= target)
    ]


def _own(target: ComputeCapability) -> Row:
    """No exception and no guide is needed for what the number means."""
    return Row("rule", f"machine code for {target} runs on {target}", Evidence(DEFINITION, _BINARY.source))


def _rule_for(code: ComputeCapability, rules: Iterable[SassRule]) -> SassRule | None:
    return next((rule for rule in rules if rule.code == code), None)


def _rule_of(code: Architecture, rules: Iterable[SassRule]) -> Row:
    """The row that says where this code runs."""
    if code.suffix in _SUFFIXES:
        return _SUFFIXES[code.suffix]
    rule = _rule_for(code.capability, rules)
    first = code.capability
    general = Row("rule", f"machine code for {first} runs on {first.major}.x from {first} on", _BINARY)
    return general if rule is None else rule.row
