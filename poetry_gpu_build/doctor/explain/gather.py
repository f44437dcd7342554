"""Reads what is known beside the text: the project if there is one, the facts, the GPUs. Nothing here may fail."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.doctor.explain.situation import Situation
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.gpu.detect import find_gpus
from poetry_gpu_build.policy import SETTINGS
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.project import find_project
from poetry_gpu_build.project import read_project
from poetry_gpu_build.torch_pin import resolve_pin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project
    from poetry_gpu_build.torch_pin import PinnedTorch


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
    shipped = Situation(facts, load_policy(policies))
    try:
        folder = find_project(start)
    except ConfigurationError:
        return Known(shipped._replace(gpus=by_option or _machine(policies, environment, root)))
    try:
        pyproject = read_toml(folder / "pyproject.toml")
        policy = load_policy(policies, pyproject)
        project = read_project(pyproject, policy.python)
        pinned = _pinned(project, policy, facts)
        gpus = by_option or _configured(project, policy, policies, environment) or _machine(policies, environment, root)
    except ConfigurationError as error:
        note = f"the project cannot be read, so nothing is said of it: {error.message}"
        if error.where is not None:
            note += f" ({error.where})"
        return Known(shipped._replace(gpus=by_option or _machine(policies, environment, root)), (note,))
    return Known(Situation(facts, policy, in_project=True, pinned=pinned, gpus=gpus))


def _pinned(project: Project, policy: Policy, facts: CompatibilityFacts) -> PinnedTorch | None:
    pin = project.torch_in(policy.torch_group) or project.torch_in(None)
    return None if pin is None else resolve_pin(pin, project.locked_torch, facts, policy.python)


def _configured(project: Project, policy: Policy, policies: Path, environment: Mapping[str, str]) -> tuple[Gpu, ...]:
    if not policy.targets:
        return ()
    return find_gpus(
        configured=policy.targets,
        configured_at=project.pyproject.locate(*SETTINGS, "targets"),
        environment=environment,
        facts_dir=policies / "facts",
    ).gpus


def _machine(policies: Path, environment: Mapping[str, str], root: Path) -> tuple[Gpu, ...]:
    return find_gpus(environment=environment, facts_dir=policies / "facts", root=root).gpus
