"""The torch in a folder laid out like `pip install --target`: which it is, and what of its metadata has to go.

What must go so that nobody uninstalls it: RECORD, without which pip refuses and says so, and Poetry, which calls pip,
with it (https://packaging.python.org/specifications/recording-installed-packages: a tool must not remove a distribution
that has none); and direct_url.json, because of which Poetry would take a locked torch for another one. INSTALLER then
says in pip's refusal whose the distribution is.
"""

from __future__ import annotations

import email.parser
from typing import TYPE_CHECKING
from typing import NamedTuple

from packaging.utils import canonicalize_name

from poetry_gpu_build.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTALLER_TEXT = "poetry gpu-build swap\n"
#: What of a dist-info folder has to go.
UNINSTALLERS = ("RECORD", "direct_url.json")
INSTALLER_NAME = "INSTALLER"

TORCH = "torch"
_LONGEST_METADATA = 2**22


class Distribution(NamedTuple):
    """One dist-info (or egg-info) folder."""

    folder: Path
    name: str
    """Normalised."""
    version: str


def read_torch(folder: Path) -> Distribution:
    """The one torch in a folder. Raises ConfigurationError where there is none, or more than one."""
    found = [distribution for distribution in distributions(folder) if distribution.name == TORCH]
    if len(found) != 1 or not folder.joinpath(TORCH, "__init__.py").is_file():
        listed = ", ".join(f"torch {each.version}" for each in found)
        raise ConfigurationError(
            f"{folder} holds {listed or 'no torch'}" + (" without its package" if len(found) == 1 else ""),
            ways_out=(
                f"unpack the compiled wheel there: poetry gpu-build swap --apply WHEEL, with no {folder}",
                f"or copy it from the stage that compiled it: COPY --from=torch {folder} {folder}",
            ),
        )
    if found[0].folder.suffix != ".dist-info":
        raise ConfigurationError(
            f"the torch in {folder} was installed by setup.py and has no dist-info",
            ways_out=("make a wheel: python setup.py bdist_wheel, and apply that",),
        )
    return found[0]


def distributions(folder: Path) -> Iterator[Distribution]:
    """Every distribution whose metadata lies in a folder, by name. What cannot be read is none."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        if entry.suffix not in {".dist-info", ".egg-info"}:
            continue
        for metadata in (entry / "METADATA", entry / "PKG-INFO", entry):
            try:
                with metadata.open("rb") as file:
                    headers = read_headers(file.read(_LONGEST_METADATA))
            except OSError:
                continue
            yield Distribution(entry, *headers)
            break


def read_headers(metadata: bytes) -> tuple[str, str]:
    r"""Name, normalised, and version of a METADATA file.

    >>> read_headers(b"Metadata-Version: 2.1\nName: Torch\nVersion: 2.4.1\n")
    ('torch', '2.4.1')
    """
    message = email.parser.BytesHeaderParser().parsebytes(metadata)
    return canonicalize_name(str(message.get("Name", ""))), str(message.get("Version", "")).strip()


def to_remove(folder: Path) -> Iterator[Path]:
    """The files of a folder's metadata that have to go."""
    for dist_info in sorted(folder.glob("*.dist-info")):
        for name in (*UNINSTALLERS, *(() if _is_ours(dist_info) else (INSTALLER_NAME,))):
            path = dist_info / name
            if path.is_symlink() or path.exists():
                yield path


def to_mark(folder: Path) -> Iterator[Path]:
    """The INSTALLER files that do not say what they have to."""
    return (each / INSTALLER_NAME for each in sorted(folder.glob("*.dist-info")) if not _is_ours(each))


def _is_ours(dist_info: Path) -> bool:
    try:
        return dist_info.joinpath(INSTALLER_NAME).read_text(encoding="utf-8") == INSTALLER_TEXT
    except (OSError, ValueError):
        return False
