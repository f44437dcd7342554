"""``volumes`` of a service: what is mounted where, in the short and in the long form. Pure.

Compose Specification, "volumes"; the short form as compose-go reads it: ``[SOURCE:]TARGET[:OPTIONS]``, where a source
that begins like a path is one of the host, and any other the name of a volume.
"""

from __future__ import annotations

import os.path
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.documents.compose.nodes import MappingNode
from poetry_gpu_build.documents.compose.nodes import ScalarNode
from poetry_gpu_build.documents.compose.nodes import SequenceNode
from poetry_gpu_build.documents.compose.nodes import failed
from poetry_gpu_build.documents.compose.nodes import written
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from poetry_gpu_build.documents.compose.nodes import Node
    from poetry_gpu_build.documents.source import Position

# A colon behind a single letter at a section's beginning belongs to it: C:\data.
_SECTION = lazy_pattern(r"(?:[^\W\d_]:)?[^:]*")
_WINDOWS = lazy_pattern(r"[^\W\d_]:|\\\\")


@dataclass(frozen=True, slots=True)
class Mount:
    """One entry of ``volumes``."""

    position: Position
    written: str
    type: str
    """``bind`` (a path of the host), ``volume``, ``tmpfs`` …"""

    source: str
    """A path or a volume's name as it is written; empty for an anonymous volume."""

    target: str
    read_only: bool
    source_path: Path | None
    """The host's path of a bind mount; None for other types, and where it starts at a home folder or on a drive."""

    decided: bool = True
    """False where a required variable is missing, or the entry cannot be read."""


class MountError(ValueError):
    """An entry that Compose refuses; the message says why."""


def mounts(node: Node, refuse: Callable[[str, Node], None]) -> tuple[Mount, ...]:
    """The entries of ``volumes``; of several with one target the last one stands."""
    if not isinstance(node, SequenceNode):
        refuse("volumes must be a list", node)
        return ()
    unique: dict[object, Mount] = {}
    for entry in node.items:
        try:
            mount = _long(entry) if isinstance(entry, MappingNode) else _short(entry)
        except MountError as error:
            if not failed(entry):
                refuse(str(error), entry)
            mount = Mount(entry.position, written(entry), "", "", "", read_only=False, source_path=None, decided=False)
        unique[mount.target if mount.decided else mount.position] = mount
    return tuple(unique.values())


def _short(node: Node) -> Mount:
    if not isinstance(node, ScalarNode):
        raise MountError("a volume is a text or a mapping")
    source, target, options = parse_short(node.printed)
    is_path = source.startswith((".", "/", "~")) or _WINDOWS.match(source) is not None
    return _mount(
        node, node.file.folder, "bind" if is_path else "volume", source, target, read_only=_is_read_only(options)
    )


def parse_short(text: str) -> tuple[str, str, tuple[str, ...]]:
    """Source, target and options of the short form; raises MountError.

    >>> parse_short("./src:/app/src:ro,z")
    ('./src', '/app/src', ('ro', 'z'))
    >>> parse_short("/data")
    ('', '/data', ())
    """
    if len(text) < 3:
        if not text:
            raise MountError("a volume is missing here")
        return "", text, ()
    sections: list[str] = []
    at = 0
    while at <= len(text):
        found = _SECTION.match(text, at)
        assert found is not None  # it matches nothing, too
        sections.append(found[0])
        at = found.end() + 1
    if "" in sections:
        raise MountError(f"{text[:80]!r} has nothing between two colons")
    match sections:
        case [target]:
            return "", target, ()
        case [source, target]:
            return source, target, ()
        case [source, target, options]:
            return source, target, tuple(options.split(","))
    raise MountError(f"{text[:80]!r} has too many colons")


def _is_read_only(options: tuple[str, ...]) -> bool:
    access = [option for option in options if option in ("ro", "rw")]
    return access[-1:] == ["ro"]


def _long(node: MappingNode) -> Mount:
    fields = {entry.key: entry.node for entry in node.entries.values() if isinstance(entry.node, ScalarNode)}

    def text(key: str) -> str:
        return fields[key].printed if key in fields else ""

    if not text("target"):
        raise MountError("a volume must name its target")
    # A relative source starts from the folder of the file in which it stands, not of the one that merges it.
    folder = fields["source"].file.folder if "source" in fields else node.file.folder
    read_only = text("read_only").lower() in ("true", "yes", "on", "y")
    return _mount(node, folder, text("type") or "volume", text("source"), text("target"), read_only=read_only)


def _mount(node: Node, folder: Path, kind: str, source: str, target: str, *, read_only: bool) -> Mount:
    path = None
    if kind == "bind" and source and not source.startswith("~") and not _WINDOWS.match(source) and "\0" not in source:
        path = Path(os.path.normpath(folder / source))
    # Two slashes at the beginning mean something to POSIX, and nothing to Compose.
    target = posixpath.normpath("/" + target.lstrip("/") if target.startswith("/") else target)
    return Mount(node.position, written(node), kind, source, target, read_only, path, not failed(node))
