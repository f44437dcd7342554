"""Poetry's installer for an environment with a swapped torch, made of Poetry's own parts. Imports Poetry.

Two things are different from the installer that Poetry makes for itself:

- What is installed is what stands outside the prefix, so that nothing under it is ever updated or removed.
- Of the operations that Poetry then arrives at, those that would install what the swap provides are skipped. It is the
  operations that are looked at, and not the lock: an image without a lock, `update` and `add` resolve anew, and a newer
  torch is not the one that was locked. Poetry writes the lock as always.

Uninstalling Poetry itself, where it lives in the same environment, is no operation that anybody asked for.
"""

from __future__ import annotations

import copy
from importlib.metadata import distributions
from inspect import signature
from typing import TYPE_CHECKING
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from poetry.core.packages.dependency import Dependency
from poetry.installation.executor import Executor
from poetry.installation.installer import Installer
from poetry.installation.operations.operation import Operation
from poetry.repositories.installed_repository import InstalledRepository

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.swap.provided import TORCH
from poetry_gpu_build.swap.provided import name_of
from poetry_gpu_build.swap.provided import provision
from poetry_gpu_build.swap.provided import reached_from
from poetry_gpu_build.swap.provided import requirements_of
from poetry_gpu_build.swap.provided import unsatisfied_error
from poetry_gpu_build.swap.telling import tell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Sequence
    from importlib.metadata import Distribution
    from pathlib import Path

    from cleo.io.io import IO
    from packaging.utils import NormalizedName
    from poetry.console.commands.installer_command import InstallerCommand
    from poetry.core.packages.package import Package
    from poetry.core.packages.project_package import ProjectPackage
    from poetry.packages import Locker
    from poetry.utils.env import Env

    from poetry_gpu_build.swap.provided import BuiltTorch

POETRY = "poetry"
SUPPORTED = SpecifierSet(">=2.2,<3")

# What this module uses of Poetry; one that lacks any of it is one that it does not know.
_USED = (
    (Installer, "__init__", {"io", "env", "package", "locker", "pool", "config", "installed", "executor"}),
    (Installer, "set_package", {"package"}),
    (Installer, "set_locker", {"locker"}),
    (Installer, "only_groups", {"groups"}),
    (Installer, "extras", {"extras"}),
    (Executor, "__init__", {"env", "pool", "config", "io", "disable_cache"}),
    (Executor, "execute", {"operations"}),
    (InstalledRepository, "load", {"env"}),
    (Operation, "skip", {"reason"}),
)


def unknown_in_poetry(version: str) -> str | None:
    """What this Poetry does otherwise than those that the plugin was made for; None where nothing does."""
    if not SUPPORTED.contains(version, prereleases=True):
        return f"it knows {SUPPORTED}"
    for owner, name, needed in _USED:
        method = getattr(owner, name, None)
        missing = sorted(needed - set(signature(method).parameters)) if callable(method) else [name]
        if missing:
            return f"its {owner.__name__}.{name} has no {', '.join(missing)}"
    return None


class ProvidingExecutor(Executor):
    """Poetry's executor, which leaves out what the swap provides."""

    #: Given after the construction, which is Poetry's own.
    decide: Decision

    def execute(self, operations: list[Operation]) -> int:
        """Skip what is provided and do the rest; nothing at all, and 2, where a requirement is not satisfied."""
        try:
            kept = self.decide.keep(operations)
        except ConfigurationError as error:
            tell(self.decide.io, error)
            return error.exit_code
        return super().execute(kept)


