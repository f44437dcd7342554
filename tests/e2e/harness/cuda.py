"""A real CUDA 11.8 compiler, laid out as NVIDIA's images lay theirs out.

nvcc, ptxas, fatbinary and cuobjdump are in Debian bookworm's non-free component, the headers and the runtime in
two wheels on PyPI; neither needs an NVIDIA host.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path

from .cache import cached_folder
from .debs import architecture
from .debs import debian_repository
from .debs import fetch
from .pypi import download

VERSION = "11.8"
_DEBS = ("nvidia-cuda-toolkit", "libnvvm4")
_WHEELS = ("nvidia-cuda-runtime-cu11==11.8.89", "nvidia-cuda-nvcc-cu11==11.8.89")
_PROGRAMS = ("bin2c", "cu++filt", "cudafe++", "cuobjdump", "fatbinary", "nvlink", "nvprune", "ptxas")
"""nvdisasm and the debuggers are left out: 60 MB that no test runs."""

# NVIDIA's own nvcc.profile; Debian's names Debian's folders.
_PROFILE = """\
TOP              = $(_HERE_)/..
NVVMIR_LIBRARY_DIR = $(TOP)/nvvm/libdevice
PATH            += $(TOP)/nvvm/bin:$(_HERE_):
INCLUDES        +=  "-I$(TOP)/include" $(_SPACE_)
LIBRARIES        =+ $(_SPACE_) "-L$(TOP)/lib64/stubs" "-L$(TOP)/lib64"
"""


def cuda_toolkit() -> Path:
    """The folder to put at /usr/local/cuda-11.8."""
    recipe = (architecture(), *_DEBS, *_WHEELS, Path(__file__).read_bytes())
    return cached_folder("cuda", recipe, _make) / f"cuda-{VERSION}"


def _make(folder: Path) -> None:
    top = folder / f"cuda-{VERSION}"
    for name in ("bin", "include", "lib64", "nvvm/bin", "nvvm/lib64", "nvvm/libdevice"):
        (top / name).mkdir(parents=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        _arrange_debs(Path(temporary) / "debs", top)
        _arrange_wheels(Path(temporary) / "wheels", top)
    (top / "bin/nvcc.profile").write_text(_PROFILE)


def _arrange_debs(unpacked: Path, top: Path) -> None:
    fetch(unpacked, debian_repository("bookworm", "main", "non-free"), *_DEBS)
    for name in _PROGRAMS:
        shutil.move(unpacked / "usr/bin" / name, top / "bin" / name)
    private = unpacked / "usr/lib/nvidia-cuda-toolkit"
    shutil.move(private / "bin/nvcc", top / "bin/nvcc")
    shutil.move(private / "bin/crt", top / "bin/crt")
    shutil.move(private / "bin/cicc", top / "nvvm/bin/cicc")
    shutil.move(private / "libdevice/libdevice.10.bc", top / "nvvm/libdevice/libdevice.10.bc")
    library = next(unpacked.glob("usr/lib/*/libnvvm.so.4.*"))
    for name in ("libnvvm.so", "libnvvm.so.4"):
        (top / "nvvm/lib64" / name).symlink_to(library.name)
    shutil.move(library, top / "nvvm/lib64" / library.name)


def _arrange_wheels(unpacked: Path, top: Path) -> None:
    for wheel in download(unpacked, *_WHEELS):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
    for part in ("cuda_runtime", "cuda_nvcc"):
        shutil.copytree(unpacked / "nvidia" / part / "include", top / "include", dirs_exist_ok=True)
    for marker in top.rglob("__init__.py"):
        marker.unlink()
    runtime = unpacked / "nvidia/cuda_runtime/lib/libcudart.so.11.0"
    shutil.move(runtime, top / "lib64" / runtime.name)
    (top / "lib64/libcudart.so").symlink_to(runtime.name)
