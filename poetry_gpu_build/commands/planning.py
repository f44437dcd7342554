"""Gathers what a plan is made from: the project, the policy, the facts, the GPUs. The one place that reads them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import poetry_gpu_build
from poetry_gpu_build import resources
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import NoModeServesError
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.facts.load import load_packages
from poetry_gpu_build.gpu.detect import find_gpus
from poetry_gpu_build.plan import Inputs
from poetry_gpu_build.plan import Request
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.plan import plan_every_mode
from poetry_gpu_build.plan import plan_torch
from poetry_gpu_build.policy import SETTINGS
from poetry_gpu_build.policy import load_policy
from poetry_gpu_build.project import find_project
from poetry_gpu_build.project import read_project
from poetry_gpu_build.selection.flags import FLAG
from poetry_gpu_build.selection.flags import Flags

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.gpu.detect import GpuReport
    from poetry_gpu_build.plan import Plan
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project


@dataclass(frozen=True, slots=True)
class Asked:
    """What the options of a command say about the plan."""

    from_source: bool = False
    binary: bool = False
    all_modes: bool = False
    gpus: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    build_args: tuple[tuple[str, str], ...] = ()
    stage: str | None = None
    torch_alone: bool = False
    """The compiled torch of the source mode, for whoever builds, and no image of the project."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The plans, and what was noticed on the way."""

    project: Project
    policy: Policy
    plans: tuple[Plan, ...]
    notes: tuple[str, ...]


def plan_project(start: Path, asked: Asked) -> Planned:
    """Plan the project around ``start``. Raises the errors of find_project, read_project, load_policy and make_plan."""
    policies = resources.policies_dir()
    pyproject = read_toml(find_project(start) / "pyproject.toml")
    policy = load_policy(policies, pyproject)
    project = read_project(pyproject, policy.python)
    report = find_gpus(
        flags=asked.gpus,
        configured=policy.targets,
        configured_at=project.pyproject.locate(*SETTINGS, "targets"),
        environment=os.environ,
        facts_dir=policies / "facts",
    )
    _refuse_jetson(report)
    inputs = Inputs(
        project=project,
        policy=policy,
        facts=load_compatibility(policies / "facts"),
        version=poetry_gpu_build.__version__,
        load_packages=lambda: load_packages(policies / "facts"),
    )
    flags = Flags(asked.from_source, asked.binary, os.environ.get(FLAG))
    request = Request(flags, report.gpus, asked.tags, asked.build_args, asked.stage)
    plans: tuple[Plan, ...]
    if asked.torch_alone:
        plans = (plan_torch(inputs, request, named=bool(asked.gpus or policy.targets)),)
    elif asked.all_modes:
        plans = plan_every_mode(inputs, request)
    else:
        plans = (make_plan(inputs, request),)
    return Planned(project, policy, plans, report.messages)


def _refuse_jetson(report: GpuReport) -> None:
    if not report.platform.is_jetson:
        return
    raise NoModeServesError(
        "this machine is a Jetson (aarch64, Tegra), and both modes make x86_64 images",
        ways_out=("to build for another machine, name its card: --gpu 8.6",),
    )
