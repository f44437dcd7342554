"""`poetry gpu-build doctor --explain FILE|-`: what an error text means for this project."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build import resources
from poetry_gpu_build.commands.doctor_explain_formats import FORMATS
from poetry_gpu_build.doctor.explain.explanation import explain_text
from poetry_gpu_build.doctor.explain.gather import gather
from poetry_gpu_build.doctor.explain.registry import all_cases
from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from poetry_gpu_build.commands.base import GpuBuildBaseCommand
    from poetry_gpu_build.commands.doctor_formats import Stream
    from poetry_gpu_build.doctor.explain.situation import Situation

STANDARD_INPUT = "-"


def asked_source(given: object, argument: str | None) -> str | None:
    """What `--explain` names: a path, ``-``, or None where it is not given.

    ``given`` is False where it is absent, and None where no value follows it: cleo takes a ``-`` for an argument.
    Raises ConfigurationError for an argument that belongs to nothing.
    """
    if given is None and argument in (None, STANDARD_INPUT):
        return STANDARD_INPUT
    if argument is not None:
        raise ConfigurationError(
            f"doctor takes no argument {argument!r}", ways_out=("name the text after the option: --explain FILE",)
        )
    return None if given is False else str(given)


def explain(command: GpuBuildBaseCommand, source: str, form: str, named: tuple[str, ...], stream: Stream) -> int:
    """Read ``source`` (a path, or ``-``), print what it means; returns 0, or 1 where nothing was recognised.

    ``named`` are the cards of --gpu. Raises ConfigurationError for a text that cannot be read.
    """
    from cleo.io.outputs.output import Type

    def situation() -> Situation:
        known = gather(command.start_folder, resources.policies_dir(), os.environ, named, Path("/"))
        for note in known.notes:
            command.note(f"note: {note}")
        return known.situation

    with _opened(source) as text:
        try:
            explained = explain_text(text, all_cases(), situation, None if source == STANDARD_INPUT else source)
        except OSError as error:
            raise _unreadable(source, error) from error
    shown = "stdin" if source == STANDARD_INPUT else source
    command.io.write(FORMATS[form](explained, shown, stream) + "\n", type=Type.RAW)
    return explained.exit_code


@contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    if source == STANDARD_INPUT:
        if sys.stdin is None:
            raise ConfigurationError("there is no standard input", ways_out=("name a file: --explain FILE",))
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(source).open("rb"))
        except (OSError, ValueError) as error:
            raise _unreadable(source, error) from error
        yield file


def _unreadable(source: str, error: OSError | ValueError) -> ConfigurationError:
    return ConfigurationError(
        f"{source!r} cannot be read: {getattr(error, 'strerror', None) or error}",
        ways_out=("name a file that holds the error text: --explain FILE", "or hand it over: … 2>&1 | … --explain -"),
    )
