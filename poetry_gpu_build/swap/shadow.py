"""What stands before the torch under /opt: another torch where the interpreter looks first, and its files."""

from __future__ import annotations

import csv
import os
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


def find_shadows(site: Site, prefixes: Collection[Path]) -> list[Shadow]:
    """Every torch where this interpreter looks, but for those under the prefixes: the swap's, and an earlier one's."""
    folders = dict.fromkeys(Path(os.path.realpath(folder)) for folder in (site.purelib, *site.path))
    return [
        shadow
        for folder in folders
        if not any(prefix in (folder, *folder.parents) for prefix in prefixes)
        for shadow in _shadows_in(folder, site.scripts)
    ]


def _shadows_in(folder: Path, scripts: Path) -> Iterator[Shadow]:
    found = [distribution for distribution in distributions(folder) if distribution.name == TORCH]
    packages = [path for name in _OWN_FOLDERS if (path := folder / name).is_dir() or path.is_symlink()]
    for distribution in found:
        listed = _listed(distribution.folder, folder, scripts)
        yield Shadow(folder, distribution.version, _unique([distribution.folder, *packages, *listed]))
        packages = []
    modules = [path for path in (folder / f"{TORCH}.py", *packages) if path.exists() and path.stem == TORCH]
    if modules and not found:
        # A folder of data that is called torch is none.
        alone = [path for path in modules if path.suffix == ".py" or (path / "__init__.py").exists()]
        if alone:
            yield Shadow(folder, None, tuple(alone))


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
