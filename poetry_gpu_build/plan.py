"""(project, policy, facts, GPUs, flags) → Plan: the complete, immutable answer to what would be built, and why."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from poetry_gpu_build.build_arguments import decided_arguments
from poetry_gpu_build.build_arguments import with_own_arguments
from poetry_gpu_build.coverage.toolkits import compiled_for
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.policy import SETTINGS
from poetry_gpu_build.required import installed_groups
from poetry_gpu_build.selection.flags import Flags
from poetry_gpu_build.selection.question import Question
from poetry_gpu_build.selection.question import no_packages
from poetry_gpu_build.selection.select import select_mode
from poetry_gpu_build.torch_pin import BY_LOCK
from poetry_gpu_build.torch_pin import resolve_pin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.policy import Mode
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project
    from poetry_gpu_build.selection.floor import Floor
    from poetry_gpu_build.selection.question import LoadPackages
    from poetry_gpu_build.selection.reasons import Reason
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
    torch_range: str | None
    """What the image may hold instead, where its own resolution decides and ``torch`` is only the likely answer."""
    prefix: str | None
    """Where the compiled torch lies in the image; None in the binary mode."""
    with_groups: tuple[str, ...]
    without_groups: tuple[str, ...]
    arch_list: tuple[ComputeCapability, ...]
    """What the source mode compiles for; empty in the binary mode."""
    build_args: Mapping[str, str]
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    compose_file: str
    reasons: tuple[Reason, ...]
    torch_image: str | None = None
    """The published compile of torch that the build looks for, or, with its digest, takes; None: it compiles."""

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
    version: str
    load_packages: LoadPackages = no_packages


@dataclass(frozen=True, slots=True)
class Request:
    """What the user wants of this run, beyond the project's files."""

    flags: Flags
    gpus: tuple[Gpu, ...] = ()
    tags: tuple[str, ...] = ()
    """Instead of the project's own; ``{mode}`` stands for the mode."""
    build_args: tuple[tuple[str, str], ...] = ()
    """Over those of the policy."""
    stage: str | None = None
    """Build up to this stage of the Dockerfile; None: the last."""


def make_plan(inputs: Inputs, request: Request) -> Plan:
    """Decide everything about one build.

    Raises ConfigurationError where the project is not under the policy, NoModeServesError where no image would run.
    """
    pinned = pinned_torch(inputs.project, inputs.policy, inputs.facts)
    question = Question(
        flags=request.flags,
        gpus=request.gpus,
        policy=inputs.policy,
        pinned=pinned,
        facts=inputs.facts,
        project=inputs.project,
        build_args=request.build_args,
        load_packages=inputs.load_packages,
    )
    selection = select_mode(question)
    mode = inputs.policy.mode(selection.mode)
    if mode.name == "source":
        _refuse_other_torch(inputs.project, inputs.policy)
    arch_list = _arch_list(inputs, request.gpus) if mode.name == "source" else ()
    torch = str(mode.torch) if mode.name == "source" else str(pinned.build or pinned.pin.constraint)
    return Plan(
        mode=mode.name,
        gpus=request.gpus,
        root=inputs.project.root,
        context=inside_project(
            inputs.project, inputs.policy.context, "the build context", ("context",), is_folder=True
        ),
        dockerfile=inside_project(
            inputs.project, mode.dockerfile, f"the {mode.name} mode's Dockerfile", ("modes", mode.name, "dockerfile")
        ),
        base_image=mode.base_image,
        torch=torch,
        torch_range=None if mode.name == "source" else _torch_range(pinned, inputs.policy),
        prefix=inputs.policy.source_prefix if mode.name == "source" else None,
        with_groups=mode.with_groups,
        without_groups=mode.without_groups,
        arch_list=arch_list,
        build_args=_build_args(inputs, mode, arch_list, request),
        tags=_tags(inputs, mode.name, request),
        labels=_labels(inputs, mode.name, request.gpus, arch_list, torch),
        compose_file=inputs.policy.compose_file,
        reasons=selection.reasons,
    )


def plan_every_mode(inputs: Inputs, request: Request) -> tuple[Plan, Plan]:
    """One plan for each mode: each for the targets that the policy gives it, without any for its defaults.

    Raises as make_plan, and ConfigurationError where both would write one tag.
    """
    floor = _floor(inputs, request)
    above = tuple(gpu for gpu in request.gpus if not floor.excludes(gpu.capability))
    below = tuple(gpu for gpu in request.gpus if floor.excludes(gpu.capability))
    switch = request.flags.build_from_source
    ask_binary = Flags(binary=True, build_from_source=switch, all_modes=True)
    ask_source = Flags(from_source=True, build_from_source=switch, all_modes=True)
    binary = make_plan(inputs, replace(request, flags=ask_binary, gpus=above))
    source = make_plan(inputs, replace(request, flags=ask_source, gpus=below))
    shared = sorted(set(binary.tags) & set(source.tags))
    if shared:
        raise ConfigurationError(
            f"both modes would write the tag {shared[0]}",
            ways_out=("let the tag tell the mode: --tag 'name:{mode}'",),
        )
    return binary, source


def plan_torch(inputs: Inputs, request: Request, *, named: bool) -> Plan:
    """The source mode's plan whose compile is to be published.

    ``named`` GPUs are compiled for whatever they are; those of a machine only where the policy compiles for one of
    them, as a build would: else it is for the policy's defaults. Raises as make_plan.
    """
    floor = _floor(inputs, request)
    is_served = named or any(floor.excludes(gpu.capability) for gpu in request.gpus)
    flags = Flags(from_source=True, build_from_source=request.flags.build_from_source)
    return make_plan(inputs, replace(request, flags=flags, gpus=request.gpus if is_served else ()))


