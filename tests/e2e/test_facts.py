"""The facts beside a real wheel: what a row says, what our reader finds, and what torch says of itself."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from poetry_gpu_build.documents.toml import read_toml
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.facts.load import load_compatibility
from poetry_gpu_build.resources import policies_dir
from tools.refresh.compiler import ask
from tools.refresh.download import download
from tools.refresh.index import Index
from tools.refresh.measure import TorchWheel
from tools.refresh.measure import read_torch
from tools.refresh.pip_settings import pip_settings

from .harness.cuda import cuda_toolkit
from .harness.machine import why_not

if TYPE_CHECKING:
    from typing import Any

FACTS = policies_dir() / "facts"


def rows(file: str, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = read_toml(FACTS / file).data[table]
    return found


def cannot(reason: object) -> None:
    if os.environ.get("GPU_BUILD_E2E") == "require":
        pytest.fail(f"the end-to-end tests cannot run here: {reason}", pytrace=False)
    pytest.skip(str(reason))


@pytest.fixture(scope="module")
def smallest() -> dict[str, Any]:
    """The row of the smallest wheel with CUDA: about 530 MB, fetched anew, because no cache need hold it."""
    measured = (row for row in rows("torch_wheels.toml", "wheel") if row["status"] == "measured")
    return min(measured, key=lambda row: int(row["size_mb"]))


@pytest.fixture(scope="module")
def wheel(smallest: dict[str, Any]) -> TorchWheel:
    """What that wheel tells of itself; the file is gone again."""
    index = Index(pip_settings())
    try:
        file = index.wheel(Requirement(f"torch=={smallest['torch']}"))
    except ConfigurationError as error:
        cannot(error)
        raise
    assert file.sha256 == smallest["sha256"], "the index has another file than the one that was measured"
    with tempfile.TemporaryDirectory(prefix="gpu-build-facts-") as folder:
        path = download(index, file, Path(folder), lambda name, come, size: None)
        return read_torch(path, load_compatibility(FACTS))


def test_our_reader_finds_what_torch_says_it_was_compiled_for(wheel: TorchWheel) -> None:
    assert wheel.sass == wheel.told_sass
    assert wheel.ptx == wheel.told_ptx


def test_the_row_of_the_facts_says_what_is_in_the_wheel(smallest: dict[str, Any], wheel: TorchWheel) -> None:
    assert (wheel.build.version, wheel.build.variant) == (smallest["torch"], smallest["variant"])
    assert wheel.cuda == smallest["cuda"]
    assert [str(each) for each in wheel.sass] == smallest["sass"]
    assert [str(each) for each in wheel.ptx] == smallest["ptx"]
    assert wheel.cudnn == smallest["cudnn"]
    assert wheel.git.startswith(smallest["git"])


def test_the_row_of_the_policys_toolkit_says_what_its_compiler_does() -> None:
    reason = why_not()
    if reason is not None:
        cannot(reason)
    measured = ask(cuda_toolkit() / "bin/nvcc", "today")
    [row] = [row for row in rows("cuda_toolkits.toml", "toolkit") if row["cuda"] == measured.key["cuda"]]
    assert row["cuda"] == "11.8"
    assert {key: row[key] for key in measured.read} == measured.read
