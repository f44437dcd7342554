"""Hands out the files of an image, or one of them, as the stream of a tar archive; nothing of the image is run."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from poetry_gpu_build.engine.preflight import Answer
from poetry_gpu_build.engine.preflight import ask_docker
from poetry_gpu_build.engine.preflight import check_daemon
from poetry_gpu_build.engine.preflight import quoted
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.errors import EngineUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence
    from typing import IO

    from poetry_gpu_build.engine.preflight import Ask

# An image without CMD needs a command to make a container of it, which is never started.
_NEVER_RUN = "true"
_AT_A_TIME = 2**20
_END_SECONDS = 10


def _ask(arguments: Sequence[str]) -> Answer:
    return ask_docker(arguments, instead="name a library, a wheel or a folder instead: it needs no docker")


@contextmanager
def exported(image: str, ask: Ask = _ask) -> Iterator[IO[bytes]]:
    """The stream of an image's files. The container that it takes is gone afterwards.

    Raises ConfigurationError where the engine has no such image, EngineUnavailableError where it does not answer.
    """
    with _container(image, ask) as container:
        yield from _stream(["export", container], image)


@contextmanager
def exported_file(image: str, path: str, ask: Ask = _ask) -> Iterator[IO[bytes]]:
    """The same of one file; where the path is a link, of what it leads to."""
    with _container(image, ask) as container:
        yield from _stream(["cp", "--follow-link", f"{container}:{path}", "-"], image)


@contextmanager
def _container(image: str, ask: Ask) -> Iterator[str]:
    """A container that is never started, and gone afterwards."""
    container = _create(image, ask)
    try:
        yield container
    finally:
        ask(["rm", "--force", container])


def _create(image: str, ask: Ask) -> str:
    if not image or image.startswith("-"):
        raise ConfigurationError(
            f"docker:{image} names no image", ways_out=("write it as docker:NAME or docker:NAME:TAG",)
        )
    answer = ask(["create", "--pull", "never", image, _NEVER_RUN])
    if answer.status == 0 and answer.output.strip():
        return answer.output.split()[-1]
    check_daemon(ask)
    if "no such image" in answer.errors.lower():
        raise ConfigurationError(
            f"the engine has no image {image}", ways_out=(f"fetch it: docker pull {image}", "or build it")
        )
    raise EngineUnavailableError(f"docker cannot open the image {image}{quoted(answer, 'docker create')}")


def _stream(arguments: Sequence[str], image: str) -> Iterator[IO[bytes]]:
    command = ["docker", *arguments]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said)
        assert process.stdout is not None
        try:
            yield process.stdout
            # A tar archive ends before its stream does.
            while process.stdout.read(_AT_A_TIME):
                pass
            status = process.wait()
        finally:
            process.stdout.close()
            _end(process)
        if status != 0:
            said.seek(0)
            answer = Answer(status, "", said.read(_AT_A_TIME).decode("utf-8", "replace"))
            reason = quoted(answer, f"docker {arguments[0]}")
            raise EngineUnavailableError(f"docker cannot read the image {image}{reason}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the export that nobody reads any more."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
