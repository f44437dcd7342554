"""What stands before the torch under /opt: another torch where the interpreter looks first, and its files."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from typing import NamedTuple

from poetry_gpu_build.swap.tree import TORCH
from poetry_gpu_build.swap.tree import distributions

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Iterable
    from collections.abc import Iterator

    from poetry_gpu_build.swap.place import Site

# torch-2.7.1.dist-info, torch-2.4.1-py3.10.egg-info, torch.egg-link; not torch_geometric-2.0.dist-info.
_METADATA = re.compile(r"torch(?:-(?P<version>[^-]+)(?:-.*)?\.(?:dist|egg)-info|\.egg-link)", re.IGNORECASE)
_MODULE = re.compile(r"torch(?:\.py|\..*\.so)")
# Elsewhere on the path, such as in the project's own folder, a module called torch is its own matter.
_PACKAGES = ("site-packages", "dist-packages")
# torch's own folders; others that its RECORD names may be shared.
_OWN_FOLDERS = ("torch", "torchgen", "functorch", "caffe2")


class Shadow(NamedTuple):
    """One torch outside the prefix."""

    folder: Path
    """The folder of packages that holds it."""
    version: str | None
    """None: a package without metadata."""
    files: tuple[Path, ...]
    """Its files and folders, all that there are."""

    def __str__(self) -> str:
        return f"torch {self.version or 'without metadata'} in {self.folder}"


def find_shadow(folders: Iterable[str]) -> Path | None:
    """The first sign of a torch in these folders of the path, which is enough to refuse: metadata or a module."""
    return next((sign for folder in map(Path, folders) for sign in _signs(folder)), None)


def find_shadows(site: Site, prefixes: Collection[Path]) -> list[Shadow]:
    """Every torch where this interpreter looks, but for those under the prefixes: the swap's, and an earlier one's."""
    folders = dict.fromkeys(Path(os.path.realpath(folder)) for folder in (site.purelib, *site.path))
    return [
        shadow
        for folder in folders
        if not any(prefix in (folder, *folder.parents) for prefix in prefixes)
        for shadow in _shadows_in(folder, site.scripts)
    ]


def _signs(folder: Path) -> Iterator[Path]:
    """What in a folder says that there is a torch: another tool's, a wheel's, what is left of one."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return  # a path that is not there, or a ZIP file
    for entry in entries:
        if _METADATA.fullmatch(entry.name) or (folder.name in _PACKAGES and _is_module(entry)):
            yield entry


def _is_module(entry: Path) -> bool:
    # A folder without __init__.py is imported only where nothing else is called torch: mostly it holds data.
    return bool(_MODULE.fullmatch(entry.name)) or (entry.name == TORCH and entry.joinpath("__init__.py").is_file())


def _shadows_in(folder: Path, scripts: Path) -> Iterator[Shadow]:
    """A shadow for each distribution; what else there is of torch goes with the first, or is one without metadata."""
    signs = list(_signs(folder))
    found = [each for each in distributions(folder) if each.name == TORCH]
    if not signs and not found:
        return
    known = {each.folder for each in found}
    rest = [sign for sign in signs if sign not in known]
    packages = [path for name in _OWN_FOLDERS if (path := folder / name).is_dir() or path.is_symlink()]
    if not found:
        yield Shadow(folder, None, _unique([*rest, *packages]))
    for distribution in found:
        listed = _listed(distribution.folder, folder, scripts)
        yield Shadow(folder, distribution.version, _unique([distribution.folder, *rest, *packages, *listed]))
        rest, packages = [], []


def _listed(dist_info: Path, folder: Path, scripts: Path) -> Iterator[Path]:
    """The files outside its own folders that RECORD names, and that are where a distribution may put some."""
    try:
        with dist_info.joinpath("RECORD").open(encoding="utf-8", newline="") as file:
            names = [row[0] for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error):
        return
    for name in names:
        path = Path(os.path.normpath(folder / name))
        inside = path.is_relative_to(folder) and path.relative_to(folder).parts[0] not in _OWN_FOLDERS
        expected = (inside and dist_info not in path.parents) or path.parent == scripts
        if expected and (path.is_symlink() or path.is_file()):
            yield path


def _unique(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(paths))