class ProvidingInstaller(Installer):
    """Poetry's installer, which tells its executor for which project, groups and extras it works."""

    def __init__(self, decide: Decision, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._decide = decide

    def set_package(self, package: ProjectPackage) -> Installer:
        """Work for this project, as `add` and `remove` have changed it."""
        self._decide.package = package
        return super().set_package(package)

    def set_locker(self, locker: Locker) -> Installer:
        """Work with this lock."""
        self._decide.locker = locker
        return super().set_locker(locker)

    def only_groups(self, groups: Iterable[NormalizedName]) -> Installer:
        """Install these groups."""
        self._decide.groups = frozenset(groups)
        return super().only_groups(self._decide.groups)

    def extras(self, extras: list[str]) -> Installer:
        """Install these extras."""
        self._decide.extras = frozenset(map(canonicalize_name, extras))
        return super().extras(extras)


class Decision:
    """Which of Poetry's operations are left."""

    def __init__(self, command: InstallerCommand, io: IO, built: BuiltTorch, torch_group: str, own: set[str]) -> None:
        """``own`` are Poetry's distributions in the environment."""
        self.io = io
        self.package = command.poetry.package
        self.locker = command.poetry.locker
        self.groups: frozenset[NormalizedName] | None = None
        self.extras: frozenset[NormalizedName] = frozenset()
        self._environment = command.env.marker_env
        self._built = built
        self._torch_group = canonicalize_name(torch_group)
        self._own = own

    def keep(self, operations: Sequence[Operation]) -> list[Operation]:
        """The operations for Poetry to do, those on what is provided marked as skipped.

        Raises ConfigurationError where a package needs another torch than the compiled one.
        """
        wanted = [each.package for each in operations if each.job_type != "uninstall"]
        found = provision(
            self._with_requirements(wanted),
            self._requirements(),
            self._built,
            self._environment,
            project=self.package.pretty_name,
            extras=self.extras,
            exempt=self._in_group(self._torch_group),
        )
        if found.unsatisfied:
            raise unsatisfied_error(self._built, found.unsatisfied)
        kept = []
        for each in operations:
            if each.job_type == "uninstall" and each.package.name in self._own:
                continue
            if each.package.name == TORCH or (each.package.name in found.provided and each.job_type != "uninstall"):
                each.skip(f"provided by torch {self._built.version} under {self._built.prefix}")
            kept.append(each)
        return kept

    def _with_requirements(self, packages: list[Package]) -> list[Package]:
        """The packages as resolved, or as locked: what Poetry takes from the lock it takes without requirements."""
        locked = {(each.name, each.version): each for each in self.locker.locked_repository().packages}
        return [each if each.requires else locked.get((each.name, each.version), each) for each in packages]

    def _requirements(self) -> list[Dependency]:
        names = self.package.dependency_group_names() if self.groups is None else self.groups
        return [each for name in sorted(names) for each in self._in_group(name)]

    def _in_group(self, name: str) -> list[Dependency]:
        known = self.package.dependency_group_names(include_optional=True)
        return list(self.package.dependency_group(name).dependencies) if name in known else []


def providing_installer(command: InstallerCommand, io: IO, built: BuiltTorch, torch_group: str) -> Installer:
    """The installer for one of Poetry's commands in an environment with this torch."""
    poetry = command.poetry
    # Poetry 2.2 knows no build constraints.
    is_newer = "build_constraints" in signature(Executor.__init__).parameters
    more: dict[str, Any] = {"build_constraints": poetry.build_constraints} if is_newer else {}
    decide = Decision(command, io, built, torch_group, poetry_in(command.env, built.prefix))
    executor = ProvidingExecutor(
        command.env, poetry.pool, poetry.config, io, disable_cache=poetry.disable_cache, **more
    )
    executor.decide = decide
    return ProvidingInstaller(
        decide,
        io,
        command.env,
        poetry.package,
        poetry.locker,
        poetry.pool,
        poetry.config,
        installed=InstalledRepository.load(outside(command.env, built.prefix)),
        executor=executor,
    )


def outside(env: Env, prefix: Path) -> Env:
    """The same environment with nothing on its path that stands under the prefix."""
    kind = type(env)
    paths = paths_outside(env, prefix)
    limited: Env = copy.copy(env)
    limited.__class__ = type(kind.__name__, (kind,), {"sys_path": property(lambda _: paths)})
    return limited


def paths_outside(env: Env, prefix: Path) -> list[str]:
    """The environment's import path without the prefix."""
    own = f"{prefix}/"
    return [each for each in env.sys_path if each.strip() and not f"{each}/".startswith(own)]


def poetry_in(env: Env, prefix: Path) -> set[str]:
    """Poetry's own distributions in an environment: Poetry, whatever requires Poetry, and what these require."""
    found: dict[str, Distribution] = {}
    for each in distributions(path=paths_outside(env, prefix)):
        if name := name_of(each):
            found.setdefault(canonicalize_name(name), each)
    if POETRY not in found:
        return set()
    requires = {name: requirements_of(each) for name, each in found.items()}
    asked = [Dependency(name, "*") for name in found if name == POETRY or _asks_for_poetry(requires[name])]
    return set(reached_from(asked, requires, env.marker_env))


def _asks_for_poetry(requirements: list[Dependency]) -> bool:
    return any(each.name == POETRY and not each.in_extras for each in requirements)
