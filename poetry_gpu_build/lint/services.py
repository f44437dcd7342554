"""A Compose file's services as the rules ask about them: which are built from a mode's Dockerfile, and for what."""

from __future__ import annotations

import os.path
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.build_arguments import DOCKERFILE_VARIABLE
from poetry_gpu_build.build_arguments import IMAGE_VARIABLE
from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.lint.finding import Hit
from poetry_gpu_build.lint.tomls import BYTE_ORDER_MARK
from poetry_gpu_build.selection.flags import FLAG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping

    from poetry_gpu_build.documents.compose.model import Build
    from poetry_gpu_build.documents.compose.model import ComposeProject
    from poetry_gpu_build.documents.compose.model import Service
    from poetry_gpu_build.documents.compose.model import Text
    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.lint.documents import Documents
    from poetry_gpu_build.lint.image import Image
    from poetry_gpu_build.policy import ModeName

MODES: tuple[ModeName, ...] = ("binary", "source")

_TOKEN = lazy_pattern(r'"[^"\n]*"|\'[^\'\n]*\'|[^\s,\]}#]+')


def hit_at(documents: Documents, position: Position, message: str, help_text: str | None = None) -> Iterator[Hit]:
    """A hit at the word that stands at a position; none where the file is not at hand any more."""
    source = documents.source_at(position.path)
    if source is None:
        return
    behind_mark = position.line == 1 and source.text.startswith(BYTE_ORDER_MARK)
    start = source.offset(position.line, position.column + behind_mark)
    word = _TOKEN.match(source.text, start)
    yield Hit(source, start, start if word is None else word.end(), message, help_text)


def hit_text(documents: Documents, text: Text, message: str, help_text: str | None = None) -> Iterator[Hit]:
    """A hit at a value, its quotes included where it stands in the file as it is read."""
    for hit in hit_at(documents, text.position, message, help_text):
        quoted = hit.source.text[hit.start : hit.start + 1] in ("'", '"')
        end = hit.start + len(text.template) + 2 * quoted
        written = hit.source.text[hit.start + quoted : end - quoted]
        yield hit._replace(end=end) if written == text.template else hit


def dockerfile_of(documents: Documents, mode: ModeName) -> Path:
    """The path of a mode's Dockerfile."""
    return _normal(documents.root / documents.policy.mode(mode).dockerfile)


def has_dockerfile(documents: Documents, mode: ModeName) -> bool:
    """Whether the project has a mode at all."""
    return documents.is_there(documents.root / documents.policy.mode(mode).dockerfile)


def planned_environment(documents: Documents, mode: ModeName) -> dict[str, str]:
    """What `poetry gpu-build up` hands to Compose for a mode, as far as it differs between the modes."""
    policy = documents.policy
    dockerfile = os.path.relpath(dockerfile_of(documents, mode), _normal(documents.root / policy.context))
    return {
        FLAG: "true" if mode == "source" else "false",
        DOCKERFILE_VARIABLE: Path(dockerfile).as_posix(),
        IMAGE_VARIABLE: f"gpu-build-image:{mode}",
        "BASE_IMAGE": policy.mode(mode).base_image,
        "POETRY_WITH": ",".join(policy.mode(mode).with_groups),
        "POETRY_WITHOUT": ",".join(policy.mode(mode).without_groups),
    }


def planned(documents: Documents, mode: ModeName) -> ComposeProject | None:
    """The Compose project as `poetry gpu-build up` brings it up for a mode."""
    return documents.compose_for(planned_environment(documents, mode))


def path_of(service: Service | None) -> Path | None:
    """The Dockerfile that a service is built from; None where it is not known."""
    path = None if service is None or service.build is None else service.build.dockerfile_path
    return None if path is None else _normal(path)


def variables_of(build: Build) -> frozenset[str]:
    """The variables that choose the Dockerfile."""
    from poetry_gpu_build.documents.interpolation import mentioned  # only where there is a Compose file

    texts = (build.context, build.dockerfile)
    return frozenset(name for text in texts if text is not None for name in mentioned(text.template))


def images_of(service: Service, documents: Documents) -> tuple[Image, ...]:
    """The modes' Dockerfiles that a builder may be built from: all of them where variables choose."""
    is_chosen = service.build is not None and bool(variables_of(service.build))
    path = path_of(service)
    return tuple(
        image
        for image in documents.images
        if image.mode is not None and (is_chosen or dockerfile_of(documents, image.mode) == path)
    )


def shown(path: Path | None, documents: Documents) -> str:
    """A path as messages name it: from the project's root."""
    if path is None:
        return "no file of the project"
    path, root = _normal(path), _normal(documents.root)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def builders(documents: Documents) -> dict[str, Service]:
    """The services that are built from a mode's Dockerfile, or by an expression over the mode's variables."""
    project = documents.compose
    if project is None:
        return {}
    ours = {dockerfile_of(documents, mode) for mode in MODES}
    built = {name for each in _evaluated(documents) for name, service in each.items() if path_of(service) in ours}
    return {
        name: service
        for name, service in project.services.items()
        if service.build is not None
        and service.build.dockerfile_inline is None
        and (name in built or variables_of(service.build) & {FLAG, DOCKERFILE_VARIABLE})
    }


def main_services(documents: Documents) -> dict[str, Service]:
    """The main service: the first builder; two of them where each mode has one of its own.

    A builder that extends another one, or repeats its Dockerfile, is a sidecar with the application's image.
    """
    chosen: dict[object, Service] = {}
    # Those whose Dockerfile is chosen come first, and of each kind those that stand for themselves.
    order = sorted(builders(documents).values(), key=lambda each: (each.extends is not None, _fixed(each) is not None))
    for service in order:
        path = _fixed(service)
        if None not in chosen and (path is not None or not chosen):
            chosen.setdefault(path, service)
    return {service.name: service for service in chosen.values()}


def _fixed(service: Service) -> Path | None:
    """The one Dockerfile that a service is built from, whatever the variables say."""
    return path_of(service) if service.build is not None and not variables_of(service.build) else None


def _evaluated(documents: Documents) -> Iterator[Mapping[str, Service]]:
    for project in (documents.compose, *(planned(documents, mode) for mode in MODES)):
        if project is not None:
            yield project.services


def _normal(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.resolve would follow links
