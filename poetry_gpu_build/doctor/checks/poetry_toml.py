"""poetry.toml: whether Poetry installs into the image's own interpreter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.doctor.findings import judge_findings
from poetry_gpu_build.doctor.line import INIT
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.doctor.line import with_place
from poetry_gpu_build.documents.manifest import value
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.lint.finding import Finding

TOPIC = "poetry.toml"
#: virtualenvs.create and installer.builtin-uninstall.
RULES = ("GPU506",)
_CREATE = ("virtualenvs", "create")


def check_poetry_toml(seen: Seen) -> Iterator[Line]:
    """One line."""
    if seen.project.project is not None:
        yield judge_poetry_toml(seen.project.project.root, seen.project.findings(*RULES))


def judge_poetry_toml(root: Path, findings: tuple[Finding, ...]) -> Line:
    """What its settings mean in an image; ``findings`` are the linter's about them."""
    path = root / TOPIC
    if not path.exists() and not path.is_symlink():
        return Line(TOPIC, "problem", "there is none: Poetry would make a virtual environment in the images", (INIT,))
    try:
        create = value(read_toml(path).data, *_CREATE)
    except ConfigurationError as error:
        return Line(TOPIC, "problem", with_place(error, root), error.ways_out)
    found = judge_findings(TOPIC, findings, root)
    if create is not False:
        said = f"{'.'.join(_CREATE)} is not false: Poetry makes a virtual environment in the images"
        return Line(TOPIC, "warning", said, (INIT,)) if found is None else found._replace(seen=said, remedies=(INIT,))
    if found is not None:
        return found
    return Line(TOPIC, "ok", f"{'.'.join(_CREATE)} = false: Poetry installs into the image's interpreter")
