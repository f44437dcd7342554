"""GPU207: the compiled torch does not know its version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.errors import InvalidValueError
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.lint.source_build import setting
from poetry_gpu_build.lint.source_build import source_build
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.lint.source_build import Setting

_VERSION = "PYTORCH_BUILD_VERSION"
_NUMBER = "PYTORCH_BUILD_NUMBER"
_COMPILE = "cd pytorch && python setup.py bdist_wheel\n"


class BuildVersionUnset(ImageRule):
    """The compiled torch has the version that the source mode names.

    Without PYTORCH_BUILD_VERSION and PYTORCH_BUILD_NUMBER the wheel calls itself `2.4.0a0+gitee1b680`, which satisfies
    neither `==2.4.1` nor `>=2.4,<2.5`: Poetry and pip then take it for the wrong torch, and replace it. A build number
    above 1 makes it a `.post` release.
    """

    code = "GPU207"
    name = "build-version-unset"
    valid = (
        Example(source(f"FROM a\nARG {_VERSION}=2.4.1\nENV {_NUMBER}=1\nRUN {_COMPILE}")),
        Example(source(f"FROM a\nARG {_VERSION}\nRUN export {_VERSION} {_NUMBER}=1; {_COMPILE}")),
        Example(source(f'FROM a\nRUN {_VERSION}="$(cat v)" {_NUMBER}=1 {_COMPILE}')),
        Example(source(f"FROM a\nRUN export {_VERSION}=$(cat v) {_NUMBER}=1; {_COMPILE}")),
        Example(source("FROM a\nRUN poetry install\n")),
    )
    invalid = (
        Example(source(f"FROM a\nRUN {_COMPILE}"), ("docker/Dockerfile.source:2:19",)),
        Example(source(f"FROM a\nARG {_VERSION}=2.4.1\nRUN {_COMPILE}"), ("docker/Dockerfile.source:3:19",)),
        Example(source(f"FROM a\nENV {_VERSION}=2.4.0 {_NUMBER}=1\nRUN {_COMPILE}"), ("docker/Dockerfile.source:2:5",)),
        Example(
            source(f"FROM a\nRUN export {_VERSION}='2.4.0' {_NUMBER}=2; {_COMPILE}"),
            ("docker/Dockerfile.source:2:12", "docker/Dockerfile.source:2:42"),
            {"docker/Dockerfile.source": f"FROM a\nRUN export {_VERSION}='2.4.1' {_NUMBER}=1; {_COMPILE}"},
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Look at both variables."""
        build = source_build(image, documents)
        if build is None:
            return
        wanted = documents.policy.source.torch
        version, number = setting(build, image, _VERSION), setting(build, image, _NUMBER)
        help_text = f"export {_VERSION}={wanted} {_NUMBER}=1"
        missing = " and ".join(name for name, found in ((_VERSION, version), (_NUMBER, number)) if found is None)
        if missing:
            step = build.compile.step
            message = f"torch is compiled without {missing}: its version satisfies no requirement"
            yield Hit(build.compile.source, step.start, step.end, message, help_text)
        if version is not None and version.value is not None and not _is_version(version.value, wanted):
            yield _wrong(
                version, f"{_VERSION} is {version.value!r}, and the source mode's torch is {wanted}", str(wanted)
            )
        if number is not None and number.value is not None and number.value.strip() not in {"0", "1"}:
            yield _wrong(number, f"{_NUMBER} is {number.value!r}: only 1 leaves the version as it is", "1")


def _is_version(text: str, wanted: TorchBuild) -> bool:
    try:
        found = TorchBuild.parse(text)
    except InvalidValueError:
        return False
    return found.version == wanted.version and wanted.variant in (None, found.variant)


def _wrong(found: Setting, message: str, value: str) -> Hit:
    fix = None
    if found.literal is not None and found.value:
        edit = Edit(found.source.path, found.literal, found.literal + len(found.value), value)
        fix = Fix(f"write {value}", (edit,), is_safe=True)
    return Hit(found.source, found.start, found.end, message, f"write {value}", fix)
