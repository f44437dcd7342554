"""What a build is told of its mode: the arguments that the plan decides, the user's own, and Compose's variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.selection.flags import FLAG
from poetry_gpu_build.selection.flags import parse_switch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.policy import Mode
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.values import ComputeCapability

# What Compose is told beside the build arguments: it cannot compare values, so it is handed the file's name.
DOCKERFILE_VARIABLE = "GPU_BUILD_DOCKERFILE"
IMAGE_VARIABLE = "GPU_BUILD_IMAGE"

ARCH_LIST = "TORCH_CUDA_ARCH_LIST"
_PTX = "+PTX"

# What the plan checks, and where it is decided instead: a build argument would make another image than was planned,
# under the labels of the plan.
_DECIDED_BY = {
    FLAG: "--from-source, --binary, or {FLAG} in the environment",
    "BASE_IMAGE": "modes.{mode}.base-image in [tool.gpu-build]",
    "PYTHON_VERSION": "python in [tool.gpu-build]",
    "POETRY_WITH": "modes.{mode}.with in [tool.gpu-build]",
    "POETRY_WITHOUT": "modes.{mode}.without in [tool.gpu-build]",
    "TORCH_REF": "modes.source.torch-ref in [tool.gpu-build]",
    "PYTORCH_BUILD_VERSION": "modes.source.torch in [tool.gpu-build]",
    ARCH_LIST: "--gpu, or targets in [tool.gpu-build]",
}


def decided_arguments(
    policy: Policy, mode: Mode, arch_list: Sequence[ComputeCapability], version: str
) -> dict[str, str]:
    """The arguments that follow from the plan; ``version`` is the plugin's, which the image installs too."""
    arguments = {
        FLAG: "true" if mode.name == "source" else "false",
        "BASE_IMAGE": mode.base_image,
        "PYTHON_VERSION": policy.python,
        "POETRY_WITH": ",".join(mode.with_groups),
        "POETRY_WITHOUT": ",".join(mode.without_groups),
        "GPU_BUILD_REQUIREMENT": f"poetry-gpu-build=={version}",
    }
    if mode.name == "source":
        arguments |= {
            "TORCH_REF": policy.torch_ref,
            # Else the built wheel calls itself 2.4.0a0+git…, which satisfies no requirement on the release.
            "PYTORCH_BUILD_VERSION": mode.torch.version,
            ARCH_LIST: ";".join(str(capability) for capability in arch_list),
            # The compile counts its jobs itself: another number on each machine would miss a shared cache.
            "COMPILE_GIB_PER_JOB": f"{policy.memory_per_job:g}",
        }
    return arguments


def with_own_arguments(decided: Mapping[str, str], own: Mapping[str, str], mode: Mode) -> dict[str, str]:
    """Lay the user's arguments over the decided ones.

    Raises ConfigurationError for one that contradicts the plan, with where to say it instead.
    """
    for name, place in _DECIDED_BY.items():
        if name in own and not _says_the_same(name, own[name], decided.get(name)):
            raise ConfigurationError(
                f"the build argument {name}={own[name]} contradicts the plan"
                + (f", which says {decided[name]}" if name in decided else f": the {mode.name} mode has none"),
                ways_out=(f"say it by {place.format(FLAG=FLAG, mode=mode.name)}",),
            )
    return {**decided, **own}


def _says_the_same(name: str, own: str, decided: str | None) -> bool:
    if name == FLAG and decided is not None:
        return parse_switch(own) == parse_switch(decided)
    if name == ARCH_LIST and decided is not None:
        # PTX beside the machine code runs on more than was planned, and on nothing less.
        return {each.removesuffix(_PTX) for each in own.replace(";", " ").split()} == set(decided.split(";"))
    return own == decided
