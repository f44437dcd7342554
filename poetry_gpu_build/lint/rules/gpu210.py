"""GPU210: kernels are compiled that can never run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.arch_list import parse_arch_list
from poetry_gpu_build.lint.arch_list import policy_targets
from poetry_gpu_build.lint.compatibility import compatibility
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.lint.source_build import setting
from poetry_gpu_build.lint.source_build import source_build
from poetry_gpu_build.values import ComputeCapability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.source_build import Setting
    from poetry_gpu_build.lint.source_build import SourceBuild

_SWITCH = "USE_FLASH_ATTENTION"
_LIST = "TORCH_CUDA_ARCH_LIST"
_OLDEST = ComputeCapability(8, 0)
# What CMake takes for false (cmake.org, "if", constants); torch's setup.py hands the variable on to it.
_FALSE = frozenset({"0", "off", "no", "false", "n", "ignore", "notfound", ""})
_COMPILE = "cd pytorch && python setup.py bdist_wheel\n"


class DeadKernels(ImageRule):
    """Flash attention is left out where every target is below 8.0.

    Its kernels are machine code for 8.0 whatever TORCH_CUDA_ARCH_LIST says. Each file takes about 5 GB of memory to
    compile (4.5 to 5.3 GB measured for torch 2.4.1), and nothing of it can run on an older card.
    """

    code = "GPU210"
    name = "dead-kernels"
    valid = (
        Example(source(f"FROM a\nENV {_SWITCH}=0\nRUN {_COMPILE}")),
        Example(source(f"FROM a\nRUN export {_SWITCH}=OFF {_LIST}=5.2; {_COMPILE}")),
        Example(source(f"FROM a\nARG {_SWITCH}\nRUN {_COMPILE}")),
        Example(source(f"FROM a\nENV {_LIST}='5.2;8.6'\nRUN {_COMPILE}")),
        Example(source(f"FROM a\nENV {_LIST}=Maxwell\nRUN {_COMPILE}")),
    )
    invalid = (
        Example(source(f"FROM a\nENV {_LIST}=5.2\nRUN {_COMPILE}"), ("docker/Dockerfile.source:3:19",)),
        Example(source(f"FROM a\nARG {_LIST}\nRUN {_COMPILE}"), ("docker/Dockerfile.source:3:19",)),
        Example(
            source(f"FROM a\nRUN export {_SWITCH}=1 {_LIST}=5.2; {_COMPILE}"),
            ("docker/Dockerfile.source:2:12",),
            {"docker/Dockerfile.source": f"FROM a\nRUN export {_SWITCH}=0 {_LIST}=5.2; {_COMPILE}"},
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Look at the newest target, then at the switch."""
        build = source_build(image, documents)
        if build is None:
            return
        newest = _newest(build, image, documents)
        found = setting(build, image, _SWITCH)
        if newest is None or newest >= _OLDEST or (found is not None and _is_off(found)):
            return
        message = f"flash attention's kernels are compiled for {_OLDEST}, and the newest target is {newest}"
        help_text = f"export {_SWITCH}=0"
        if found is None:
            step = build.compile.step
            yield Hit(build.compile.source, step.start, step.end, message, help_text)
        else:
            yield Hit(found.source, found.start, found.end, message, help_text, _fix(found))


def _newest(build: SourceBuild, image: Image, documents: Documents) -> ComputeCapability | None:
    """The newest GPU that is compiled for; None where torch decides, or where PTX brings newer ones in."""
    found = setting(build, image, _LIST)
    if found is not None and found.value is not None:
        listed = parse_arch_list(found.value)
        if any(each.is_portable for each in listed or ()):
            return None
        known = [each.capability for each in listed or () if each.capability is not None]
        return max(known, default=None)
    if found is None:
        return None
    targets = policy_targets(documents.policy, documents.pyproject, lambda: compatibility(documents))
    return max(targets, default=None)


def _is_off(found: Setting) -> bool:
    return found.value is None or found.value.strip().lower() in _FALSE


def _fix(found: Setting) -> Fix | None:
    if found.literal is None or not found.value:
        return None
    edit = Edit(found.source.path, found.literal, found.literal + len(found.value), "0")
    return Fix("leave flash attention out", (edit,), is_safe=True)
