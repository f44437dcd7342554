"""GPU203: torch is compiled after the project has come into the image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import poetry_installs
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.lint.source_build import source_build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Instruction
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_COMPILE = "RUN cd pytorch && python setup.py bdist_wheel\n"
_MANIFESTS = ("pyproject.toml", "poetry.lock", "poetry.toml")


class CompileAfterInstall(ImageRule):
    """torch is compiled before the manifest comes into the image, and before `poetry install`.

    Every layer behind a COPY is made anew when the copied file changes. A compile that stands behind the manifest's
    COPY takes its hours again for each new dependency; before it, or in a stage of its own, it is cached.
    """

    code = "GPU203"
    name = "compile-after-install"
    valid = (
        Example(source(f"FROM a\n{_COMPILE}COPY pyproject.toml ./\nRUN poetry install\n")),
        Example(source(f"FROM a AS c\nCOPY . .\nRUN poetry install\nFROM a AS b\n{_COMPILE}FROM c\n")),
    )
    invalid = (
        Example(source(f"FROM a\nCOPY pyproject.toml ./\n{_COMPILE}"), ("docker/Dockerfile.source:3:1",)),
        Example(source(f"FROM a AS b\nRUN poetry install\nFROM b\n{_COMPILE}"), ("docker/Dockerfile.source:4:1",)),
        Example(source(f"FROM a\nCOPY . /app\n{_COMPILE}"), ("docker/Dockerfile.source:3:1",)),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Look at what the compile stands on."""
        build = source_build(image, documents)
        stage = image.dockerfile.stage_of(build.instruction) if build is not None else None
        if build is None or stage is None:
            return
        chain = {each.number for each in stage.ancestry}
        compile_at = build.instruction.offset
        for instruction, what in _project(image):
            if instruction.stage_number in chain and instruction.offset < compile_at:
                message = f"torch is compiled after {what} on line {instruction.line}: each change compiles it again"
                help_text = "compile in a stage of its own, or above it"
                end = compile_at + len(build.instruction.keyword)
                yield Hit(image.dockerfile.source, compile_at, end, message, help_text)
                return


def _project(image: Image) -> Iterator[tuple[Instruction, str]]:
    """What brings the project into an image."""
    for taken in image.taken:
        if not taken.is_mount and any(taken.takes(name) for name in _MANIFESTS):
            yield taken.instruction, "the COPY of the manifest"
    for install in poetry_installs(image):
        yield install.step.instruction, "the poetry install"
