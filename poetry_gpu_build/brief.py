"""Runs a program that should answer at once, and ends it with its children where it does not."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Sequence

_KILL_WAIT_S = 1.0


class Ran(NamedTuple):
    """What the program printed, as far as it was read, and how it ended."""

    out: bytes
    errors: bytes
    status: int


def run_briefly(
    command: Sequence[str], *, timeout_s: float, most_bytes: int, environment: Mapping[str, str] | None = None
) -> Ran | None:
    """Run a program without input; None: it took longer than ``timeout_s``, and was killed with all that it started.

    Raises OSError where it cannot be started.
    """
    # Files, not pipes: a grandchild that outlives the program would hold a pipe open, and the reader with it.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            env=None if environment is None else dict(environment),
            start_new_session=True,  # a group of its own, so that its children can be ended with it
        )
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)
        out.seek(0)
        errors.seek(0)
        return Ran(out.read(most_bytes), errors.read(most_bytes), status)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and its children if it still runs: at the timeout, and when the user interrupts."""
    if process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # A process that hangs inside a driver cannot even be killed; the kernel ends it when the driver returns.
    with suppress(subprocess.TimeoutExpired):
        process.wait(_KILL_WAIT_S)
