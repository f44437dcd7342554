"""Whether NVIDIA's container runtime starts a base image on a host: the image's NVIDIA_REQUIRE_CUDA.

Its form is libnvidia-container's: alternatives apart by blanks, one of which must hold; in each the conditions apart by
commas, all of which must hold; a condition is a name (``cuda``, ``driver``, ``brand``, ``arch``), a comparison and a
value (``cuda>=12.8 brand=tesla,driver>=470,driver<471``).
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.coverage.answer import Answer
from poetry_gpu_build.coverage.drivers import cuda_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.values import CudaVersion
    from poetry_gpu_build.values import DriverVersion

_CONDITION = re.compile(r"(?P<name>[a-z]+)(?P<comparison>>=|<=|!=|=|<|>)(?P<value>[\w.]+)")
_COMPARISONS: dict[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
# The brand that NVML reports, by what the card's name holds; the first that fits. Cards of newer lines (A100, RTX
# A6000) bear no brand in their name: theirs is not known.
_BRANDS = (
    ("geforce rtx", "geforcertx"),
    ("geforce", "geforce"),
    ("titan rtx", "titanrtx"),
    ("titan", "titan"),
    ("quadro rtx", "quadrortx"),
    ("quadro", "quadro"),
    ("tesla", "tesla"),
)


class Host(NamedTuple):
    """What the conditions are held against; what is None is not known, and no condition on it fails."""

    cuda: CudaVersion | None
    driver: DriverVersion
    brand: str | None


def brand_of(card: str | None) -> str | None:
    """The brand by the card's name, as NVIDIA_REQUIRE_CUDA writes it; None where the name does not tell.

    >>> brand_of("NVIDIA GeForce RTX 4090"), brand_of("NVIDIA A100-SXM4-40GB")
    ('geforcertx', None)
    """
    name = (card or "").lower()
    return next((brand for words, brand in _BRANDS if words in name), None)


def admits(requires: str, host: Host) -> bool:
    """Whether a NVIDIA_REQUIRE_CUDA lets this host start the image; an empty one lets everybody."""
    alternatives = requires.split()
    return not alternatives or any(
        all(_holds(condition, host) for condition in alternative.split(",")) for alternative in alternatives
    )


def _holds(condition: str, host: Host) -> bool:
    """Whether one condition holds; one that cannot be judged here (another name, another form) is taken to hold."""
    match = _CONDITION.fullmatch(condition)
    if match is None:
        return True
    name, comparison, value = match.group("name", "comparison", "value")
    if name == "brand":
        return host.brand is None or (host.brand == value) == (comparison != "!=")
    known = {"cuda": host.cuda, "driver": host.driver.numbers}.get(name)
    wanted = tuple(int(part) for part in value.split(".") if part.isdecimal())
    if known is None or not wanted:
        return True
    return _COMPARISONS[comparison](tuple(known[: len(wanted)]), wanted)


def image_starts(
    image: str, card: str | None, driver: DriverVersion, facts: CompatibilityFacts, requires: str | None = None
) -> Answer | None:
    """Whether NVIDIA's container runtime starts ``image`` on this host; None where nothing is known of the image.

    ``requires`` is the image's own NVIDIA_REQUIRE_CUDA where somebody read it; else the facts' row is asked.
    """
    fact = facts.image(image)
    if requires is None and fact is None:
        return None
    asked = requires if requires is not None else fact.requires if fact is not None else ""
    rows = () if requires is not None or fact is None else (fact.row,)
    cuda = cuda_of(driver, facts)
    brand = brand_of(card)
    if admits(asked, Host(cuda, driver, brand)):
        return Answer(True, f"{image} starts on a host with driver {driver}", rows)
    whose = f" of the brand {brand}" if brand is not None else ""
    reported = f", which reports CUDA {cuda}" if cuda is not None else ""
    wanted = _wanted(asked, facts)
    because = f"{image} asks for {wanted}, and refuses a GPU{whose} with driver {driver}{reported}"
    return Answer(False, because, rows)


def _wanted(requires: str, facts: CompatibilityFacts) -> str:
    """The first alternative, and the driver branch that it comes to."""
    first = requires.partition(" ")[0]
    toolkits = {f"cuda>={toolkit.cuda}": toolkit.driver_released_with for toolkit in facts.toolkits}
    released = toolkits.get(first)
    return first if released is None else f"{first}, which is driver branch {released.branch} or newer"
