"""Builds the stand-in as PyTorch's setup.py builds PyTorch: the environment says what, nvcc compiles it."""

# mypy: ignore-errors
# ruff: noqa: T201
# As foreign to this project as the real one: setuptools need not be installed where the project is checked.

from __future__ import annotations

import concurrent.futures
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension
from setuptools import find_packages
from setuptools import setup
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent
KERNELS = HERE / "csrc" / "kernels"
ALL_ARCHITECTURES = "5.0;6.0;7.0;7.5;8.0;8.6;9.0"
"""What is built for when TORCH_CUDA_ARCH_LIST is not set."""


def commit() -> str:
    """The checked-out commit, or "unknown" outside a repository."""
    command = ["git", "-C", str(HERE), "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def version() -> str:
    """The distribution's version: a development version unless the environment names another."""
    named = os.environ.get("PYTORCH_BUILD_VERSION")
    if not named:
        return f"{(HERE / 'version.txt').read_text().strip()}+git{commit()[:7]}"
    number = os.environ.get("PYTORCH_BUILD_NUMBER")
    if number is None:
        sys.exit("PYTORCH_BUILD_VERSION is set, PYTORCH_BUILD_NUMBER is not")
    return f"{named}.post{int(number)}" if int(number) > 1 else named


def architectures() -> list[tuple[str, bool]]:
    """The architectures asked for, such as ("52", False), and whether portable code (PTX) is asked for too."""
    found = []
    for word in re.split(r"[;\s]+", os.environ.get("TORCH_CUDA_ARCH_LIST") or ALL_ARCHITECTURES):
        if not word:
            continue
        match = re.fullmatch(r"(\d+)\.(\d+a?)(\+PTX)?", word)
        if match is None:
            sys.exit(f"TORCH_CUDA_ARCH_LIST: unknown architecture {word!r}")
        found.append((match[1] + match[2], match[3] is not None))
    return found


def gencode_flags() -> list[str]:
    """The architectures as nvcc takes them."""
    flags = []
    for name, portable in architectures():
        flags += ["-gencode", f"arch=compute_{name},code=sm_{name}"]
        if portable:
            flags += ["-gencode", f"arch=compute_{name},code=compute_{name}"]
    return flags


def arch_flags() -> str:
    """The architectures as `torch._C._cuda_getArchFlags()` gives them."""
    flags = [f"sm_{name}" for name, _ in architectures()]
    return " ".join(flags + [f"compute_{name}" for name, portable in architectures() if portable])


def nvcc() -> str:
    """The compiler, looked for where the real build looks."""
    named = os.environ.get("CUDACXX")
    home = os.environ.get("CUDA_HOME") or os.environ.get("CUDA_PATH") or "/usr/local/cuda"
    found = named or shutil.which("nvcc") or shutil.which(str(Path(home) / "bin" / "nvcc"))
    if not found:
        sys.exit(f"no nvcc in PATH or in {home}/bin: this torch is built with CUDA or not at all")
    return found


def cuda_version() -> str:
    """The compiler's release, such as 11.8; TORCH_STANDIN_CUDA lets a wheel pass for one of another family."""
    named = os.environ.get("TORCH_STANDIN_CUDA")
    if named:
        return named
    said = subprocess.run([nvcc(), "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"release (\d+\.\d+)", said)
    if match is None:
        sys.exit(f"nvcc --version names no release:\n{said}")
    return match[1]


def call(command: list[str]) -> None:
    """Run a compiler; its own words are the error."""
    print(shlex.join(command), flush=True)
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    print(result.stdout, end="", flush=True)
    if result.returncode:
        raise SystemExit(f"{command[0]} failed with exit code {result.returncode}\n{result.stdout}")


class BuildKernels(build_ext):
    """Also compiles csrc/kernels into torch/lib/libtorch_cuda.so."""

    def run(self) -> None:
        library = Path(self.build_lib) / "torch" / "lib" / "libtorch_cuda.so"
        objects = Path(self.build_temp) / "kernels"
        library.parent.mkdir(parents=True, exist_ok=True)
        objects.mkdir(parents=True, exist_ok=True)
        launcher = shlex.split(os.environ.get("CMAKE_CUDA_COMPILER_LAUNCHER", ""))
        compiler = nvcc()
        made = []
        commands = []
        for source in sorted(KERNELS.glob("*.cu")):
            made.append(str(objects / f"{source.stem}.o"))
            flags = ["-O2", "-Xcompiler", "-fPIC", *gencode_flags()]
            commands.append([*launcher, compiler, *flags, "-c", str(source), "-o", made[-1]])
        jobs = int(os.environ.get("MAX_JOBS") or os.cpu_count() or 1)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            # list(): a failure in any of them is raised here.
            list(pool.map(call, commands))
        # No CUDA runtime: nothing here is ever loaded, only read.
        call([compiler, "-shared", "-cudart", "none", *made, "-o", str(library)])
        super().run()


class BuildVersion(build_py):
    """Also writes torch/version.py."""

    def run(self) -> None:
        super().run()
        text = f"__version__ = {version()!r}\ncuda = {cuda_version()!r}\ngit_version = {commit()!r}\n"
        (Path(self.build_lib) / "torch" / "version.py").write_text(text)


setup(
    name="torch",
    version=version(),
    description="A small stand-in for PyTorch",
    packages=find_packages(include=["torch", "torch.*"]),
    ext_modules=[
        Extension("torch._C", ["csrc/module.c"], define_macros=[("TORCH_CUDA_ARCH_FLAGS", f'"{arch_flags()}"')])
    ],
    cmdclass={"build_ext": BuildKernels, "build_py": BuildVersion},
    entry_points={"console_scripts": ["torchrun = torch.distributed.run:main"]},
    install_requires=["filelock", "typing-extensions>=4.8.0"],
    python_requires=">=3.8",
)
