"""What an image of the project installs beside torch, as far as its manifest and its lock tell.

Nothing is parsed before it is asked for: a project may ask for thousands of distributions, and advice asks for few.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement

from poetry_gpu_build.documents.manifest import dependencies
from poetry_gpu_build.documents.manifest import normalised
from poetry_gpu_build.project import allows_python
from poetry_gpu_build.project import counts_in_image

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry.core.constraints.version import VersionConstraint

    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.documents.toml import Key
    from poetry_gpu_build.documents.toml import TomlDocument
    from poetry_gpu_build.policy import Mode
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.project import Project

MAIN = "main"
_EXTRAS = ("project", "optional-dependencies")
# What points to one file or repository, whose version is written in it and not here.
_FILES = ("url", "path", "file", "git")


class Required(NamedTuple):
    """A distribution that the image installs."""

    name: str
    """Normalised (PEP 503)."""
    constraint: VersionConstraint | None
    """The versions that may be installed; None: not told, as of a file's or of what is no constraint."""
    where: Position
    """The first place that asks for it, or where the lock has it."""
    extras: frozenset[str] = frozenset()

    def may_be(self, versions: str) -> bool:
        """Whether one of these versions (``>=14``) may be installed; of a constraint that is not told, any may."""
        return self.constraint is None or self.constraint.allows_any(_parsed(versions))

    def must_be(self, versions: str) -> bool:
        """Whether nothing but these versions may be installed."""
        return self.constraint is not None and _parsed(versions).allows_all(self.constraint)

    def up_to(self, version: str) -> Required:
        """The same, of a distribution that has no later version; nothing may be installed where only later ones may."""
        there_are = _parsed(f"<={version}")
        return self._replace(constraint=there_are if self.constraint is None else self.constraint.intersect(there_are))

    def __str__(self) -> str:
        """Its name and where it is asked for, as a sentence names it."""
        place = self.where._replace(path=Path(self.where.path.name))
        return f"{self.name} ({place})"


class _Asked(NamedTuple):
    """One requirement, read for the image."""

    constraint: VersionConstraint | None
    extras: frozenset[str]


class Requirements:
    """The distributions of one image by name; nobody changes it."""

    def __init__(self, document: TomlDocument, lock: TomlDocument | None, groups: Iterable[str], python: str) -> None:
        """Note who asks for what in these groups, main and those that they include among them; no lock: not counted."""
        self._document = document
        self._lock = lock
        self._python = python
        self._keys: dict[str, list[Key]] = {}
        self._locked: dict[str, int] = {}
        asked = [each for each in dependencies(document) if each.key[: len(_EXTRAS)] != _EXTRAS]
        included: dict[str, set[str]] = {}
        for each in asked:
            if each.is_group:
                included.setdefault(each.group or MAIN, set()).add(each.name)
        installed = _closure({MAIN, *groups}, included)
        for each in asked:
            if not each.is_group and (each.group or MAIN) in installed:
                self._keys.setdefault(each.name, []).append(each.key)
        if lock is not None:
            self._locked = dict(_locked(lock, installed, python))

    @property
    def names(self) -> frozenset[str]:
        """Normalised. Markers are not judged before one is asked for: some may not be of the image."""
        return frozenset(self._keys) | frozenset(self._locked)

    def find(self, name: str) -> Required | None:
        """The distribution of this normalised name; None where the image does not ask for it."""
        if self._lock is not None and name in self._locked:
            at = self._locked[name]
            version = self._lock.data["package"][at].get("version")
            exact = _told(f"=={version}") if isinstance(version, str) else None
            return Required(name, exact, self._lock.locate("package", at, "version"))
        asked = [(key, entry) for key in self._keys.get(name, ()) for entry in self._asked_at(key)]
        if not asked:
            return None
        constraint = _intersection([entry.constraint for _, entry in asked])
        extras = frozenset(extra for _, entry in asked for extra in entry.extras)
        return Required(name, constraint, self._document.locate(*asked[0][0]), extras)

    def _asked_at(self, key: Key) -> Iterator[_Asked]:
        """What stands at a key, where it counts in the image."""
        value: Any = self._document.data
        for part in key:
            value = value[part]
        if isinstance(key[-1], int):
            yield from _from_text(value, self._python)
            return
        for entry in value if isinstance(value, list) else [value]:
            yield from _from_entry(entry, self._python)


