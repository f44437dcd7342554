"""GPU208: torch is compiled for the wrong GPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.arch_list import parse_arch_list
from poetry_gpu_build.lint.arch_list import policy_targets
from poetry_gpu_build.lint.compatibility import compatibility
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.lint.source_build import setting
from poetry_gpu_build.lint.source_build import source_build
from poetry_gpu_build.values import CudaVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.facts.rows import ToolkitFact
    from poetry_gpu_build.lint.arch_list import Architecture
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.source_build import Setting
    from poetry_gpu_build.lint.source_build import SourceBuild
    from poetry_gpu_build.values import ComputeCapability

_LIST = "TORCH_CUDA_ARCH_LIST"
_CUDA_IMAGE = lazy_pattern(r"(?:.*/)?cuda:(\d{1,2}\.\d{1,2})(?!\d)[^/]*")
_COMPILE = "RUN cd pytorch && python setup.py bdist_wheel\n"


class ArchList(ImageRule):
    """torch is compiled for the policy's targets, and for nothing that the base image's toolkit does not know.

    Machine code runs on its own major generation from its minor upwards, and nowhere else: `5.2` without `+PTX` makes
    an image for 5.x only, and a card that the list misses says "no kernel image is available" after hours of compiling.
    An architecture that nvcc does not know ends the build. Without the list torch compiles for whatever GPU it sees, or
    for all of them.
    """

    code = "GPU208"
    name = "arch-list"
    valid = (
        Example(source(f"FROM nvidia/cuda:11.8.0-devel-ubuntu22.04\nARG {_LIST}='5.2 8.6+PTX'\n{_COMPILE}")),
        Example(source(f"FROM nvidia/cuda:11.8.0-devel-ubuntu22.04\nENV {_LIST}=Maxwell\n{_COMPILE}")),
        Example(source(f"FROM a\nARG {_LIST}\n{_COMPILE}")),
        Example(source(f"FROM a\nENV {_LIST}=3.5+PTX\n{_COMPILE}")),
    )
    invalid = (
        Example(source(f"FROM a\n{_COMPILE}"), ("docker/Dockerfile.source:2:19",)),
        Example(source(f"FROM a\nENV {_LIST}=6.1\n{_COMPILE}"), ("docker/Dockerfile.source:2:5",)),
        Example(
            source(f"FROM a\nRUN export {_LIST}='5.2 10.0 sm_61'; cd pytorch && python setup.py build\n"),
            ("docker/Dockerfile.source:2:38", "docker/Dockerfile.source:2:43"),
        ),
        Example(
            source(f"FROM nvidia/cuda:13.0.0-devel-ubuntu22.04 AS a\nFROM a\nARG {_LIST}=5.2\n{_COMPILE}"),
            ("docker/Dockerfile.source:3:5",),
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Hold the list against the targets, then against the toolkit."""
        build = source_build(image, documents)
        if build is None:
            return
        targets = policy_targets(documents.policy, documents.pyproject, lambda: compatibility(documents))
        wanted = ";".join(str(target) for target in targets)
        found = setting(build, image, _LIST)
        if found is None:
            step = build.compile.step
            message = f"torch is compiled without {_LIST}"
            yield Hit(build.compile.source, step.start, step.end, message, f"set it: {_LIST}={wanted}")
            return
        listed = parse_arch_list(found.value) if found.value is not None else None
        if listed is None:
            return
        facts = compatibility(documents)
        missed = [target for target in targets if not _runs(listed, target, facts)]
        if missed:
            message = f"{_LIST} {found.value} makes no code for {', '.join(map(str, missed))}, a target of the policy"
            yield Hit(found.source, found.start, found.end, message, f"add it: {_LIST}={wanted}")
        yield from _not_compiled(listed, found, facts, facts.toolkit(_cuda(build, image, documents)))


def _runs(listed: tuple[Architecture, ...], target: ComputeCapability, facts: CompatibilityFacts) -> bool:
    from poetry_gpu_build.coverage.code import sass_runs_on

    return any(
        sass_runs_on(each.capability, target, facts.sass_rules) or (each.is_portable and each.capability <= target)
        for each in listed
        if each.capability is not None
    )


def _not_compiled(
    listed: tuple[Architecture, ...], found: Setting, facts: CompatibilityFacts, toolkit: ToolkitFact | None
) -> Iterator[Hit]:
    from poetry_gpu_build.coverage.toolkits import compiled_for

    for each in listed:
        start, end = found.start, found.end
        if found.literal is not None:
            start = found.literal + each.start
            end = start + len(each.text)
        if each.capability is None:
            yield Hit(
                found.source, start, end, f"{each.text!r} is no architecture to torch", "write it as 5.2, or 5.2+PTX"
            )
            continue
        if toolkit is None or each.capability in toolkit.compiles:
            continue
        message = f"CUDA {toolkit.cuda} of the base image does not compile for {each.capability}"
        instead = compiled_for(each.capability, toolkit, facts.sass_rules)
        help_text = f"its code for {instead} runs there" if instead is not None else _span(toolkit)
        yield Hit(found.source, start, end, message, help_text)


def _span(toolkit: ToolkitFact) -> str:
    return f"it compiles for {min(toolkit.compiles)} to {max(toolkit.compiles)}"


def _cuda(build: SourceBuild, image: Image, documents: Documents) -> CudaVersion:
    """The toolkit that compiles: by the base image's tag, else the policy's."""
    stage = image.dockerfile.stage_of(build.instruction)
    name = stage.ancestry[-1].base_image.value if stage is not None else ""
    match = _CUDA_IMAGE.fullmatch(name.partition("@")[0])
    return CudaVersion.parse(match[1]) if match is not None else documents.policy.source.cuda
