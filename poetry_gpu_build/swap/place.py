"""Where a swap happens: the interpreter of the image, its folders, and the prefix under /opt."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The only place for a compiled torch: nothing that installs distributions looks there.
OPT = Path("/opt")

_ASK = """\
import json, sys, sysconfig
paths = sysconfig.get_paths()
own = [paths["stdlib"], paths["platstdlib"], paths["platstdlib"] + "/lib-dynload"]
path = [folder for folder in sys.path if folder and folder not in own and not folder.endswith(".zip")]
print(json.dumps([paths["purelib"], paths["scripts"], path]))
"""
_TIMEOUT_SECONDS = 60
_LEFT_OUT = ("PYTHONPATH", "PYTHONHOME")


class Site(NamedTuple):
    """An interpreter, and what of its folders a swap needs."""

    python: Path
    purelib: Path
    scripts: Path
    path: tuple[Path, ...]
    """Where it looks for distributions, in order, without its standard library and without PYTHONPATH."""


def image_interpreter(environ: Mapping[str, str]) -> Path:
    """The interpreter into which Poetry installs with `virtualenvs.create = false`.

    An active virtual environment; else, where Poetry has one of its own, the interpreter below it; else Poetry's own.
    """
    active = environ.get("VIRTUAL_ENV")
    if active:
        return Path(active, "bin", "python")
    if sys.prefix != sys.base_prefix:
        return Path(getattr(sys, "_base_executable", sys.executable))
    return Path(sys.executable)


def read_site(python: Path, site_dir: Path | None = None) -> Site:
    """Ask an interpreter for its folders; ``site_dir`` stands in for its purelib. Raises ConfigurationError."""
    environment = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT}
    try:
        answer = subprocess.run(
            [python, "-c", _ASK],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
        purelib, scripts, path = json.loads(answer.stdout.strip().rpartition("\n")[2])
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        why = getattr(error, "strerror", None) or "it did not tell where its packages are"
        raise ConfigurationError(
            f"the interpreter {python} cannot be used: {why}", ways_out=(f"see what it says: {python} -c pass",)
        ) from error
    folder = Path(purelib) if site_dir is None else site_dir
    if has_control_characters(str(folder)):
        raise ConfigurationError(f"{str(folder)!r} holds a control character, and cannot be a folder of packages")
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder} is not a folder, and the swap is written there",
            ways_out=("install something with pip first", "or name the folder of packages: --site-dir DIR"),
        )
    return Site(python, folder.resolve(), Path(scripts), tuple(map(Path, path)))


def checked_prefix(text: str) -> Path:
    """The prefix as a path that can stand in a `.pth` file, below OPT, with no link on the way to it.

    Raises ConfigurationError.
    """
    name_another = (f"name a folder below {OPT}: modes.source.prefix in [tool.gpu-build]",)
    if has_control_characters(text) or text != text.strip():
        raise ConfigurationError(
            f"the prefix {text!r} holds a newline, a control character or a blank at its end", ways_out=name_another
        )
    prefix = Path(text)
    if not prefix.is_absolute() or ".." in prefix.parts or OPT not in prefix.parents:
        raise ConfigurationError(f"the prefix {text} lies outside {OPT}", ways_out=name_another)
    for folder in (prefix, *prefix.parents):
        if folder.is_symlink():
            raise ConfigurationError(
                f"the prefix {text} is reached through a link: {folder}",
                ways_out=("put the folder itself there: what a link leads to can be changed behind it", *name_another),
            )
    return prefix


def has_control_characters(text: str) -> bool:
    r"""Whether a path holds what would end a line of a `.pth` file, or of a message.

    >>> has_control_characters("/opt/torch"), has_control_characters("/opt/to\nrch"), has_control_characters("/a\u2028")
    (False, True, True)
    """
    return any(ord(character) < ord(" ") or character in "\x7f\x85\u2028\u2029" for character in text)
