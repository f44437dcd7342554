"""The user's project: its root, name, dependency groups, the torch that it pins, its lock and its revision.

Read from the files themselves, without Poetry's own loading: every answer keeps its place, a project that Poetry would
refuse still gets one clear error, and the linter can use it where Poetry is not installed.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from dataclasses import replace
from typing import TYPE_CHECKING
from typing import Any

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
from poetry_gpu_build.torch_pin import variant_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from poetry_gpu_build.documents.toml import TomlDocument

TORCH = "torch"
LOCK = "poetry.lock"

# What every image of this policy is; the markers of a dependency are judged for it.
_IMAGE_ENVIRONMENT = {
    "os_name": "posix",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
}
_GIT_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Project:
    """A Poetry project as the plan needs it."""

    root: Path
    name: str
    pyproject: TomlDocument
    groups: frozenset[str]
    """Names of the dependency groups, normalised (PEP 503)."""
    torch: tuple[TorchPin, ...]
    """Every place that asks for torch, main dependencies first; of several entries in one place, those for Linux."""
    locked_torch: tuple[TorchPin, ...]
    """The builds of torch in poetry.lock for Linux; empty without a lock."""
    revision: str | None
    """``git describe``: the commit, with ``-dirty`` where the work tree differs from it; None outside git."""

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


def read_project(root: Path) -> Project:
    """Read the project at ``root``. Raises ConfigurationError, with the place, for a file that cannot be used."""
    pyproject = read_toml(root / "pyproject.toml")
    manifest = _Manifest(pyproject)
    lock = root / LOCK
    return Project(
        root=root,
        name=manifest.name() or root.resolve().name,
        pyproject=pyproject,
        groups=frozenset(canonicalize_name(name) for name in manifest.group_names()),
        torch=tuple(manifest.torch()),
        locked_torch=tuple(_locked_torch(read_toml(lock))) if lock.exists() or lock.is_symlink() else (),
        revision=_revision(root),
    )


class _Manifest:
    """pyproject.toml as Poetry reads it: PEP 621, PEP 735 and Poetry's own tables."""

    def __init__(self, document: TomlDocument) -> None:
        self._document = document
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

    def torch(self) -> Iterator[TorchPin]:
        """Main first, then each group; PEP 508 entries before Poetry's own, which may add the source to them."""
        for group in (None, *dict.fromkeys(self.group_names())):
            if group is None:
                standard = self._from_requirements(None, ("project", "dependencies"))
                own = self._from_table(None, ("tool", "poetry", "dependencies"))
            else:
                standard = self._from_requirements(group, ("dependency-groups", group))
                own = self._from_table(group, ("tool", "poetry", "group", group, "dependencies"))
            if standard is None:
                yield from (own,) if own is not None else ()
            elif own is None:
                yield standard
            else:
                # Poetry: [tool.poetry] only adds to what [project] or [dependency-groups] says, above all the source.
                yield replace(standard, variant=standard.variant or own.variant, index=own.index)

    def _from_requirements(self, group: str | None, key: tuple[str, ...]) -> TorchPin | None:
        for at, entry in enumerate(self._array(*key)):
            if not isinstance(entry, str):
                continue  # PEP 735's {include-group = …}: the included group answers for itself
            where = self._document.locate(*key, at)
            try:
                requirement = Requirement(entry)
            except InvalidRequirement as error:
                reason = str(error).splitlines()[0]
                raise ConfigurationError(f"{entry!r} is not a valid requirement: {reason}", where=where) from error
            if canonicalize_name(requirement.name) == TORCH and _for_image(str(requirement.marker or "")):
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
                if isinstance(entry, dict) and _for_image(entry.get("markers", ""), entry.get("platform")):
                    constraint = str(entry.get("version") or "*")
                    file = entry.get("url") or entry.get("path") or entry.get("file")
                    return self._pin(constraint, file, group, entry.get("source"), where)
        return None

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

    def _wrong_type(self, key: tuple[str, ...], expected: str) -> None:
        raise ConfigurationError(f"{'.'.join(key)} must be {expected}", where=self._document.locate(*key))


def _locked_torch(lock: TomlDocument) -> Iterator[TorchPin]:
    packages = lock.data.get("package", [])
    if not isinstance(packages, list):
        raise ConfigurationError(
            f"{LOCK} has no list of packages", where=Position(lock.path), ways_out=("write it anew: poetry lock",)
        )
    for at, package in enumerate(packages):
        if not isinstance(package, dict) or canonicalize_name(str(package.get("name", ""))) != TORCH:
            continue
        if not _for_image(package.get("markers", "")):
            continue
        source = package.get("source")
        index = str(source.get("url")) if isinstance(source, dict) else None
        constraint = f"=={package.get('version', '')}"
        yield TorchPin(constraint, None, variant_of(constraint, index), index, lock.locate("package", at, "version"))


def _for_image(markers: Any, platform: str | None = None) -> bool:
    """Whether a dependency with these markers is one of a Linux x86_64 image; markers per group: of any."""
    if platform not in (None, "linux"):
        return False
    if isinstance(markers, dict):
        return any(_for_image(marker) for marker in markers.values())
    if not markers:
        return True
    try:
        return Marker(str(markers)).evaluate(dict(_IMAGE_ENVIRONMENT))
    except InvalidMarker:
        return True  # Poetry's own error to report; not a reason to overlook a torch


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
