"""(project, policy, facts, GPUs, flags) → Plan: the complete, immutable answer to what would be built, and why."""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from poetry_gpu_build.coverage import compiled_for
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.selection.flags import FLAG
from poetry_gpu_build.selection.flags import Flags
from poetry_gpu_build.selection.question import Question
from poetry_gpu_build.selection.select import select_mode
from poetry_gpu_build.torch_pin import resolve_pin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.facts import CompatibilityFacts
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.machine import Machine
    from poetry_gpu_build.policy import Mode
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project
    from poetry_gpu_build.selection.question import Reason
    from poetry_gpu_build.torch_pin import PinnedTorch
    from poetry_gpu_build.values import ComputeCapability

# Written into the image by the build; `org.opencontainers.image.revision` is OCI's own name for the commit.
LABEL_PREFIX = "poetry-gpu-build"
REVISION_LABEL = "org.opencontainers.image.revision"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be built, and why."""

    mode: ModeName
    gpus: tuple[Gpu, ...]
    """The GPUs that the plan is for, each with who reported it; empty: the policy's defaults."""
    root: Path
    context: str
    """The build context, relative to the root."""
    dockerfile: str
    """Relative to the root."""
    base_image: str
    torch: str
    """``2.7.1+cu128``; the constraint, where the project names no single build."""
    with_groups: tuple[str, ...]
    without_groups: tuple[str, ...]
    arch_list: tuple[ComputeCapability, ...]
    """What the source mode compiles for; empty in the binary mode."""
    build_args: Mapping[str, str]
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    compose_file: str
    reasons: tuple[Reason, ...]

    @property
    def targets(self) -> tuple[ComputeCapability, ...]:
        """The capabilities that the image must run on, each once, ascending."""
        return tuple(sorted({gpu.capability for gpu in self.gpus}))


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a plan is made from, read once; ``version`` is the plugin's own, which the image installs too."""

    project: Project
    policy: Policy
    facts: CompatibilityFacts
    machine: Machine
    version: str


@dataclass(frozen=True, slots=True)
class Request:
    """What the user wants of this run, beyond the project's files."""

    flags: Flags
    gpus: tuple[Gpu, ...] = ()
    tags: tuple[str, ...] = ()
    """Instead of the project's own; ``{mode}`` stands for the mode."""
    build_args: tuple[tuple[str, str], ...] = ()
    """Over those of the policy."""


def make_plan(inputs: Inputs, request: Request) -> Plan:
    """Decide everything about one build.

    Raises ConfigurationError where the project is not under the policy, NoModeServesError where no image would run.
    """
    pinned = _pinned(inputs)
    selection = select_mode(Question(request.flags, request.gpus, inputs.policy, pinned, inputs.facts))
    mode = inputs.policy.mode(selection.mode)
    if mode.name == "source":
        _refuse_main_torch(inputs.project, inputs.policy)
    arch_list = _arch_list(inputs, request.gpus) if mode.name == "source" else ()
    torch = str(mode.torch) if mode.name == "source" else str(pinned.build or pinned.pin.constraint)
    return Plan(
        mode=mode.name,
        gpus=request.gpus,
        root=inputs.project.root,
        context=_inside(inputs, inputs.policy.context, "the build context", is_folder=True),
        dockerfile=_inside(inputs, mode.dockerfile, f"the {mode.name} mode's Dockerfile"),
        base_image=mode.base_image,
        torch=torch,
        with_groups=mode.with_groups,
        without_groups=mode.without_groups,
        arch_list=arch_list,
        build_args=_build_args(inputs, mode, arch_list, request.build_args),
        tags=_tags(inputs, mode.name, request.tags),
        labels=_labels(inputs, mode.name, request.gpus, arch_list, torch),
        compose_file=inputs.policy.compose_file,
        reasons=selection.reasons,
    )


def plan_every_mode(inputs: Inputs, request: Request) -> tuple[Plan, Plan]:
    """One plan for each mode: each for the targets that the policy gives it, without any for its defaults.

    Raises as make_plan, and ConfigurationError where both would write one tag.
    """
    floor = inputs.policy.floor
    above = tuple(gpu for gpu in request.gpus if gpu.capability >= floor)
    below = tuple(gpu for gpu in request.gpus if gpu.capability < floor)
    binary = make_plan(inputs, replace(request, flags=Flags(binary=True), gpus=above))
    source = make_plan(inputs, replace(request, flags=Flags(from_source=True), gpus=below))
    shared = sorted(set(binary.tags) & set(source.tags))
    if shared:
        raise ConfigurationError(
            f"both modes would write the tag {shared[0]}",
            ways_out=("let the tag tell the mode: --tag 'name:{mode}'",),
        )
    return binary, source


