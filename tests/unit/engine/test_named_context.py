"""The folder that takes the place of the Dockerfiles' stage: when, with what in it, and that nothing of it is left."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.engine.definition import bake_definition
from poetry_gpu_build.engine.named_context import named_contexts
from poetry_gpu_build.engine.options import BuildOptions
from poetry_gpu_build.errors import BuildFailedError
from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.plan import make_plan
from poetry_gpu_build.plan import plan_every_mode

from ..builders import HEAD
from ..builders import inputs
from ..builders import put_on_path
from ..builders import request
from ..builders import settings
from ..builders import tree

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from poetry_gpu_build.engine.named_context import Named
    from poetry_gpu_build.plan import Inputs
    from poetry_gpu_build.plan import Plan


def handed(
    found: Inputs, *plans: Plan, buildx: str = "0.13.1", options: BuildOptions | None = None
) -> AbstractContextManager[Named]:
    chosen = plans or (make_plan(found, request("8.6")),)
    return named_contexts(chosen, found.project.pyproject, found.policy, buildx, options or BuildOptions())


def folder_of(named: Named) -> Path:
    return Path(named.contexts["binary"]["deps"])


def test_it_holds_both_steps_and_is_gone_afterwards(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    before = tree(tmp_path)
    with handed(found) as named:
        folder = folder_of(named)
        assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*")) == [
            "deps/all/poetry.toml",
            "deps/all/pyproject.toml",
            "deps/torch/poetry.toml",
            "deps/torch/pyproject.toml",
        ]
        assert not folder.is_relative_to(tmp_path)
    assert not folder.exists()
    assert not folder.parent.exists()
    assert tree(tmp_path) == before


def test_modes_are_the_same_whatever_the_umask(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    found.project.pyproject.path.chmod(0o600)
    before = os.umask(0o077)
    try:
        with handed(found) as named:
            below = [*(folder_of(named) / "deps").rglob("*")]
            modes = {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in below}
    finally:
        os.umask(before)
    assert modes == {(True, 0o755), (False, 0o644)}


def test_it_is_gone_after_a_failure_too(tmp_path: Path) -> None:
    seen: list[Path] = []

    def fail() -> None:
        with handed(inputs(tmp_path)) as named:
            seen.append(folder_of(named))
            raise BuildFailedError("the build failed")

    with pytest.raises(BuildFailedError):
        fail()
    assert not seen[0].exists()


def test_each_mode_has_its_own(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    with handed(found, *plan_every_mode(found, request())) as named:
        binary, source = (folder_of(named).parent / mode / "deps/torch/pyproject.toml" for mode in ("binary", "source"))
        assert 'version = "2.7.1+cu128"' in binary.read_text()
        assert "2.7.1" not in source.read_text()
        definition = bake_definition(plan_every_mode(found, request()), BuildOptions(), named.contexts)
    for mode in ("binary", "source"):
        contexts = definition["target"][mode]["contexts"]
        assert contexts.keys() == {"deps"}
        assert contexts["deps"].endswith(f"/{mode}")


def test_without_one_the_definition_names_none(tmp_path: Path) -> None:
    definition = bake_definition([make_plan(inputs(tmp_path), request("8.6"))], BuildOptions())
    assert "contexts" not in definition["target"]["binary"]


def test_with_a_lock_that_the_images_install_it_comes_along(tmp_path: Path) -> None:
    found = inputs(tmp_path, settings('lock = "require"'))
    lock = (
        '[[package]]\nname = "torch"\nversion = "2.7.1+cu128"\noptional = true\n'
        'groups = ["binary-torch"]\nfiles = []\n\n'
        '[metadata]\nlock-version = "2.1"\npython-versions = ">=3.10"\ncontent-hash = "x"\n'
    )
    (tmp_path / "poetry.lock").write_text(lock)
    with handed(found) as named:
        assert (folder_of(named) / "deps/all/poetry.lock").read_text() == lock
        assert "content-hash" in (folder_of(named) / "deps/torch/poetry.lock").read_text()


@pytest.mark.parametrize("missing", ["poetry.toml", "poetry.lock"])
def test_a_file_that_is_not_there_is_an_error_that_names_it(missing: str, tmp_path: Path) -> None:
    found = inputs(tmp_path, settings('lock = "require"'))
    (tmp_path / "poetry.lock").write_text("[metadata]\n")
    (tmp_path / missing).unlink()
    with pytest.raises(ConfigurationError, match=missing), handed(found):
        pass


def test_a_torch_that_has_no_step_of_its_own_is_said(tmp_path: Path) -> None:
    text = HEAD + "[tool.poetry.group.binary-torch.dependencies]\ntorch = { path = 'torch-2.7.1-py3-none-any.whl' }\n"
    with handed(inputs(tmp_path, text)) as named:
        assert len(named.notes) == 1
        assert "in one step with the rest" in named.notes[0]


# Where nothing is handed over, and the stage does it


def test_a_dockerfile_without_that_stage_gets_none(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    (tmp_path / "docker/Dockerfile").write_text("FROM a\nCOPY pyproject.toml ./\nRUN poetry install\n")
    with handed(found) as named:
        assert named.contexts == {}


def test_another_stage_of_that_name_stays_the_project_s_own(tmp_path: Path) -> None:
    found = inputs(tmp_path)
    (tmp_path / "docker/Dockerfile").write_text("FROM a AS deps\nRUN npm install\nFROM a\nCOPY --from=deps /x /x\n")
    with handed(found) as named:
        assert named.contexts == {}


def test_the_stage_itself_as_the_target_is_built(tmp_path: Path) -> None:
    with handed(inputs(tmp_path), options=BuildOptions(stage="deps")) as named:
        assert named.contexts == {}


@pytest.mark.parametrize("buildx", ["of unknown version", "", "master", "v"])
def test_a_buildx_of_unknown_version_gets_none(buildx: str, tmp_path: Path) -> None:
    with handed(inputs(tmp_path), buildx=buildx) as named:
        assert named.contexts == {}


def test_a_docker_that_sees_another_tmp_gets_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(monkeypatch, tmp_path / "snap/bin", "exit 1")
    with handed(inputs(tmp_path / "project")) as named:
        assert named.contexts == {}


@pytest.mark.parametrize(
    ("buildx", "asks"), [("0.13.1", False), ("0.18.0", False), ("0.19.0", True), ("0.30.1-desktop.1", True)]
)
def test_leave_to_read_the_folder_is_given_to_a_buildx_that_asks_for_it(
    buildx: str, asks: bool, tmp_path: Path
) -> None:
    with handed(inputs(tmp_path), buildx=buildx) as named:
        allowed = named.allowed(BuildOptions(allow=("network.host",))).allow
        assert allowed == ("network.host", *((f"fs.read={folder_of(named)}",) if asks else ()))
