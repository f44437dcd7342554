"""pyproject.toml with an offered wheel pinned: the group, its source and, where the number forbids it, the floor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.project import LOCK
from poetry_gpu_build.scaffold.change import Change
from poetry_gpu_build.scaffold.change import Changes
from poetry_gpu_build.scaffold.manifest import Asked
from poetry_gpu_build.scaffold.manifest import manifest_under_policy
from poetry_gpu_build.scaffold.plan_changes import PYPROJECT
from poetry_gpu_build.scaffold.torch_choice import Chosen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.offers.wheels import Offer
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project
    from poetry_gpu_build.values import ComputeCapability


def chosen_offer(offer: Offer, targets: Iterable[ComputeCapability], policy: Policy) -> Chosen:
    """What to pin for these targets; the floor goes along where its number would have them compiled for."""
    is_below = any(target < policy.floor for target in targets)
    return Chosen(offer.pin, offer.index_url, follow_wheel=is_below and not policy.floor_follows_wheel)


def pin_torch(
    text: str, project: Project, policy: Policy, facts: CompatibilityFacts, chosen: Chosen, *, has_lock: bool
) -> Changes:
    """Plan the change of pyproject.toml; none where it says so already.

    Raises ConfigurationError, with the place, for a manifest that cannot be edited safely.
    """
    edited = manifest_under_policy(text, Asked.by(project), policy, facts, chosen)
    if edited.text == text:
        return Changes((), edited.notes)
    notes = list(edited.notes)
    if chosen.follow_wheel:
        notes.append(f'floor = "wheel" is written too: the floor {policy.floor} would have torch compiled for these')
    if has_lock:
        notes.append(f"{LOCK} is older than {PYPROJECT} now: poetry lock")
    why = f"torch {chosen.version} from {chosen.index_url or 'the default index'}"
    return Changes((Change(PYPROJECT, text, edited.text, why),), tuple(notes))


def lines_to_pin(chosen: Chosen, policy: Policy, facts: CompatibilityFacts) -> str:
    """What a pyproject.toml says that pins this, by the same writer."""
    return manifest_under_policy("", Asked(Path(PYPROJECT), None), policy, facts, chosen).text
