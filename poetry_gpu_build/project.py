"""The user's project: its root, name, dependency groups, the torch that it pins, its lock and its revision.

Read from the files themselves, without Poetry's own loading: every answer keeps its place, a project that Poetry would
refuse still gets one clear error, and the linter can use it where Poetry is not installed.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any
from typing import NoReturn

from packaging.markers import InvalidMarker
from packaging.markers import Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement
from packaging.utils import InvalidWheelFilename
from packaging.utils import canonicalize_name
from packaging.utils import parse_wheel_filename

from poetry_gpu_build.documents.source import Position
from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.torch_pin import TorchPin
from poetry_gpu_build.values import variant_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from poetry_gpu_build.documents.toml import TomlDocument

TORCH = "torch"
LOCK = "poetry.lock"
_NEW_LOCK = "remove it and write it anew: poetry lock"

# What every image of this policy is; the markers of a dependency are judged for it.
_IMAGE_ENVIRONMENT = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
# What Poetry's own table says of a dependency, and this program reads.
_TOLD_BY_TEXT = ("version", "source", "url", "path", "file", "git", "platform", "python")
_GIT_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Project:
    """A Poetry project as the plan needs it."""

    root: Path
    name: str
    pyproject: TomlDocument
    groups: frozenset[str]
    """Names of the dependency groups, normalised (PEP 503)."""
    optional_groups: frozenset[str]
    """Those that `poetry install` leaves out unless asked for."""
    torch: tuple[TorchPin, ...]
    """Every place that asks for torch, main dependencies first; of several entries in one place, those for Linux."""
    locked_torch: tuple[TorchPin, ...]
    """The builds of torch in poetry.lock for Linux; empty without a lock."""
    lock: TomlDocument | None
    revision: str | None
    """``git describe``: the commit, with ``-dirty`` where the work tree differs from it; None outside git."""

    @property
    def docker_name(self) -> str:
        """The name as Docker's repositories and Compose's projects have it: lower case, digits, single separators."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()).strip("-") or "app"

    def place_of_group(self, group: str) -> Position:
        """Where a dependency group stands, in Poetry's own table or in the standard's."""
        for table in (("tool", "poetry", "group"), ("dependency-groups",)):
            names: Any = self.pyproject.data
            for part in table:
                names = names.get(part, {})
            written = next((name for name in names if canonicalize_name(name) == canonicalize_name(group)), None)
            place = None if written is None else self.pyproject.find(*table, written)
            if place is not None:
                return place
        return Position(self.pyproject.path)

    def torch_in(self, group: str | None) -> TorchPin | None:
        """The torch that a group (None: the main dependencies) asks for."""
        wanted = None if group is None else canonicalize_name(group)
        for pin in self.torch:
            if (None if pin.group is None else canonicalize_name(pin.group)) == wanted:
                return pin
        return None


def find_project(start: Path) -> Path:
    """The root of the project around ``start``: the nearest folder upwards that holds a pyproject.toml.

    Raises ConfigurationError where there is none.
    """
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    raise ConfigurationError(
        f"there is no pyproject.toml in {start} or above it",
        ways_out=("run the command inside a Poetry project, or name one: poetry --project DIR gpu-build",),
    )


def read_project(pyproject: TomlDocument, python: str) -> Project:
    """Read the project of this pyproject.toml, as it is in an image with this Python (``3.10``).

    Raises ConfigurationError, with the place, for a file that cannot be used.
    """
    root = pyproject.path.parent
    image = {**_IMAGE_ENVIRONMENT, "python_version": python, "python_full_version": f"{python}.0"}
    manifest = _Manifest(pyproject, image)
    lock = _read_lock(root / LOCK)
    return Project(
        root=root,
        name=manifest.name() or root.resolve().name,
        pyproject=pyproject,
        groups=frozenset(canonicalize_name(name) for name in manifest.group_names()),
        optional_groups=frozenset(canonicalize_name(name) for name in manifest.optional_groups()),
        torch=tuple(manifest.torch()),
        locked_torch=tuple(_locked_torch(lock, image)) if lock is not None else (),
        lock=lock,
        revision=_revision(root),
    )


