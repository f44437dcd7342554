"""What the reader of binaries is compared with: NVIDIA's compilers and cuobjdump, and a library of theirs."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from .cache import cached_folder
from .cuda import cuda_toolkit
from .process import run
from .pypi import download

_CUOBJDUMP = "nvidia-cuda-cuobjdump==13.5.37"
"""0.3 MB. The one of CUDA 11.8 knows no suffixes."""
_NCCL = "nvidia-nccl-cu12==2.21.5"
"""189 MB: relocatable and linked device code in one library, the first much larger."""


def nvcc_11_8() -> list[str | Path]:
    """How the policy's own compiler is started."""
    compiler = cuda_toolkit() / "bin/nvcc"
    return [compiler, "-ccbin", "/usr/bin/g++", "-allow-unsupported-compiler", "-I", cuda_toolkit() / "include"]


def machine_nvcc() -> list[str | Path] | None:
    """How this machine's own compiler is started, if it has one."""
    found = shutil.which("nvcc")
    return None if found is None else [found]


def cuobjdump_11_8() -> Path:
    """The cuobjdump that belongs to the policy's compiler."""
    return cuda_toolkit() / "bin/cuobjdump"


def cuobjdump() -> Path:
    """A cuobjdump that knows every toolkit up to now."""

    def make(folder: Path) -> None:
        _unpack(folder, _CUOBJDUMP, "/cuobjdump").rename(folder / "cuobjdump")
        (folder / "cuobjdump").chmod(0o755)

    return cached_folder("cuobjdump", [_CUOBJDUMP], make) / "cuobjdump"


def nccl_wheel() -> Path:
    """A wheel of NVIDIA's as PyPI has it."""

    def make(folder: Path) -> None:
        download(folder, _NCCL)

    return next(cached_folder("nccl", [_NCCL], make).glob("*.whl"))


def linked(objects: list[Path], library: Path) -> Path:
    """A shared library of compiled objects."""
    runtime = cuda_toolkit() / "lib64"
    run(["g++", "-shared", "-o", library, *objects, "-L", runtime, "-lcudart"])
    return library


def _unpack(folder: Path, requirement: str, ending: str) -> Path:
    [wheel] = download(folder, requirement)
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(ending)]
        return Path(archive.extract(name, folder))
