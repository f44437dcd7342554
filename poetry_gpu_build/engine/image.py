"""Asks the engine what it knows of an image: its labels, its size, its layers. Nothing of the image is run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from poetry_gpu_build.engine.preflight import ask_docker
from poetry_gpu_build.engine.preflight import check_daemon
from poetry_gpu_build.engine.preflight import quoted
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

    from poetry_gpu_build.engine.preflight import Answer
    from poetry_gpu_build.engine.preflight import Ask


class Layer(NamedTuple):
    """One layer that holds files."""

    size: int
    """In bytes, unpacked."""
    made_by: str
    """The instruction, as the image records it."""


class BuiltImage(NamedTuple):
    """An image that the engine has."""

    name: str
    """As it was asked for."""
    id: str
    labels: Mapping[str, str]
    size: int
    """In bytes, unpacked."""
    layers: tuple[Layer, ...]
    """Those that hold files, the oldest first."""


def _ask(arguments: Sequence[str]) -> Answer:
    return ask_docker(arguments, instead="or name an image that another engine has: DOCKER_HOST")


def inspect_image(name: str, ask: Ask = _ask) -> BuiltImage:
    """What the engine knows of an image; none is pulled.

    Raises ConfigurationError where it has no such image, EngineUnavailableError where it does not answer.
    """
    if not name or name.startswith("-"):
        raise ConfigurationError(f"{name!r} names no image", ways_out=("write it as NAME, NAME:TAG or sha256:ID",))
    inspected = _documents(ask(["image", "inspect", "--format", "{{json .}}", name]), name, ask)[0]
    configuration = inspected.get("Config") or {}
    history = ["image", "history", "--no-trunc", "--human=false", "--format", "{{json .}}", name]
    layers = [
        Layer(_number(row.get("Size")), " ".join(str(row.get("CreatedBy", "")).split()))
        for row in _documents(ask(history), name, ask)
    ]
    return BuiltImage(
        name=name,
        id=str(inspected.get("Id", "")),
        labels={str(key): str(value) for key, value in (configuration.get("Labels") or {}).items()},
        size=_number(inspected.get("Size")),
        layers=tuple(layer for layer in reversed(layers) if layer.size),
    )


def _documents(answer: Answer, name: str, ask: Ask) -> list[dict[str, Any]]:
    """The JSON documents that docker printed, one a line."""
    if answer.status != 0:
        check_daemon(ask)
        if "no such image" in answer.errors.lower():
            raise ConfigurationError(
                f"the engine has no image {name}",
                ways_out=(f"fetch it: docker pull {name}", "or build it: poetry gpu-build", "docker images lists them"),
            )
        raise EngineUnavailableError(f"docker cannot look at the image {name}{quoted(answer, 'docker image')}")
    try:
        documents = [json.loads(line) for line in answer.output.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        documents = []
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise EngineUnavailableError(
            f"docker did not say what the image {name} is", ways_out=("it must be Docker 23 or newer: docker version",)
        )
    return documents


def _number(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0
