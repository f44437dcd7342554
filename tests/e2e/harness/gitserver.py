"""A git server for builds that clone: `git daemon` over a folder of repositories."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .process import HarnessError
from .process import run

if TYPE_CHECKING:
    from typing_extensions import Self

_START_TIMEOUT_S = 15.0
_PORTS_TRIED = 5


class GitServer:
    """Serves every repository below a folder, shallow clones and single commits included. A context manager."""

    def __init__(self, folder: Path, *, address: str = "127.0.0.1") -> None:
        """Listen on a free port of `address`, which for builds is the engine's `address`."""
        self.folder = folder
        self._address = address
        self._port = 0
        self._daemon: subprocess.Popen[bytes] | None = None

    def url(self, name: str) -> str:
        """The address of the repository `name`, a folder of the served folder."""
        return f"git://{self._address}:{self._port}/{name}"

    def __enter__(self) -> Self:
        # git daemon cannot pick a port itself, and another process may take the free one that we found.
        for _ in range(_PORTS_TRIED):
            self._port = _free_port(self._address)
            said = self._start()
            if said is None:
                return self
        raise HarnessError(f"git daemon did not start on {self._address}: {said}")

    def __exit__(self, *_: object) -> None:
        if self._daemon:
            self._daemon.terminate()
            self._daemon.wait()
            self._daemon = None

    def _start(self) -> str | None:
        """Start the daemon; what it said if it did not come up."""
        # `git daemon` is a child of `git`: started by its own path, the process that we end is the server.
        program = Path(run(["git", "--exec-path"]).stdout.strip()) / "git-daemon"
        with tempfile.TemporaryFile() as log:
            self._daemon = subprocess.Popen(
                [
                    str(program),
                    *("--export-all", f"--base-path={self.folder}", "--informative-errors"),
                    *(f"--listen={self._address}", f"--port={self._port}"),
                    str(self.folder),
                ],
                # A repository that another user's checkout left here is as good as ours.
                env=os.environ
                | {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory"}
                | {"GIT_CONFIG_VALUE_0": "*"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            deadline = time.monotonic() + _START_TIMEOUT_S
            while time.monotonic() < deadline and self._daemon.poll() is None:
                if _listens(self._address, self._port):
                    return None
                time.sleep(0.02)
            self.__exit__()
            log.seek(0)
            return log.read().decode(errors="replace")


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def _listens(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0
