"""An interpreter, a folder in the place of /opt, and wheels of a stand-in torch: what a swap is tried on."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import stat
import sys
import venv
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.resources import policies_dir
from poetry_gpu_build.swap.apply import Request
from poetry_gpu_build.swap.apply import apply
from poetry_gpu_build.swap.apply import locked
from poetry_gpu_build.swap.apply import undo
from poetry_gpu_build.swap.apply import unfinished
from poetry_gpu_build.swap.place import Site
from poetry_gpu_build.swap.proof import Expectation
from poetry_gpu_build.swap.proof import proved
from poetry_gpu_build.swap.prove import prove
from poetry_gpu_build.values import ComputeCapability
from poetry_gpu_build.values import TorchBuild

from ..binaries.fatbins import LINKED
from ..binaries.fatbins import elf
from ..binaries.fatbins import sass

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Mapping

MAXWELL = ComputeCapability(5, 2)
TORCH = "2.4.1"
LIBRARY = "torch/lib/libtorch_cuda.so"


def torch_files(version: str = TORCH, *, requires: str = "", architecture: int = 52) -> dict[str, bytes]:
    """The files of a distribution of torch, without RECORD."""
    dist_info = f"torch-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: torch\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    return {
        "torch/__init__.py": f"__version__ = {version!r}\n".encode(),
        "torch/nn/__init__.py": b"",
        "torchgen/__init__.py": b"",
        "functorch/__init__.py": b"",
        LIBRARY: elf((LINKED, sass(architecture))),
        f"{dist_info}/METADATA": metadata.encode(),
        f"{dist_info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-any\n",
        f"{dist_info}/entry_points.txt": b"[console_scripts]\ntorchrun = torch:main\n",
    }


def record_of(files: Mapping[str, bytes], dist_info: str) -> bytes:
    """The RECORD of these files."""
    lines = [f"{path},sha256={digest(content)},{len(content)}" for path, content in files.items()]
    return "\n".join([*lines, f"{dist_info}/RECORD,,", ""]).encode()


def digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def write_wheel(
    folder: Path, version: str = TORCH, files: Mapping[str, bytes] | None = None, record: bytes | None = None
) -> Path:
    """A wheel of torch; with ``files`` and ``record`` it holds those instead."""
    content = torch_files(version) if files is None else dict(files)
    content[f"torch-{version}.dist-info/RECORD"] = (
        record_of(content, f"torch-{version}.dist-info") if record is None else record
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in content.items():
            archive.writestr(path, data)
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"torch-{version}-py3-none-any.whl"
    wheel.write_bytes(buffer.getvalue())
    return wheel


def install(folder: Path, version: str, *, scripts: Path | None = None, **kind: str) -> None:
    """Lay torch into a folder as pip does: with RECORD and INSTALLER, and with torchrun where there are scripts."""
    files = torch_files(version, **kind)  # type: ignore[arg-type]
    dist_info = f"torch-{version}.dist-info"
    files[f"{dist_info}/INSTALLER"] = b"pip\n"
    files[f"{dist_info}/direct_url.json"] = b'{"url": "file:///tmp/dist/torch.whl"}'
    if scripts is not None:
        files[os.path.relpath(scripts / "torchrun", folder)] = f"#!{sys.executable}\n".encode()
    files[f"{dist_info}/RECORD"] = record_of(files, dist_info)
    for name, content in files.items():
        path = Path(os.path.normpath(folder / name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


FACTS = load_compatibility(policies_dir() / "facts")


class World:
    """One of each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.opt = root / "opt"
        self.opt.mkdir(parents=True)
        self.prefix = self.opt / "torch"
        self.dist = root / "dist"
        environment = root / "env"
        venv.create(environment, symlinks=True)
        self.python = environment / "bin" / "python"
        self.scripts = environment / "bin"
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        self.purelib = environment / "lib" / version / "site-packages"
        self.site = Site(self.python, self.purelib, self.scripts, (self.purelib,))
        self.expectation = Expectation(TorchBuild.parse(TORCH), str(self.prefix), (MAXWELL,))

    def request(self, source: Path | None = None, *, front: bool = False, remove_shadow: bool = False) -> Request:
        return Request(self.site, self.prefix, source or self.prefix, front, remove_shadow)

    def apply(
        self,
        source: Path | None = None,
        *,
        front: bool = False,
        remove_shadow: bool = False,
        on_step: Callable[[str], None] = lambda _: None,
    ) -> list[str]:
        with locked(self.site, self.prefix, lambda _: None):
            wanted = self.request(source, front=front, remove_shadow=remove_shadow)
            return apply(wanted, self.expectation, on_step)

    def undo(self, on_step: Callable[[str], None] = lambda _: None) -> Path | None:
        with locked(self.site, self.prefix, lambda _: None):
            return undo(self.purelib, on_step)

    def snapshot(self) -> dict[str, tuple[int, bytes]]:
        """Everything there is, byte for byte, with its mode; without what an import leaves behind."""
        return {
            path.relative_to(self.root).as_posix(): seen(path)
            for path in sorted(self.root.rglob("*"))
            if "__pycache__" not in path.parts
        }


def seen(path: Path) -> tuple[int, bytes]:
    """The mode and the content of a file, a link or a folder."""
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return mode, os.fsencode(path.readlink())
    return mode, path.read_bytes() if stat.S_ISREG(mode) else b""


def is_proven(world: World) -> bool:
    return proved(prove(world.python, world.expectation, FACTS)) and not unfinished(world.purelib)


def copied(world: World) -> None:
    """As the image's build does: the tree of the compile's stage lies at the prefix."""
    install(world.prefix, "2.4.1")


def shadowed(world: World) -> None:
    """A binary torch that somebody's pip put into site-packages, and a tree at the prefix."""
    copied(world)
    install(world.purelib, "2.7.1", scripts=world.scripts)


def left(world: World) -> None:
    """A wheel that the compile left."""
    write_wheel(world.dist)
