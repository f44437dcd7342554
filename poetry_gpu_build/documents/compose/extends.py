"""``extends``: a service built on another one, of the same file or of another.

Compose Specification, "extends": what the other service has is inherited, published ports included, and what this one
says is laid over it. The other service may extend a third. Its relative paths start from the folder of its own file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.compose.nodes import Entry
from poetry_gpu_build.documents.compose.nodes import MappingNode
from poetry_gpu_build.documents.compose.nodes import ScalarNode

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.documents.compose.nodes import Node
    from poetry_gpu_build.documents.compose.reading import Reading
    from poetry_gpu_build.documents.compose.reading import Scope
    from poetry_gpu_build.documents.source import Position

# Longer chains than this are no one's design; each link is a call within a call.
MAXIMUM_CHAIN = 50

# The services that led here, with the place of the `extends` that each was reached by.
Chain = dict[tuple["Path", str], "Position"]


class Extender:
    """Resolves the ``extends`` of one document's services; other files are read once."""

    def __init__(self, reading: Reading, scope: Scope) -> None:
        self._reading = reading
        self._scope = scope
        self._files: dict[Path, MappingNode | None] = {}
        self._known: dict[tuple[Path, int, str], Entry] = {}

    def all(self, services: MappingNode, path: Path) -> MappingNode:
        """The services with everything that they inherit, and without their ``extends``."""
        entries: dict[str, Entry] = {}
        for entry in services.entries.values():
            if isinstance(entry.node, MappingNode):
                extends = entry.node.get("extends")
                if extends is not None:
                    self._reading.extended[entry.key] = extends
            entries[entry.key] = self._resolved(entry, services, path, {})
        return services._replace(entries=entries)

    def _resolved(self, entry: Entry, services: MappingNode, path: Path, chain: Chain) -> Entry:
        service = entry.node
        if not isinstance(service, MappingNode) or "extends" not in service.entries:
            return entry
        key = (path, id(services), entry.key)
        if key not in self._known:
            extends = service.get("extends")
            own = {name: value for name, value in service.entries.items() if name != "extends"}
            plain = entry._replace(node=service._replace(entries=own))
            base = None if extends is None else self._base(extends, entry, services, path, chain)
            # It stands where its own name stands, whatever it is built on.
            merged = plain if base is None else entry._replace(node=self._reading.merger.service(base, plain).node)
            self._known[key] = merged
        return self._known[key]

    def _base(self, extends: Node, entry: Entry, services: MappingNode, path: Path, chain: Chain) -> Entry | None:
        reading = self._reading
        place = (path, entry.key)
        if place in chain:
            also = tuple(chain.values())
            reading.problem("cycle", f"the service {entry.key!r} extends itself", extends, *also)
            return None
        if len(chain) >= MAXIMUM_CHAIN:
            reading.problem("too-much", f"more than {MAXIMUM_CHAIN} services extend one another", extends)
            return None
        name, file = self._target(extends)
        if name is None:
            return None
        if file is not None:
            other = reading.local_path(file.file.folder, file.text, file)
            found = None if other is None else self._services_of(other, file)
            if other is None or found is None:
                return None
            path, services = other, found
        base = services.entries.get(name)
        if base is None:
            reading.problem("reference", f"there is no service {name!r} in {path.name} to extend", extends)
            return None
        return self._resolved(base, services, path, {**chain, place: extends.position})

    def _target(self, extends: Node) -> tuple[str | None, ScalarNode | None]:
        """The service that an ``extends`` names, and the file where it names one."""
        if isinstance(extends, ScalarNode):
            return extends.text, None
        name = extends.get("service") if isinstance(extends, MappingNode) else None
        if not isinstance(name, ScalarNode):
            self._reading.problem("shape", "extends must name a service", extends)
            return None, None
        file = extends.get("file") if isinstance(extends, MappingNode) else None
        if file is not None and not isinstance(file, ScalarNode):
            self._reading.problem("shape", "the file of an extends must be a path", file)
            return None, None
        return name.text, file

    def _services_of(self, path: Path, asked_by: Node) -> MappingNode | None:
        """The services of a file that is extended: its own documents, not what it includes. None: it has none."""
        if path not in self._files:
            merged = None
            inner = self._scope._replace(folder=path.parent)
            for document in self._reading.documents(path, inner, asked_by):
                services = self._reading.services_of(document)
                if services is not None:
                    merged = services if merged is None else self._reading.merger.services(merged, services)
            if merged is None and path in self._reading.files:
                self._reading.problem("reference", f"there are no services in {path.name} to extend", asked_by)
            self._files[path] = merged
        return self._files[path]
