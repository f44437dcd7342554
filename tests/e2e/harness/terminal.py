"""A command in a terminal of its own, as a user has it: docker draws, and Ctrl-C is a key."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import time
from typing import TYPE_CHECKING

from .process import HarnessError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence
    from pathlib import Path

    from typing_extensions import Self

CTRL_C = b"\x03"


class Terminal:
    """A running command whose three streams are one terminal. A context manager: at the end the command is gone."""

    def __init__(self, arguments: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path) -> None:
        """Start it."""
        argv = [str(argument) for argument in arguments]
        self._screen = b""
        self._status: int | None = None
        self._pid, self._keyboard = pty.fork()
        if self._pid == 0:
            # The child: nothing but exec, and no way back into the tests.
            try:
                os.chdir(cwd)
                os.execve(argv[0], argv, {**env, "TERM": "xterm", "COLUMNS": "120", "LINES": "40"})
            finally:
                os._exit(127)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is None:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._keyboard)

    @property
    def screen(self) -> str:
        """All that was shown so far, terminal codes included."""
        return self._screen.decode("utf-8", "replace").replace("\r\n", "\n")

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._keyboard, keys)

    def wait_for(self, text: str, *, timeout_s: float = 120.0) -> None:
        """Wait until a text is shown; raises `HarnessError` when the command ends or the time is up before."""
        deadline = time.monotonic() + timeout_s
        while text not in self.screen:
            if time.monotonic() > deadline or not self._read(1.0):
                raise HarnessError(f"{text!r} was not shown:\n{self.screen[-4000:]}")

    def wait(self, *, timeout_s: float = 120.0) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        deadline = time.monotonic() + timeout_s
        while self._read(1.0):
            if time.monotonic() > deadline:
                raise HarnessError(f"the command has not ended:\n{self.screen[-4000:]}")
        _, status = os.waitpid(self._pid, 0)
        self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def _read(self, timeout_s: float) -> bool:
        """Take what is there; whether more can come."""
        if not select.select([self._keyboard], [], [], timeout_s)[0]:
            return True
        chunk = b""
        with contextlib.suppress(OSError):  # EIO: how Linux says that the last process of a terminal is gone
            chunk = os.read(self._keyboard, 65536)
        self._screen += chunk
        return bool(chunk)
