"""What `docker info` tells of the daemon: asked once, for every check that needs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

from poetry_gpu_build.doctor.line import NO_ENGINE
from poetry_gpu_build.errors import EngineUnavailableError

if TYPE_CHECKING:
    from poetry_gpu_build.engine.preflight import Answer
    from poetry_gpu_build.engine.preflight import Ask

# A healthy daemon says a few kilobytes.
_LARGEST = 4 * 2**20
# Where layers lie if docker keeps them in the machine's own containerd, which docker does not tell: its default.
_CONTAINERD_ROOT = "/var/lib/containerd"
_CONTAINERD_STORE = "io.containerd.snapshotter"


class DockerInfo(NamedTuple):
    """A daemon that answers; a field of the wrong type is as good as missing."""

    version: str
    name: str = ""
    """The host that it runs on."""
    os_type: str = ""
    """``linux``, or ``windows``."""
    architecture: str = ""
    """``x86_64``, ``aarch64``."""
    root: str = ""
    """The folder of its images and layers, on its own host."""
    memory: int | None = None
    """In bytes: that of the virtual machine, where it runs in one."""
    cores: int | None = None
    runtimes: tuple[str, ...] = ()
    cdi_folders: tuple[str, ...] = ()
    """Where it looks for CDI specifications; none: CDI is switched off."""
    devices: tuple[str, ...] = ()
    """The CDI devices that it found, if it tells: DiscoveredDevices came with version 1.50 of the Engine API."""

    def runs_on(self, hostname: str) -> bool:
        """Whether the daemon runs here: its paths are then this machine's."""
        return bool(self.name) and self.name == hostname


def ask_info(ask: Ask) -> DockerInfo | str:
    """Ask the daemon; a text says why nothing is known of it."""
    try:
        return read_info(ask(["info", "--format", "{{json .}}"]))
    except EngineUnavailableError:
        return NO_ENGINE


def read_info(answer: Answer) -> DockerInfo | str:
    """Read the answer; a text says why nothing is known.

    Docker 26.1 exits 0 where no daemon answers, and leaves the version empty: that tells.
    """
    if answer.status is None:
        return NO_ENGINE
    data = _document(answer.output)
    if not isinstance(data, dict):
        return NO_ENGINE if answer.status else "docker info gave no answer that can be read"
    version = _text(data, "ServerVersion")
    if not version:
        return NO_ENGINE
    return DockerInfo(
        version=version,
        name=_text(data, "Name"),
        os_type=_text(data, "OSType"),
        architecture=_text(data, "Architecture"),
        root=_layers_root(data),
        memory=_number(data, "MemTotal"),
        cores=_number(data, "NCPU"),
        runtimes=tuple(runtimes) if isinstance(runtimes := data.get("Runtimes"), dict) else (),
        cdi_folders=tuple(each for each in _list(data, "CDISpecDirs") if isinstance(each, str) and each),
        devices=tuple(_text(each, "ID") for each in _list(data, "DiscoveredDevices") if isinstance(each, dict)),
    )


def _document(text: str) -> Any:
    if len(text) > _LARGEST:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _layers_root(data: dict[str, Any]) -> str:
    """Docker's own folder; containerd's, where layers are kept in one that docker did not start."""
    status = [row for row in _list(data, "DriverStatus") if isinstance(row, list)]
    keeps_in_containerd = any(str(cell).startswith(_CONTAINERD_STORE) for row in status for cell in row)
    containerd = data.get("Containerd")
    address = _text(containerd, "Address") if isinstance(containerd, dict) else ""
    root = _text(data, "DockerRootDir")
    if keeps_in_containerd and Path(address) == Path("/run/containerd/containerd.sock"):
        return _CONTAINERD_ROOT
    return root


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key)
    return value if isinstance(value, str) else ""


def _number(data: dict[str, Any], key: str) -> int | None:
    value = data.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _list(data: dict[str, Any], key: str) -> list[Any]:
    value = data.get(key)
    return value if isinstance(value, list) else []
