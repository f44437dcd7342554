"""GPU308: not the mode's base image, or a CUDA that disagrees with it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.compatibility import compatibility
from poetry_gpu_build.lint.finding import Edit
from poetry_gpu_build.lint.finding import Fix
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.pinned import asked_in_group
from poetry_gpu_build.lint.pinned import pinned_variant
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.rule import ImageRule
from poetry_gpu_build.lint.rule import binary
from poetry_gpu_build.lint.rule import source
from poetry_gpu_build.values import CudaVersion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.dockerfile.model import Stage
    from poetry_gpu_build.documents.mapped import MappedText
    from poetry_gpu_build.documents.source import Source
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.policy import Mode

_EMPTY = "scratch"
_VARIABLE = lazy_pattern(r"\$\{?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}?")
# nvidia/cuda:12.8.1-devel-ubuntu22.04; the CUDA of an image of another name is not in its tag.
_CUDA_IMAGE = lazy_pattern(r"(?:.*/)?cuda:(\d{1,2}\.\d{1,2})(?![\d])[^/]*")
# NVIDIA's images without a compiler: nothing can be compiled there.
_NO_COMPILER = lazy_pattern(r"(?:.*/)?cuda:[^/]*-(?:base|runtime)(?:-[^/]*)?")
_VARIANT = lazy_pattern(r"cu\d{3}")
_BINARY = "nvidia/cuda:12.8.1-devel-ubuntu22.04"
_RUNTIME = "nvidia/cuda:12.8.1-runtime-ubuntu22.04"
_SOURCE = "nvidia/cuda:11.8.0-cudnn8-devel-ubuntu22.04"
_WHEEL = '[tool.poetry.group.binary-torch.dependencies]\ntorch = { version = "2.7.1+%s" }\n'


class BaseImage(ImageRule):
    """Each mode builds on the base image that the policy names, and base, wheel and toolkit are of one CUDA.

    The base image decides which drivers may start the container (nvidia/cuda refuses a host whose driver is too old for
    its own CUDA, whatever the wheel needs) and which architectures nvcc can compile. A base that differs from the
    policy's makes both other than what `poetry gpu-build` has checked.

    A wheel of another CUDA than the base image's stops no build: official wheels bring CUDA's libraries along, and run
    on any base image. It matters to extensions that are compiled in the image: torch.utils.cpp_extension refuses a
    toolkit of another major than torch's, which is a warning here, and takes one of another minor, which is an info.
    Images without a compiler (`-base`, `-runtime`) are left alone. The wheel's CUDA is that of its label, of its index,
    or of what PyPI holds for the release.
    """

    code = "GPU308"
    name = "base-image"
    valid = (
        Example(binary(f"ARG BASE_IMAGE={_BINARY}\nFROM ${{BASE_IMAGE}} AS a\nFROM a\n")),
        Example(binary(f"FROM docker.io/{_BINARY}@sha256:{'0' * 64}\n", **{"pyproject.toml": _WHEEL % "cu128"})),
        Example(
            binary(f"FROM {_BINARY}\n", **{"pyproject.toml": "[dependency-groups]\nbinary-torch = ['torch==2.9.1']\n"})
        ),
        Example(
            binary(
                f"FROM {_RUNTIME}\n",
                **{"pyproject.toml": f"{_WHEEL % 'cu118'}[tool.gpu-build]\nmodes.binary.base-image = '{_RUNTIME}'\n"},
            )
        ),
        Example(binary(f"FROM node:22 AS web\nFROM {_BINARY}\nCOPY --from=web /w /w\n")),
        Example(source(f"FROM {_SOURCE} AS build\nFROM scratch\nCOPY --from=build / /\n")),
        Example(source("ARG BASE_IMAGE\nFROM $BASE_IMAGE\n")),
    )
    invalid = (
        Example(binary("FROM python:3.10\n"), ("docker/Dockerfile:1:6",), {"docker/Dockerfile": f"FROM {_BINARY}\n"}),
        Example(
            binary("ARG BASE_IMAGE='nvidia/cuda:12.6.3-devel-ubuntu22.04'\nFROM ${BASE_IMAGE}\n"),
            ("docker/Dockerfile:2:6",),
            {"docker/Dockerfile": f"ARG BASE_IMAGE={_BINARY}\nFROM ${{BASE_IMAGE}}\n"},
        ),
        Example(binary("ARG TAG=12.6.3-devel\nFROM nvidia/cuda:${TAG}\n"), ("docker/Dockerfile:2:6",)),
        Example(
            source(f"FROM {_BINARY}\n"),
            ("docker/Dockerfile.source:1:6",),
            {"docker/Dockerfile.source": f"FROM {_SOURCE}\n"},
        ),
        Example(source(f"FROM {_BINARY} AS a\nFROM {_SOURCE}\n"), ("docker/Dockerfile.source:1:6",)),
        Example(binary(f"FROM {_BINARY}\n", **{"pyproject.toml": _WHEEL % "cu126"}), ("docker/Dockerfile:1:6",)),
        Example(
            binary(
                f"FROM {_BINARY}\n",
                **{"pyproject.toml": '[dependency-groups]\nbinary-torch = ["torch==2.6.0+cu124"]\n'},
            ),
            ("docker/Dockerfile:1:6",),
        ),
        Example(
            binary(f"FROM {_BINARY}\n", **{"pyproject.toml": "[dependency-groups]\nbinary-torch = ['torch==2.7.1']\n"}),
            ("docker/Dockerfile:1:6",),
        ),
    )

    def check_image(self, image: Image, documents: Documents) -> Iterator[Hit]:
        """Compare what the image is built on, then the CUDA of every stage."""
        if image.mode is None or not image.dockerfile.stages:
            return
        mode = documents.policy.mode(image.mode)
        final = _foundation(image, mode)
        for stage in image.dockerfile.stages:
            if stage.parent is not None or not stage.base_image.is_known:
                continue
            message = _wrong_base(stage, mode) if stage is final else None
            fix = _fix(stage, image, mode) if message is not None else None
            message = message or _wrong_cuda(stage, mode)
            place = (image.dockerfile.source, stage.base.offset, stage.base.end)
            if message is not None:
                help_text = f"FROM {mode.base_image}, or say in [tool.gpu-build.modes.{mode.name}] what it shall be"
                yield Hit(*place, message, help_text, fix)
            elif stage is final and image.mode == "binary":
                yield from _other_wheel(place, mode, documents)


def _foundation(image: Image, mode: Mode) -> Stage:
    """The stage whose FROM names what the image stands on; where that is scratch, the stage of the mode's base."""
    stages = image.dockerfile.stages
    root = stages[-1].ancestry[-1]
    if _plain(root.base_image.value) != _EMPTY:
        return root
    # An image that is copied from another stage into an empty one, to be a single layer.
    wanted = _plain(mode.base_image)
    return next((stage for stage in stages if _plain(stage.base_image.value) == wanted), root)