def _floor(inputs: Inputs, request: Request) -> Floor:
    """The floor in force: the policy's number, or what the pinned wheel runs on."""
    pinned = pinned_torch(inputs.project, inputs.policy, inputs.facts)
    return Question(request.flags, request.gpus, inputs.policy, pinned, inputs.facts).floor


def pinned_torch(project: Project, policy: Policy, facts: CompatibilityFacts) -> PinnedTorch:
    """The torch of the group, or of the main dependencies where the group has none.

    Raises ConfigurationError where neither asks for one, or where its constraint is none.
    """
    group = policy.torch_group
    pin = project.torch_in(group) or project.torch_in(None)
    if pin is not None:
        return resolve_pin(pin, project.locked_torch, facts, policy.python)
    wheel = policy.binary.torch
    example = f'torch = {{ version = "{wheel}", source = "pytorch-{wheel.variant}" }}'
    name_another = "or name the group that holds torch: torch-group in [tool.gpu-build]"
    if canonicalize_name(group) in project.groups:
        raise ConfigurationError(
            f"the dependency group {group} holds no torch",
            where=project.place_of_group(group),
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


def _torch_range(pinned: PinnedTorch, policy: Policy) -> str | None:
    is_locked = policy.lock == "require" and pinned.said_by == BY_LOCK
    return None if is_locked or pinned.is_told_by_constraint else pinned.pin.constraint


def _refuse_other_torch(project: Project, policy: Policy) -> None:
    """A torch outside its group is installed in both modes, over the compiled one."""
    installed = installed_groups(project, policy.source)
    for pin in project.torch:
        if pin.group is not None and canonicalize_name(pin.group) not in installed:
            continue
        place = "a main dependency" if pin.group is None else f"in the group {pin.group}"
        raise ConfigurationError(
            f"torch is {place}, so the source image would install the wheel as well",
            where=pin.where,
            ways_out=(f"move it to [tool.poetry.group.{policy.torch_group}.dependencies], with optional = true",),
        )


def inside_project(
    project: Project, relative: str, what: str, setting: tuple[str, ...], *, is_folder: bool = False
) -> str:
    """Return the path of a file (or folder) of the project that ``setting`` of ``[tool.gpu-build]`` names.

    Raises ConfigurationError where it does not exist, or lies outside.
    """
    root = project.root.resolve()
    path = root / relative
    said_at = project.pyproject.find(*SETTINGS, *setting) or Position(project.root / relative)
    try:
        is_inside = path.resolve().is_relative_to(root)
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()  # newer Pythons' is_file hides what else is wrong
        is_right = path.is_dir() if is_folder else path.is_file()
        fault = f"is no {'folder' if is_folder else 'file'}" if path.exists() else "does not exist"
    except PermissionError as error:
        raise ConfigurationError(
            f"{what} cannot be looked at: {error.strerror}",
            where=Position(project.root / relative),
            ways_out=(f"let your user read it: chmod -R u+rX {relative.partition('/')[0] or relative}",),
        ) from error
    except (OSError, ValueError, RuntimeError) as error:  # too long, a NUL character, links that form a ring
        raise ConfigurationError(
            f"{what} {relative!r} is no path: {getattr(error, 'strerror', None) or error}",
            where=said_at,
            ways_out=(f"name a path of the project: {'.'.join(setting)} in [tool.gpu-build]",),
        ) from error
    if not is_inside:
        raise ConfigurationError(
            f"{what} {relative} lies outside the project",
            where=said_at,
            ways_out=("keep it inside: the build sees only the project's own files",),
        )
    if not is_right:
        raise ConfigurationError(
            f"{what} {fault}",
            where=Position(project.root / relative),
            ways_out=(f"write it, or name another: {'.'.join(setting)} in [tool.gpu-build] of pyproject.toml",),
        )
    return relative


def _arch_list(inputs: Inputs, gpus: tuple[Gpu, ...]) -> tuple[ComputeCapability, ...]:
    """What to compile for: the targets' own architectures, or the best that the toolkit has for each."""
    targets = {gpu.capability for gpu in gpus} or set(inputs.policy.source_targets)
    toolkit = inputs.facts.toolkit(inputs.policy.source.cuda)
    if toolkit is None:
        return tuple(sorted(targets))
    compiled = {target: compiled_for(target, toolkit, inputs.facts.sass_rules) for target in targets}
    for target, architecture in compiled.items():
        if architecture is None:  # a default: the targets of GPUs have passed the selection
            raise ConfigurationError(
                f"the source mode's default target {target} is none that CUDA {toolkit.cuda} compiles for",
                where=inputs.project.pyproject.locate(*SETTINGS, "modes", "source", "targets"),
                ways_out=(f"name others, from {toolkit.compiles[0]} to {toolkit.compiles[-1]}", "or a target: --gpu"),
            )
    return tuple(sorted({architecture for architecture in compiled.values() if architecture is not None}))


def _build_args(
    inputs: Inputs, mode: Mode, arch_list: tuple[ComputeCapability, ...], request: Request
) -> dict[str, str]:
    decided = decided_arguments(inputs.policy, mode, arch_list, inputs.version)
    return with_own_arguments(decided, {**mode.build_args, **dict(request.build_args)}, mode)


def _tags(inputs: Inputs, mode: ModeName, request: Request) -> tuple[str, ...]:
    """The tags of one mode: the modes never share one."""
    if not all(request.tags):
        raise ConfigurationError("--tag is empty", ways_out=("name the image: --tag name:{mode}", "or leave it out"))
    if request.tags:
        return tuple(tag.replace("{mode}", mode) for tag in request.tags)
    name = inputs.policy.image or inputs.project.docker_name
    # Half an image must not take the name of the whole one.
    return (f"{name}:{mode}-{request.stage}" if request.stage else f"{name}:{mode}",)


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
