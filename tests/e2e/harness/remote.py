"""A real remote builder: the BuildKit of another engine behind a socket, through `docker buildx dial-stdio`."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

    from .engine import Engine


class RemoteBuilder:
    """The socket at which an engine's BuildKit answers as one that is far away. A context manager.

    The engine needs containerd's image store: the other store's BuildKit has no `image` exporter for a remote client.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # Directly below /tmp: a unix socket's path must stay below 108 characters.
        self._folder = Path(tempfile.mkdtemp(prefix="gpub-", dir="/tmp"))
        self.endpoint = f"unix://{self._folder}/bk.sock"
        self._listener = socket.socket(socket.AF_UNIX)
        self._dials: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._listener.bind(self.endpoint.removeprefix("unix://"))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        # shutdown wakes the thread that waits in accept; close alone does not.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for dial in self._dials:
            # docker and its plugin, which is a process of its own and would wait for the other end.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(dial.pid, signal.SIGKILL)
            dial.wait()
        Path(self.endpoint.removeprefix("unix://")).unlink(missing_ok=True)
        self._folder.rmdir()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # the listener was closed
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        command = ["docker", "buildx", "--builder", "default", "dial-stdio"]
        dial = subprocess.Popen(
            command,
            env=self._engine.env(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._dials.append(dial)
        assert dial.stdin is not None
        assert dial.stdout is not None
        threading.Thread(target=_pump, args=(client.fileno(), dial.stdin.fileno()), daemon=True).start()
        _pump(dial.stdout.fileno(), client.fileno())
        client.close()


def _pump(source: int, target: int) -> None:
    with contextlib.suppress(OSError):  # the other end went away
        while data := os.read(source, 65536):
            while data:
                data = data[os.write(target, data) :]
