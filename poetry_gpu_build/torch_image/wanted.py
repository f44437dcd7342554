"""(plan, policy) → the published torch that a build would take: its name, its key and what it must say of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.dockerfile.parser import read_dockerfile
from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.plan import LABEL_PREFIX
from poetry_gpu_build.policy import SETTINGS
from poetry_gpu_build.torch_image.files import copied_files
from poetry_gpu_build.torch_image.key import STAGE
from poetry_gpu_build.torch_image.key import torch_key
from poetry_gpu_build.torch_image.key import torch_tag
from poetry_gpu_build.torch_image.stages import stages_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from poetry_gpu_build.plan import Plan
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.torch_image.key import TorchKey

SETTING = "torch-image"


class WantedTorch(NamedTuple):
    """A compile as it is, or would be, published."""

    reference: str
    """The repository and the tag."""
    key: TorchKey
    labels: Mapping[str, str]
    """What the image says of itself."""


def wanted_torch(plan: Plan, policy: Policy) -> WantedTorch:
    """The compile of a plan of the source mode.

    Raises ConfigurationError where there is no setting, or the Dockerfile has no stage for it, or cannot be read.
    """
    if policy.torch_image is None:
        raise ConfigurationError(
            f"{SETTING} is not set: there is no repository to hold compiled torches",
            ways_out=(
                f'write it into [{".".join(SETTINGS)}] of pyproject.toml: {SETTING} = "registry.example/team/torch"',
            ),
        )
    path = plan.root / plan.dockerfile
    dockerfile = read_dockerfile(path, plan.build_args)
    fatal = next((problem for problem in dockerfile.problems if problem.fatal), None)
    if fatal is not None:
        raise ConfigurationError(fatal.message, where=fatal.position)
    stage = dockerfile.stage(STAGE)
    if stage is None:
        raise ConfigurationError(
            f"{plan.dockerfile} has no stage {STAGE}, so a compile cannot be published",
            where=Position(path),
            ways_out=(f"let it hold the compiled torch and nothing else: FROM scratch AS {STAGE}",),
        )
    key = torch_key(dockerfile, stage, copied_files(path, plan.root / plan.context, stages_for(dockerfile, stage)))
    labels = {
        f"{LABEL_PREFIX}.mode": plan.mode,
        f"{LABEL_PREFIX}.torch": plan.torch,
        f"{LABEL_PREFIX}.torch-cuda": str(policy.source.cuda),
        f"{LABEL_PREFIX}.torch-archs": ";".join(str(capability) for capability in plan.arch_list),
        f"{LABEL_PREFIX}.torch-python": policy.python,
        f"{LABEL_PREFIX}.torch-key": key.digest,
    }
    return WantedTorch(f"{policy.torch_image}:{torch_tag(policy, plan.arch_list, key)}", key, labels)


def needs_torch(plan: Plan, stage: str | None) -> bool:
    """Whether what is built up to ``stage`` (None: the last) takes the stage that a published compile replaces."""
    dockerfile = read_dockerfile(plan.root / plan.dockerfile, plan.build_args)
    torch = dockerfile.stage(STAGE)
    target = dockerfile.stage(stage) if stage else next(iter(dockerfile.stages[-1:]), None)
    return torch is not None and target is not None and target != torch and torch in stages_for(dockerfile, target)
