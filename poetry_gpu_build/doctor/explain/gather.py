"""Reads what is known beside the text: the project if there is one, the facts, the GPUs. Nothing here may fail."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.doctor.explain.situation import Situation
from poetry_gpu_build.doctor.project_seen import read_around
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.gpu.detect import find_gpus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.doctor.project_seen import ProjectSeen
    from poetry_gpu_build.gpu.interface import Gpu


class Known(NamedTuple):
    """The situation, and why it is less than it could be."""

    situation: Situation
    notes: tuple[str, ...] = ()


def gather(start: Path, policies: Path, environment: Mapping[str, str], named: tuple[str, ...], root: Path) -> Known:
    """Read the project around ``start`` and ask the machine; ``named`` are the cards of --gpu.

    ``root`` is the machine's file system. What is wrong with the project becomes a note: the error that is explained
    may be of just that. Raises ConfigurationError for a card that --gpu names wrongly.
    """
    facts = load_compatibility(policies / "facts")
    by_option = find_gpus(flags=named, environment=environment, facts_dir=policies / "facts").gpus if named else ()
    around = read_around(start, policies, environment, facts)
    gpus = by_option or (() if around.named is None else around.named.gpus) or _machine(policies, environment, root)
    seen = around.seen
    situation = Situation(
        facts,
        around.policy,
        in_project=seen.project is not None,
        pinned=None if isinstance(seen.pinned, ConfigurationError) else seen.pinned,
        gpus=gpus,
    )
    return Known(situation, tuple(_notes(seen)))


def _notes(seen: ProjectSeen) -> Iterator[str]:
    """What of the project cannot be used, and what counts in its stead."""
    without = (
        (seen.fault, "the project cannot be read, so nothing is said of it"),
        (seen.settings_fault, "[tool.gpu-build] cannot be used, so the shipped policy counts"),
        (seen.targets_fault, "the settings' targets cannot be used, so this machine's GPUs count"),
        (seen.pinned, "which torch the project pins is not known"),
    )
    for fault, consequence in without:
        if isinstance(fault, ConfigurationError):
            place = "" if fault.where is None else f" ({fault.where})"
            yield f"{consequence}: {fault.message}{place}"


def _machine(policies: Path, environment: Mapping[str, str], root: Path) -> tuple[Gpu, ...]:
    return find_gpus(environment=environment, facts_dir=policies / "facts", root=root).gpus
