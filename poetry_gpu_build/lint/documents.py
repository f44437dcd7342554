"""The documents of a project as the rules ask about them, each read once and when it is asked for."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.image import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Hashable
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any
    from typing import TypeVar

    from poetry_gpu_build.documents.compose.library import Library
    from poetry_gpu_build.documents.compose.library import Unreadable
    from poetry_gpu_build.documents.compose.model import ComposeProject
    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.policy import ModeName
    from poetry_gpu_build.policy import Policy

    Value = TypeVar("Value")
    Read = Callable[[Path], "Source | None"]
    """The text of a file; None where there is no such file."""

PYPROJECT = "pyproject.toml"
POETRY_TOML = "poetry.toml"
LOCK = "poetry.lock"


BYTE_ORDER_MARK = "\ufeff"
# A byte that is not UTF-8, as it is read (PEP 383).
_SURROGATE = re.compile("[\ud800-\udfff]")


class Documents:
    """The files of one project. What is broken or missing is None here, and a finding of its own elsewhere."""

    def __init__(self, root: Path, policy: Policy, read: Read, dockerfiles: Sequence[Path] = ()) -> None:
        self.root = root
        self.policy = policy
        self._read = read
        self._dockerfiles = tuple(dockerfiles)
        self._projects: dict[frozenset[tuple[str, str]], ComposeProject] = {}
        self._remembered: dict[Hashable, Any] = {}

    def source(self, name: str) -> Source | None:
        """The text of a file, by its path relative to the root."""
        return self._read(self.root / name)

    def source_at(self, path: Path) -> Source | None:
        """The text of a file, by its whole path."""
        return self._read(path)

    @cached_property
    def images(self) -> tuple[Image, ...]:
        """The modes' Dockerfiles, binary first, then those that were named and that no mode builds."""
        modes: dict[Path, ModeName | None] = {
            self.root / self.policy.binary.dockerfile: "binary",
            self.root / self.policy.source.dockerfile: "source",
        }
        paths = {**modes, **{path: modes.get(path) for path in self._dockerfiles}}
        return tuple(image for path, mode in paths.items() if (image := self._image(path, mode)) is not None)

    def image(self, mode: ModeName) -> Image | None:
        """The Dockerfile of a mode."""
        return next((image for image in self.images if image.mode == mode), None)

    @cached_property
    def compose(self) -> ComposeProject | None:
        """The project's Compose file with all that it brings along; None where there is none."""
        return self.compose_for({})

    def compose_for(self, environment: Mapping[str, str]) -> ComposeProject | None:
        """The same, evaluated for variables of the environment; the files are read and parsed once."""
        from poetry_gpu_build.documents.compose.read import read_compose

        path = self.root / self.policy.compose_file
        if not self._is_there(path):
            return None
        key = frozenset(environment.items())
        if key not in self._projects:
            self._projects[key] = read_compose(path, environment, library=self._library, exists=self._is_there)
        return self._projects[key]

    @cached_property
    def _library(self) -> Library:
        from poetry_gpu_build.documents.compose.library import Library

        return Library(self._compose_text)

    def _compose_text(self, path: Path) -> Source | Unreadable:
        from poetry_gpu_build.documents.compose.library import Unreadable
        from poetry_gpu_build.documents.compose.read import MAXIMUM_BYTES

        try:
            source = self._read(path)
        except ConfigurationError as error:
            return Unreadable(error.message)
        if source is None:
            return Unreadable("there is no such file", missing=True)
        if len(source.text) > MAXIMUM_BYTES:
            return Unreadable(f"it is larger than {MAXIMUM_BYTES // 2**20} MiB")
        not_utf8 = _SURROGATE.search(source.text)
        if not_utf8 is not None:
            return Unreadable("it is not UTF-8", line=source.position(not_utf8.start()).line)
        # YAML's reader does not count the mark; who goes back from a place in the first line must.
        return Source(path, source.text[1:]) if source.text.startswith(BYTE_ORDER_MARK) else source

    def _is_there(self, path: Path) -> bool:
        try:
            return self._read(path) is not None
        except ConfigurationError:
            return True  # and cannot be read: reading it says so

    @cached_property
    def pyproject(self) -> TomlDocument | None:
        """The project's manifest."""
        return self.toml(PYPROJECT)

    @cached_property
    def poetry_toml(self) -> TomlDocument | None:
        """Poetry's local settings."""
        return self.toml(POETRY_TOML)

    @cached_property
    def lock(self) -> TomlDocument | None:
        """The lock."""
        return self.toml(LOCK)

    def remember(self, key: Hashable, work: Callable[[], Value]) -> Value:
        """What ``work`` made when this key was first asked for: several rules ask for one thing."""
        if key not in self._remembered:
            self._remembered[key] = work()
        value: Value = self._remembered[key]
        return value

    def toml(self, name: str) -> TomlDocument | None:
        """A TOML file; None where it is missing or broken."""
        from poetry_gpu_build.documents.toml import parse_toml

        source = self.source(name)
        if source is None:
            return None
        try:
            return parse_toml(_without_mark(source.text), source.path)
        except ConfigurationError:
            return None  # reported where the file is read for itself

    def _image(self, path: Path, mode: ModeName | None) -> Image | None:
        from poetry_gpu_build.documents.dockerfile import parse_dockerfile

        source = self._read(path)
        return None if source is None else Image(parse_dockerfile(source), mode)


def _without_mark(text: str) -> str:
    """The text with a blank for a byte-order mark, which TOML does not know: every place stays what it is."""
    return f" {text[1:]}" if text.startswith(BYTE_ORDER_MARK) else text
