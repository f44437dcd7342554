"""GPU404: both modes write one tag."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.lint.rule import ComposeRule
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.services import builders
from poetry_gpu_build.lint.services import dockerfile_of
from poetry_gpu_build.lint.services import has_dockerfile
from poetry_gpu_build.lint.services import hit_at
from poetry_gpu_build.lint.services import hit_text
from poetry_gpu_build.lint.services import path_of
from poetry_gpu_build.lint.services import planned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.compose.model import Service
    from poetry_gpu_build.documents.compose.model import Text
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit
    from poetry_gpu_build.policy import ModeName

_FILE = "docker/docker-compose.yml"
_BUILD = "    build:\n      context: ..\n      dockerfile: ${GPU_BUILD_DOCKERFILE:-docker/Dockerfile}\n"
_HELP = "tag each mode by its name: image: ${GPU_BUILD_IMAGE:-app:binary}; `poetry gpu-build up` sets it"


def _example(image: str, build: str = _BUILD, more: str = "") -> dict[str, str]:
    text = f"services:\n  app:\n{image}{build}{more}"
    return {_FILE: text, "docker/Dockerfile": "FROM a\n", "docker/Dockerfile.source": "FROM b\n"}


def _second(image: str) -> str:
    return f"  slow:\n    build: {{context: .., dockerfile: docker/Dockerfile.source}}\n    image: {image}\n"


_FIRST = "    build: {context: .., dockerfile: docker/Dockerfile}\n"


class SharedTag(ComposeRule):
    """The modes' images must have different tags.

    With one tag for both, the image that was built last answers for either mode: `docker compose up` without a build
    starts a torch that this machine's cards cannot run, and nothing tells.
    """

    code = "GPU404"
    name = "shared-tag"
    valid = (
        Example(_example("    image: ${GPU_BUILD_IMAGE:-app:binary}\n")),
        Example(_example("    image: app:source-${BUILD_FROM_SOURCE:-false}\n")),
        Example(_example("    image: a:binary\n", _FIRST, _second("a:source"))),
        Example({"docker/Dockerfile": "FROM a\n"}),
    )
    invalid = (
        Example(_example("    image: app:latest\n"), (f"{_FILE}:3:12",)),
        Example(_example('    image: "${IMAGE:-app}"\n'), (f"{_FILE}:3:12",)),
        Example(_example(""), (f"{_FILE}:3:5",)),
        Example(
            _example("    image: ${GPU_BUILD_IMAGE:-app:binary}\n", _BUILD + "      tags: ['app:latest']\n"),
            (f"{_FILE}:7:14",),
        ),
        Example(_example("    image: a\n", _FIRST, _second("a:latest")), (f"{_FILE}:7:12",)),
    )

    def check_compose(self, documents: Documents) -> Iterator[Hit]:
        """Compare the tags that the two modes' builds write."""
        if not all(has_dockerfile(documents, mode) for mode in ("binary", "source")):
            return
        binary = _tags("binary", documents)
        for tag, (service, text) in _tags("source", documents).items():
            if tag not in binary or service.build is None:
                continue
            if text is None:
                message = f"{service.name} has no image name: Compose gives both modes' images one"
                yield from hit_at(documents, service.build.position, message, _HELP)
            else:
                message = f"both modes' images are tagged {tag}"
                yield from hit_text(documents, text, message, _HELP)


def _tags(mode: ModeName, documents: Documents) -> dict[str, tuple[Service, Text | None]]:
    """What the builds of a mode are tagged: the tag with its place; None where Compose makes it of the name."""
    project = planned(documents, mode)
    names = builders(documents)
    found: dict[str, tuple[Service, Text | None]] = {}
    for name in names if project is not None else ():
        service = project.services.get(name) if project is not None else None
        if service is None or service.build is None or path_of(service) != dockerfile_of(documents, mode):
            continue
        if service.image is None:
            found.setdefault(f"service {name}", (service, None))
        for text in (service.image, *service.build.tags):
            if text is not None and text.decided:
                found.setdefault(_whole(text.value), (service, text))
    return found


def _whole(image: str) -> str:
    """The name with its tag: `latest` is what Docker means by none."""
    last = image.rpartition("/")[2]
    return image if ":" in last or "@" in last else f"{image}:latest"
