"""Reads the project around the current folder, for the checks and for what an error means.

What is wrong with one part of it is seen, raises nothing, and keeps no other part from being read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.gpu.detect import find_gpus
from poetry_gpu_build.plan import pinned_torch
from poetry_gpu_build.policy import SETTINGS
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.project import find_project
from poetry_gpu_build.project import read_project

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.gpu.detect import GpuReport
    from poetry_gpu_build.lint.finding import Finding
    from poetry_gpu_build.lint.formats.interface import Report
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project
    from poetry_gpu_build.torch_pin import PinnedTorch


class Verdict(NamedTuple):
    """What the linter says of the project."""

    report: Report
    problems: tuple[ConfigurationError, ...] = ()
    """Files that cannot be read: a build ends on the first."""


class ProjectSeen(NamedTuple):
    """The project around the current folder, as far as it can be read."""

    root: Path | None = None
    """None: there is no project here."""
    project: Project | None = None
    fault: ConfigurationError | None = None
    """Why there is none, or none that can be read."""
    settings_fault: ConfigurationError | None = None
    """What is wrong with [tool.gpu-build]: the shipped policy is used instead."""
    targets_fault: ConfigurationError | None = None
    """What is wrong with the cards that the settings name: this machine's count instead."""
    pinned: PinnedTorch | ConfigurationError | None = None
    """The torch that it pins, or why a build would find none; None without a project."""
    verdict: Verdict | None = None
    """None where the linter was not asked: without a project, or without settings that can be used."""

    def findings(self, *codes: str) -> tuple[Finding, ...]:
        """What the linter found by these rules, under the severities of the policy."""
        if self.verdict is None:
            return ()
        return tuple(finding for finding in self.verdict.report.findings if finding.code in codes)


class Around(NamedTuple):
    """The project, the policy that counts, and the GPUs that the project's settings name."""

    seen: ProjectSeen
    policy: Policy
    named: GpuReport | None


def look_around(start: Path, policies: Path, environment: Mapping[str, str], facts: CompatibilityFacts) -> Around:
    """Read the project around ``start``, and lint it."""
    around = read_around(start, policies, environment, facts)
    seen = around.seen
    if seen.root is None or seen.project is None or seen.settings_fault is not None:
        return around
    return around._replace(seen=seen._replace(verdict=_lint(seen.root)))


def read_around(start: Path, policies: Path, environment: Mapping[str, str], facts: CompatibilityFacts) -> Around:
    """Find and read the project around ``start``; without one the shipped policy counts."""
    shipped = load_policy(policies)
    try:
        root = find_project(start)
    except ConfigurationError:
        return Around(ProjectSeen(), shipped, None)
    try:
        pyproject = read_toml(root / "pyproject.toml")
    except ConfigurationError as error:
        return Around(ProjectSeen(root, fault=error), shipped, None)
    policy, named, seen = shipped, None, ProjectSeen(root)
    try:
        policy = load_policy(policies, pyproject)
    except ConfigurationError as error:
        seen = seen._replace(settings_fault=error)
    try:
        named = _named(policy, pyproject, policies, environment)
    except ConfigurationError as error:
        seen = seen._replace(targets_fault=error)
    try:
        project = read_project(pyproject, policy.python)
    except ConfigurationError as error:
        return Around(seen._replace(fault=error), policy, named)
    return Around(seen._replace(project=project, pinned=_pinned(project, policy, facts)), policy, named)


def _named(policy: Policy, pyproject: TomlDocument, policies: Path, environment: Mapping[str, str]) -> GpuReport | None:
    if not policy.targets:
        return None
    return find_gpus(
        configured=policy.targets,
        configured_at=pyproject.locate(*SETTINGS, "targets"),
        environment=environment,
        facts_dir=policies / "facts",
    )


def _pinned(project: Project, policy: Policy, facts: CompatibilityFacts) -> PinnedTorch | ConfigurationError:
    try:
        return pinned_torch(project, policy, facts)
    except ConfigurationError as error:
        return error


def _lint(root: Path) -> Verdict | None:
    from poetry_gpu_build.lint.main import lint_project

    try:
        return Verdict(*lint_project(root))
    except ConfigurationError:  # the file was changed in between: whoever asks again is told
        return None
