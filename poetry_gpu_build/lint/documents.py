"""The documents of a project as the rules ask about them, each read once and when it is asked for."""

from __future__ import annotations

import re
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Literal

from poetry_gpu_build.documents.lazy import lazy_pattern
from poetry_gpu_build.documents.source import Source
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.lint.image import Image
from poetry_gpu_build.lint.tomls import BYTE_ORDER_MARK
from poetry_gpu_build.lint.tomls import NOT_UTF_8
from poetry_gpu_build.lint.tomls import Tomls

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Hashable
    from collections.abc import Mapping
    from collections.abc import Sequence
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
    """The text of a file; None where there is no such file. Raises ConfigurationError where it cannot be read."""

Kind = Literal["image", "source-image", "compose", "manifest"]
"""``image``: what an image is made from: Dockerfiles, scripts, ignore files; ``source-image``: in the source mode."""
KINDS: frozenset[Kind] = frozenset(("image", "source-image", "compose", "manifest"))

PYPROJECT = "pyproject.toml"
POETRY_TOML = "poetry.toml"
LOCK = "poetry.lock"

# Compose's own names, and what people make of them: compose.dev.yml, docker-compose.gpu.override.yaml.
_COMPOSE_NAME = lazy_pattern(r"(?:docker-)?compose(?:[._-].*)?\.ya?ml\Z", re.IGNORECASE)
_YAML_NAME = lazy_pattern(r".*\.ya?ml\Z", re.IGNORECASE | re.DOTALL)


