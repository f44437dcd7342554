"""GPU403: the flag does not reach the Dockerfile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.interpolation import mentioned
from poetry_gpu_build.lint.rule import ComposeRule
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.services import builders
from poetry_gpu_build.lint.services import hit_at
from poetry_gpu_build.lint.services import images_of
from poetry_gpu_build.lint.services import shown
from poetry_gpu_build.lint.services import variables_of
from poetry_gpu_build.selection.flags import FLAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.compose.model import Assignment
    from poetry_gpu_build.documents.compose.model import Service
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit
    from poetry_gpu_build.lint.image import Image

_FILE = "docker/docker-compose.yml"
_DECLARED = "FROM a\nARG BUILD_FROM_SOURCE\n"


def _example(args: str, binary: str = _DECLARED, source: str = _DECLARED) -> dict[str, str]:
    build = "    build:\n      context: ..\n      dockerfile: ${GPU_BUILD_DOCKERFILE:-docker/Dockerfile}\n"
    return {_FILE: f"services:\n  app:\n{build}{args}", "docker/Dockerfile": binary, "docker/Dockerfile.source": source}


class FlagNotForwarded(ComposeRule):
    """The flag that picks the mode must reach the Dockerfile that checks it.

    A Dockerfile of the wrong mode stops at its first step if it is told BUILD_FROM_SOURCE. Where Compose does not pass
    the flag, or the Dockerfile does not declare it, the wrong image is built without a word.
    """

    code = "GPU403"
    name = "flag-not-forwarded"
    valid = (
        Example(_example("      args: [BUILD_FROM_SOURCE]\n")),
        Example(_example("      args:\n        BUILD_FROM_SOURCE: ${BUILD_FROM_SOURCE:-false}\n")),
        Example(_example("", binary="FROM a\n", source="FROM a\n")),
        Example({"docker/Dockerfile": _DECLARED}),
    )
    invalid = (
        Example(_example(""), (f"{_FILE}:3:5",)),
        Example(_example("      args: [MAX_JOBS]\n"), (f"{_FILE}:3:5",)),
        Example(_example("      args: [BUILD_FROM_SOURCE]\n", source="FROM a\n"), (f"{_FILE}:6:14",)),
        Example(_example("      args:\n        BUILD_FROM_SOURCE: 'false'\n"), (f"{_FILE}:7:9",)),
    )

    def check_compose(self, documents: Documents) -> Iterator[Hit]:
        """Compare each builder's arguments with the ARGs of the Dockerfiles that it may be built from."""
        for service in builders(documents).values():
            assert service.build is not None  # a builder
            passed = service.build.args.get(FLAG)
            if passed is None:
                yield from _missing_argument(service, documents)
            else:
                yield from _check_argument(service, passed, documents)


def _missing_argument(service: Service, documents: Documents) -> Iterator[Hit]:
    declaring = [shown(image.dockerfile.path, documents) for image in images_of(service, documents) if _declares(image)]
    if declaring and service.build is not None:
        message = f"{declaring[0]} declares {FLAG}, and {service.name} does not pass it"
        yield from hit_at(documents, service.build.position, message, f"add {FLAG} to build.args, without a value")


def _check_argument(service: Service, passed: Assignment, documents: Documents) -> Iterator[Hit]:
    for image in images_of(service, documents):
        if not _declares(image):
            name = shown(image.dockerfile.path, documents)
            message = f"{service.name} passes {FLAG}, and {name} does not declare it"
            yield from hit_at(documents, passed.position, message, f"write ARG {FLAG} behind FROM, and check it")
    assert service.build is not None  # a builder
    if passed.text is not None and variables_of(service.build) and FLAG not in mentioned(passed.text.template):
        message = f"{FLAG} is always {passed.text.value!r}, whatever the environment says"
        yield from hit_at(documents, passed.position, message, "pass it without a value")


def _declares(image: Image) -> bool:
    return any(
        instruction.keyword == "ARG" and any(assignment.name == FLAG for assignment in instruction.assignments)
        for instruction in image.dockerfile.instructions
    )
