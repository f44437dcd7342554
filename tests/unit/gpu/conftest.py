"""What nvidia-smi really printed (nvidia_smi_outputs.toml), and the small doubles that several tests share."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.facts.load import load_gpus
from poetry_gpu_build.gpu.names import CardTable
from poetry_gpu_build.resources import policies_dir

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDINGS = Path(__file__).with_name("nvidia_smi_outputs.toml")


@dataclass(frozen=True)
class Recorded:
    """One recorded answer of nvidia-smi."""

    stdout: bytes
    exit_status: int
    fields: tuple[str, ...]


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], Recorded]:
    """The recording of a case, by the beginning of its name."""
    rows = tomllib.loads(RECORDINGS.read_text(encoding="utf-8"))["output"]

    def find(case: str) -> Recorded:
        [row] = [row for row in rows if row["case"].startswith(case)]
        return Recorded(row["stdout"].encode(), row["exit"], tuple(row["fields"].split(",")))

    return find


@pytest.fixture(scope="session")
def table() -> CardTable:
    """The shipped table of cards."""
    return CardTable(load_gpus(policies_dir() / "facts"))


@pytest.fixture
def install_nvidia_smi(tmp_path: Path) -> Callable[[str], dict[str, str]]:
    """Put a shell script in nvidia-smi's place; answers with the environment that finds it."""

    def install(script: str, folder: str = "bin") -> dict[str, str]:
        program = tmp_path / folder / "nvidia-smi"
        program.parent.mkdir(parents=True)
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        return {"PATH": f"{program.parent}:/usr/bin:/bin"}

    return install


@pytest.fixture
def prints(tmp_path: Path) -> Callable[[bytes, int], str]:
    """A script's line that prints these bytes and ends with this status."""

    def line(stdout: bytes, exit_status: int) -> str:
        output = tmp_path / f"output-{len(list(tmp_path.iterdir()))}"
        output.write_bytes(stdout)
        return f"cat {shlex.quote(str(output))}; exit {exit_status}"

    return line
