"""Which driver runs what.

Machine code of a CUDA major runs on every driver from that major's floor on (minor-version compatibility); PTX asks for
a driver as new as the toolkit (see wheels). A branch drives GPUs from an oldest to those that were new with it.

Under WSL2 the number is that of Windows' driver, which is of the same branches and rounds them up (535 is 536 to 538
there, 570 is 572, 580 is 580 to 582). So what is too old by its number is too old there as well, and the last branch
for old GPUs holds: the verdicts are the same, and nothing here asks for the platform.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.coverage.answer import Answer

if TYPE_CHECKING:
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import DriverBranchFact
    from poetry_gpu_build.facts.rows import DriverFloorFact
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import CudaVersion
    from poetry_gpu_build.values import DriverVersion


def driver_answers(
    driver: DriverVersion, target: ComputeCapability, cuda: CudaVersion, facts: CompatibilityFacts
) -> list[Answer]:
    """Whether this driver runs machine code of ``cuda``, and whether it drives ``target``: an answer for each."""
    answers = []
    toolkit = facts.toolkit(cuda)
    if toolkit is not None:
        minimum = toolkit.driver_minimum
        is_new_enough = driver >= minimum
        because = f"CUDA {cuda} {'runs on drivers' if is_new_enough else 'needs a driver'} from {minimum} on"
        because = f"{because}, and this one is {driver}"
        answers.append(Answer(is_new_enough, because, (toolkit.minimum_row,)))
    return [*answers, *drives(driver, target, facts)]


def drives(driver: DriverVersion, target: ComputeCapability, facts: CompatibilityFacts) -> list[Answer]:
    """Whether this driver's branch is new enough for a GPU, and not too new for it: an answer for each row about it."""
    answers = []
    floor = floor_for(target, facts)
    if floor is not None:
        is_new_enough = driver.branch >= floor.branch
        because = f"drivers of branch {floor.branch} and newer drive a GPU of {target}"
        if not is_new_enough:
            because = f"a GPU of {target} needs a driver of branch {floor.branch} or newer"
        answers.append(Answer(is_new_enough, f"{because}, and this one is {driver}", (floor.row,)))
    row = _branch_row(driver, facts)
    if row is not None:
        still = target >= row.oldest
        because = f"driver branch {driver.branch} no longer drives GPUs below {row.oldest}, and this one is {driver}"
        if still:
            because = f"driver branch {driver.branch} drives GPUs from {row.oldest} on"
        answers.append(Answer(still, because, (row.row,)))
    return answers


def driver_objections(
    driver: DriverVersion, target: ComputeCapability, cuda: CudaVersion, facts: CompatibilityFacts
) -> tuple[Answer, ...]:
    """Why this driver cannot run machine code made with ``cuda`` on ``target``; empty where it can."""
    return tuple(answer for answer in driver_answers(driver, target, cuda, facts) if not answer.runs)


def floor_for(target: ComputeCapability, facts: CompatibilityFacts) -> DriverFloorFact | None:
    """The row about the first branch that drives these GPUs; None where none is too old for them."""
    floors = (floor for floor in facts.driver_floors if target >= floor.capability)
    return max(floors, key=lambda floor: floor.branch, default=None)


def some_branch_drives(target: ComputeCapability, facts: CompatibilityFacts) -> bool:
    """Whether any branch of the facts drives these GPUs; without rows about branches nothing is known against it."""
    return not facts.driver_branches or any(target >= row.oldest for row in facts.driver_branches)


def last_branch_for(target: ComputeCapability, facts: CompatibilityFacts) -> DriverBranchFact | None:
    """The last branch that drives these GPUs; None where the newest one still does.

    Also None where no branch of the facts does: ``some_branch_drives`` tells that apart.
    """
    rows = sorted(facts.driver_branches, key=lambda row: row.branch)
    driving = [row for row in rows if target >= row.oldest]
    return None if not driving or driving[-1] == rows[-1] else driving[-1]


def _branch_row(driver: DriverVersion, facts: CompatibilityFacts) -> DriverBranchFact | None:
    """The row that holds for a driver: each row's branch is the last one for its GPUs, the newest row's the first.

    So 470 is the last for 3.5, everything above it drives from 5.0, and 590 and newer as the last row says. What lies
    between 580 and 590 are Windows' numbers of branch 580, which WSL2 shows.
    """
    rows = sorted(facts.driver_branches, key=lambda row: row.branch)
    if not rows:
        return None
    *older, newest = rows
    if driver.branch >= newest.branch or not older:
        return newest
    return next((row for row in older if row.branch >= driver.branch), older[-1])


def cuda_of(driver: DriverVersion, facts: CompatibilityFacts) -> CudaVersion | None:
    """The CUDA version that a driver reports: that of the newest toolkit which came with its branch or an older one.

    None for a driver that is older than every toolkit of the facts.
    """
    known = [
        toolkit.cuda
        for toolkit in facts.toolkits
        if toolkit.driver_released_with is not None and toolkit.driver_released_with.branch <= driver.branch
    ]
    return max(known, default=None)
