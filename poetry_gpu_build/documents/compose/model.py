"""What a Compose project is: its services, as Compose would run them, each value with the place where it stands.

All services are here, those of profiles too, which `docker compose config` does not show. A value's place is where it
really stands: in the file that is extended or included, at the anchor that an alias names.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Mapping

    from poetry_gpu_build.documents.compose.nodes import ScalarNode
    from poetry_gpu_build.documents.compose.ports import Port
    from poetry_gpu_build.documents.compose.problems import Problem
    from poetry_gpu_build.documents.compose.volumes import Mount
    from poetry_gpu_build.documents.source import Position


@dataclass(frozen=True, slots=True)
class Text:
    """A value that stands in a file."""

    node: ScalarNode = field(repr=False)

    def __str__(self) -> str:
        return self.value

    @property
    def value(self) -> str:
        """The text for the variables that the project was read with."""
        return self.node.printed

    @property
    def template(self) -> str:
        """The text as it stands in the file: evaluate it for other values with ``interpolate``."""
        return self.node.text if self.node.template is None else self.node.template

    @property
    def decided(self) -> bool:
        """False where the template has no value, because a required variable is missing or it is invalid."""
        return not self.node.failed

    @property
    def used(self) -> tuple[str, ...]:
        """The variables that the value was made with."""
        return self.node.used

    @property
    def position(self) -> Position:
        """Where it begins, its quote included."""
        return self.node.position

    def place(self, offset: int) -> Position:
        """Where a character of the template stands: also in a ``dockerfile_inline: |``, line by line."""
        return self.node.place(offset)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A build argument or an environment variable. Without a value it is taken from the environment of Compose."""

    name: str
    position: Position
    text: Text | None

    @property
    def value(self) -> str | None:
        """The value; None where only the name is given."""
        return None if self.text is None else self.text.value


@dataclass(frozen=True, slots=True)
class Build:
    """How a service's image is built."""

    position: Position
    folder: Path
    """What a relative context starts from."""

    context: Text | None
    """None where nothing is said: the folder itself."""

    dockerfile: Text | None
    dockerfile_inline: Text | None
    target: Text | None
    args: Mapping[str, Assignment]
    tags: tuple[Text, ...]
    """Further names of the image, besides the service's ``image``."""

    @property
    def context_path(self) -> Path | None:
        """The folder that is the build context; None where it is not on this machine, or not known."""
        return local_folder(self.folder, self.context)

    @property
    def dockerfile_path(self) -> Path | None:
        """The Dockerfile's path; None where it stands inline, or the context is not on this machine."""
        context = self.context_path
        if context is None or self.dockerfile_inline is not None:
            return None
        if self.dockerfile is None:
            return context / "Dockerfile"
        if not self.dockerfile.decided or "\0" in self.dockerfile.value:
            return None
        return Path(os.path.normpath(context / self.dockerfile.value))


def local_folder(folder: Path, text: Text | None) -> Path | None:
    """A build context's folder. Compose hands URLs, git addresses and other services' images on to BuildKit."""
    if text is None:
        return folder
    value = text.value
    remote = "://" in value or value.startswith(("git@", "github.com/", "service:"))
    if remote or not text.decided or not value or "\0" in value or value.startswith("~"):
        return None
    return Path(os.path.normpath(folder / value))


@dataclass(frozen=True, slots=True)
class Device:
    """A reservation of devices: ``deploy.resources.reservations.devices``, or the newer ``gpus``."""

    position: Position
    driver: str | None
    count: str | None
    """A number, ``all``, or None: then it is all, unless ``ids`` are named."""

    ids: tuple[str, ...]
    capabilities: tuple[str, ...]
    written: str
    """``deploy`` or ``gpus``."""

    @property
    def is_gpu(self) -> bool:
        """Whether GPUs are what it reserves."""
        return self.written == "gpus" or "gpu" in self.capabilities


@dataclass(frozen=True, slots=True)
class Extends:
    """The service that another one is built on; ``file`` is None for one of the same file."""

    position: Position
    service: str
    file: str | None


@dataclass(frozen=True, slots=True)
class Service:
    """A service as Compose would run it, with all that it inherits."""

    name: str
    position: Position
    """Where its name stands, in the first of the files that have it."""

    build: Build | None = None
    image: Text | None = None
    ports: tuple[Port, ...] = ()
    """What it publishes to the host. Every entry is here, also one that cannot be read (``decided`` is false)."""

    expose: tuple[Text, ...] = ()
    """Ports for other services only: they are not published."""

    network_mode: Text | None = None
    """``host`` opens every port of the service on the host, whatever ``ports`` says."""

    profiles: tuple[Text, ...] = ()
    volumes: tuple[Mount, ...] = ()
    devices: tuple[Device, ...] = ()
    runtime: Text | None = None
    environment: Mapping[str, Assignment] = field(default_factory=dict)
    extends: Extends | None = None

    def active(self, profiles: Collection[str] = ()) -> bool:
        """Whether Compose starts it when these profiles are chosen; without profiles of its own it always does."""
        return not self.profiles or "*" in profiles or any(text.value in profiles for text in self.profiles)


@dataclass(frozen=True, slots=True)
class ComposeProject:
    """All services of a project, and everything that keeps Compose from reading it, or us from following it."""

    folder: Path
    files: tuple[Path, ...]
    """The Compose files that were read, in this order: included and extended ones too."""

    services: Mapping[str, Service]
    problems: tuple[Problem, ...]
    variables: Mapping[str, str] = field(repr=False)
    """The values it was evaluated for, those of ``.env`` included."""

    def active(self, profiles: Collection[str] = ()) -> tuple[Service, ...]:
        """The services that ``docker compose up`` starts when these profiles are chosen."""
        return tuple(service for service in self.services.values() if service.active(profiles))
