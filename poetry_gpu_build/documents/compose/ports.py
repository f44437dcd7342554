"""``ports``: what a service publishes to the host, in the short and in the long form. Pure.

Compose Specification, "ports"; the short form's grammar is Docker's (``nat.ParsePortSpec``):
``[[HOST_IP:][PUBLISHED]:]TARGET[/PROTOCOL]``. Without PUBLISHED the engine picks a port of the host: published all the
same. What cannot be read is kept as a port whose ``decided`` is false, so that no entry is passed over in silence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal

from poetry_gpu_build.documents.compose.nodes import MappingNode
from poetry_gpu_build.documents.compose.nodes import ScalarNode
from poetry_gpu_build.documents.compose.nodes import SequenceNode
from poetry_gpu_build.documents.compose.nodes import failed
from poetry_gpu_build.documents.compose.nodes import written
from poetry_gpu_build.documents.lazy import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Iterator

    from poetry_gpu_build.documents.compose.nodes import Node
    from poetry_gpu_build.documents.source import Position

_PROTOCOLS = frozenset({"tcp", "udp", "sctp"})
_RANGE = lazy_pattern(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")
_ADDRESS = lazy_pattern(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}|(?=.*:)[0-9A-Fa-f:.]+(?:%\w+)?")
_HIGHEST = 65535


@dataclass(frozen=True, slots=True)
class PortRange:
    """One port, or several in a row."""

    first: int
    last: int

    @property
    def count(self) -> int:
        """How many ports these are."""
        return self.last - self.first + 1

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True, slots=True)
class Port:
    """One entry of ``ports``."""

    position: Position
    written: str
    """The entry as it stands in the file; the long form as ``target: 80, published: 8080``."""

    syntax: Literal["short", "long"]
    target: PortRange | None
    """The port in the container. None: the entry cannot be read."""

    published: PortRange | None = None
    """The port on the host; None where the engine picks one. More of them than targets: it picks one of these."""

    host_ip: str = ""
    protocol: str = "tcp"
    mode: str = "ingress"

    @property
    def decided(self) -> bool:
        """Whether the entry could be read: if not, that is a problem, but something is published by it."""
        return self.target is not None

    @property
    def ephemeral(self) -> bool:
        """Whether the engine picks the port on the host."""
        return self.decided and self.published is None

    def bindings(self) -> Iterator[tuple[str, str, int, str]]:
        """As Compose prints it: host address, published port or range (empty: picked), target, protocol."""
        if self.target is None:
            return
        for number in range(self.target.count):
            published = ""
            if self.published is not None:
                alone = self.target.count == 1
                published = str(self.published) if alone else str(self.published.first + number)
            yield self.host_ip, published, self.target.first + number, self.protocol


class PortError(ValueError):
    """An entry of ``ports`` that Compose refuses; the message says why."""


def ports(node: Node, refuse: Callable[[str, Node], None]) -> tuple[Port, ...]:
    """The entries of ``ports``, without repetitions; ``refuse`` is told of each that cannot be read, and why.

    Of entries that publish the same thing the last one stands, as in Compose (override files repeat what they change).
    """
    if not isinstance(node, SequenceNode):
        refuse("ports must be a list", node)
        return (Port(node.position, written(node), "short", None),)
    unique: dict[object, Port] = {}
    for entry in node.items:
        try:
            port = _long(entry) if isinstance(entry, MappingNode) else _short(entry)
        except PortError as error:
            if not failed(entry):
                refuse(str(error), entry)
            syntax: Literal["short", "long"] = "long" if isinstance(entry, MappingNode) else "short"
            port = Port(entry.position, written(entry), syntax, None)
        unique[_identity(port)] = port
    return tuple(unique.values())


def _identity(port: Port) -> object:
    if not port.decided:
        return port.position
    return (port.host_ip or "0.0.0.0", port.published, port.target, port.protocol)  # noqa: S104 - a key, no socket


def _short(node: Node) -> Port:
    if not isinstance(node, ScalarNode):
        raise PortError("a port is a text, a number or a mapping")
    if node.failed:
        raise PortError("its variables have no value")
    value = node.value
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise PortError(f"{node.text or 'null'} is no port: put quotes round it")
    address, published, target, protocol = parse_short(str(value))
    return Port(node.position, written(node), "short", target, published, address, protocol)


def parse_short(text: str) -> tuple[str, PortRange | None, PortRange, str]:
    """Host address, published, target and protocol of the short form; raises PortError.

    >>> parse_short("127.0.0.1:8080:80/udp")
    ('127.0.0.1', PortRange(first=8080, last=8080), PortRange(first=80, last=80), 'udp')
    >>> parse_short("3000")
    ('', None, PortRange(first=3000, last=3000), 'tcp')
    """
    parts = text.split(":")
    container, _, protocol = parts[-1].partition("/")
    protocol = protocol.lower() or "tcp"
    address = ":".join(parts[:-2])
    if address.startswith("[") and address.endswith("]"):
        address = address[1:-1]
    if address and not _ADDRESS.fullmatch(address):
        raise PortError(f"{address!r} is no address of this host")
    if protocol not in _PROTOCOLS:
        raise PortError(f"{protocol!r} is no protocol: tcp, udp or sctp")
    target = parse_range(container)
    published = parse_range(parts[-2]) if len(parts) > 1 and parts[-2] else None
    if published is not None and target.count not in (1, published.count):
        raise PortError(f"{published} are not as many ports as {target}")
    return address, published, target, protocol


def parse_range(text: str) -> PortRange:
    """A port or a range of ports; raises PortError."""
    found = _RANGE.fullmatch(text)
    if found is None:
        raise PortError(f"{text!r} is no port" if text else "the container's port is missing")
    ports = PortRange(int(found[1]), int(found[2] or found[1]))
    if not ports.first <= ports.last <= _HIGHEST:
        raise PortError(f"{text!r} is no range of ports up to {_HIGHEST}")
    return ports


def _long(node: MappingNode) -> Port:
    fields = {entry.key: entry.node for entry in node.entries.values() if isinstance(entry.node, ScalarNode)}
    if failed(node):
        raise PortError("its variables have no value")
    target = _number(fields.get("target"))
    if target is None or target.count != 1:
        raise PortError("a port must name one target")
    return Port(
        node.position,
        written(node),
        "long",
        target,
        _number(fields.get("published")),
        _printed(fields.get("host_ip"), ""),
        _printed(fields.get("protocol"), "tcp"),
        _printed(fields.get("mode"), "ingress"),
    )


def _number(node: ScalarNode | None) -> PortRange | None:
    text = _printed(node, "")
    return parse_range(text) if text else None


def _printed(node: ScalarNode | None, default: str) -> str:
    return default if node is None or node.is_null else node.printed
