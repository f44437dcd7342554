"""The reader of binaries beside NVIDIA's own: what nvcc compiled, entry for entry as cuobjdump lists it."""

from __future__ import annotations

import os
import re
import zipfile
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.binaries.library import containers
from poetry_gpu_build.binaries.read import read_path
from poetry_gpu_build.binaries.span import opened

from .harness.binaries import cuobjdump
from .harness.binaries import cuobjdump_11_8
from .harness.binaries import linked
from .harness.binaries import machine_nvcc
from .harness.binaries import nccl_wheel
from .harness.binaries import nvcc_11_8
from .harness.machine import why_not
from .harness.process import run

if TYPE_CHECKING:
    from pathlib import Path

    from .harness.plugin import Poetry
    from .images import Image

    Listed = list[tuple[str, str, bool]]

KERNEL = """\
__global__ void {name}(float *p) {{ p[threadIdx.x] *= 2; }}
extern "C" void launch_{name}(float *p) {{ {name}<<<1, 32>>>(p); }}
"""
CALLS = "extern __device__ float other(float);\n__global__ void calls(float *p) { *p = other(*p); }\n"
IS_CALLED = "__device__ float other(float x) { return x + 1; }\n"

_ENTRY = re.compile(r"Fatbin (\w+) code:\n=+\narch = (sm_\w+)\n((?:.+\n)*)")
_KINDS = {"sass": "elf", "ptx": "ptx", "lto": "nvvm"}


def cc(*codes: str) -> list[str]:
    """nvcc's options for these: the real architecture's number in the virtual one's name."""
    return [f"-gencode=arch=compute_{code.partition('_')[2]},code={code}" for code in codes]


OLD = cc("sm_52", "sm_61", "sm_86", "compute_90")
NEW = cc("sm_75", "sm_90a", "sm_100f", "sm_120", "sm_121a", "compute_120", "compute_120f", "compute_90a")


@pytest.fixture(scope="module", autouse=True)
def _machine() -> None:
    reason = why_not()
    if reason is not None:
        if os.environ.get("GPU_BUILD_E2E") == "require":
            pytest.fail(f"the end-to-end tests cannot run here: {reason}", pytrace=False)
        pytest.skip(reason)


def read(path: Path) -> Listed:
    """Every entry as our reader sees it."""
    with opened(path, path.name) as span:
        return [
            (_KINDS[entry.code.kind], entry.code.architecture.sm, entry.is_compressed)
            for container in containers(span)
            for entry in container
        ]


def listed(path: Path, program: Path) -> Listed:
    """Every entry as cuobjdump lists it."""
    said = run([program, path]).stdout
    return [(kind, sm, "compressed" in rest.split()) for kind, sm, rest in _ENTRY.findall(said)]


def compiled(compiler: list[str | Path], folder: Path, *options: str, source: str = "", name: str = "k") -> Path:
    """What nvcc makes of a source with these options."""
    path = folder / f"{name}.cu"
    path.write_text(source or KERNEL.format(name=name))
    output = folder / f"{name}{'.fatbin' if '-fatbin' in options else '.o'}"
    run([*compiler, path, "-o", output, *options])
    return output


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["-c", *cc("sm_52")], id="one architecture"),
        pytest.param(["-c", *OLD], id="several"),
        pytest.param(["-c", *cc("compute_52")], id="PTX only"),
        pytest.param(["-dc", *OLD], id="relocatable"),
        pytest.param(["-dc", *cc("lto_80", "sm_86")], id="for the linker"),
        pytest.param(["-c", "-no-compress", *OLD], id="not compressed"),
        pytest.param(["-c", "-G", *OLD], id="with debug information"),
        pytest.param(["-fatbin", *OLD], id="a fatbin"),
    ],
)
def test_what_nvcc_11_8_compiles(options: list[str], tmp_path: Path) -> None:
    path = compiled(nvcc_11_8(), tmp_path, *options)
    expected = listed(path, cuobjdump_11_8())
    assert expected
    assert read(path) == expected
    assert read(path) == listed(path, cuobjdump())


def test_the_oldest_that_nvcc_11_8_compiles_for(tmp_path: Path) -> None:
    path = compiled(nvcc_11_8(), tmp_path, "-c", *cc("sm_35", "sm_37", "compute_35"))
    assert read(path) == listed(path, cuobjdump_11_8())  # newer ones refuse Kepler
    assert len(read(path)) == 3


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(["-c", *NEW], id="suffixes"),
        pytest.param(["-dc", *NEW], id="relocatable"),
        pytest.param(["-fatbin", *cc("compute_90a", "compute_100f")], id="PTX only"),
        *[pytest.param(["-c", f"--compress-mode={mode}", *NEW], id=mode) for mode in ("none", "size", "speed")],
    ],
)
def test_what_the_machines_nvcc_compiles(options: list[str], tmp_path: Path) -> None:
    compiler = machine_nvcc()
    if compiler is None:
        pytest.skip("this machine has no nvcc")
    path = compiled(compiler, tmp_path, *options)
    expected = listed(path, cuobjdump())
    assert expected
    assert read(path) == expected


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two files of which one calls the other, the code that links them, and one that stands alone."""
    folder = tmp_path_factory.mktemp("objects")
    codes = cc("sm_52", "sm_86")
    options = ["-dc", "-Xcompiler=-fPIC", *codes]
    a = compiled(nvcc_11_8(), folder, *options, source=CALLS, name="calls")
    b = compiled(nvcc_11_8(), folder, *options, source=IS_CALLED, name="a_file_with_a_long_name")
    both = folder / "both.o"
    run([*nvcc_11_8(), "-dlink", "-Xcompiler=-fPIC", *codes, a, b, "-o", both])
    return [a, b, both, compiled(nvcc_11_8(), folder, "-c", "-Xcompiler=-fPIC", *OLD, name="alone")]


def test_a_library_with_linked_and_relocatable_code(objects: list[Path], tmp_path: Path) -> None:
    library = linked(objects, tmp_path / "libk.so")
    # Linked by the device linker: sm_52, sm_86; alone: the four of OLD.
    assert len(read(library)) == 6
    assert read(library) == listed(library, cuobjdump())


def test_a_static_library(objects: list[Path], tmp_path: Path) -> None:
    library = tmp_path / "libk.a"
    run(["ar", "rcs", library, *objects])
    assert len(read(library)) == 10
    assert read(library) == listed(library, cuobjdump())


def test_a_library_of_nvidias_in_its_wheel(tmp_path: Path) -> None:
    with zipfile.ZipFile(nccl_wheel()) as archive:
        library = archive.extract("nvidia/nccl/lib/libnccl.so.2", tmp_path)
    path = tmp_path / "nvidia/nccl/lib/libnccl.so.2"
    assert str(path) == library
    assert read(path) == listed(path, cuobjdump())
    [found] = read_path(nccl_wheel()).libraries
    assert found.path == "nvidia/nccl/lib/libnccl.so.2"
    assert sum(held.entries for held in found.held) == len(read(path))


def test_the_image_for_a_card_of_2014_holds_code_for_it_alone(
    poetry: Poetry, source_image: Image, tmp_path: Path
) -> None:
    done = poetry.run("gpu-build", "archs", f"docker:{source_image.name}", "--runs-on", "5.2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "opt/torch/torch/lib/libtorch_cuda.so" in done.stdout
    assert "runs on     5.2\n" in done.stdout
    containers_left = source_image.engine.docker("ps", "--all", "--quiet").stdout.split()
    assert containers_left == []
