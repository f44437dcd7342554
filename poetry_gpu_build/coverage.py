"""What runs on what: wheel, card, driver, toolkit, base image. Pure; knows no Docker and no policy.

The rules are NVIDIA's: machine code (SASS) for ``X.y`` runs on ``X.z`` with ``z >= y`` and never on another major
(CUDA C++ Programming Guide, "Binary Compatibility"), with exceptions between desktop and Tegra parts that torch itself
lists; portable code (PTX) runs on anything newer, if the driver is at least as new as the toolkit that made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poetry_gpu_build.facts import CompatibilityFacts
    from poetry_gpu_build.facts import SassRule
    from poetry_gpu_build.facts import ToolkitFact
    from poetry_gpu_build.facts import WheelFact
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import CudaVersion
    from poetry_gpu_build.values import DriverVersion


@dataclass(frozen=True, slots=True)
class Coverage:
    """Whether an artefact runs on one target, and the rule that decided."""

    target: ComputeCapability
    runs: bool
    because: str


def sass_runs_on(code: ComputeCapability, target: ComputeCapability, rules: Iterable[SassRule]) -> bool:
    """Whether machine code for ``code`` runs on a ``target``; without a row for ``code`` the general rule holds."""
    rule = next((rule for rule in rules if rule.code == code), None)
    if rule is None:
        return code.major == target.major and code.minor <= target.minor
    if rule.only:
        return target in rule.only
    minimum = rule.minimum or code
    return target.major == minimum.major and target >= minimum and target not in rule.excluded


def wheel_covers(
    wheel: WheelFact, target: ComputeCapability, facts: CompatibilityFacts, driver: DriverVersion | None = None
) -> Coverage:
    """Whether a wheel holds code that runs on ``target``; ``driver`` decides about PTX and may be unknown."""
    runnable = [code for code in wheel.sass if sass_runs_on(code, target, facts.sass_rules)]
    if runnable:
        return Coverage(target, True, f"its {max(runnable).sm} machine code runs on {target}")
    portable = [code for code in wheel.ptx if code <= target]
    if not portable:
        held = ", ".join(str(code) for code in wheel.sass)
        return Coverage(target, False, f"it holds machine code for {held} only")
    toolkit = facts.toolkit(wheel.cuda)
    needed = toolkit.driver_released_with if toolkit is not None else None
    if driver is not None and needed is not None and driver < needed:
        because = f"its PTX for {max(portable)} needs a driver from {needed} on, and this one is {driver}"
        return Coverage(target, False, because)
    return Coverage(target, True, f"the driver compiles its PTX for {max(portable)} at the first start")


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
