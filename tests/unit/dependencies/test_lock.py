"""The part of a lock that torch's step installs."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.utils import canonicalize_name
from poetry.packages.locker import Locker

from poetry_gpu_build.dependencies.context import Groups
from poetry_gpu_build.dependencies.context import Manifests
from poetry_gpu_build.dependencies.context import dependency_context
from poetry_gpu_build.dependencies.lock import HEADER
from poetry_gpu_build.dependencies.lock import lock_of
from poetry_gpu_build.documents.toml import parse_toml

from ..builders import PYPROJECT
from ..builders import PYPROJECT_PATH

TORCH = frozenset({canonicalize_name("binary-torch")})


def loads(text: str) -> dict[str, Any]:
    return parse_toml(text, PYPROJECT_PATH).data


def lock(*packages: dict[str, Any], version: str = "2.1") -> dict[str, Any]:
    metadata = {"lock-version": version, "python-versions": ">=3.10", "content-hash": "0" * 64}
    return {"package": list(packages), "extras": {"a": ["b"]}, "metadata": metadata}


def package(name: str, *groups: str, **more: Any) -> dict[str, Any]:
    own = {"name": name, "version": "1", "optional": True, "python-versions": "*", "files": []}
    return {**own, "groups": list(groups), **more}


def reduced(*packages: dict[str, Any]) -> list[dict[str, Any]]:
    made = lock_of(TORCH, lock(*packages), {})
    assert made is not None
    found: list[dict[str, Any]] = made["package"]
    return found


def test_it_holds_the_packages_that_torch_s_group_wants() -> None:
    found = reduced(
        package("numpy", "main"), package("torch", "binary-torch"), package("sympy", "Binary_Torch", "main")
    )
    assert [(each["name"], each["groups"]) for each in found] == [
        ("torch", ["binary-torch"]),
        ("sympy", ["Binary_Torch"]),
    ]


def test_a_marker_of_another_group_is_left_out() -> None:
    both = {"main": "sys_platform == 'win32'", "binary-torch": "sys_platform == 'linux'"}
    (found,) = reduced(package("triton", "main", "binary-torch", markers=both))
    assert found["markers"] == {"binary-torch": "sys_platform == 'linux'"}
    (always,) = reduced(package("triton", "main", "binary-torch", markers={"main": "sys_platform == 'win32'"}))
    assert "markers" not in always
    (plain,) = reduced(package("triton", "binary-torch", markers="sys_platform == 'linux'"))
    assert plain["markers"] == "sys_platform == 'linux'"


@pytest.mark.parametrize("version", ["2.0", "1.1", "", "x", "2.x"])
def test_a_lock_that_does_not_tell_groups_has_no_part(version: str) -> None:
    assert lock_of(TORCH, lock(package("torch"), version=version), {}) is None


GROUP = '[tool.poetry.group.binary-torch.dependencies]\ntorch = "2.7.1"\n'
LEGACY = '[tool.poetry]\nname = "a"\nversion = "1"\n[tool.poetry.dependencies]\npython = "^3.10"\n'


@pytest.mark.parametrize(
    "text",
    [
        PYPROJECT,
        LEGACY + GROUP,
        "[tool.poetry]\npackage-mode = false\n" + GROUP,
        '[project]\nname = "a"\nversion = "1"\n[dependency-groups]\nbinary-torch = ["torch==2.7.1"]\n',
    ],
    ids=["policy", "legacy", "no package", "standard groups"],
)
def test_poetry_takes_it_for_the_lock_of_its_manifest(text: str, tmp_path: Any) -> None:
    whole = lock(package("torch", "binary-torch"))
    manifests = Manifests(loads(text), {}, whole, "the text of it")
    made = dependency_context(manifests, Groups("binary-torch", ("binary-torch",)), with_torch=True)
    assert made.files["all/poetry.lock"] == "the text of it"
    path = tmp_path / "poetry.lock"
    path.write_text(made.files["torch/poetry.lock"])
    locker = Locker(path, loads(made.files["torch/pyproject.toml"]))
    assert locker.is_fresh()
    assert [each.name for each in locker.locked_packages()] == ["torch"]


def test_a_lock_without_groups_leaves_torch_with_the_rest() -> None:
    manifests = Manifests(loads(PYPROJECT), {}, lock(package("torch"), version="2.0"), "text")
    made = dependency_context(manifests, Groups("binary-torch", ()), with_torch=True)
    assert made.together is not None
    assert "torch/poetry.lock" not in made.files


def test_it_says_whose_it_is() -> None:
    assert HEADER.startswith("# ")
    assert "poetry-gpu-build" in HEADER