class Documents:
    """The files of one project. What is broken or missing is None here, and a finding of its own elsewhere."""

    def __init__(
        self, root: Path, policy: Policy, read: Read, named: Sequence[Path] = (), tomls: Tomls | None = None
    ) -> None:
        """``named`` are files to look at besides the project's own: further Dockerfiles, further Compose files."""
        self.root = root
        self.policy = policy
        self._reader = read
        self._sources: dict[Path, Source] = {}
        self._named = dict.fromkeys(named)
        """In their order, and found at once: there may be thousands."""
        self._tomls = tomls or Tomls(read)
        self._compose_files: Path | tuple[Path, ...] = root / policy.compose_file
        self._projects: dict[frozenset[tuple[str, str]], ComposeProject] = {}
        self._remembered: dict[Hashable, Any] = {}

    @cached_property
    def told_kinds(self) -> frozenset[Kind]:
        """The kinds of the files that findings are told of."""
        if not self._named:
            return KINDS
        kinds = frozenset(map(kind_of, self._named))
        return kinds | {"source-image"} if "image" in kinds and self._may_tell_of_source() else kinds

    def _may_tell_of_source(self) -> bool:
        """Whether the source mode's Dockerfile was named, or a script, which that one may run."""
        source = self.root / self.policy.source.dockerfile
        return any(kind_of(path) == "image" and (path == source or not is_dockerfile(path)) for path in self._named)

    def is_told(self, path: Path) -> bool:
        """Whether findings in a file are told: it was named, or none was."""
        return not self._named or path in self._named

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The files that the project is made of, whether they are there or not."""
        policy = self.policy
        named = (policy.binary.dockerfile, policy.source.dockerfile, policy.compose_file, PYPROJECT, POETRY_TOML, LOCK)
        return tuple(self.root / name for name in named)

    def read_sources(self) -> tuple[Source, ...]:
        """The texts that the rules have asked for so far."""
        return tuple(self._sources.values())

    def source(self, name: str) -> Source | None:
        """The text of a file, by its path relative to the root; None where it is missing, or cannot be read."""
        return self.source_at(self.root / name)

    def source_at(self, path: Path) -> Source | None:
        """The text of a file, by its whole path; None where it is missing, or cannot be read."""
        try:
            return self._read(path)
        except ConfigurationError:
            return None  # whoever reads for the run tells it

    def _read(self, path: Path) -> Source | None:
        source = self._reader(path)
        if source is not None:
            self._sources[path] = source
        return source

    @cached_property
    def images(self) -> tuple[Image, ...]:
        """The modes' Dockerfiles, binary first, then those that were named and that no mode builds."""
        modes: dict[Path, ModeName | None] = {
            self.root / self.policy.binary.dockerfile: "binary",
            self.root / self.policy.source.dockerfile: "source",
        }
        named = [path for path in self._named if is_dockerfile(path)]
        paths = {**modes, **{path: modes.get(path) for path in named}}
        return tuple(image for path, mode in paths.items() if (image := self._image(path, mode)) is not None)

    def image_at(self, path: Path) -> Image | None:
        """The Dockerfile of a path."""
        return self._images_by_path.get(path)

    @cached_property
    def _images_by_path(self) -> dict[Path, Image]:
        return {image.dockerfile.path: image for image in self.images}

    @cached_property
    def told_images(self) -> tuple[Image, ...]:
        """Those in which a rule that looks at one Dockerfile at a time may find something that is told."""
        is_all = not all(map(is_dockerfile, self._named))  # a script's findings come from whoever runs it
        told = tuple(image for image in self.images if is_all or self.is_told(image.dockerfile.path))
        if "compose" not in self.told_kinds:
            return told
        from poetry_gpu_build.lint.inline import inline_images

        return told + inline_images(self)

    def image(self, mode: ModeName) -> Image | None:
        """The Dockerfile of a mode."""
        return next((image for image in self.images if image.mode == mode), None)

    @cached_property
    def compose(self) -> ComposeProject | None:
        """The project's Compose file with all that it brings along; None where there is none."""
        return self.compose_for({})

    @cached_property
    def is_own_compose(self) -> bool:
        """Whether ``compose`` is the project's; False in the others of ``with_each_compose``."""
        return self._compose_files == self.root / self.policy.compose_file

    @cached_property
    def with_each_compose(self) -> tuple[Documents, ...]:
        """The same project with each of its Compose files in turn: its own, then those that were named.

        A file that leaves services without an image is laid over the one beside it, else over the project's own, as
        several ``-f`` do. What one of them already brings along is not looked at twice.
        """
        found = [self]
        for path in self._named:
            read = [project for each in found if (project := each.compose) is not None]
            if not any(path in project.files for project in read) and self._is_compose(path):
                found.append(self._composed(path))
        return tuple(found)

    def compose_for(self, environment: Mapping[str, str]) -> ComposeProject | None:
        """The same, evaluated for variables of the environment; the files are read and parsed once."""
        from poetry_gpu_build.documents.compose.read import read_compose

        files = self._compose_files
        if isinstance(files, Path) and not self.is_there(files):
            return None
        key = frozenset(environment.items())
        if key not in self._projects:
            self._projects[key] = read_compose(files, environment, library=self._library, exists=self.is_there)
        return self._projects[key]

    def _composed(self, path: Path) -> Documents:
        from poetry_gpu_build.documents.compose.read import DEFAULT_NAMES
        from poetry_gpu_build.documents.compose.read import first_file

        alone = self._with_compose(path)
        project = alone.compose
        if project is None or all(each.build or each.image for each in project.services.values()):
            return alone
        own = self.root / self.policy.compose_file
        beside = first_file(path.parent, DEFAULT_NAMES, self.is_there) if path.parent != own.parent else None
        base = beside or own
        return self._with_compose((base, path)) if base != path and self.is_there(base) else alone

    def _with_compose(self, files: Path | tuple[Path, ...]) -> Documents:
        """Share everything that has been read; a copy knows what its original has worked out."""
        _ = self.images, self._library
        other = copy(self)
        state = vars(other)
        state |= {"_compose_files": files, "_projects": {}}
        for name in ("compose", "is_own_compose", "with_each_compose"):
            state.pop(name, None)
        return other

    def _is_compose(self, path: Path) -> bool:
        """By its name, or because it has services: other YAML is none of Compose's."""
        from poetry_gpu_build.documents.compose.library import Unreadable
        from poetry_gpu_build.documents.compose.nodes import MappingNode

        if _COMPOSE_NAME.match(path.name):
            return self.is_there(path)
        if not _YAML_NAME.match(path.name):
            return False
        stream = self._library.stream(path, path.parent)
        if isinstance(stream, Unreadable):
            return False
        mappings = [document for document in stream.documents if isinstance(document, MappingNode)]
        return any(isinstance(each.get("services"), MappingNode) for each in mappings)

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
            return Unreadable(f"it is larger than {MAXIMUM_BYTES // 2**20} MiB", too_large=True)
        not_utf8 = None if source.text.isascii() else NOT_UTF_8.search(source.text)
        if not_utf8 is not None:
            where = source.position(not_utf8.start())
            return Unreadable("it is not UTF-8", line=where.line, column=where.column)
        # YAML's reader does not count the mark; who goes back from a place in the first line must.
        return Source(path, source.text[1:]) if source.text.startswith(BYTE_ORDER_MARK) else source

    def is_there(self, path: Path) -> bool:
        """Whether there is a file, be it one that cannot be read."""
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
        return self._tomls.document(self.root / name)

    def toml_mistake(self, name: str) -> ConfigurationError | None:
        """Why a file is no TOML, with the place; None where it is sound or missing."""
        return self._tomls.mistake(self.root / name)

    def _image(self, path: Path, mode: ModeName | None) -> Image | None:
        from poetry_gpu_build.documents.dockerfile import parse_dockerfile

        source = self.source_at(path)
        return None if source is None else Image(parse_dockerfile(source), mode)


def kind_of(path: Path) -> Kind:
    """What a file is by its name: which families of rules may find something there.

    >>> kind_of(Path("poetry.lock")), kind_of(Path("docker/.env")), kind_of(Path("docker/build.sh"))
    ('manifest', 'compose', 'image')
    """
    name = path.name.lower()
    if name.endswith((".toml", ".lock")):
        return "manifest"
    return "compose" if name.endswith((".yml", ".yaml", ".env")) or name.startswith(".env") else "image"


def is_dockerfile(path: Path) -> bool:
    """Whether a file is a Dockerfile by its name."""
    name = path.name.lower()
    return "dockerfile" in name and not name.endswith((".dockerignore", ".yml", ".yaml"))
