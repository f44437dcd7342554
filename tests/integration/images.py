"""Interpreters that are laid out like an image's: Poetry beside everything else, and no virtual environment.

Nothing in them is shared with the machine but the standard library, which nobody installs into: what is uninstalled is
a link to a file whose original stays.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .poetries import InstalledPoetry
from .poetries import check_output
from .poetries import interpreter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from subprocess import CompletedProcess

_VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"
_LIBRARY = Path("lib", _VERSION)
_PACKAGES = _LIBRARY / "site-packages"


@dataclass(frozen=True, slots=True)
class Image:
    """An interpreter with Poetry in it, a project whose poetry.toml creates no environment, and a folder like /opt."""

    root: Path
    poetry: InstalledPoetry

    @property
    def packages(self) -> Path:
        """The interpreter's site-packages."""
        return self.root / _PACKAGES

    @property
    def prefix(self) -> Path:
        """Where the compiled torch lies."""
        return self.root / "opt" / "torch"

    @property
    def project(self) -> Path:
        """The project's folder."""
        return self.root / "app"

    def run(self, line: str, **environ: str) -> CompletedProcess[str]:
        """Run a command line of Poetry in the project."""
        return self.poetry.run(*line.split(), cwd=self.project, **environ)

    def python(self, *arguments: str | Path) -> str:
        """Run the interpreter; what it says on stdout. Its pip knows no index but the one that it is told."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP_"))}
        environ["PIP_CONFIG_FILE"] = os.devnull
        return check_output(self.poetry.python, *arguments, cwd=self.root, env=environ)

    def holds(self, name: str) -> bool:
        """Whether site-packages holds a distribution."""
        return any(self.packages.glob(f"{name}-*.dist-info"))

    @property
    def written(self) -> tuple[bytes, bytes]:
        """What Poetry may write."""
        return self.project.joinpath("pyproject.toml").read_bytes(), self.project.joinpath("poetry.lock").read_bytes()

    def copied(self, root: Path) -> Image:
        """The same image once more, which a test may spoil."""
        shutil.copytree(self.root, root, symlinks=True, copy_function=_linked)
        for folder in ("app", "opt"):
            shutil.rmtree(root / folder, ignore_errors=True)
            if self.root.joinpath(folder).exists():
                shutil.copytree(self.root / folder, root / folder)
        image = Image(root, replace(self.poetry, python=interpreter(root)))
        pth = image.packages / "gpu-build-opt.pth"
        if pth.exists():
            text = pth.read_text(encoding="utf-8").replace(str(self.prefix), str(image.prefix))
            pth.unlink()  # a link
            pth.write_text(text, encoding="utf-8")
        return image


def make_image(poetry: InstalledPoetry, root: Path, plugin: Path | None, files: Mapping[str, str]) -> Image:
    """Lay an image of this Poetry, with the plugin's wheel or without it, and the project's files."""
    base, library = Path(sys.base_prefix), root / _LIBRARY
    root.joinpath("bin").mkdir(parents=True)
    shutil.copy2(base / "bin" / _VERSION, root / "bin" / "python")
    for shared in base.glob("lib/libpython*"):
        root.joinpath("lib").mkdir(exist_ok=True)
        root.joinpath("lib", shared.name).symlink_to(shared)
    library.mkdir(parents=True)
    for entry in Path(sysconfig.get_path("stdlib")).iterdir():
        if entry.name not in ("site-packages", "dist-packages", "EXTERNALLY-MANAGED"):
            library.joinpath(entry.name).symlink_to(entry)
    own = check_output(poetry.python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    shutil.copytree(own, root / _PACKAGES, symlinks=True, copy_function=_linked)
    image = Image(root, replace(poetry, python=interpreter(root)))
    assert image.python("-I", "-c", "import sys; print(sys.prefix)").strip() == str(root)
    if plugin is not None:
        image.python("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--ignore-installed", plugin)
    image.project.mkdir()
    for name, text in files.items():
        image.project.joinpath(name).write_text(text, encoding="utf-8")
    return image


def unpack(wheel: Path, folder: Path, *, record: bool = False) -> None:
    """Lay a wheel's files into a folder as `pip install --target` does; `record`: with what pip uninstalls by."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    if not record:
        (dist_info,) = folder.glob(f"{wheel.name.split('-')[0]}-*.dist-info")
        dist_info.joinpath("RECORD").unlink()


def digest(folder: Path) -> str:
    """One hash of every name, mode and byte in a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(f"{path.relative_to(folder)} {path.lstat().st_mode}\n".encode())
        found.update(path.read_bytes() if path.is_file() else b"")
    return found.hexdigest()


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)
