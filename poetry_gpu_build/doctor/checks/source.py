"""Where torch comes from: an index that is asked for nothing else, and holds the variant that is pinned."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.doctor.findings import judge_findings
from poetry_gpu_build.doctor.line import Line
from poetry_gpu_build.documents.manifest import TORCH
from poetry_gpu_build.documents.manifest import array
from poetry_gpu_build.documents.manifest import dependencies
from poetry_gpu_build.documents.manifest import normalised
from poetry_gpu_build.torch_pin import PYPI
from poetry_gpu_build.torch_pin import PinnedTorch
from poetry_gpu_build.values import variant_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from poetry_gpu_build.doctor.seen import Seen
    from poetry_gpu_build.documents.toml import TomlDocument

TOPIC = "source"
#: A source that is not explicit.
RULES = ("GPU504",)
_EXPLICIT = "explicit"
# What stands before the host of an address is a name and a secret.
_USER = re.compile(r"(?<=//)[^/@]*@")


class Source(NamedTuple):
    """One [[tool.poetry.source]], as far as this check reads it."""

    name: str
    priority: str
    """In lower case; empty: Poetry's own, which is primary."""


def check_source(seen: Seen) -> Iterator[Line]:
    """One line."""
    project, pinned = seen.project.project, seen.project.pinned
    if project is None or not isinstance(pinned, PinnedTorch):
        return
    line = judge_source(project.pyproject, pinned)
    found = judge_findings(TOPIC, seen.project.findings(*RULES), project.root)
    yield found if found is not None and line.mark == "ok" else line


def judge_source(pyproject: TomlDocument, pinned: PinnedTorch) -> Line:
    """Hold the variant of the constraint against that of the index."""
    pin = pinned.pin
    label = variant_of(pin.constraint, None)
    if pin.index is None:
        is_pypi = all(source.priority == _EXPLICIT for source in _sources(pyproject))
        if label is not None and is_pypi:
            seen = f"torch {pin.constraint} names no source, and {PYPI} has no torch with a label"
            return Line(TOPIC, "problem", seen, (f"name PyTorch's index of {label} as its source", _TO_CHOOSE))
        variant = None if pinned.build is None else pinned.build.variant
        told = f", whose torch {pinned.build.version} is {variant}" if pinned.build is not None and variant else ""
        return Line(TOPIC, "ok", f"{PYPI}{told}" if is_pypi else "the project's default indexes")
    name = _named_by(pyproject, pin.group)
    address = _USER.sub("", pin.index)
    if name is None:
        return Line(TOPIC, "ok", f"a file: {address}")
    held = variant_of("", pin.index)
    if label is not None and held is not None and label != held:
        seen = f"torch {pin.constraint} is asked of {name}, which holds {held}: {address}"
        return Line(TOPIC, "problem", seen, (f"name an index that holds {label}, or pin a torch of {held}", _TO_CHOOSE))
    priority = next((each.priority for each in _sources(pyproject) if each.name.lower() == name.lower()), "")
    return Line(TOPIC, "ok", f"{name}{', explicit' if priority == _EXPLICIT else ''}: {address}")


_TO_CHOOSE = "or let one that serves the cards be written: poetry gpu-build advise --apply"


def _sources(pyproject: TomlDocument) -> list[Source]:
    written = [each for each in array(pyproject.data, "tool", "poetry", "source") if isinstance(each, dict)]
    return [Source(str(each.get("name", "")), str(each.get("priority", "")).lower()) for each in written]


def _named_by(pyproject: TomlDocument, group: str | None) -> str | None:
    """The source that torch names; None: it names a file."""
    wanted = None if group is None else normalised(group)
    asked = (each for each in dependencies(pyproject) if (each.name, each.group) == (TORCH, wanted))
    return next((name for each in asked for name in each.sources), None)
