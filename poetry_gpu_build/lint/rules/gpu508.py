"""GPU508: the pinned wheel holds no code for GPUs that the policy gives to the binary mode."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.lint.compatibility import compatibility
from poetry_gpu_build.lint.manifest import TORCH
from poetry_gpu_build.lint.manifest import dependencies
from poetry_gpu_build.lint.manifest import normalised
from poetry_gpu_build.lint.manifest import toml_hit
from poetry_gpu_build.lint.manifest import value
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import GpuFact
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit
    from poetry_gpu_build.lint.manifest import Dependency
    from poetry_gpu_build.policy import Policy

_FILE = "pyproject.toml"
_LABELLED = lazy_pattern(r"\s*={0,3}\s*(\d+\.\d+\.\d+\+cu\d{3})\s*")
_GROUP = "[tool.poetry.group.binary-torch.dependencies]\ntorch = "
_INDEX = "\n[[tool.poetry.source]]\nname = 'p'\nurl = 'https://download.pytorch.org/whl/cu128'\n"
# The wheels of the facts are those for x86_64, and these boards are not.
_OTHER_MACHINE = "Jetson"


class Gap(NamedTuple):
    """What a wheel lacks."""

    wheel: WheelFact
    wanted: tuple[ComputeCapability, ...]
    lacked: tuple[ComputeCapability, ...]
    held_from: ComputeCapability | None
    """From here on it runs on everything; None: on the newest it does not."""


class WheelDoesNotCover(Rule):
    """The pinned wheel holds code for every GPU that the policy's floor gives to the binary mode.

    A wheel runs on the architectures that are compiled into it, and on newer ones if it holds PTX. On any other GPU the
    image builds, starts, and says "no kernel image is available" at the first kernel. The floor says what the team
    wants; what the wheel holds is a fact, and `poetry gpu-build` refuses such a GPU. Either the floor or the wheel has
    to give way. No wheel holds code for all GPUs: the newer ones leave Pascal and Volta out, the older ones Blackwell.
    """

    code = "GPU508"
    name = "wheel-does-not-cover"
    valid = (
        Example({_FILE: f"{_GROUP}'99.0.0+cu128'\n"}),
        Example({_FILE: "[project]\ndependencies = ['torch==2.7.1+cu128']\n"}),
        Example({_FILE: f"{_GROUP}'no version'\n"}),
    )
    invalid = (
        Example({_FILE: f"{_GROUP}'2.7.1+cu128'\n"}, (f"{_FILE}:2:1",)),
        Example({_FILE: f"{_GROUP}'2.7.1+cu126'\n"}, (f"{_FILE}:2:1",)),
        Example({_FILE: f"{_GROUP}{{ version = '2.7.1', source = 'p' }}\n{_INDEX}"}, (f"{_FILE}:2:1",)),
        Example({_FILE: "[dependency-groups]\nbinary-torch = ['torch==2.7.1+cu128']\n"}, (f"{_FILE}:2:17",)),
    )

    def check(self, documents: Documents) -> Iterator[Hit]:
        """Hold the wheel against each generation from the floor upwards."""
        document = documents.pyproject
        if document is None:
            return
        group = normalised(documents.policy.torch_group)
        asked = [each for each in dependencies(document) if each.group == group and each.name == TORCH]
        if not asked or asked[0].is_group:
            return
        facts = compatibility(documents)
        gap = _gap(document, asked[0], facts, documents.policy)
        if gap is None:
            return
        floor = documents.policy.floor
        doubt = f" (known by: {gap.wheel.evidence.doubt})" if gap.wheel.evidence.doubt else ""
        lacked = ", ".join(map(str, gap.lacked))
        message = f"torch {gap.wheel.torch} holds no code for {lacked}{doubt}, and the policy's floor is {floor}"
        yield from toml_hit(
            documents, document, asked[0].key, message, "; or ".join(_ways_out(gap, facts, documents.policy))
        )


def _gap(document: TomlDocument, asked: Dependency, facts: CompatibilityFacts, policy: Policy) -> Gap | None:
    from poetry_gpu_build.coverage.wheels import wheel_covers
    from poetry_gpu_build.facts.load import load_gpus
    from poetry_gpu_build.resources import policies_dir

    build = _build(document, asked, facts, policy)
    wheel = facts.wheel(build) if build is not None else None
    if wheel is None:
        return None
    wanted = _wanted(policy, load_gpus(policies_dir() / "facts"))
    lacked = tuple(each for each in wanted if not wheel_covers(wheel, each, facts).runs)
    if not lacked:
        return None
    return Gap(wheel, wanted, lacked, next((each for each in wanted if each > lacked[-1]), None))


def _build(document: TomlDocument, asked: Dependency, facts: CompatibilityFacts, policy: Policy) -> TorchBuild | None:
    """The build that is pinned; without Poetry's parser and the lock where the manifest says it outright."""
    entry = value(document.data, *map(str, asked.key))
    constraint = entry if isinstance(entry, str) else value(entry, "version")
    match = _LABELLED.fullmatch(constraint) if isinstance(constraint, str) else None
    if match is not None:
        return TorchBuild.parse(match[1])
    from poetry_gpu_build.project import read_project
    from poetry_gpu_build.torch_pin import resolve_pin

    try:
        project = read_project(document, policy.python)
        pin = project.torch_in(policy.torch_group)
        return resolve_pin(pin, project.locked_torch, facts, policy.python).build if pin is not None else None
    except ConfigurationError:
        return None  # what is wrong with the manifest is not this rule's matter


def _wanted(policy: Policy, gpus: tuple[GpuFact, ...]) -> tuple[ComputeCapability, ...]:
    """The project's targets, else every generation of cards: those from the floor upwards, oldest first."""
    by_name = {gpu.name.lower(): gpu.capability for gpu in gpus}
    cards = {gpu.capability for gpu in gpus if not gpu.name.startswith(_OTHER_MACHINE)}
    named: set[ComputeCapability] = set()
    for text in policy.targets:
        try:
            named.add(by_name.get(text.lower()) or ComputeCapability.parse(text))
        except InvalidValueError:
            named |= cards  # a card that the table does not know can be any
    return tuple(sorted(each for each in named or cards if each >= policy.floor))


def _ways_out(gap: Gap, facts: CompatibilityFacts, policy: Policy) -> Iterator[str]:
    if gap.held_from is not None:
        yield f'raise the floor to what the wheel holds: modes.binary.floor = "{gap.held_from}" in [tool.gpu-build]'
    other = _other_wheel(gap, facts, policy)
    if other is not None:
        yield other
    yield "name the GPUs that are in use: targets in [tool.gpu-build]"


def _other_wheel(gap: Gap, facts: CompatibilityFacts, policy: Policy) -> str | None:
    """The same release in another variant, else the newest, that holds what is lacked; and what that one lacks."""
    from poetry_gpu_build.coverage.wheels import wheel_covers
    from poetry_gpu_build.coverage.wheels import wheels_covering

    holding = [wheel for wheel in wheels_covering(gap.lacked, facts) if wheel.installs_on(policy.python)]
    if not holding:
        return None
    same = [wheel for wheel in holding if wheel.torch.version == gap.wheel.torch.version]
    wheel = max(same, key=lambda each: each.evidence.is_measured) if same else holding[-1]
    doubt = f" (known by: {wheel.evidence.doubt})" if wheel.evidence.doubt else ""
    lacked = ", ".join(str(each) for each in gap.wanted if not wheel_covers(wheel, each, facts).runs)
    return f"pin {wheel.torch}{doubt}" + (f", which in its turn lacks {lacked}" if lacked else ", which holds them all")
