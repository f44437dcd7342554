"""Which driver a host needs, where the host is not the machine that builds."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.base_images import Host
from poetry_gpu_build.coverage.base_images import admits
from poetry_gpu_build.coverage.base_images import brand_of
from poetry_gpu_build.coverage.code import sass_runs_on
from poetry_gpu_build.coverage.drivers import cuda_of
from poetry_gpu_build.coverage.drivers import driver_answers
from poetry_gpu_build.coverage.drivers import drives
from poetry_gpu_build.coverage.drivers import floor_for
from poetry_gpu_build.coverage.drivers import last_branch_for
from poetry_gpu_build.coverage.wheels import wheel_covers
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.values import DriverVersion

if TYPE_CHECKING:
    from poetry_gpu_build.facts.evidence import Row
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.values import ComputeCapability
    from poetry_gpu_build.values import CudaVersion

_BRANCH = lazy_pattern(r"driver>=(\d+)")
_LATE = 999
# No brand at all: a condition on brands holds for none of its cards.
_NO_BRAND = ""


class Needed(NamedTuple):
    """The drivers on which an image runs: from ``oldest`` on, up to the branch ``last``."""

    oldest: DriverVersion | None
    """None: no driver but those of the branches that the base image excepts."""
    last: int | None
    """None: the newest branch still drives the GPU."""
    image_refuses_older: bool
    """Whether it is the base image that refuses an older one, though torch would run there."""
    excepted: tuple[int, ...]
    """Older branches that the base image lets pass for certain brands, ascending."""
    is_excepted: bool
    """Whether the card is known to be of such a brand; else its brand is not known."""
    rows: tuple[Row, ...]


def driver_needed(
    target: ComputeCapability,
    card: str | None,
    cuda: CudaVersion,
    image: str,
    facts: CompatibilityFacts,
    wheel: WheelFact | None = None,
    at_least: DriverVersion | None = None,
) -> Needed | None:
    """The driver that a host with this card needs; None where the facts know no driver that would do.

    ``wheel`` is asked where its PTX may decide; ``at_least`` is what else in the image asks for. A card of a brand that
    is not known is taken for one that the base image makes no exception for.
    """
    first = first_driver(target, cuda, facts, wheel)
    if first is None:
        return None
    first = first if at_least is None else max(first, at_least)
    last = last_branch_for(target, facts)
    brand = brand_of(card) or _NO_BRAND
    candidates = [
        driver for driver in sorted({first, *_branches(image, facts)}) if last is None or driver.branch <= last.branch
    ]
    fitting: list[DriverVersion] = []
    for driver in reversed(candidates):
        if not (driver >= first and _is_admitted(driver, brand, image, facts)):
            break
        fitting.append(driver)
    oldest = fitting[-1] if fitting else None
    older = [driver for driver in candidates if oldest is None or driver < oldest]
    excepted = [
        branch
        for branch in _excepted_branches(image, facts)
        if (oldest is None or branch < oldest.branch)
        and (last is None or branch <= last.branch)
        and late_in(branch) >= first
        and _is_admitted(late_in(branch), brand_of(card), image, facts)
    ]
    if oldest is None and not excepted:
        return None
    return Needed(
        oldest=oldest,
        last=None if last is None else last.branch,
        image_refuses_older=bool(older) and older[-1] >= first,
        excepted=tuple(excepted),
        is_excepted=brand_of(card) is not None,
        rows=_rows(oldest or late_in(excepted[-1]), target, cuda, image, facts) + (() if last is None else (last.row,)),
    )


def first_driver(
    target: ComputeCapability, cuda: CudaVersion, facts: CompatibilityFacts, wheel: WheelFact | None = None
) -> DriverVersion | None:
    """The oldest driver that runs ``target``, whatever the base image asks for; None where the facts know none.

    Every row about it is a lower bound, but that on the last branch: so the highest of them is the answer.
    """
    floor = floor_for(target, facts)
    bounds = [] if floor is None else [DriverVersion((floor.branch,), str(floor.branch))]
    toolkit = facts.toolkit(cuda)
    if toolkit is not None:
        bounds.append(toolkit.driver_minimum)
    if wheel is not None and not any(sass_runs_on(code, target, facts.sass_rules, wheel.cuda) for code in wheel.sass):
        if not wheel_covers(wheel, target, facts).runs:
            return None
        made_by = facts.toolkit(wheel.cuda)
        if made_by is not None and made_by.driver_released_with is not None:
            bounds.append(made_by.driver_released_with)
    if not bounds:
        bounds = sorted(toolkit.driver_minimum for toolkit in facts.toolkits)[:1]
    first = max(bounds, default=None)
    if first is None or not all(answer.runs for answer in drives(first, target, facts)):
        return None
    return first


def late_in(branch: int) -> DriverVersion:
    """A driver of this branch that has all of its fixes."""
    return DriverVersion((branch, _LATE), f"{branch}.{_LATE}")


def _branches(image: str, facts: CompatibilityFacts) -> list[DriverVersion]:
    """The branches at which a base image may change its mind: it asks for a CUDA, which is told by the branch alone."""
    released = (toolkit.driver_released_with for toolkit in facts.toolkits)
    branches = {driver.branch for driver in released if driver is not None}
    return [DriverVersion((branch,), str(branch)) for branch in branches.union(_excepted_branches(image, facts))]


def _is_admitted(driver: DriverVersion, brand: str | None, image: str, facts: CompatibilityFacts) -> bool:
    fact = facts.image(image)
    return fact is None or admits(fact.requires, Host(cuda_of(driver, facts), driver, brand))


def _excepted_branches(image: str, facts: CompatibilityFacts) -> list[int]:
    """The branches that the base image names beside its general condition."""
    fact = facts.image(image)
    return [] if fact is None else sorted({int(branch) for branch in _BRANCH.findall(fact.requires)})


def _rows(
    oldest: DriverVersion, target: ComputeCapability, cuda: CudaVersion, image: str, facts: CompatibilityFacts
) -> tuple[Row, ...]:
    fact = facts.image(image)
    asked = () if fact is None else (fact.row,)
    return (*asked, *(row for answer in driver_answers(oldest, target, cuda, facts) for row in answer.rows))
