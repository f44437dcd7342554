"""GPU406: a bind mount hides what the image generated."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from poetry_gpu_build.lint.rule import ComposeRule
from poetry_gpu_build.lint.rule import Example
from poetry_gpu_build.lint.services import builders
from poetry_gpu_build.lint.services import hit_at
from poetry_gpu_build.lint.services import images_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.documents.compose.model import Service
    from poetry_gpu_build.documents.compose.nodes import Node
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.finding import Hit
    from poetry_gpu_build.lint.image import Image

_FILE = "docker/docker-compose.yml"
_IMAGE = "FROM a\nWORKDIR /app\nCOPY pyproject.toml poetry.toml ./\nRUN poetry install\n"
_SWAP = "FROM a AS t\nFROM a\nWORKDIR /app\nRUN poetry install\nCOPY --from=t /opt/torch /opt/torch\n"
# What Poetry reads and writes beside the code: the lock is made in the image where none is copied.
_MANIFESTS = ("pyproject.toml", "poetry.toml", "poetry.lock")
_HIDING = frozenset({"bind", "tmpfs"})


def _example(volume: str, dockerfile: str = "docker/Dockerfile", image: str = _IMAGE) -> dict[str, str]:
    text = f"services:\n  app:\n    build: {{context: .., dockerfile: {dockerfile}}}\n    volumes:\n      - {volume}\n"
    return {_FILE: text, dockerfile: image}


def _named(options: str) -> dict[str, str]:
    files = _example("code:/app")
    return files | {_FILE: f"{files[_FILE]}volumes:\n  code:\n    driver_opts: {{{options}}}\n"}


class ManifestHidden(ComposeRule):
    """A bind mount must not hide what the image generated.

    The image holds the manifests that its mode was installed by, the lock that Poetry wrote there, and in the source
    mode the torch in /opt. A mount of the project over the working directory replaces them by the host's: `poetry
    install` in the container then works on another project than the image was built from, and writes into the host's
    tree. Mount the folders with the code instead.
    """

    code = "GPU406"
    name = "manifest-hidden"
    valid = (
        Example(_example("../src:/app/src")),
        Example(_example("runs:/runs")),
        Example(_example("../:/workspace")),
        Example(_named("type: tmpfs, o: size=1g, device: tmpfs")),
        Example(_example("${DATA:?}:/app/data")),
        Example({"docker/Dockerfile": _IMAGE}),
    )
    invalid = (
        Example(_example("..:/app"), (f"{_FILE}:5:9",)),
        Example(_example("..:/app/:ro,z"), (f"{_FILE}:5:9",)),
        Example(_example("../pyproject.toml:/app/pyproject.toml"), (f"{_FILE}:5:9",)),
        Example(_example("{type: bind, source: .., target: /app}"), (f"{_FILE}:5:9",)),
        Example(_example("{type: tmpfs, target: /app}"), (f"{_FILE}:5:9",)),
        Example(_example("/opt:/opt", "docker/Dockerfile.source", _SWAP), (f"{_FILE}:5:9",)),
        Example(_named("type: none, o: bind, device: ./"), (f"{_FILE}:5:9",)),
        Example(_named("type: none, device: /src, o: 'rw,rbind'"), (f"{_FILE}:5:9",)),
    )

    def check_compose(self, documents: Documents) -> Iterator[Hit]:
        """Compare each builder's mounts with the paths that its images generate."""
        for service in builders(documents).values():
            places = _generated(service, documents)
            for mount in service.volumes:
                hidden = next((place for place in places if _hides(mount.target, place)), None)
                if hidden is None or not mount.decided:
                    continue
                if mount.type in _HIDING or (mount.type == "volume" and mount.source in bound_volumes(documents)):
                    message = f"the mount on {mount.target} hides {hidden} of the image"
                    yield from hit_at(documents, mount.position, message, "mount the folders with the code only")


def bound_volumes(documents: Documents) -> frozenset[str]:
    """The named volumes that are folders of the host: ``driver_opts: {type: none, o: bind, device: ./}``."""
    return documents.remember(("bound volumes", id(documents.compose)), lambda: frozenset(_bound_volumes(documents)))


def _bound_volumes(documents: Documents) -> Iterator[str]:
    # Loaded with the project's Compose files; few projects mount a volume over the code.
    from poetry_gpu_build.documents.compose.nodes import ComposeFile
    from poetry_gpu_build.documents.compose.nodes import MappingNode
    from poetry_gpu_build.documents.compose.parse import parse

    for path in documents.compose.files if documents.compose is not None else ():
        source = documents.source_at(path)
        for document in parse(ComposeFile(source, path.parent)).documents if source is not None else ():
            volumes = document.get("volumes") if isinstance(document, MappingNode) else None
            for entry in volumes.entries.values() if isinstance(volumes, MappingNode) else ():
                if isinstance(entry.node, MappingNode) and _is_bound(entry.node.get("driver_opts")):
                    yield entry.key


def _is_bound(options: Node | None) -> bool:
    """What mount(8) is told with ``-o``: a bind mount, or one of a whole tree."""
    from poetry_gpu_build.documents.compose.nodes import MappingNode
    from poetry_gpu_build.documents.compose.nodes import ScalarNode

    if not isinstance(options, MappingNode):
        return False
    told = options.get("o")
    return isinstance(told, ScalarNode) and not {"bind", "rbind"}.isdisjoint(told.text.replace(" ", "").split(","))


def _hides(target: str, place: str) -> bool:
    return target == place or place.startswith(target.rstrip("/") + "/")


def _generated(service: Service, documents: Documents) -> list[str]:
    """The paths in the images that a service may run, each once."""
    return list(dict.fromkeys(place for image in images_of(service, documents) for place in _places(image)))


def _places(image: Image) -> Iterator[str]:
    for step in image.steps:
        folder = step.instruction.working_directory
        if step.program == "poetry" and "install" in step.arguments and folder is not None:
            yield from (posixpath.join(folder, name) for name in _MANIFESTS)
    for instruction in image.dockerfile.instructions:
        if instruction.keyword == "COPY" and instruction.flag("from") is not None:
            destination = instruction.destination
            text = "" if destination is None else instruction.expand(destination).value
            if text.startswith("/opt/"):
                yield posixpath.normpath(text)