def requirements_of(project: Project, mode: Mode, policy: Policy) -> Requirements:
    """What a mode's image installs.

    The lock counts where the policy asks for it: else each image resolves for itself.
    """
    lock = project.lock if policy.lock == "require" else None
    return Requirements(project.pyproject, lock, installed_groups(project, mode), policy.python)


def installed_groups(project: Project, mode: Mode) -> frozenset[str]:
    """The dependency groups that a mode's image installs, normalised; the main dependencies are in every image."""
    left_out = {normalised(group) for group in mode.without_groups}
    taken = {normalised(group) for group in mode.with_groups}
    return (project.groups - project.optional_groups | taken) - left_out


def _closure(groups: set[str], included: dict[str, set[str]]) -> set[str]:
    """The groups, and those that they include; a ring of groups is Poetry's own error to report."""
    found: set[str] = set()
    waiting = list(groups)
    while waiting:
        group = waiting.pop()
        if group not in found:
            found.add(group)
            waiting += included.get(group, ())
    return found


def _locked(lock: TomlDocument, installed: set[str], python: str) -> Iterator[tuple[str, int]]:
    """Each locked distribution of these groups, and its number in the lock; the first of several versions counts."""
    seen = set()
    for at, package in enumerate(lock.data.get("package", ())):
        if not isinstance(package, dict) or package.get("optional") is True:
            continue
        name, groups = package.get("name"), package.get("groups", [MAIN])
        is_installed = isinstance(groups, list) and any(
            isinstance(group, str) and group in installed for group in groups
        )
        if not isinstance(name, str) or not is_installed or normalised(name) in seen:
            continue
        if counts_in_image(package.get("markers", ""), python):
            seen.add(normalised(name))
            yield normalised(name), at


def _from_text(text: Any, python: str) -> Iterator[_Asked]:
    """A PEP 508 requirement; one that is none is Poetry's own error to report."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        yield _Asked(None, frozenset())
        return
    if counts_in_image(str(requirement.marker or ""), python):
        constraint = None if requirement.url else _told(str(requirement.specifier) or "*")
        yield _Asked(constraint, frozenset(normalised(extra) for extra in requirement.extras))


def _from_entry(entry: Any, python: str) -> Iterator[_Asked]:
    """Poetry's own notation: a version, or a table."""
    if not isinstance(entry, dict):
        yield _Asked(_told(entry) if isinstance(entry, str) else None, frozenset())
        return
    pythons = entry.get("python")
    if (
        entry.get("optional") is True  # an extra, which no image asks for
        or entry.get("platform", "linux") != "linux"
        or not allows_python(pythons if isinstance(pythons, str) else None, f"{python}.0")
        or not counts_in_image(entry.get("markers", ""), python)
    ):
        return
    version = entry.get("version", "*")
    is_told = isinstance(version, str) and not any(part in entry for part in _FILES)
    extras = entry.get("extras", [])
    named = extras if isinstance(extras, list) else []
    yield _Asked(
        _told(version) if is_told else None, frozenset(normalised(extra) for extra in named if isinstance(extra, str))
    )


def _intersection(constraints: list[VersionConstraint | None]) -> VersionConstraint | None:
    """What all of them allow; constraints that exclude each other are the resolver's to report."""
    told = [constraint for constraint in constraints if constraint is not None]
    if len(told) < len(constraints):
        return None
    both = told[0]
    for constraint in told[1:]:
        both = both.intersect(constraint)
    return None if both.is_empty() else both


def _told(text: str) -> VersionConstraint | None:
    """The constraint, in Poetry's or PEP 508's notation; None for what is none."""
    from poetry.core.constraints.version.exceptions import ParseConstraintError

    try:
        constraint = _parsed(text)
    except (ParseConstraintError, ValueError):
        return None
    return None if constraint.is_empty() else constraint


def _parsed(text: str) -> VersionConstraint:
    # Poetry's own reader, as everywhere a constraint is read; imported when a constraint is asked for.
    from poetry.core.constraints.version import parse_constraint

    return parse_constraint(text)
