"""GPU201: the source build is scattered over the Dockerfile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.commands import is_system_install
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.lint.source_build import clones_torch
from poetry_gpu_build.lint.source_build import compiling
from poetry_gpu_build.lint.source_build import is_torch_address
from poetry_gpu_build.lint.source_build import source_build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

# Nothing but a compile needs them. A compiler is not among them: Poetry may have to build a wheel.
_TOOLS = frozenset(
    {"ccache", "cmake", "cmake-data", "meson", "mkl-include", "mkl-static", "ninja", "ninja-build", "sccache"}
)
_CLONE = "git clone https://github.com/pytorch/pytorch"


class ScatteredSourceBuild(ImageRule):
    """Everything that only the compile of torch needs is in the one script that compiles it.

    The script is what tells the two Dockerfiles apart. A tool that is installed or a checkout that is made elsewhere
    stays in the image or in another layer of the cache, is forgotten when the script changes, and hides in which ways
    the modes differ.
    """

    code = "GPU201"
    name = "scattered-source-build"
    valid = (
        Example(source(f"FROM a AS b\nRUN apt-get install -y cmake && {_CLONE} && python setup.py bdist_wheel\n")),
        Example(source(f"FROM a AS b\nRUN apt-get install -y curl git\nRUN {_CLONE} && cd pytorch && pip wheel .\n")),
        Example(source("FROM a\nRUN apt-get install -y cmake\n")),
    )
    invalid = (
        Example(
            source(
                f"FROM a AS b\nRUN apt-get install -y git cmake\nRUN pip install ninja\nRUN {_CLONE}\n"
                "WORKDIR pytorch\nRUN python setup.py bdist_wheel\n"
            ),
            ("docker/Dockerfile.source:2:5", "docker/Dockerfile.source:3:5", "docker/Dockerfile.source:4:5"),
        ),
        Example(
            source(f"FROM a AS b\nRUN {_CLONE} && python setup.py build\nRUN cd pytorch && python setup.py install\n"),
            ("docker/Dockerfile.source:3:19",),
        ),
        Example(
            source("FROM a AS b\nADD https://github.com/pytorch/pytorch.git#v2 /t\nRUN cd /torch && pip wheel .\n"),
            ("docker/Dockerfile.source:2:5",),
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find what belongs to the script and stands outside of it."""
        build = source_build(image, documents)
        if build is None:
            return
        help_text = f"move it into the RUN on line {build.instruction.line}"
        found = uses(image, documents)
        compiles = {use.where for use in compiling(found)}
        seen: set[tuple[str, int, int]] = set()
        for use in found:
            message = _misplaced(use, compiles=use.where in compiles)
            if message is None or use.step.instruction is build.instruction or use.where in seen:
                continue
            seen.add(use.where)
            yield Hit(use.source, use.step.start, use.step.end, message, help_text)
        for instruction in image.dockerfile.instructions:
            for word in instruction.sources if instruction.keyword == "ADD" else ():
                if "://" in word.text and is_torch_address(instruction.expand(word).value):
                    message = "torch's sources are fetched outside of the script that compiles them"
                    yield Hit(image.dockerfile.source, word.offset, word.end, message, help_text)


def _misplaced(use: Use, *, compiles: bool) -> str | None:
    if compiles:
        return "torch is compiled in more than one RUN"
    if clones_torch(use):
        return "torch is cloned outside of the script that compiles it"
    if not (use.installer or is_system_install(use)):
        return None
    tools = sorted(use.required & _TOOLS)
    return f"{', '.join(tools)}: installed outside of the script that compiles torch" if tools else None
