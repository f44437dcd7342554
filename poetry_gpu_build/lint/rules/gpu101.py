"""GPU101: a second pip command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.commands import builds
from poetry_gpu_build.lint.commands import exempt
from poetry_gpu_build.lint.commands import uses
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary
from poetry_gpu_build.lint.rule import source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.commands import Build
    from poetry_gpu_build.lint.commands import Use
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
    `--root` under /opt.
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
        found = uses(image, documents)
        allowed = exempt(found, image)
        pips = [use for use in found if use.installer and use.where not in allowed]
        seen: set[tuple[str, int, int]] = set()
        for build in builds(image.dockerfile):
            for hit, use in _more_than_one(pips, build):
                if use.where not in seen:
                    seen.add(use.where)
                    yield hit


def _more_than_one(pips: list[Use], build: Build) -> Iterator[tuple[Hit, Use]]:
    own = [use for use in pips if use.step.instruction.stage_number in build.chain]
    copied = [use for use in pips if use.step.instruction.stage_number in build.others]
    ordered = [*own, *copied]
    for use in ordered[1:]:
        first = ordered[0]
        if use.where == first.where:
            continue
        at = f"line {first.line}" if first.source is use.source else f"{first.source.path.name}, line {first.line}"
        message = f"another pip command ({use.installer}); the image's one stands on {at}"
        help_text = "let Poetry install it: add it to pyproject.toml"
        yield Hit(use.source, use.step.start, use.step.end, message, help_text), use
