"""GPU508: the pinned wheel holds no code for GPUs that the policy gives to the binary mode."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.lint.compatibility import compatibility
from poetry_gpu_build.lint.manifest import toml_hit
from poetry_gpu_build.lint.pinned import asked_in_group
from poetry_gpu_build.lint.pinned import pinned_build
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import Rule
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.manifest import Dependency
    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import GpuFact
    from poetry_gpu_build.facts.rows import WheelFact
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit
    from poetry_gpu_build.policy import Policy

_FILE = "pyproject.toml"
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

    A wheel runs on the architectures that are compiled into it, and on newer ones if it holds PTX. On any other GPU
    the image builds, starts, and says "no kernel image is available" at the first kernel. The floor says what the
    team wants; what the wheel holds is a fact, and `poetry gpu-build` refuses such a GPU. Either the floor or the
    wheel has to give way; with `floor = "wheel"` the floor always does. No wheel holds code for all GPUs: the newer
    ones leave Pascal and Volta out, the older ones Blackwell.
    """

    code = "GPU508"
    name = "wheel-does-not-cover"
    valid = (
        Example({_FILE: f"{_GROUP}'99.0.0+cu128'\n"}),
        Example({_FILE: "[project]\ndependencies = ['torch==2.7.1+cu128']\n"}),
        Example({_FILE: f"{_GROUP}'no version'\n"}),
        Example({_FILE: f"{_GROUP}'2.7.1+cu128'\n\n[tool.gpu-build]\nfloor = 'wheel'\n"}),
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
        if document is None or documents.policy.floor_follows_wheel:
            return
        asked = asked_in_group(document, documents.policy)
        if asked is None:
            return
        facts = compatibility(documents)
        gap = _gap(document, asked, facts, documents.policy)
        if gap is None:
            return
        floor = documents.policy.floor
        doubt = f" (known by: {gap.wheel.evidence.doubt})" if gap.wheel.evidence.doubt else ""
        lacked = ", ".join(map(str, gap.lacked))
        message = f"torch {gap.wheel.torch} holds no code for {lacked}{doubt}, and the policy's floor is {floor}"
        yield from toml_hit(
            documents, document, asked.key, message, "; or ".join(_ways_out(gap, facts, documents.policy))
        )


def _gap(document: TomlDocument, asked: Dependency, facts: CompatibilityFacts, policy: Policy) -> Gap | None:
    from poetry_gpu_build.coverage.wheels import wheel_covers
    from poetry_gpu_build.facts.load import load_gpus
    from poetry_gpu_build.resources import policies_dir

    build = pinned_build(document, asked, facts, policy)
    wheel = facts.wheel(build) if build is not None else None
    if wheel is None:
        return None
    wanted = _wanted(policy, load_gpus(policies_dir() / "facts"))
    lacked = tuple(each for each in wanted if not wheel_covers(wheel, each, facts).runs)
    if not lacked:
        return None
    return Gap(wheel, wanted, lacked, next((each for each in wanted if each > lacked[-1]), None))


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
    yield 'let the floor follow the wheel: floor = "wheel" in [tool.gpu-build]'
    yield "name the GPUs that are in use: targets in [tool.gpu-build]"


def _other_wheel(gap: Gap, facts: CompatibilityFacts, policy: Policy) -> str | None:
    """The same release in another variant, else the newest, that holds what is lacked; and what that one lacks."""
    from poetry_gpu_build.coverage.wheels import wheel_covers
    from poetry_gpu_build.gpu.interface import Gpu
    from poetry_gpu_build.offers.case import Case
    from poetry_gpu_build.offers.wheels import offers
    from poetry_gpu_build.offers.wheels import worth_naming

    lacking = tuple(Gpu(capability=each, reported_by="the policy") for each in gap.lacked)
    holding = worth_naming(offers(Case.under(policy, lacking, facts)), gap.wheel.torch)
    if not holding:
        return None
    wheel = holding[0].wheel
    doubt = f" (known by: {wheel.evidence.doubt})" if wheel.evidence.doubt else ""
    lacked = ", ".join(str(each) for each in gap.wanted if not wheel_covers(wheel, each, facts).runs)
    return f"pin {wheel.torch}{doubt}" + (f", which in its turn lacks {lacked}" if lacked else ", which holds them all")
