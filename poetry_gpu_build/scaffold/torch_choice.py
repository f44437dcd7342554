"""Which build of torch the group asks for, and from which index: the project's own, else the policy's."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.scaffold.requirement import Entry
from poetry_gpu_build.scaffold.requirement import names_a_file
from poetry_gpu_build.scaffold.requirement import with_source
from poetry_gpu_build.torch_pin import PYPI
from poetry_gpu_build.torch_pin import resolve_pin
from poetry_gpu_build.values import TorchBuild

if TYPE_CHECKING:
    from poetry_gpu_build.facts.rows import CompatibilityFacts
    from poetry_gpu_build.policy import Policy
    from poetry_gpu_build.torch_pin import TorchPin

# https://download.pytorch.org/whl/cu128: one index for each variant, which is the local label of its wheels.
_INDEX = "https://download.pytorch.org/whl/"


class Choice(NamedTuple):
    """What stands in the group."""

    entries: list[Entry]
    """For torch, without the index's source."""

    index_url: str | None
    """The index to take it from; None: as the entries say."""

    note: str | None = None


class Chosen(NamedTuple):
    """A build that somebody chose, in the stead of the project's own and the policy's."""

    version: str
    """As it is pinned: ``2.7.1`` from PyPI, ``2.7.1+cu126`` from PyTorch's own index."""

    index_url: str | None
    """None: the default index."""

    follow_wheel: bool = False
    """Whether the policy's floor is to follow the wheel: its number would not let the wheel be used."""


def choose_torch(written: list[Entry], pin: TorchPin | None, policy: Policy, facts: CompatibilityFacts) -> Choice:
    """Choose for a project that asks for torch like this; an empty list: not at all.

    Raises ConfigurationError for a constraint that is none.
    """
    own = policy.binary.torch
    if not written:
        return _built(own, {})
    if len(written) > 1 or names_a_file(written[0]):
        return Choice(written, None, "torch keeps its entry as it was written: see whether it is what the mode needs")
    asked = written[0]
    if pin is None:  # for another platform only: the image's comes beside it
        return Choice([asked], None, "torch is not asked for on Linux: add an entry for the image")
    found = resolve_pin(pin, (), facts, policy.python)
    if found.build is not None and found.said_by == "its constraint":
        if pin.index is not None and _serves(found.build, policy, facts):
            return Choice([asked], None)
        build = found.build if pin.variant else TorchBuild(found.build.version, own.variant)
        if pin.index is None and _serves(build, policy, facts):
            wheel = facts.wheel(build)
            # The default index has one variant of each release, without its label: here, the right one.
            is_default = pin.variant is None and wheel is not None and wheel.index == PYPI
            return Choice([asked], None) if is_default else _built(build, asked)
    return _built(own, asked)._replace(note=_replaced(asked, own, policy))


def choose_this(written: list[Entry], chosen: Chosen) -> Choice:
    """The chosen build, for a project that asks for torch like this; extras and markers stay."""
    asked = written[0] if len(written) == 1 and not names_a_file(written[0]) else {}
    kept = {part: value for part, value in asked.items() if part not in ("version", "source")}
    note = "torch's entries for several platforms, or of a file, became one" if written and not asked else None
    return Choice([{"version": chosen.version, **kept}], chosen.index_url, note)


def index_of(build: TorchBuild) -> str | None:
    """The index that holds a build; None: PyPI, whose wheels have no label.

    >>> index_of(TorchBuild("2.7.1", "cu128"))
    'https://download.pytorch.org/whl/cu128'
    """
    return None if build.variant is None else _INDEX + build.variant


def _built(build: TorchBuild, asked: Entry) -> Choice:
    return Choice([{**with_source(asked, None), "version": str(build)}], index_of(build))


def _serves(build: TorchBuild, policy: Policy, facts: CompatibilityFacts) -> bool:
    """Whether the facts know the build, and the binary mode's base image has its CUDA."""
    if build == policy.binary.torch:
        return True
    wheel = facts.wheel(build)
    return wheel is not None and wheel.is_published and wheel.cuda == policy.binary.cuda


def _replaced(asked: Entry, own: TorchBuild, policy: Policy) -> str:
    return (
        f"torch {asked.get('version', '*')} became {own}, the policy's: it names no build that is known to be made "
        f"with the base image's CUDA {policy.binary.cuda}; for another one set torch and base-image under "
        "[tool.gpu-build.modes.binary], and say it in the group"
    )
