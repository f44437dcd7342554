"""What runs on what: wheel, card, driver, toolkit, base image. Pure; knows no Docker and no policy.

The rules are NVIDIA's: machine code (SASS) for ``X.y`` runs on ``X.z`` with ``z >= y`` and never on another major
(CUDA C++ Programming Guide, "Binary Compatibility"), with exceptions between desktop and Tegra parts that torch itself
lists; portable code (PTX) runs on anything newer, if the driver is at least as new as the toolkit that made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poetry_gpu_build.facts import CompatibilityFacts
    from poetry_gpu_build.facts import SassRule
    from poetry_gpu_build.facts import ToolkitFact
    from poetry_gpu_build.facts import WheelFact
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import CudaVersion
    from poetry_gpu_build.values import DriverVersion


_GUIDE = "CUDA C++ Programming Guide"
_OTHER_MAJOR = f"machine code runs on its own major version only ({_GUIDE}, Binary Compatibility)"
_SUFFIXES = {
    "a": "code whose architecture ends in a runs on exactly that one",
    "f": "code whose architecture ends in f runs on its own family only",
}
_PTX = f"PTX runs on its own compute capability and anything newer ({_GUIDE}, PTX Compatibility)"


class Architecture(NamedTuple):
    """What code was compiled for: a compute capability, and the suffix that ties it to that chip or its family."""

    capability: ComputeCapability
    suffix: str = ""
    """``a``: this compute capability only; ``f``: its family only; empty: whatever the general rules allow."""

    @property
    def sm(self) -> str:
        """The name of the machine code for it: ``sm_90a``."""
        return f"{self.capability.sm}{self.suffix}"


class Coverage(NamedTuple):
    """Whether an artefact runs on one target, and the rule that decided."""

    target: ComputeCapability
    runs: bool
    because: str
    rule: str = ""
    """The rule, with where it is known from; empty where a driver decided."""


def sass_runs_on(code: ComputeCapability, target: ComputeCapability, rules: Iterable[SassRule]) -> bool:
    """Whether machine code for ``code`` runs on a ``target``; without a row for ``code`` the general rule holds."""
    rule = _rule_for(code, rules)
    if rule.only:
        return target in rule.only
    minimum = rule.minimum or code
    return target.major == minimum.major and target >= minimum and target not in rule.excluded


def code_covers(
    sass: Iterable[Architecture], ptx: Iterable[Architecture], target: ComputeCapability, rules: Iterable[SassRule]
) -> Coverage:
    """Whether something in this code runs on ``target``, as far as it does not depend on the driver."""
    held, rules = tuple(sass), tuple(rules)
    runnable = [code for code in held if _runs_on(code, target, rules)]
    if runnable:
        best = max(runnable)
        because = f"its {best.sm} machine code runs on {target}"
        return Coverage(target, True, because, _SUFFIXES.get(best.suffix) or str(_rule_for(best.capability, rules)))
    portable = _portable(ptx, target, rules)
    if portable:
        because = f"the driver compiles its PTX for {max(portable)} at the first start"
        return Coverage(target, True, because, _PTX)
    if not held:
        return Coverage(target, False, "it holds no machine code, and no PTX that is old enough", _PTX)
    listed = ", ".join(f"{code.capability}{code.suffix}" for code in held)
    near = [code for code in held if code.capability.major == target.major]
    rule = _OTHER_MAJOR
    if near:
        rule = _SUFFIXES.get(max(near).suffix) or str(_rule_for(max(near).capability, rules))
    return Coverage(target, False, f"it holds machine code for {listed} only", rule)


def wheel_covers(
    wheel: WheelFact, target: ComputeCapability, facts: CompatibilityFacts, driver: DriverVersion | None = None
) -> Coverage:
    """Whether a wheel holds code that runs on ``target``; ``driver`` decides about PTX and may be unknown."""
    sass = [Architecture(code) for code in wheel.sass]
    coverage = code_covers(sass, map(Architecture, wheel.ptx), target, facts.sass_rules)
    if not coverage.runs or any(_runs_on(code, target, facts.sass_rules) for code in sass):
        return coverage
    toolkit = facts.toolkit(wheel.cuda)
    needed = toolkit.driver_released_with if toolkit is not None else None
    if driver is not None and needed is not None and driver < needed:
        portable = max(code for code in wheel.ptx if code <= target)
        because = f"its PTX for {portable} needs a driver from {needed} on, and this one is {driver}"
        return Coverage(target, False, because)
    return coverage


def _rule_for(code: ComputeCapability, rules: Iterable[SassRule]) -> SassRule:
    from poetry_gpu_build.facts import SassRule  # the tables are not read by who only reads a binary

    general = SassRule(code, code, (), (), f"{_GUIDE}, Binary Compatibility")
    return next((rule for rule in rules if rule.code == code), general)


def _runs_on(code: Architecture, target: ComputeCapability, rules: Iterable[SassRule]) -> bool:
    if code.suffix == "a":
        return code.capability == target
    # A family is what machine code of its oldest chip runs on.
    return sass_runs_on(code.capability, target, rules)


def _portable(
    ptx: Iterable[Architecture], target: ComputeCapability, rules: Iterable[SassRule]
) -> list[ComputeCapability]:
    """The PTX that a driver can compile for ``target``."""
    return [
        code.capability for code in ptx if (_runs_on(code, target, rules) if code.suffix else code.capability <= target)
    ]


def wheels_covering(targets: Iterable[ComputeCapability], facts: CompatibilityFacts) -> tuple[WheelFact, ...]:
    """The published wheels that hold machine code for every target, in the order of the table (oldest torch first)."""
    wanted = tuple(targets)
    return tuple(
        wheel
        for wheel in facts.wheels
        if wheel.is_published
        and all(any(sass_runs_on(code, target, facts.sass_rules) for code in wheel.sass) for target in wanted)
    )


def compiled_for(
    target: ComputeCapability, toolkit: ToolkitFact, rules: Iterable[SassRule]
) -> ComputeCapability | None:
    """The architecture that a toolkit compiles for ``target``: its own, else the best that runs there, else None."""
    if target in toolkit.compiles:
        return target
    rules = tuple(rules)
    return max((code for code in toolkit.compiles if sass_runs_on(code, target, rules)), default=None)


def toolkits_compiling(targets: Iterable[ComputeCapability], facts: CompatibilityFacts) -> tuple[ToolkitFact, ...]:
    """The toolkits that compile for every target, oldest first."""
    wanted = tuple(targets)
    return tuple(
        toolkit
        for toolkit in facts.toolkits
        if all(compiled_for(target, toolkit, facts.sass_rules) is not None for target in wanted)
    )


def driver_objections(
    driver: DriverVersion, target: ComputeCapability, cuda: CudaVersion, facts: CompatibilityFacts
) -> tuple[str, ...]:
    """Why this driver cannot run machine code made with ``cuda`` on ``target``; empty where it can."""
    objections: list[str] = []
    toolkit = facts.toolkit(cuda)
    if toolkit is not None and driver < toolkit.driver_minimum:
        objections.append(f"CUDA {cuda} needs a driver from {toolkit.driver_minimum} on, and this one is {driver}")
    for floor in facts.driver_floors:
        if target >= floor.capability and driver.branch < floor.branch:
            objections.append(
                f"a GPU of {target} needs a driver of branch {floor.branch} or newer, and this one is {driver}"
            )
    oldest = oldest_driven(driver, facts)
    if oldest is not None and target < oldest:
        objections.append(
            f"driver branch {driver.branch} no longer drives GPUs below {oldest}, and this one is {driver}"
        )
    return tuple(objections)


def oldest_driven(driver: DriverVersion, facts: CompatibilityFacts) -> ComputeCapability | None:
    """The oldest GPUs that a driver still drives: each row's branch is the last one for its GPUs.

    So 470 is the last for 3.5, everything above it to 580 drives from 5.0, and all that is newer as the last row says.
    """
    rows = sorted(facts.driver_branches, key=lambda row: row.branch)
    reaching = [row for row in rows if row.branch >= driver.branch] or rows[-1:]
    return reaching[0].oldest if reaching else None


def image_objection(image: str, gpu_name: str | None, driver: DriverVersion, facts: CompatibilityFacts) -> str | None:
    """Why NVIDIA's container runtime would refuse to start ``image`` on this host, as far as the facts tell.

    Only GeForce cards are judged: the images' NVIDIA_REQUIRE_CUDA names driver branches in which other brands are let
    in, and no table of brands is part of the facts.
    """
    fact = facts.image(image)
    if fact is None or fact.geforce_branch_minimum is None or gpu_name is None or "GeForce" not in gpu_name:
        return None
    if driver.branch >= fact.geforce_branch_minimum:
        return None
    return (
        f"{image} refuses GeForce hosts with a driver below branch {fact.geforce_branch_minimum}, "
        f"and this one is {driver}"
    )
