"""The services of a project: its files, with what they include and extend, laid over one another. Pure.

The order is compose-go's: each document is interpolated, then gets what it includes, then what its services extend, and
is then laid over the documents and the files before it.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.documents.compose.dotenv import parse_env
from poetry_gpu_build.documents.compose.extends import Extender
from poetry_gpu_build.documents.compose.library import Unreadable
from poetry_gpu_build.documents.compose.nodes import MappingNode
from poetry_gpu_build.documents.compose.nodes import ScalarNode
from poetry_gpu_build.documents.compose.nodes import SequenceNode
from poetry_gpu_build.documents.compose.problems import Overflow
from poetry_gpu_build.documents.compose.problems import Problem
from poetry_gpu_build.documents.compose.reading import Reading
from poetry_gpu_build.documents.compose.reading import Scope
from poetry_gpu_build.documents.interpolation import interpolate
from poetry_gpu_build.documents.source import Position

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

    from poetry_gpu_build.documents.compose.library import Library
    from poetry_gpu_build.documents.compose.nodes import Node
    from poetry_gpu_build.documents.compose.problems import Kind

PROJECT_NAME = "COMPOSE_PROJECT_NAME"
# An include within an include within …: each is a call within a call.
MAXIMUM_INCLUDES = 50


class Loaded(NamedTuple):
    """A project whose services are merged, and not yet looked into."""

    reading: Reading
    services: MappingNode | None
    variables: Mapping[str, str]


def load(library: Library, paths: Sequence[Path], folder: Path, variables: Mapping[str, str]) -> Loaded:
    """Read a project's files, each an override of those before it.

    ``folder`` is the project directory, ``variables`` are those of the environment and of the env files.
    """
    reading = Reading(library)
    variables = {PROJECT_NAME: _project_name(library, paths, folder, variables), **variables}
    services = None
    try:
        services = _services(reading, paths, Scope(folder, variables), None)
    except Overflow:
        where = Position(paths[0] if paths else folder)
        reading.problems.append(Problem("too-much", "the project unfolds to more than is read", where))
    if services is None and not reading.problems:
        reading.problems.append(Problem("shape", "there is nothing in it", Position(paths[0] if paths else folder)))
    return Loaded(reading, services, variables)


def env_values(reading: Reading, path: Path, variables: Mapping[str, str], asked_by: Node | None) -> dict[str, str]:
    """The variables of an env file, which may name others; a file that nobody asked for may be missing."""
    source = reading.library.text(path)
    if isinstance(source, Unreadable):
        if asked_by is not None or not source.missing:
            where = asked_by.position if asked_by else Position(path, source.line)
            kind: Kind = "too-much" if source.too_large else "unreadable"
            reading.problems.append(Problem(kind, f"{path.name} cannot be read: {source.reason}", where))
        return {}
    parsed = parse_env(source, variables)
    reading.problems += parsed.problems
    return parsed.values


def _services(reading: Reading, paths: Sequence[Path], scope: Scope, asked_by: Node | None) -> MappingNode | None:
    merged: MappingNode | None = None
    for path in paths:
        inner = scope._replace(chain=(*scope.chain, path))
        for document in reading.documents(path, scope, asked_by):
            services = reading.services_of(document)
            if services is None:
                services = MappingNode(document.file, document.offset, {})
            include = document.get("include")
            if include is not None:
                services = _including(reading, include, services, inner)
            services = Extender(reading, scope).all(services, path)
            if merged is None or "services" in document.resets:
                merged = services
            else:
                merged = reading.merger.services(merged, services)
    return merged


def _including(reading: Reading, include: Node, services: MappingNode, scope: Scope) -> MappingNode:
    """The services with those of the included projects; where both have one, the including file's lies on top."""
    if not isinstance(include, SequenceNode):
        reading.problem("shape", "include must be a list", include)
        return services
    for item in include.items:
        included = _included(reading, item, scope)
        if included is None:
            continue
        entries = dict(services.entries)
        for entry in included.entries.values():
            own = entries.get(entry.key)
            entries[entry.key] = entry if own is None else reading.merger.service(entry, own)
        services = services._replace(entries=entries)
    return services


def _included(reading: Reading, item: Node, scope: Scope) -> MappingNode | None:
    """The services of one entry of ``include``: a path, or a mapping with path, project_directory and env_file."""
    listed = _texts(reading, item.get("path") if isinstance(item, MappingNode) else item)
    found = [reading.local_path(node.file.folder, node.text, node) for node in listed]
    paths = [path for path in found if path is not None]
    if not listed:
        reading.problem("shape", "include must name a file", item)
    if not paths:
        return None
    if paths[0] in scope.chain:
        names = " → ".join(path.name for path in (*scope.chain, paths[0]))
        reading.problem("cycle", f"the file includes itself: {names}", item)
        return None
    if len(scope.chain) > MAXIMUM_INCLUDES:
        reading.problem("too-much", f"more than {MAXIMUM_INCLUDES} files include one another", item)
        return None
    folder = paths[0].parent
    env_files: list[ScalarNode] = []
    if isinstance(item, MappingNode):
        for node in _texts(reading, item.get("project_directory"))[:1]:
            folder = reading.local_path(node.file.folder, node.text, node) or folder
        env_files = _texts(reading, item.get("env_file"))
    variables = _variables_of(reading, env_files, folder, scope.variables)
    return _services(reading, paths, scope._replace(folder=folder, variables=variables), item)


def _variables_of(
    reading: Reading, env_files: Sequence[ScalarNode], folder: Path, variables: Mapping[str, str]
) -> dict[str, str]:
    """An included project's variables: the including one's go before those of the env files, a later one first."""
    if not env_files:
        return {**env_values(reading, folder / ".env", variables, None), **variables}
    values: dict[str, str] = {}
    for node in env_files:
        path = None if node.text == os.devnull else reading.local_path(node.file.folder, node.text, node)
        if path is not None:
            values |= env_values(reading, path, {**values, **variables}, node)
    return {**values, **variables}


def _texts(reading: Reading, node: Node | None) -> list[ScalarNode]:
    """A text, or a list of texts."""
    match node:
        case None:
            return []
        case ScalarNode():
            return [node]
        case SequenceNode():
            return [item for item in node.items if isinstance(item, ScalarNode)]
    reading.problem("shape", "this must be a path, or a list of paths", node)
    return []


def _project_name(library: Library, paths: Sequence[Path], folder: Path, variables: Mapping[str, str]) -> str:
    """What the last file says, or the folder's name: lower case, and only letters, digits, ``_`` and ``-``."""
    name = ""
    for path in paths:
        stream = library.stream(path, folder)
        if isinstance(stream, Unreadable):
            continue
        for document in stream.documents:
            node = document.get("name") if isinstance(document, MappingNode) else None
            if isinstance(node, ScalarNode):
                name = interpolate(node.text, variables).text or name
    return re.sub(r"[^a-z0-9_-]", "", (name or folder.name).lower()).lstrip("_-")