class _Manifest:
    """pyproject.toml as Poetry reads it: PEP 621, PEP 735 and Poetry's own tables."""

    def __init__(self, document: TomlDocument, image: dict[str, str]) -> None:
        self._document = document
        self._image = image
        if not (self._table("project") or self._table("tool", "poetry") or self._table("dependency-groups")):
            raise ConfigurationError(
                "pyproject.toml is not a Poetry project: it has neither [project] nor [tool.poetry]",
                where=Position(document.path),
                ways_out=("make it one: poetry init",),
            )
        self._indexes = {
            str(source.get("name", "")).lower(): str(source.get("url", ""))
            for source in self._array("tool", "poetry", "source")
            if isinstance(source, dict)
        }

    def name(self) -> str | None:
        name = self._table("project").get("name") or self._table("tool", "poetry").get("name")
        return str(name) if name else None

    def group_names(self) -> list[str]:
        return [*self._table("dependency-groups"), *self._table("tool", "poetry", "group")]

    def optional_groups(self) -> list[str]:
        groups = self._table("tool", "poetry", "group")
        return [name for name in groups if self._table("tool", "poetry", "group", name).get("optional") is True]

    def torch(self) -> Iterator[TorchPin]:
        """Main first, then each group; PEP 508 entries before Poetry's own, which may add the source to them."""
        for group in (None, *dict.fromkeys(canonicalize_name(name) for name in self.group_names())):
            if group is None:
                standard = self._from_requirements(None, ("project", "dependencies"))
                own = self._from_table(None, ("tool", "poetry", "dependencies"))
            else:
                standard = own = None
                if (written := self._written(group, "dependency-groups")) is not None:
                    standard = self._from_requirements(group, ("dependency-groups", written))
                if (written := self._written(group, "tool", "poetry", "group")) is not None:
                    own = self._from_table(group, ("tool", "poetry", "group", written, "dependencies"))
            if standard is None:
                yield from (own,) if own is not None else ()
            elif own is None:
                yield standard
            else:
                # Poetry: [tool.poetry] only adds to what [project] or [dependency-groups] says, above all the source.
                yield replace(standard, variant=standard.variant or own.variant, index=own.index)

    def _written(self, group: str, *table: str) -> str | None:
        """The group's name as this table writes it."""
        return next((name for name in self._table(*table) if canonicalize_name(name) == group), None)

    def _from_requirements(self, group: str | None, key: tuple[str, ...]) -> TorchPin | None:
        for at, entry in enumerate(self._array(*key)):
            if not isinstance(entry, str):
                continue  # PEP 735's {include-group = …}: the included group answers for itself
            where = self._document.locate(*key, at)
            try:
                requirement = Requirement(entry)
            except InvalidRequirement as error:
                reason = str(error).splitlines()[0]
                raise ConfigurationError(
                    f"{entry!r} is not a valid requirement: {reason}",
                    where=where,
                    ways_out=("write it as in PEP 508: torch==2.7.1",),
                ) from error
            if canonicalize_name(requirement.name) == TORCH and _for_image(str(requirement.marker or ""), self._image):
                return self._pin(str(requirement.specifier) or "*", requirement.url, group, None, where)
        return None

    def _from_table(self, group: str | None, key: tuple[str, ...]) -> TorchPin | None:
        for name, entries in self._table(*key).items():
            if canonicalize_name(name) != TORCH:
                continue
            where = self._document.locate(*key, name)
            for entry in entries if isinstance(entries, list) else [entries]:
                if isinstance(entry, str):
                    return self._pin(entry, None, group, None, where)
                if not isinstance(entry, dict):
                    self._wrong_type((*key, name), "a version or a table")
                told = {part: self._text(entry, part, where) for part in _TOLD_BY_TEXT}
                if _for_image(entry.get("markers", ""), self._image, told["platform"], told["python"]):
                    file = told["url"] or told["path"] or told["file"] or told["git"]
                    return self._pin(told["version"] or "*", file, group, told["source"], where)
        return None

    def _text(self, entry: dict[str, Any], part: str, where: Position) -> str | None:
        value = entry.get(part)
        if value is None or isinstance(value, str):
            return value
        raise ConfigurationError(
            f"torch's {part} is {value!r}, and must be a string",
            where=where,
            ways_out=(f'write it in quotes: {part} = "{value}"',),
        )

    def _pin(
        self, constraint: str, file: str | None, group: str | None, source: str | None, where: Position
    ) -> TorchPin:
        index = self._indexes.get(source.lower()) if source else None
        if source and index is None and source.lower() != "pypi":
            raise ConfigurationError(
                f"torch comes from the source {source!r}, which is not defined",
                where=where,
                ways_out=(f'add it: [[tool.poetry.source]] name = "{source}", url = …, priority = "explicit"',),
            )
        if file:
            named = _wheel_version(file)
            constraint = f"=={named}" if named else constraint
            index = index or file  # not PyPI's build, whatever it is
        return TorchPin(constraint, group, variant_of(constraint, index), index, where)

    def _table(self, *key: str) -> dict[str, Any]:
        value: Any = self._document.data
        for length, part in enumerate(key, start=1):
            value = value.get(part, {})
            if not isinstance(value, dict):
                self._wrong_type(key[:length], "a table")
        return dict(value)

    def _array(self, *key: str) -> list[Any]:
        value = self._table(*key[:-1]).get(key[-1], [])
        if not isinstance(value, list):
            self._wrong_type(key, "an array")
        return list(value)

    def _wrong_type(self, key: tuple[str, ...], expected: str) -> NoReturn:
        dotted = ".".join(key)
        example = {"a table": f"[{dotted}]", "an array": f"{key[-1]} = […]"}.get(expected, f'{key[-1]} = "2.7.1"')
        raise ConfigurationError(
            f"{dotted} must be {expected}", where=self._document.locate(*key), ways_out=(f"write it as {example}",)
        )


