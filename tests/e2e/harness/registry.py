"""A real registry, Debian's docker-registry, on the loopback address: what is pushed is really pushed."""

from __future__ import annotations

import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING
from typing import Any

from .cache import cached_folder
from .debs import architecture
from .debs import debian_repository
from .debs import fetch
from .process import HarnessError

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

_SUITE = "trixie"
_PACKAGE = "docker-registry"
_START_TIMEOUT_S = 30.0
_MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_CONFIGURATION = """\
version: 0.1
storage:
  filesystem:
    rootdirectory: {folder}/data
http:
  addr: {address}
"""


class Registry:
    """A registry that keeps its data in a folder. A context manager."""

    def __init__(self, folder: Path) -> None:
        """Listen on a free port of the loopback address, for which docker asks no certificate."""
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        recipe = (architecture(), _SUITE, _PACKAGE)
        programs = cached_folder("registry", recipe, lambda target: fetch(target, debian_repository(_SUITE), _PACKAGE))
        configuration = self._folder / "registry.yml"
        configuration.write_text(_CONFIGURATION.format(folder=self._folder, address=self.address), encoding="utf-8")
        with (self._folder / "registry.log").open("wb") as log:
            command = [str(programs / "usr/bin/docker-registry"), "serve", str(configuration)]
            self._server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait()

    def manifest(self, name: str, reference: str) -> dict[str, Any]:
        """The manifest of a tag or a digest; of a list of platforms, the first one's."""
        request = urllib.request.Request(
            f"http://{self.address}/v2/{name}/manifests/{reference}", headers={"Accept": ", ".join(_MANIFESTS)}
        )
        with urllib.request.urlopen(request) as answer:
            manifest: dict[str, Any] = json.load(answer)
        return self.manifest(name, manifest["manifests"][0]["digest"]) if "manifests" in manifest else manifest

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < deadline and self._server is not None and self._server.poll() is None:
            try:
                urllib.request.urlopen(f"http://{self.address}/v2/").close()
            except urllib.error.URLError:
                time.sleep(0.05)
            else:
                return
        said = (self._folder / "registry.log").read_text(errors="replace")[-2000:]
        raise HarnessError(f"the registry did not answer; its log ends with:\n{said}")