def _pinned(inputs: Inputs) -> PinnedTorch:
    """The torch of the group, or of the main dependencies where the group has none."""
    project, group = inputs.project, inputs.policy.torch_group
    pin = project.torch_in(group) or project.torch_in(None)
    if pin is not None:
        return resolve_pin(pin, project.locked_torch, inputs.facts)
    wheel = inputs.policy.binary.torch
    example = f'torch = {{ version = "{wheel}", source = "pytorch-{wheel.variant}" }}'
    name_another = "or name the group that holds torch: torch-group in [tool.gpu-build]"
    if canonicalize_name(group) in project.groups:
        raise ConfigurationError(
            f"the dependency group {group} holds no torch",
            where=project.pyproject.locate("tool", "poetry", "group", group),
            ways_out=(f"add it to [tool.poetry.group.{group}.dependencies]: {example}", name_another),
        )
    raise ConfigurationError(
        f"there is no dependency group {group}",
        where=Position(project.pyproject.path),
        ways_out=(
            f"add [tool.poetry.group.{group}] with optional = true, and {example} in its dependencies",
            name_another,
        ),
    )


def _refuse_main_torch(project: Project, policy: Policy) -> None:
    """A torch among the main dependencies is installed in both modes, over the compiled one."""
    pin = project.torch_in(None)
    if pin is None:
        return
    raise ConfigurationError(
        "torch is a main dependency, so the source image would install the wheel as well",
        where=pin.where,
        ways_out=(f"move it to [tool.poetry.group.{policy.torch_group}.dependencies], with optional = true",),
    )


def _inside(inputs: Inputs, relative: str, what: str, *, is_folder: bool = False) -> str:
    """A path of the project that exists and does not leave it."""
    root = inputs.project.root.resolve()
    path = root / relative
    where = Position(inputs.project.pyproject.path)
    if not path.resolve().is_relative_to(root):
        raise ConfigurationError(
            f"{what} {relative} lies outside the project",
            where=where,
            ways_out=("keep it inside: the build sees only the project's own files",),
        )
    if not (path.is_dir() if is_folder else path.is_file()):
        raise ConfigurationError(
            f"{what} does not exist",
            where=Position(inputs.project.root / relative),
            ways_out=("write it, or name another in [tool.gpu-build] of pyproject.toml",),
        )
    return relative


def _arch_list(inputs: Inputs, gpus: tuple[Gpu, ...]) -> tuple[ComputeCapability, ...]:
    """What to compile for: the targets' own architectures, or the best that the toolkit has for each."""
    targets = {gpu.capability for gpu in gpus} or set(inputs.policy.source_targets)
    toolkit = inputs.facts.toolkit(inputs.policy.source.cuda)
    if toolkit is None:
        return tuple(sorted(targets))
    compiled = (compiled_for(target, toolkit, inputs.facts.sass_rules) or target for target in targets)
    return tuple(sorted(set(compiled)))


def _build_args(
    inputs: Inputs, mode: Mode, arch_list: tuple[ComputeCapability, ...], own: tuple[tuple[str, str], ...]
) -> dict[str, str]:
    policy = inputs.policy
    arguments = {
        FLAG: "true" if mode.name == "source" else "false",
        "BASE_IMAGE": mode.base_image,
        "PYTHON_VERSION": policy.python,
        "POETRY_WITH": ",".join(mode.with_groups),
        "POETRY_WITHOUT": ",".join(mode.without_groups),
        "GPU_BUILD_REQUIREMENT": f"poetry-gpu-build=={inputs.version}",
    }
    if mode.name == "source":
        arguments |= {
            "TORCH_REF": policy.torch_ref,
            # Else the built wheel calls itself 2.4.0a0+git…, which satisfies no requirement on the release.
            "PYTORCH_BUILD_VERSION": mode.torch.version,
            "TORCH_CUDA_ARCH_LIST": ";".join(str(capability) for capability in arch_list),
            "MAX_JOBS": str(inputs.machine.jobs(policy.memory_per_job)),
        }
    own_arguments = {**mode.build_args, **dict(own)}
    if own_arguments.get(FLAG, arguments[FLAG]) != arguments[FLAG]:
        raise ConfigurationError(
            f"the build argument {FLAG}={own_arguments[FLAG]} contradicts the {mode.name} mode",
            ways_out=(f"set the mode by --from-source, --binary or {FLAG} in the environment",),
        )
    return arguments | own_arguments


def _tags(inputs: Inputs, mode: ModeName, own: tuple[str, ...]) -> tuple[str, ...]:
    """The tags of one mode: the modes never share one."""
    if own:
        return tuple(tag.replace("{mode}", mode) for tag in own)
    # Docker's repository names: lower case, digits and single separators.
    name = inputs.policy.image or re.sub(r"[^a-z0-9]+", "-", inputs.project.name.lower()).strip("-") or "app"
    return (f"{name}:{mode}",)


def _labels(
    inputs: Inputs, mode: ModeName, gpus: tuple[Gpu, ...], arch_list: tuple[ComputeCapability, ...], torch: str
) -> dict[str, str]:
    targets = sorted({gpu.capability for gpu in gpus}) or arch_list
    labels = {
        f"{LABEL_PREFIX}.version": inputs.version,
        f"{LABEL_PREFIX}.mode": mode,
        f"{LABEL_PREFIX}.torch": torch,
        f"{LABEL_PREFIX}.targets": ";".join(str(target) for target in targets),
    }
    if inputs.project.revision is not None:
        labels[REVISION_LABEL] = inputs.project.revision
    return labels
