"""The wheel that the manifest pins, and the floor that follows it, as the rules ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.manifest import TORCH
from poetry_gpu_build.documents.manifest import dependencies
from poetry_gpu_build.documents.manifest import normalised
from poetry_gpu_build.documents.manifest import value
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    from collections.abc import Callable

    from poetry_gpu_build.documents.manifest import Dependency
    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.selection.floor import Floor
    from poetry_gpu_build.torch_pin import PinnedTorch

_LABELLED = lazy_pattern(r"(?:torch)?\s*={0,3}\s*(\d+\.\d+\.\d+\+cu\d{3})\s*")


def asked_in_group(document: TomlDocument, policy: Policy) -> Dependency | None:
    """What the torch group says of torch; None where it does not, or includes another group for it."""
    group = normalised(policy.torch_group)
    asked = next((each for each in dependencies(document) if (each.group, each.name) == (group, TORCH)), None)
    return None if asked is None or asked.is_group else asked


def pinned_build(
    document: TomlDocument, asked: Dependency, facts: CompatibilityFacts, policy: Policy
) -> TorchBuild | None:
    """The build that is pinned; without Poetry's parser and the lock where the manifest says it outright."""
    labelled = _labelled_build(document, asked)
    if labelled is not None:
        return labelled
    found = _resolved(document, facts, policy)
    return None if found is None else found.build


def pinned_variant(
    document: TomlDocument, asked: Dependency, load_facts: Callable[[], CompatibilityFacts], policy: Policy
) -> str | None:
    """The CUDA variant of what is pinned: its label, its index, or what the facts know of PyPI's wheel.

    The facts are read only where the manifest does not say it outright.
    """
    labelled = _labelled_build(document, asked)
    if labelled is not None:
        return labelled.variant
    found = _resolved(document, load_facts(), policy)
    if found is None:
        return None
    return found.pin.variant if found.build is None else found.build.variant


def _labelled_build(document: TomlDocument, asked: Dependency) -> TorchBuild | None:
    entry = value(document.data, *map(str, asked.key))
    constraint = entry if isinstance(entry, str) else value(entry, "version")
    match = _LABELLED.fullmatch(constraint) if isinstance(constraint, str) else None
    return None if match is None else TorchBuild.parse(match[1])


def _resolved(document: TomlDocument, facts: CompatibilityFacts, policy: Policy) -> PinnedTorch | None:
    from poetry_gpu_build.project import read_project
    from poetry_gpu_build.torch_pin import resolve_pin

    try:
        project = read_project(document, policy.python)
        pin = project.torch_in(policy.torch_group)
        return None if pin is None else resolve_pin(pin, project.locked_torch, facts, policy.python)
    except ConfigurationError:
        return None  # what is wrong with the manifest is not a rule's matter


def floor_of(document: TomlDocument | None, facts: CompatibilityFacts, policy: Policy) -> Floor:
    """The floor in force for a manifest; None: there is none, and so no wheel to follow."""
    from poetry_gpu_build.selection.floor import floor_in_force

    asked = asked_in_group(document, policy) if document is not None and policy.floor_follows_wheel else None
    build = pinned_build(document, asked, facts, policy) if document is not None and asked is not None else None
    return floor_in_force(policy, None if build is None else facts.wheel(build), facts)