def _wrong_base(stage: Stage, mode: Mode) -> str | None:
    name = stage.base_image.value
    if _plain(name) == _plain(mode.base_image):
        return None
    return f"{name or 'nothing'} is not the {mode.name} mode's base image, which is {mode.base_image}"


def _fix(stage: Stage, image: Image, mode: Mode) -> Fix | None:
    """Name the policy's image, in the FROM or where its argument gets its default. Not safe: it is another image."""
    variable = _VARIABLE.fullmatch(stage.base.text)
    place: MappedText | None = stage.base
    if variable is not None:
        known = [each for one in image.dockerfile.instructions if one.stage_number < 0 for each in one.assignments]
        place = next((each.raw for each in reversed(known) if each.name == variable["name"]), None)
    if place is None or place.text.strip("\"'") != stage.base_image.value:
        return None  # put together from several parts
    edit = Edit(image.dockerfile.path, place.offset, place.end, mode.base_image)
    return Fix(f"build on {mode.base_image}", (edit,), is_safe=False)


def _wrong_cuda(stage: Stage, mode: Mode) -> str | None:
    match = _CUDA_IMAGE.fullmatch(stage.base_image.value.partition("@")[0])
    if match is None or CudaVersion.parse(match[1]) == mode.cuda:
        return None
    return f"a base image of CUDA {match[1]}, and the {mode.name} mode's toolkit is {mode.cuda}"


def _other_wheel(place: tuple[Source, int, int], mode: Mode, documents: Documents) -> Iterator[Hit]:
    """The wheel runs on any base image; what is compiled against it in the image may not be."""
    document = documents.pyproject
    asked = None if document is None else asked_in_group(document, documents.policy)
    if document is None or asked is None or _NO_COMPILER.fullmatch(mode.base_image.partition("@")[0]):
        return
    variant = pinned_variant(document, asked, lambda: compatibility(documents), documents.policy)
    if variant is None or not _VARIANT.fullmatch(variant):
        return
    cuda = CudaVersion.parse(variant)
    if cuda == mode.cuda:
        return
    is_refused = cuda.major != mode.cuda.major
    compiles = "refuses to compile extensions here" if is_refused else "compiles extensions here with a warning"
    yield Hit(
        *place,
        f"the wheel of torch is made with CUDA {cuda}, and the base image's is {mode.cuda}: torch runs, and {compiles}",
        "an image that compiles none may stay as it is; for one that does set base-image in "
        f"[tool.gpu-build.modes.{mode.name}] to an image of CUDA {cuda}, or pin a wheel of CUDA {mode.cuda}",
        at_worst="warning" if is_refused else "info",
    )


def _plain(name: str) -> str:
    """An image's name without the registry that is meant anyway, and without a digest beside a tag."""
    name = name.partition("@")[0] if re.search(r":[^/@]+@", name) else name
    return name.removeprefix("index.").removeprefix("docker.io/").removeprefix("library/")
