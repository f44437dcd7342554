"""TORCH_CUDA_ARCH_LIST as torch reads it (torch/utils/cpp_extension.py, `_get_cuda_arch_flags`)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from collections.abc import Callable

    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.policy import Policy

_ENTRY = lazy_pattern(r"[^\s;]+")
_NUMBER = lazy_pattern(r"(\d{1,2}\.\d)[af]?(\+PTX)?")
_PTX = "+PTX"
_NAMED = {
    "Kepler+Tesla": "3.7",
    "Kepler": "3.5+PTX",
    "Maxwell+Tegra": "5.3",
    "Maxwell": "5.0;5.2+PTX",
    "Pascal": "6.0;6.1+PTX",
    "Volta+Tegra": "7.2",
    "Volta": "7.0+PTX",
    "Turing": "7.5+PTX",
    "Ampere+Tegra": "8.7",
    "Ampere": "8.0;8.6+PTX",
    "Ada": "8.9+PTX",
    "Hopper": "9.0+PTX",
    "Blackwell+Tegra": "10.1",
    "Blackwell": "10.0;12.0+PTX",
}
_LEFT_OPEN = frozenset({"Common", "All", "Auto"})


class Architecture(NamedTuple):
    """One architecture of the list."""

    text: str
    """As written."""
    start: int
    """Where it stands in the list."""
    capability: ComputeCapability | None
    """None for what torch cannot read."""
    is_portable: bool = False
    """Whether PTX is made as well."""


def parse_arch_list(text: str) -> tuple[Architecture, ...] | None:
    """Take the list apart; None where torch itself decides (an empty list, `Common`, `All`).

    >>> [(str(each.capability), each.is_portable) for each in parse_arch_list("5.2;Pascal") or ()]
    [('5.2', False), ('6.0', False), ('6.1', True)]
    """
    found: list[Architecture] = []
    for match in _ENTRY.finditer(text):
        if match[0] in _LEFT_OPEN:
            return None
        listed = _NAMED.get(match[0].removesuffix(_PTX)) or _NAMED.get(match[0]) or match[0]
        for entry in listed.split(";"):
            found.append(_architecture(match[0], match.start(), entry))
    return tuple(found) or None


def _architecture(text: str, start: int, entry: str) -> Architecture:
    match = _NUMBER.fullmatch(entry)
    try:
        capability = ComputeCapability.parse(match[1]) if match is not None else None
    except InvalidValueError:
        capability = None
    return Architecture(text, start, capability, match is not None and match[2] is not None)


def policy_targets(
    policy: Policy, document: TomlDocument | None, load_facts: Callable[[], CompatibilityFacts]
) -> tuple[ComputeCapability, ...]:
    """What the source mode compiles for: the project's targets below the floor, else those of the mode.

    The manifest and the facts are asked only where the floor follows the wheel. A target that is named by its card is
    left out: which capability it has is in a table of cards.
    """
    named: list[ComputeCapability] = []
    for text in policy.targets:
        try:
            named.append(ComputeCapability.parse(text))
        except InvalidValueError:
            continue
    if named and policy.floor_follows_wheel:
        from poetry_gpu_build.lint.pinned import floor_of

        below = tuple(floor_of(document, load_facts(), policy).below(named))
    else:
        below = tuple(each for each in named if each < policy.floor)
    return below or policy.source_targets
