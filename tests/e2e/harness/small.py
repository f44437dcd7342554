"""A project that builds in seconds: a base of one program, and steps that write a few bytes."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from .cache import cached_folder
from .debs import architecture
from .debs import fetch
from .debs import machine_repositories
from .process import run
from .project import EXAMPLE

if TYPE_CHECKING:
    from .engine import Engine

BASE = "gpu-build-e2e/busybox:latest"
TORCH_BYTES = 3_000_000
_APPLETS = ("sh", "cat", "cp", "dd", "echo", "env", "mkdir", "sleep", "test")

BINARY = f"""\
FROM {BASE} AS base
ARG GREETING=hello
RUN echo "$GREETING" > /greeting

FROM base AS app
WORKDIR /app
COPY pyproject.toml ./
RUN dd if=/dev/zero of=/torch bs=1000 count={TORCH_BYTES // 1000}
COPY . .
RUN <<PROOF
echo proven
cat /greeting
PROOF
"""

SOURCE = f"""\
FROM {BASE} AS torch-build
RUN mkdir -p /opt/torch && echo compiled > /opt/torch/lib

FROM scratch AS torch
COPY --from=torch-build /opt/torch /opt/torch

FROM {BASE} AS app
COPY --from=torch /opt /opt
COPY . /app
RUN test ! -f /app/broken || {{ echo "error: <b>no kernel</b>"; cat /app/broken; exit 3; }}
RUN test ! -f /app/endless || {{ echo waiting; sleep 600; }}
"""


def make_base(engine: Engine, *, saying: str = "first") -> None:
    """Import the base into the engine; one that says another thing is another image under the same name."""

    def make(folder: Path) -> None:
        fetch(folder, machine_repositories()[0], "busybox-static")

    programs = cached_folder("busybox", [architecture(), "busybox-static"], make)
    with tempfile.TemporaryDirectory(prefix="gpu-build-busybox-") as folder:
        root = Path(folder, "root")
        (root / "bin").mkdir(parents=True)
        shutil.copy(programs / "bin/busybox", root / "bin")
        for applet in _APPLETS:
            (root / "bin" / applet).symlink_to("busybox")
        (root / "says").write_text(f"{saying}\n", encoding="utf-8")
        run(["tar", "--create", "-f", f"{folder}/root.tar", "-C", root, "."])
        engine.docker("import", f"{folder}/root.tar", BASE)


def small_project(folder: Path) -> Path:
    """Make the project in `folder`; its plan is that of examples/minimal, its Dockerfiles are small ones."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("poetry.lock", "__pycache__"))
    (folder / "docker/Dockerfile").write_text(BINARY, encoding="utf-8")
    (folder / "docker/Dockerfile.source").write_text(SOURCE, encoding="utf-8")
    (folder / "app").mkdir(exist_ok=True)
    (folder / "app/main.py").write_text("print(1)\n", encoding="utf-8")
    return folder
