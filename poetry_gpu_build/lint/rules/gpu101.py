"""GPU101: a second pip command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.exempt import surplus
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary
from poetry_gpu_build.lint.rule import source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image

_COMPILE = """FROM a AS torch-build
RUN <<COMPILE
work=$(mktemp -d)
python -m venv "$work/venv"
"$work/venv/bin/pip" install ninja
python setup.py bdist_wheel
pip install --target /opt/torch dist/torch.whl
COMPILE
FROM a
COPY --from=torch-build /opt/torch /opt/torch
RUN pip install poetry
"""


class SinglePipCommand(ImageRule):
    """An image has one pip command: the one that installs Poetry.

    What pip installs stands in no lock and in no manifest: the next build gets other versions, and the two modes drift
    apart. Whatever the project needs is Poetry's to install. The one script that compiles torch may use pip as long as
    it leaves the image's environment alone: in a virtual environment of its own, or with `--target`, `--prefix` or
    `--root` under /opt. What ENTRYPOINT, CMD and HEALTHCHECK run is no step of the build, and changes no image.
    """

    code = "GPU101"
    name = "single-pip-command"
    valid = (
        Example(binary("FROM a\nRUN pip install poetry poetry-gpu-build && pip check && pip --version\n")),
        Example(binary("FROM a AS b\nRUN pip install x\nFROM a AS c\nRUN pip install y\n")),
        Example(source(_COMPILE)),
    )
    invalid = (
        Example(binary("FROM a\nRUN pip install poetry\nRUN pip install x\n"), ("docker/Dockerfile:3:5",)),
        Example(
            binary("FROM a\nRUN python get-pip.py poetry\nRUN set -e; bash -c 'python3 -m pip install x'\n"),
            ("docker/Dockerfile:3:22",),
        ),
        Example(
            binary("FROM a AS b\nRUN pip install x\nFROM a\nCOPY --from=b /x /x\nRUN pip install poetry\n"),
            ("docker/Dockerfile:2:5",),
        ),
        Example(
            binary(
                "FROM a\nRUN pip install poetry\nCOPY tools /tools\nRUN /tools/setup.sh\n",
                **{"tools/setup.sh": "#!/bin/sh\npip install x\n"},
            ),
            ("tools/setup.sh:2:1",),
        ),
        Example(source(_COMPILE.replace("--target /opt/torch ", "")), ("docker/Dockerfile.source:7:1",)),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Find each pip command of an image behind its first."""
        for use, first in surplus(image, documents):
            at = f"line {first.line}" if first.source is use.source else f"{first.source.path.name}, line {first.line}"
            message = f"another pip command ({use.installer}); the image's one stands on {at}"
            help_text = "let Poetry install it: add it to pyproject.toml"
            yield Hit(use.source, use.step.start, use.step.end, message, help_text)
