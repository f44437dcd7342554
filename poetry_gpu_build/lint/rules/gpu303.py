"""GPU303: the code is copied before the dependencies are installed."""

from __future__ import annotations

from posixpath import basename
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.context import ignorefile
from poetry_gpu_build.lint.context import taken_before
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.installs import first_installs
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.ignorefile import IgnoreFile
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_MANIFESTS = frozenset(("pyproject.toml", "poetry.toml"))


class CodeBeforeDependencies(ImageRule):
    """`COPY .` stands behind the `poetry install` that brings the dependencies.

    A layer is made again when a file changes that was copied before it. With the code above, every change of a line
    downloads and installs torch again; with only pyproject.toml and poetry.toml above, only a change of them does.
    """

    code = "GPU303"
    name = "code-before-dependencies"
    valid = (
        Example(
            binary(
                "FROM a\nCOPY pyproject.toml ./\nRUN poetry install --no-root\n"
                "COPY . .\nRUN poetry install --only-root\n"
            )
        ),
        Example(binary("FROM a\nCOPY . .\n")),
        Example(binary("FROM a AS code\nCOPY . .\nFROM a\nRUN poetry install\nCOPY --from=code . .\n")),
        Example(
            binary("FROM a\nCOPY . .\nRUN poetry install\n", **{".dockerignore": "*\n!pyproject.toml\n!poetry.toml\n"})
        ),
    )
    invalid = (
        Example(binary("FROM a\nCOPY . .\nRUN poetry install\n"), ("docker/Dockerfile:2:6",)),
        Example(binary("FROM a AS b\nADD ./ /app\nFROM b\nRUN poetry install\n"), ("docker/Dockerfile:2:5",)),
        Example(
            binary("FROM a\nRUN --mount=type=bind,target=. poetry install --no-root\n"), ("docker/Dockerfile:2:5",)
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find what stands before the first install of each stage."""
        everything = [taken for taken in image.taken if taken.is_everything]
        if not everything:
            return
        installs = first_installs(image)
        too_early = {
            taken.start: taken for install in installs for taken in taken_before(install.instruction, image, everything)
        }
        if not too_early or _keeps_code_out(ignorefile(documents, image)):
            return
        help_text = "copy pyproject.toml and poetry.toml, install with --no-root, then copy the code"
        for _, taken in sorted(too_early.items()):
            message = "the code is there before the dependencies are installed"
            yield Hit(image.dockerfile.source, taken.start, taken.end, message, help_text)


def _keeps_code_out(ignored: IgnoreFile | None) -> bool:
    """Whether an ignore file lets nothing but manifests into the context."""
    if ignored is None or not any(each.pattern in ("*", "**") and not each.is_exception for each in ignored.patterns):
        return False
    return all(basename(each.pattern) in _MANIFESTS for each in ignored.patterns if each.is_exception)
