"""The small torch of tests/e2e/torch_standin: as a git repository to compile from, and as a binary wheel."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .bases import SOURCE_BASE
from .cache import cached_folder
from .process import HarnessError
from .process import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .engine import Engine

SOURCES = Path(__file__).resolve().parent.parent / "torch_standin"
TAG = "v2.4.1"

BINARY_VERSION = "2.7.1+cu128"
BINARY_ARCHITECTURES = ("7.5", "8.0", "8.6", "9.0")
"""What the 11.8 compiler can make of the real wheel's list; that goes on to 10.0 and 12.0."""

IDENTITY = {
    "GIT_AUTHOR_NAME": "standin",
    "GIT_AUTHOR_EMAIL": "standin@example.com",
    "GIT_AUTHOR_DATE": "2024-09-04T00:00:00Z",
    "GIT_COMMITTER_NAME": "standin",
    "GIT_COMMITTER_EMAIL": "standin@example.com",
    "GIT_COMMITTER_DATE": "2024-09-04T00:00:00Z",
    # The user's own configuration (signing, hooks, another default branch) must not decide what we make.
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}

_WHEEL_DOCKERFILE = f"""\
FROM {SOURCE_BASE} AS build
COPY . /src
WORKDIR /src
RUN python3.11 -m venv /venv && /venv/bin/pip install --quiet -r requirements.txt
ARG PYTORCH_BUILD_VERSION
ARG PYTORCH_BUILD_NUMBER=1
ARG TORCH_CUDA_ARCH_LIST
ARG TORCH_STANDIN_CUDA
RUN /venv/bin/python setup.py bdist_wheel
FROM scratch
COPY --from=build /src/dist/ /
"""


def torch_repository(folder: Path, *, broken: bool = False) -> Path:
    """Make `folder`/pytorch.git, a repository with the tag v2.4.1; with `broken`, a kernel of it does not compile."""
    repository = folder / "pytorch.git"
    shutil.copytree(SOURCES, repository, ignore=shutil.ignore_patterns("__pycache__", "build", "dist", "*.egg-info"))
    if broken:
        kernel = repository / "csrc/kernels/add.cu"
        kernel.write_text(kernel.read_text().replace("a[i] + b[i];", "a[i] + b[i]"))

    def git(*arguments: str) -> None:
        run(["git", "-C", repository, *arguments], env=os.environ | IDENTITY)

    git("init", "--quiet", "--initial-branch=main")
    # GitHub hands out any commit by its hash; plain git does not unless told.
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    git("config", "uploadpack.allowFilter", "true")
    git("add", "--all", "--force")
    git("commit", "--quiet", "--message", "torch 2.4.1, small")
    git("tag", TAG)
    # The tag is not the tip, as it is not in the real repository.
    (repository / "version.txt").write_text("2.5.0a0\n")
    git("commit", "--quiet", "--all", "--message", "On to 2.5")
    return repository


def binary_wheel(engine: Engine) -> Path:
    """The wheel torch 2.7.1+cu128 for CPython 3.11, compiled on first use in the engine's CUDA base image."""
    return build_wheel(engine, BINARY_VERSION, BINARY_ARCHITECTURES, cuda="12.8")


def build_wheel(engine: Engine, version: str, architectures: tuple[str, ...], *, cuda: str = "") -> Path:
    """A wheel of the small torch; `cuda` is what its `torch.version.cuda` shall say (default: the compiler's)."""
    arguments = {
        "PYTORCH_BUILD_VERSION": version,
        "TORCH_CUDA_ARCH_LIST": ";".join(architectures),
        "TORCH_STANDIN_CUDA": cuda,
    }

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="gpu-build-wheel-") as temporary:
            dockerfile = Path(temporary) / "Dockerfile"
            dockerfile.write_text(_WHEEL_DOCKERFILE)
            flags = [f"--build-arg={name}={value}" for name, value in arguments.items()]
            output = f"--output=type=local,dest={folder}"
            engine.docker("buildx", "build", "--file", dockerfile, *flags, output, SOURCES)

    folder = cached_folder("wheel", [_WHEEL_DOCKERFILE, *sorted(map("=".join, arguments.items())), *_contents()], make)
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise HarnessError(f"{folder} holds {len(wheels)} wheels")
    return wheels[0]


def _contents() -> Iterator[str | bytes]:
    for path in sorted(SOURCES.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield str(path.relative_to(SOURCES))
            yield path.read_bytes()
