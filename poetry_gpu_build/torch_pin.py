"""Which torch a project pins: from its constraint, its source and its lock to one build, or to why it is not known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.version import Version

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    from poetry_gpu_build.documents.source import Position
    from poetry_gpu_build.facts.rows import CompatibilityFacts

PYPI = "PyPI"
_BY_CONSTRAINT = "its constraint"
BY_LOCK = "poetry.lock"


@dataclass(frozen=True, slots=True)
class TorchPin:
    """The torch that a project asks for, or has locked."""

    constraint: str
    """As written, in Poetry's or PEP 508's notation."""
    group: str | None
    """The dependency group as written; None: a main dependency."""
    variant: str | None
    """``cu128``, where the constraint, the wheel's file name or the index tells it."""
    index: str | None
    """The address of the source it names; None: the project's default index."""
    where: Position


@dataclass(frozen=True, slots=True)
class PinnedTorch:
    """What the binary image will hold, as far as the project tells."""

    build: TorchBuild | None
    """The release and its variant; None where the project does not tell."""
    pin: TorchPin
    said_by: str
    """What tells it: the group's constraint, the lock, or the newest release that the constraint allows."""

    @property
    def is_told_by_constraint(self) -> bool:
        """Whether the project allows this build alone."""
        return self.said_by == _BY_CONSTRAINT

    @property
    def unknown_because(self) -> str:
        """Why nothing is known of the architectures in it, for the case that nothing is."""
        if self.build is None:
            return f"torch {self.pin.constraint!r} names no single build"
        if self.build.variant is None:
            return f"the CUDA variant of torch {self.build} is not known"
        return f"the architectures in torch {self.build} are not in the facts"


def resolve_pin(pin: TorchPin, locked: tuple[TorchPin, ...], facts: CompatibilityFacts, python: str) -> PinnedTorch:
    """Find the build: the constraint if it is exact, else the lock, else the newest known release it allows.

    ``python`` is the image's (``3.10``): a release that does not install there is not the newest.

    Raises ConfigurationError for a constraint that is none.
    """
    exact = _exact(pin, facts)
    if exact is not None and pin.variant is not None:
        return PinnedTorch(exact, pin, _BY_CONSTRAINT)
    locked_builds = {build for build in (_exact(lock, facts) for lock in locked) if build is not None}
    # An exact release without its variant: the lock knows which index it came from, if it is of that release.
    fitting = [build for build in locked_builds if exact is None or build.version == exact.version]
    if len(fitting) == 1:
        return PinnedTorch(fitting[0], pin, BY_LOCK)
    if exact is not None:
        return PinnedTorch(exact, pin, _BY_CONSTRAINT)
    return PinnedTorch(_newest_allowed(pin, facts, python), pin, "the newest known release that its constraint allows")


def allows(constraint: str, version: str) -> bool:
    """Whether a constraint that `resolve_pin` has read allows this version; what is no version is not allowed.

    >>> allows(">=2.4,<3", "2.7.1+cu128"), allows("2.7.1", "2.7.1+cu128"), allows("^2.7", "nightly")
    (True, True, False)
    """
    from poetry.core.constraints.version import Version as ExactVersion
    from poetry.core.constraints.version import parse_constraint
    from poetry.core.version.exceptions import InvalidVersionError

    try:
        return parse_constraint(constraint).allows(ExactVersion.parse(version))
    except InvalidVersionError:
        return False


def _exact(pin: TorchPin, facts: CompatibilityFacts) -> TorchBuild | None:
    """The build that a pin names exactly (`2.7.1`, `==2.7.1+cu128`); None for a range."""
    from poetry.core.constraints.version import Version as ExactVersion
    from poetry.core.constraints.version import parse_constraint
    from poetry.core.constraints.version.exceptions import ParseConstraintError

    try:
        constraint = parse_constraint(pin.constraint)
    except ParseConstraintError as error:
        raise ConfigurationError(
            f"{pin.constraint!r} is not a version constraint", where=pin.where, ways_out=("write it as 2.7.1+cu128",)
        ) from error
    if not isinstance(constraint, ExactVersion):
        return None
    release = _as_released(constraint.without_local().text, facts)
    return TorchBuild(release, pin.variant or _default_variant(release, pin, facts))


def _as_released(release: str, facts: CompatibilityFacts) -> str:
    """The release as its wheels spell it: `2.6` and `2.6.0` are one (PEP 440)."""
    spelled = (wheel.torch.version for wheel in facts.wheels)
    return next((version for version in spelled if Version(version) == Version(release)), release)


def _default_variant(release: str, pin: TorchPin, facts: CompatibilityFacts) -> str | None:
    """PyPI holds one variant of each release, without a label: the facts tell which."""
    if pin.index is not None:
        return None
    on_pypi = (wheel for wheel in facts.wheels if wheel.index == PYPI and wheel.torch.version == release)
    return next((wheel.torch.variant for wheel in on_pypi), None)


def _newest_allowed(pin: TorchPin, facts: CompatibilityFacts, python: str) -> TorchBuild | None:
    from poetry.core.constraints.version import Version as ExactVersion
    from poetry.core.constraints.version import parse_constraint

    constraint = parse_constraint(pin.constraint)
    allowed = [
        wheel
        for wheel in facts.wheels
        if wheel.is_published
        and wheel.installs_on(python)
        and (wheel.torch.variant == pin.variant if pin.variant else pin.index is None and wheel.index == PYPI)
        and constraint.allows(ExactVersion.parse(wheel.torch.version))
    ]
    return max(allowed, key=lambda wheel: Version(wheel.torch.version)).torch if allowed else None
