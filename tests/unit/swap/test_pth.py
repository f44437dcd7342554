from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from poetry_gpu_build.swap.pth import PTH_NAME
from poetry_gpu_build.swap.pth import START_NAME
from poetry_gpu_build.swap.pth import read_swap
from poetry_gpu_build.swap.pth import read_swap_files
from poetry_gpu_build.swap.pth import swap_files

PREFIX = Path("/opt/torch")


@pytest.mark.parametrize("front", [False, True])
@pytest.mark.parametrize("prefix", ["/opt/torch", "/opt/it's", "/opt/a b/c+d"])
def test_what_is_written_is_read_back(tmp_path: Path, front: bool, prefix: str) -> None:
    for name, text in swap_files(Path(prefix), front=front).items():
        tmp_path.joinpath(name).write_text(text)
    assert read_swap(tmp_path) == Path(prefix)
    assert read_swap_files(tmp_path) == (Path(prefix), front)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "opt/torch\n",
        "import os\n",
        "import sys; sys.path.insert(0, evil())\n",
        "/opt/torch\n/opt/other\n",
        "/opt/torch\0\n",
        "/" + "a" * 5000,
        "\udcff",
    ],
)
def test_another_text_is_of_no_swap(tmp_path: Path, text: str) -> None:
    tmp_path.joinpath(PTH_NAME).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert read_swap(tmp_path) is None


def test_without_a_file_there_is_no_swap(tmp_path: Path) -> None:
    assert read_swap(tmp_path) is None
    tmp_path.joinpath(PTH_NAME).mkdir()
    assert read_swap(tmp_path) is None


def test_the_start_file_names_a_function_that_puts_the_prefix_first_once(tmp_path: Path) -> None:
    files = swap_files(PREFIX, front=True)
    for name, text in files.items():
        tmp_path.joinpath(name).write_text(text)
    module, _, function = files[START_NAME].strip().partition(":")
    # As Python 3.15 does it: pkgutil.resolve_name, and a call without arguments.
    script = (
        "import pkgutil, sys\n"
        f"for _ in range(2): pkgutil.resolve_name({module + ':' + function!r})()\n"
        "print(sys.path[0], sys.path.count('/opt/torch'))"
    )
    run = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["/opt/torch", "1"]


def test_the_file_is_not_called_after_a_distribution() -> None:
    assert PTH_NAME == "gpu-build-opt.pth"
