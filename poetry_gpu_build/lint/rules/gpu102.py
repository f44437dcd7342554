"""GPU102: pip once Poetry is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.commands import installs_poetry
from poetry_gpu_build.lint.commands import is_poetry
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.commands import uses_of_chains
from poetry_gpu_build.lint.exempt import exempt
from poetry_gpu_build.lint.exempt import surplus
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary
from poetry_gpu_build.lint.rule import source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.commands import Use
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image


class PipAfterPoetry(ImageRule):
    """Once Poetry is there, nothing else installs packages.

    pip, uv pip, pipx, easy_install, `python setup.py install` and conda know nothing of the lock: they put packages
    beside Poetry's, replace what Poetry has installed, or downgrade what Poetry itself needs; and the next
    `poetry install` puts it all back. A command that is not the image's first of this kind is GPU101's alone: this
    rule finds the first, where Poetry comes from the base image or from elsewhere.
    """

    code = "GPU102"
    name = "pip-after-poetry"
    valid = (
        Example(binary("FROM a\nRUN pip install --upgrade pip\nRUN pip install poetry\nRUN poetry install\n")),
        Example(binary("FROM a AS b\nRUN pip install poetry\nFROM a AS c\nRUN pip install x\n")),
        Example(binary("FROM a\nRUN pip install poetry && pip install x\n")),
        Example(
            source(
                "FROM a\nRUN pip install poetry\n"
                "RUN python setup.py bdist_wheel && pip install --prefix=/opt/torch dist/torch.whl\n"
            )
        ),
    )
    invalid = (
        Example(binary("FROM a\nRUN poetry install && pip install x\n"), ("docker/Dockerfile:2:23",)),
        Example(
            binary("FROM a AS b\nRUN poetry install\nRUN pip install x\nFROM a\nCOPY --from=b /v /v\n"),
            ("docker/Dockerfile:3:5",),
        ),
        Example(binary("FROM a\nRUN poetry install\nRUN poetry run pip install x\n"), ("docker/Dockerfile:3:16",)),
        Example(
            binary("FROM a AS b\nRUN apt-get install -y python3-poetry\nFROM b\nRUN python3 setup.py install\n"),
            ("docker/Dockerfile:4:5",),
        ),
        Example(
            binary("FROM a AS b\nRUN poetry check\nFROM b\nRUN conda install y\nFROM b\nRUN easy_install z\n"),
            ("docker/Dockerfile:4:5", "docker/Dockerfile:6:5"),
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find what installs packages behind the command that brings Poetry."""
        found = uses(image, documents)
        allowed = exempt(found, image)
        seen = {use.where for use, _ in surplus(image, documents)}
        for _, chain in uses_of_chains(found, image.dockerfile):
            for use in _behind_poetry(chain):
                if use.where not in seen | allowed:
                    seen.add(use.where)
                    message = f"{use.installer} once Poetry is there"
                    help_text = "add the package to pyproject.toml, or to the pip command that installs Poetry"
                    yield Hit(use.source, use.step.start, use.step.end, message, help_text)


def _behind_poetry(chain: list[Use]) -> Iterator[Use]:
    brought: tuple[str, int, int] | None = None
    for use in chain:
        if brought is not None and use.installer and use.where != brought:
            yield use
        if brought is None and (is_poetry(use) or installs_poetry(use)):
            brought = use.where
