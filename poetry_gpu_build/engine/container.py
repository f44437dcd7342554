"""Runs an image's own interpreter in a container that has no network, and is gone afterwards."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING

from poetry_gpu_build.engine.preflight import Answer
from poetry_gpu_build.engine.preflight import ask_docker
from poetry_gpu_build.engine.preflight import check_daemon

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from poetry_gpu_build.engine.preflight import Ask

#: An import of torch takes seconds, from a cold disk a minute.
LIMIT_SECONDS = 300.0
#: Nobody who is asked for one line of facts says more.
LARGEST_OUTPUT = 2**20
_POLL_SECONDS = 0.05
# What docker itself exits with where the container was not started at all.
NOT_STARTED = (125, 126, 127)


def run_python(
    image: str,
    arguments: Sequence[str],
    *,
    gpus: bool = False,
    ask: Ask = ask_docker,
    limit_s: float = LIMIT_SECONDS,
) -> Answer:
    """Run ``python`` of an image with these arguments, PYTHONPATH unset; the status is None where it did not end.

    An image whose interpreter is not there, hangs or babbles is an answer; an engine that does not answer is none, and
    raises EngineUnavailableError.
    """
    name = f"gpu-build-verify-{secrets.token_hex(8)}"
    # An empty PYTHONPATH is none; docker has no word that takes a variable away.
    command = ["docker", "run", "--rm", "--pull", "never", "--name", name, "--network", "none", "--env", "PYTHONPATH="]
    command += [*(["--gpus", "all"] if gpus else []), "--entrypoint", "python", image, *arguments]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        status: int | None = None
        try:
            status = _wait(process, (out, errors), limit_s)
        finally:
            if status is None:  # too long, too much, or interrupted: docker's client ends, its container would not
                process.kill()
                process.wait()
                ask(["rm", "--force", name])
        if status in NOT_STARTED:
            check_daemon(ask)
        return Answer(status, _text(out), _text(errors))


def _wait(process: subprocess.Popen[bytes], streams: Sequence[IO[bytes]], limit_s: float) -> int | None:
    deadline = time.monotonic() + limit_s
    while process.poll() is None:
        if time.monotonic() > deadline or any(os.fstat(each.fileno()).st_size > LARGEST_OUTPUT for each in streams):
            return None
        time.sleep(_POLL_SECONDS)
    return process.returncode


def _text(stream: IO[bytes]) -> str:
    stream.seek(0)
    return stream.read(LARGEST_OUTPUT).decode("utf-8", "replace")
