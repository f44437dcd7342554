"""A builder elsewhere (`--builder`), by buildx's own remote driver, and a real registry: both modes, caches, zstd."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from .harness.engine import Engine
from .harness.plugin import install_poetry
from .harness.plugin import plugin_wheel
from .harness.registry import Registry
from .harness.remote import RemoteBuilder
from .harness.small import make_base
from .harness.small import small_project
from .harness.steps import run_again
from .harness.steps import steps_of

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from .harness.plugin import Poetry

BOTH = ("--all-modes", "--gpu", "8.6", "--gpu", "5.2", "--no-lint")
SOURCE = ("--gpu", "5.2", "--no-lint")
COMPILE = "RUN mkdir -p /opt/torch && echo compiled > /opt/torch/lib"


@dataclass(frozen=True, slots=True)
class Far:
    """A project, and a builder elsewhere."""

    poetry: Poetry
    project: Path
    here: Engine
    there: Engine
    registry: Registry

    def build(self, *arguments: str, status: int = 0, builder: str = "far") -> subprocess.CompletedProcess[str]:
        result = self.poetry.gpu_build("--builder", builder, *arguments, cwd=self.project)
        assert result.returncode == status, result.stderr
        return result

    def forget(self) -> None:
        """Empty the builder's own cache."""
        self.there.docker("builder", "prune", "--all", "--force")

    def name(self, tag: str) -> str:
        return f"{self.registry.address}/team/app:{tag}"

    def cache(self, name: str) -> str:
        return f"type=registry,ref={self.registry.address}/team/cache:{name}"


@pytest.fixture(scope="module")
def far(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    folder = tmp_path_factory.mktemp("remote")
    with Engine(containerd=True) as there, RemoteBuilder(there) as builder, Registry(folder) as registry:
        make_base(there)
        engine.docker("buildx", "create", "--name", "far", "--driver", "remote", builder.endpoint)
        poetry = install_poetry(folder, plugin_wheel(), engine)
        yield Far(poetry, small_project(folder / "hello-gpu"), engine, there, registry)
        engine.docker("buildx", "rm", "far")


def test_a_builder_that_keeps_nothing_is_refused_before_it_builds(far: Far) -> None:
    said = far.build(*BOTH, status=4).stderr
    assert "remote" in said
    assert "--push, --load or --output" in said
    assert "building with" not in said


def test_both_modes_are_pushed_from_there_and_run_here(far: Far) -> None:
    said = far.build(*BOTH, "--push", "--tag", far.name("{mode}"))
    assert said.stdout.strip() == f"built {far.name('binary')}, {far.name('source')}"
    assert "builder far (remote driver" in said.stderr
    assert "nothing was verified: the image is not in the local Docker" in said.stderr
    far.here.docker("pull", "--quiet", far.name("binary"))
    far.here.docker("pull", "--quiet", far.name("source"))
    assert far.here.docker("run", "--rm", "--network=none", far.name("binary"), "cat", "/greeting").stdout == "hello\n"
    assert far.here.docker("run", "--rm", "--network=none", far.name("source"), "cat", "/opt/torch/lib").stdout == (
        "compiled\n"
    )


def test_both_modes_are_files_of_their_own(far: Far, tmp_path: Path) -> None:
    far.build(*BOTH, "--output", f"type=oci,dest={tmp_path}/{{mode}}.tar")
    for mode in ("binary", "source"):
        with tarfile.open(tmp_path / f"{mode}.tar") as archive:
            assert "index.json" in archive.getnames()


def test_one_file_for_both_modes_is_refused(far: Far, tmp_path: Path) -> None:
    assert "lost" in far.build(*BOTH, "--output", f"type=oci,dest={tmp_path}/a.tar", status=2).stderr


def test_an_empty_builder_takes_the_compile_from_the_teams_cache(far: Far) -> None:
    far.forget()
    far.build(*BOTH, "--push", "--tag", far.name("{mode}"), "--cache-to", far.cache("{mode},mode=max"))
    far.forget()
    log = far.build(*BOTH, "--push", "--tag", far.name("{mode}"), "--cache-from", far.cache("{mode}")).stderr
    assert [step.text for step in steps_of(log) if step.text == COMPILE and step.cached] == [COMPILE]
    assert run_again(log) == []


@pytest.mark.parametrize(("mode", "compiles"), [("max", False), ("min", True)])
def test_only_the_whole_cache_keeps_the_compile_when_a_step_in_front_changes(
    far: Far, mode: str, compiles: bool
) -> None:
    dockerfile = far.project / "docker/Dockerfile.source"
    before = dockerfile.read_text(encoding="utf-8")
    image = ("--push", "--tag", far.name("changing"))
    far.forget()
    written = far.build(*SOURCE, *image, "--cache-to", far.cache(f"changing-{mode},mode={mode}")).stderr
    assert ("to keep the compile: mode=max" in written) == compiles
    far.forget()
    try:
        dockerfile.write_text(before.replace(" AS app\n", " AS app\nRUN echo tools > /tools\n"), encoding="utf-8")
        log = far.build(*SOURCE, *image, "--cache-from", far.cache(f"changing-{mode}")).stderr
    finally:
        dockerfile.write_text(before, encoding="utf-8")
    assert (f"[torch-build] {COMPILE}" in run_again(log)) == compiles


def test_a_compressed_push_is_compressed(far: Far) -> None:
    far.build(*SOURCE, "--push", "--compression", "zstd", "--tag", far.name("zstd"))
    layers = far.registry.manifest("team/app", "zstd")["layers"]
    assert {layer["mediaType"] for layer in layers} == {"application/vnd.oci.image.layer.v1.tar+zstd"}


# The daemon's own builder, with the older image store


@pytest.mark.parametrize(
    "arguments", [("--cache-to", "type=registry,ref=r.example/c"), ("--push", "--compression", "zstd")]
)
def test_what_the_daemons_own_builder_cannot_do_is_refused(far: Far, arguments: tuple[str, ...]) -> None:
    said = far.build(*SOURCE, *arguments, builder="default", status=4).stderr
    assert "docker buildx create --driver docker-container" in said


def test_a_cache_that_is_not_there_stops_nothing(far: Far) -> None:
    make_base(far.here)
    log = far.build(*SOURCE, "--no-verify", "--cache-from", far.cache("nobody"), builder="default").stderr
    assert "not found" in log
