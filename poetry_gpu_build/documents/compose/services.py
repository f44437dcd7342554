"""From the merged nodes of a project to its model: every service, looked into. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from poetry_gpu_build.documents.compose.merge import as_build
from poetry_gpu_build.documents.compose.merge import assignments
from poetry_gpu_build.documents.compose.model import Assignment
from poetry_gpu_build.documents.compose.model import Build
from poetry_gpu_build.documents.compose.model import ComposeProject
from poetry_gpu_build.documents.compose.model import Device
from poetry_gpu_build.documents.compose.model import Extends
from poetry_gpu_build.documents.compose.model import Service
from poetry_gpu_build.documents.compose.model import Text
from poetry_gpu_build.documents.compose.nodes import MappingNode
from poetry_gpu_build.documents.compose.nodes import ScalarNode
from poetry_gpu_build.documents.compose.nodes import SequenceNode
from poetry_gpu_build.documents.compose.ports import ports
from poetry_gpu_build.documents.compose.problems import Overflow
from poetry_gpu_build.documents.compose.problems import Problem
from poetry_gpu_build.documents.compose.problems import unique
from poetry_gpu_build.documents.compose.volumes import mounts

if TYPE_CHECKING:
    from pathlib import Path

    from poetry_gpu_build.documents.compose.load import Loaded
    from poetry_gpu_build.documents.compose.nodes import Entry
    from poetry_gpu_build.documents.compose.nodes import Node
    from poetry_gpu_build.documents.compose.reading import Reading


def modelled(loaded: Loaded, folder: Path) -> ComposeProject:
    """The project of the loaded files."""
    reading = loaded.reading
    builder = _Services(reading)
    services: dict[str, Service] = {}
    try:
        for entry in loaded.services.entries.values() if loaded.services else ():
            service = builder.service(entry)
            if service is not None:
                services[service.name] = service
    except Overflow:
        assert loaded.services is not None  # there is nothing to overflow otherwise
        reading.problems.append(
            Problem("too-much", "the project unfolds to more than is read", loaded.services.position)
        )
    return ComposeProject(folder, tuple(reading.files), services, unique(reading.problems), loaded.variables)


class _Services:
    """Looks into services; what has the wrong shape is a problem, and is left out."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def service(self, entry: Entry) -> Service | None:
        node = self._reading.mapping(entry.node, f"the service {entry.key!r}")
        if node is None:
            return None
        self._spend(node)
        published = self._listed(node, "ports")
        volumes = self._listed(node, "volumes")
        extends = self._reading.extended.get(entry.key)
        return Service(
            name=entry.key,
            position=entry.position,
            build=self._build(node.entries.get("build")),
            image=self._text(node, "image"),
            ports=() if published is None else ports(self._spent(published), self._refuse),
            expose=self._texts(node, "expose"),
            network_mode=self._text(node, "network_mode"),
            profiles=self._texts(node, "profiles"),
            volumes=() if volumes is None else mounts(self._spent(volumes), self._refuse),
            devices=(*self._devices(node), *self._gpus(node)),
            runtime=self._text(node, "runtime"),
            environment=self._assignments(node, "environment"),
            extends=None if extends is None else _extends(extends),
        )

    def _build(self, entry: Entry | None) -> Build | None:
        if entry is None:
            return None
        node = self._reading.mapping(as_build(entry.node), "build") if not _is_null(entry.node) else None
        if node is None:
            return None
        context = self._text(node, "context")
        return Build(
            position=entry.position,
            folder=(node if context is None else context.node).file.folder,
            context=context,
            dockerfile=self._text(node, "dockerfile"),
            dockerfile_inline=self._text(node, "dockerfile_inline"),
            target=self._text(node, "target"),
            args=self._assignments(node, "args"),
            tags=self._texts(node, "tags"),
        )

    def _devices(self, node: MappingNode) -> tuple[Device, ...]:
        found: Node | None = node
        for key in ("deploy", "resources", "reservations", "devices"):
            found = None if found is None else self._under(found, key)
        if found is None:
            return ()
        if not isinstance(found, SequenceNode):
            self._refuse("devices must be a list", found)
            return ()
        self._spent(found)
        return tuple(_device(item, "deploy") for item in found.items if isinstance(item, MappingNode))

    def _gpus(self, node: MappingNode) -> tuple[Device, ...]:
        """``gpus: all``, or a list of requests (Compose 2.30 and later)."""
        match node.get("gpus"):
            case ScalarNode() as scalar:
                return (Device(scalar.position, None, scalar.printed, (), (), "gpus"),)
            case SequenceNode() as listed:
                self._spent(listed)
                return tuple(_device(item, "gpus") for item in listed.items if isinstance(item, MappingNode))
        return ()

    def _listed(self, node: MappingNode, key: str) -> Node | None:
        """The value of a key that Compose refuses without one."""
        entry = node.entries.get(key)
        if entry is not None and _is_null(entry.node):
            self._refuse(f"{key} must be a list", entry.node)
            return None
        return None if entry is None else entry.node

    def _under(self, node: Node, key: str) -> Node | None:
        mapping = self._reading.mapping(node, f"what {key!r} stands in")
        return None if mapping is None else mapping.get(key)

    def _assignments(self, node: MappingNode, key: str) -> dict[str, Assignment]:
        found = node.get(key)
        if found is None:
            return {}
        listed = self._reading.mapping(assignments(self._spent(found)), key)
        values: dict[str, Assignment] = {}
        for entry in listed.entries.values() if listed else ():
            if isinstance(entry.node, ScalarNode):
                text = None if entry.node.is_null else Text(entry.node)
                values[entry.key] = Assignment(entry.key, entry.position, text)
        return values

    def _text(self, node: MappingNode, key: str) -> Text | None:
        found = node.get(key)
        if found is None:
            return None
        if isinstance(found, ScalarNode):
            return Text(found)
        self._refuse(f"{key} must be a text", found)
        return None

    def _texts(self, node: MappingNode, key: str) -> tuple[Text, ...]:
        found = node.get(key)
        if found is None:
            return ()
        if not isinstance(found, SequenceNode):
            self._refuse(f"{key} must be a list", found)
            return ()
        self._spent(found)
        texts = [Text(item) for item in found.items if isinstance(item, ScalarNode)]
        return tuple({text.value: text for text in texts}.values())

    def _spent(self, node: Node) -> Node:
        """The node, paid for: an alias can put one list of a thousand entries into a thousand services."""
        self._spend(node)
        return node

    def _spend(self, node: Node) -> None:
        match node:
            case SequenceNode():
                self._reading.budget.spend(len(node.items))
            case MappingNode():
                self._reading.budget.spend(len(node.entries))

    def _refuse(self, message: str, node: Node) -> None:
        self._reading.problem("shape", message, node)


def _device(node: MappingNode, written: str) -> Device:
    return Device(
        position=node.position,
        driver=_printed(node.get("driver")),
        count=_printed(node.get("count")),
        ids=_list(node.get("device_ids")),
        capabilities=_list(node.get("capabilities")),
        written=written,
    )


def _extends(node: Node) -> Extends:
    if isinstance(node, MappingNode):
        return Extends(node.position, _printed(node.get("service")) or "", _printed(node.get("file")))
    return Extends(node.position, _printed(node) or "", None)


def _printed(node: Node | None) -> str | None:
    return node.printed if isinstance(node, ScalarNode) else None


def _list(node: Node | None) -> tuple[str, ...]:
    if not isinstance(node, SequenceNode):
        return ()
    return tuple(item.printed for item in node.items if isinstance(item, ScalarNode))


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.is_null
