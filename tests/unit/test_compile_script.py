"""The parts of the compile that decide something are run here as they stand, by bash, on another machine's figures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.resources import docker_dir

from .builders import put_on_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the script is bash's")

SCRIPT = (docker_dir() / "Dockerfile.source").read_text(encoding="utf-8").partition("<<'COMPILE'\n")[2]
KIB_PER_GIB = 2**20
UNLIMITED = 9223372036854771712  # what the first version of cgroups says where there is no limit


def part(begin: str, end: str) -> str:
    """The lines of the script from one that begins like this to one that is this."""
    found = re.search(rf"^{re.escape(begin)}.*?^{re.escape(end)}$", SCRIPT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", f"set -euo pipefail\n{script}"],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """How many jobs the script counts on a machine of this size."""

    def count(cores: int, free_gib: float, *, limits: tuple[object, ...] = (), **environment: str) -> str:
        put_on_path(monkeypatch, tmp_path / "bin", f"echo {cores}", program="nproc")
        told = tmp_path / "meminfo"
        told.write_text(
            f"MemTotal:       999999999 kB\nMemAvailable:   {int(free_gib * KIB_PER_GIB)} kB\n", encoding="utf-8"
        )
        groups = tmp_path / "cgroup"
        for name, limit in zip(("memory.max", "memory/memory.limit_in_bytes"), limits, strict=False):
            (groups / name).parent.mkdir(parents=True, exist_ok=True)
            (groups / name).write_text(f"{limit}\n", encoding="utf-8")
        script = part('if [ -z "${MAX_JOBS:-}" ]', "export MAX_JOBS")
        script = script.replace("/proc/meminfo", str(told)).replace("/sys/fs/cgroup", str(groups))
        done = run(f'{script}\necho "$MAX_JOBS"', **{"COMPILE_GIB_PER_JOB": "4", **environment})
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return count


@pytest.mark.parametrize(
    ("cores", "free_gib", "expected"), [(16, 64, 16), (16, 32, 8), (4, 64, 4), (16, 15.9, 3), (16, 3, 1), (1, 0.1, 1)]
)
def test_the_jobs_are_bounded_by_the_cores_and_by_4_gib_of_free_memory_each(
    jobs: Callable[..., str], cores: int, free_gib: float, expected: int
) -> None:
    assert jobs(cores, free_gib) == str(expected)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (("max",), 16),
        ((8 * 2**30,), 2),
        (("max", 12 * 2**30), 3),
        (("max", UNLIMITED), 16),
        ((2**60, 8 * 2**30), 2),
    ],
)
def test_a_limit_of_the_container_counts_where_it_can_be_seen(
    jobs: Callable[..., str], limits: tuple[object, ...], expected: int
) -> None:
    assert jobs(16, 64, limits=limits) == str(expected)


def test_the_policy_says_how_much_a_job_takes(jobs: Callable[..., str]) -> None:
    assert jobs(64, 8, COMPILE_GIB_PER_JOB="0.5") == "16"


def test_a_number_from_outside_counts_more(jobs: Callable[..., str]) -> None:
    assert jobs(16, 64, MAX_JOBS="3") == "3"


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An nvcc that writes down how it was called, and a gcc 13."""
    put_on_path(monkeypatch, tmp_path / "bin", "echo 13.2.0", program="gcc")
    calls = tmp_path / "calls"
    put_on_path(monkeypatch, tmp_path / "bin", f'echo "$@" > {calls}; exit "$REFUSES"', program="nvcc")
    return calls


def probe(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(f'work="{tmp_path}"\n' + part("echo 'int main", "}"), **{"REFUSES": "0", **environment})


def test_a_gcc_that_nvcc_refuses_stops_the_compile_before_the_clone(tmp_path: Path, compiler: Path) -> None:
    assert SCRIPT.index('probe.cu"') < SCRIPT.index("git clone")
    done = probe(tmp_path, REFUSES="1")
    assert done.returncode == 1
    assert "gcc 13.2.0" in done.stderr
    assert "help: take a base image" in done.stderr


def test_a_gcc_that_nvcc_takes_is_no_matter(tmp_path: Path, compiler: Path) -> None:
    done = probe(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "-ccbin" not in compiler.read_text(encoding="utf-8")


def test_the_compilers_that_a_base_image_names_are_the_ones_that_are_asked(tmp_path: Path, compiler: Path) -> None:
    assert probe(tmp_path, CUDAHOSTCXX="g++-11").returncode == 0
    assert compiler.read_text(encoding="utf-8").startswith("-ccbin g++-11 ")
    assert probe(tmp_path, CUDACXX=str(tmp_path / "none")).returncode == 1
