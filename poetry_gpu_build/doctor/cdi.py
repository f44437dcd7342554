"""Finds the CDI specifications of NVIDIA's GPUs: files that say how a container gets a device.

Source: Container Device Interface specification, "Specification Locations" and "Kinds".
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Sequence

KIND = "nvidia.com/gpu"
DEFAULT_FOLDERS = ("/etc/cdi", "/var/run/cdi")
_SUFFIXES = (".yaml", ".json")
# `kind` stands at the top; what nvidia-ctk writes for eight cards is 30 kB.
_MOST_FILES = 256
_MOST_BYTES = 2**20
# A key of YAML or of JSON at the start of a line, or one of JSON behind a brace or a comma; a comment is neither.
# Blanks and no line ends between: a megabyte of line ends would be gone through again from each of them.
_KIND = re.compile(
    rf"""(?:^|[{{,])[ \t]*["']?kind["']?[ \t]*:[ \t]*["']?{re.escape(KIND)}["']?[ \t]*(?:[,}}#\r\n]|\Z)""", re.MULTILINE
)


class Specs(NamedTuple):
    """What was found."""

    files: tuple[str, ...]
    """The specifications of NVIDIA's GPUs, as paths of the machine."""
    faults: tuple[str, ...] = ()
    """What could not be read: one sentence each."""


def find_specs(root: Path, folders: Sequence[str]) -> Specs:
    """Look into these folders below ``root``, or into CDI's own where none is named; an absent one is empty."""
    files: list[str] = []
    faults: list[str] = []
    for folder in folders or DEFAULT_FOLDERS:
        try:
            files += _in(root, folder)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            faults.append(f"{folder} cannot be read: {getattr(error, 'strerror', None) or error}")
    return Specs(tuple(dict.fromkeys(files)), tuple(faults))


def _in(root: Path, folder: str) -> Iterator[str]:
    """The paths of the files that name the kind. Raises OSError, ValueError for a folder that is no absolute path."""
    place = root / Path(folder).relative_to("/")
    for path in sorted(islice(place.iterdir(), _MOST_FILES)):
        # A pipe or a device would be waited for.
        if path.suffix in _SUFFIXES and path.is_file() and _KIND.search(_beginning(path)):
            yield str(Path(folder) / path.name)


def _beginning(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:  # docker cannot read what root cannot, and we may see less than root
        return ""
