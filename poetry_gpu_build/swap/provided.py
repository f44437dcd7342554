"""What a compiled torch provides: which packages Poetry need not install, and who asks for another torch.

Poetry resolves for the wheel that is locked, and the image holds a torch of another version with other requirements.
One walk over what Poetry is about to install answers both questions: from the project's own requirements along those of
each package, and at torch along those of the *compiled* torch, as its own METADATA lists them. What the walk does not
come by and the wheel asks for (nvidia-*, triton) is only the wheel's. Whoever requires torch on the way must be content
with the real version.

The values are poetry-core's own (Package, Dependency): their constraints and markers are what Poetry decides by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Mapping
    from importlib.metadata import Distribution
    from pathlib import Path
    from typing import Any

    from poetry.core.packages.dependency import Dependency
    from poetry.core.packages.package import Package

TORCH = "torch"


class BuiltTorch(NamedTuple):
    """The compiled torch, as its METADATA describes it."""

    prefix: Path
    version: str
    """The real one: ``2.4.1``, ``2.4.1+cu118``, or ``2.4.0a0+git…`` where nobody named it for the build."""
    requires: tuple[Dependency, ...]


class Demand(NamedTuple):
    """A requirement on torch, and whose it is."""

    name: str
    """Of a package; of the project itself where ``version`` is None."""
    version: str | None
    constraint: str


class Provision(NamedTuple):
    """What Poetry leaves alone, and what stands against it."""

    provided: frozenset[str]
    """torch, and what only its wheel needs; normalised names."""
    unsatisfied: tuple[Demand, ...]
    """The requirements on torch that the real version does not satisfy."""


def read_built(prefix: Path) -> BuiltTorch | None:
    """The torch under a prefix; None where there is none, or no single one that says its version."""
    from importlib.metadata import distributions

    from packaging.utils import canonicalize_name

    named = [(name_of(each), each) for each in distributions(path=[str(prefix)])]
    found = [each for name, each in named if name and canonicalize_name(name) == TORCH]
    version = _field(found[0], "Version") if len(found) == 1 else None
    if version is None or not _is_version(version):
        return None
    return BuiltTorch(prefix, version, tuple(requirements_of(found[0])))


def requirements_of(distribution: Distribution) -> list[Dependency]:
    """The requirements of an installed distribution; what is none (old METADATA) is passed over, as pip does."""
    from poetry.core.packages.dependency import Dependency

    found = []
    for text in distribution.metadata.get_all("Requires-Dist") or ():
        try:
            found.append(Dependency.create_from_pep_508(text))
        except ValueError:
            continue
    return found


def name_of(distribution: Distribution) -> str | None:
    """The name of an installed distribution; None where it has no METADATA, or no name in it."""
    return _field(distribution, "Name")


def _field(distribution: Distribution, field: str) -> str | None:
    try:
        found = distribution.metadata.get_all(field)
    except FileNotFoundError:  # Python 3.15 raises where the ones before return nothing
        return None
    return str(found[0]) if found else None


def provision(
    packages: Iterable[Package],
    own: Iterable[Dependency],
    built: BuiltTorch,
    environment: Mapping[str, Any],
    *,
    project: str,
    extras: Collection[str] = (),
    exempt: Collection[Dependency] = (),
) -> Provision:
    """What the compiled torch provides to an installation of ``packages``.

    ``own`` are the project's requirements in the groups that are installed, with its ``extras``; of those, ``exempt``
    may ask for any torch: the group that the modes switch is there to name the wheel. ``environment`` holds the marker
    variables of the interpreter.
    """
    by_name: dict[str, list[Package]] = {}
    for package in packages:
        by_name.setdefault(package.name, []).append(package)
    if TORCH not in by_name:
        return Provision(frozenset({TORCH}), ())
    taken = [each for each in own if is_taken(each, extras, environment)]
    requires = {name: [each for package in named for each in package.requires] for name, named in by_name.items()}
    reached = reached_from(taken, {**requires, TORCH: built.requires}, environment)
    demands = [Demand(project, None, _shown(each)) for each in taken if each not in exempt and _refuses(each, built)]
    for name, with_extras in sorted(reached.items()):
        for package in by_name[name] if name != TORCH else ():
            refusing = [each for each in package.requires if _refuses(each, built)]
            refusing = [each for each in refusing if is_taken(each, with_extras, environment)]
            demands += [Demand(package.pretty_name, package.pretty_version, _shown(each)) for each in refusing]
    only_the_wheel_s = _wheel_closure(requires) - set(reached)
    return Provision(frozenset({TORCH, *only_the_wheel_s}), tuple(dict.fromkeys(demands)))


def is_taken(dependency: Dependency, extras: Collection[str], environment: Mapping[str, Any]) -> bool:
    """Whether a requirement counts in this environment, where its owner is asked for with these extras."""
    if dependency.in_extras and not set(dependency.in_extras) & set(extras):
        return False
    return bool(dependency.marker.validate({**environment, "extra": set(extras)}))


def reached_from(
    asked: Iterable[Dependency], requires: Mapping[str, Iterable[Dependency]], environment: Mapping[str, Any]
) -> dict[str, set[str]]:
    """Every package of ``requires`` that these requirements lead to, and the extras with which it is asked for."""
    reached: dict[str, set[str]] = {}
    waiting = list(asked)
    while waiting:
        each = waiting.pop()
        extras = reached.get(each.name)
        if each.name not in requires or (extras is not None and extras >= each.extras):
            continue
        reached[each.name] = extras = (extras or set()) | each.extras
        waiting += [further for further in requires[each.name] if is_taken(further, extras, environment)]
    return reached


def _wheel_closure(requires: Mapping[str, Iterable[Dependency]]) -> set[str]:
    """Everything that the wheel asks for, whatever the markers."""
    found: set[str] = set()
    waiting = [TORCH]
    while waiting:
        new = {each.name for each in requires[waiting.pop()] if each.name in requires} - found
        found |= new
        waiting += new
    return found


def _refuses(dependency: Dependency, built: BuiltTorch) -> bool:
    """Whether a requirement on torch leaves the real version out; PEP 440: an installed pre-release counts."""
    from poetry.core.constraints.version import Version

    return dependency.name == TORCH and not dependency.constraint.allows(Version.parse(built.version))


def _shown(dependency: Dependency) -> str:
    return f"torch {dependency.pretty_constraint}"


def _is_version(text: str) -> bool:
    from packaging.version import InvalidVersion
    from packaging.version import Version

    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def unsatisfied_error(built: BuiltTorch, unsatisfied: tuple[Demand, ...]) -> ConfigurationError:
    """The error that names everybody whom the real version does not satisfy, with the ways out."""
    wanted = "; ".join(
        f"{each.name} {each.version} requires {each.constraint}"
        if each.version
        else f"{each.name} itself requires {each.constraint}"
        for each in unsatisfied
    )
    packages = [each for each in unsatisfied if each.version]
    older = tuple(
        f'pin a release of {each.name} that takes torch {built.version}: poetry add --lock "{each.name}<{each.version}"'
        for each in packages
    )
    own = ('move the project\'s own pin of torch into the group that the modes switch (binary-torch), and leave "*"',)
    return ConfigurationError(
        f"{wanted}, and the compiled torch under {built.prefix} is {built.version}; nothing was installed",
        ways_out=(
            *older,
            *(own if len(packages) < len(unsatisfied) else ()),
            "compile a torch that satisfies it: modes.source.torch and modes.source.torch-ref in [tool.gpu-build]",
            "or use the binary mode, if a wheel serves these GPUs: poetry gpu-build --binary",
        ),
    )