def _read_lock(path: Path) -> TomlDocument | None:
    """Nobody writes a lock by hand: whatever is wrong with it, the way out is a new one."""
    if not path.exists() and not path.is_symlink():
        return None
    try:
        return read_toml(path)
    except ConfigurationError as error:
        raise ConfigurationError(error.message, where=error.where, ways_out=(_NEW_LOCK,)) from error


def _locked_torch(lock: TomlDocument, image: dict[str, str]) -> Iterator[TorchPin]:
    packages = lock.data.get("package", [])
    if not isinstance(packages, list):
        raise ConfigurationError(f"{LOCK} has no list of packages", where=Position(lock.path), ways_out=(_NEW_LOCK,))
    for at, package in enumerate(packages):
        if not isinstance(package, dict) or canonicalize_name(str(package.get("name", ""))) != TORCH:
            continue
        if not _for_image(package.get("markers", ""), image):
            continue
        source = package.get("source")
        index = str(source.get("url")) if isinstance(source, dict) else None
        constraint = f"=={package.get('version', '')}"
        yield TorchPin(constraint, None, variant_of(constraint, index), index, lock.locate("package", at, "version"))


def counts_in_image(markers: Any, python: str) -> bool:
    """Whether a requirement with these markers (a text, a lock's by group, or none) counts in an image's Python."""
    return _for_image(markers, {**_IMAGE_ENVIRONMENT, "python_version": python, "python_full_version": f"{python}.0"})


def _for_image(markers: Any, image: dict[str, str], platform: str | None = None, python: str | None = None) -> bool:
    """Whether a dependency with these markers is one of the image; markers per group: of any."""
    if platform not in (None, "linux") or not allows_python(python, image["python_full_version"]):
        return False
    if isinstance(markers, dict):
        return any(_for_image(marker, image) for marker in markers.values())
    if not markers:
        return True
    try:
        return Marker(str(markers)).evaluate(dict(image))
    except InvalidMarker:
        return True  # Poetry's own error to report; not a reason to overlook a torch


def allows_python(constraint: str | None, version: str) -> bool:
    """Whether `python = "^3.10"`, or `requires-python`, allows it; what is no constraint is Poetry's to report."""
    from poetry.core.constraints.version import Version
    from poetry.core.constraints.version import parse_constraint
    from poetry.core.constraints.version.exceptions import ParseConstraintError

    try:
        return constraint is None or parse_constraint(constraint).allows(Version.parse(version))
    except ParseConstraintError:
        return True


def _wheel_version(file: str) -> str | None:
    """The version in a wheel's address or path; None where it names no wheel."""
    name = file.rpartition("/")[2].partition("#")[0].replace("%2B", "+").replace("%2b", "+")
    try:
        return str(parse_wheel_filename(name)[1])
    except InvalidWheelFilename:
        return None


def _revision(root: Path) -> str | None:
    """Ask git once; no git, no repository and no commit are one answer: unknown."""
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_GIT_TIMEOUT_SECONDS, check=False, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
