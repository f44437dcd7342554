from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any

import pytest
from poetry.core.packages.dependency import Dependency
from poetry.core.packages.package import Package

from poetry_gpu_build.swap.provided import BuiltTorch
from poetry_gpu_build.swap.provided import Demand
from poetry_gpu_build.swap.provided import Provision
from poetry_gpu_build.swap.provided import provision
from poetry_gpu_build.swap.provided import read_built
from poetry_gpu_build.swap.provided import unsatisfied_error

if TYPE_CHECKING:
    from pathlib import Path

LINUX: dict[str, Any] = {
    "python_version": "3.10",
    "python_full_version": "3.10.12",
    "sys_platform": "linux",
    "platform_system": "Linux",
    "platform_machine": "x86_64",
}


def asks(*requirements: str) -> list[Dependency]:
    return [Dependency.create_from_pep_508(each) for each in requirements]


def package(name: str, *requirements: str, version: str = "1.0") -> Package:
    made = Package(name, version)
    for each in asks(*requirements):
        made.add_dependency(each)
    return made


WHEEL = package("torch", "filelock", "nvidia-cudnn", "triton", version="2.7.1+cu128")
LIGHTNING = package("lightning", "torch>=2.1", "numpy", version="2.5.0")
NVIDIA = (package("nvidia-cudnn", "nvidia-cublas"), package("nvidia-cublas"), package("triton", "setuptools"))
OTHERS = (package("filelock"), package("numpy"), package("setuptools"))
ALL = (WHEEL, LIGHTNING, *NVIDIA, *OTHERS)


def built(version: str, folder: Path, *requirements: str) -> BuiltTorch:
    return BuiltTorch(folder, version, tuple(asks(*requirements)))


@pytest.fixture
def torch(tmp_path: Path) -> BuiltTorch:
    return built("2.4.1", tmp_path, "filelock")


def found(packages: tuple[Package, ...], own: list[Dependency], torch: BuiltTorch, **more: Any) -> Provision:
    return provision(packages, own, torch, LINUX, project="app", **more)


def test_torch_and_all_that_only_its_wheel_needs_are_provided(torch: BuiltTorch) -> None:
    assert found(ALL, asks("lightning"), torch) == Provision(
        frozenset({"torch", "nvidia-cudnn", "nvidia-cublas", "triton", "setuptools"}), ()
    )


@pytest.mark.parametrize(
    ("own", "more", "installed"),
    [
        (("lightning", "triton"), (), {"triton", "setuptools"}),
        (("lightning", "boosting"), (package("boosting", "nvidia-cublas"),), {"nvidia-cublas"}),
        (("lightning", "a"), (package("a", "b"), package("b", "c"), package("c", "triton")), {"triton", "setuptools"}),
        (("lightning", "a"), (package("a", "triton ; sys_platform == 'linux'"),), {"triton", "setuptools"}),
        (("lightning", "a"), (package("a", "triton ; sys_platform == 'win32'"),), set()),
        (("lightning", "a"), (package("a", "triton ; extra == 'gpu'"),), set()),
        (("lightning", "a[gpu]"), (package("a", "triton ; extra == 'gpu'"),), {"triton", "setuptools"}),
        (("a", "b"), (package("a", "triton ; extra == 'gpu'"), package("b", "a[gpu]")), {"triton", "setuptools"}),
        (("lightning", "triton ; sys_platform == 'win32'"), (), set()),
    ],
)
def test_what_something_else_needs_is_installed(
    torch: BuiltTorch, own: tuple[str, ...], more: tuple[Package, ...], installed: set[str]
) -> None:
    provided = found((*ALL, *more), asks(*own, "torch"), torch).provided
    of_the_wheel = {"torch", "nvidia-cudnn", "nvidia-cublas", "triton", "setuptools"}
    assert of_the_wheel - provided == installed


def test_what_the_compiled_torch_needs_is_installed(tmp_path: Path) -> None:
    torch = built("2.4.1", tmp_path, "triton ; sys_platform == 'linux'", "nvidia-cudnn ; extra == 'cuda'")
    provided = found(ALL, asks("lightning"), torch).provided
    assert provided == {"torch", "filelock", "nvidia-cudnn", "nvidia-cublas"}


def test_packages_that_require_each_other_end(torch: BuiltTorch) -> None:
    circle = (package("a", "b"), package("b", "a", "torch"), package("triton", "torch"), WHEEL)
    assert found(circle, asks("a"), torch).provided == {"torch", "triton"}


def test_without_torch_nothing_else_is_provided(torch: BuiltTorch) -> None:
    assert found(OTHERS, asks("numpy"), torch) == Provision(frozenset({"torch"}), ())


@pytest.mark.parametrize(
    ("constraint", "version", "is_satisfied"),
    [
        (">=2.1", "2.4.1", True),
        (">=2.6", "2.4.1", False),
        ("==2.4.1", "2.4.1+cu118", True),
        ("==2.4.1+cu118", "2.4.1", False),
        ("==2.7.1", "2.4.1", False),
        ("<2.4", "2.4.1", False),
        ("!=2.4.1", "2.4.1", False),
        ("~=2.4.0", "2.4.1", True),
        (">=2.4", "2.5.0a0+gitee1b680", True),
        (">=2.4,<2.5", "2.4.0a0+gitee1b680", False),
    ],
)
def test_a_requirement_is_asked_for_the_real_version(
    tmp_path: Path, constraint: str, version: str, is_satisfied: bool
) -> None:
    asking = package("asking", f"torch{constraint}", version="3.1")
    unsatisfied = found((WHEEL, asking), asks("asking"), built(version, tmp_path)).unsatisfied
    assert [(each.name, each.version) for each in unsatisfied] == ([] if is_satisfied else [("asking", "3.1")])


@pytest.mark.parametrize(
    ("requirement", "own"),
    [
        ("torch>=2.6 ; sys_platform == 'win32'", "asking"),
        ("torch>=2.6 ; python_version >= '3.12'", "asking"),
        ("torch>=2.6 ; extra == 'new'", "asking"),
        ("torch>=2.6", "lightning"),
        ("torch>=2.6", "asking ; sys_platform == 'win32'"),
    ],
)
def test_a_requirement_that_does_not_count_here_is_not_asked(torch: BuiltTorch, requirement: str, own: str) -> None:
    packages = (*ALL, package("asking", requirement))
    assert found(packages, asks(own), torch).unsatisfied == ()


def test_an_extra_s_requirement_counts_where_the_extra_is_asked_for(torch: BuiltTorch) -> None:
    packages = (*ALL, package("asking", "torch>=2.6 ; extra == 'new'"))
    assert found(packages, asks("asking[new]"), torch).unsatisfied == (Demand("asking", "1.0", "torch >=2.6"),)


def test_the_project_s_own_requirement_is_asked_but_for_the_group_that_names_the_wheel(torch: BuiltTorch) -> None:
    own = asks("torch>=2.6")
    assert found(ALL, own, torch, exempt=own).unsatisfied == ()
    assert found(ALL, own, torch).unsatisfied == (Demand("app", None, "torch >=2.6"),)


def test_the_project_s_extras_count_where_they_are_asked_for(torch: BuiltTorch) -> None:
    own = asks("torch>=2.6 ; extra == 'new'")
    assert found(ALL, own, torch).unsatisfied == ()
    assert found(ALL, own, torch, extras={"new"}).unsatisfied == (Demand("app", None, "torch >=2.6"),)


def test_everybody_is_named_each_once_with_the_ways_out(torch: BuiltTorch) -> None:
    packages = (WHEEL, package("b", "torch>=2.6", version="0.9"), package("a", "torch>=2.7", "b[x]", version="2"))
    unsatisfied = found(packages, asks("b", "a", "b[x]"), torch).unsatisfied
    error = unsatisfied_error(torch, unsatisfied)
    assert error.exit_code == 2
    assert "a 2 requires torch >=2.7; b 0.9 requires torch >=2.6, and the compiled torch" in error.message
    assert "is 2.4.1; nothing was installed" in error.message
    assert error.ways_out[:2] == (
        'pin a release of a that takes torch 2.4.1: poetry add --lock "a<2"',
        'pin a release of b that takes torch 2.4.1: poetry add --lock "b<0.9"',
    )
    assert any("modes.source.torch" in way for way in error.ways_out)
    assert any("poetry gpu-build --binary" in way for way in error.ways_out)


def lay(prefix: Path, folder: str, metadata: str | None) -> None:
    place = prefix / folder
    place.mkdir(parents=True)
    if metadata is not None:
        place.joinpath("METADATA").write_text(metadata, encoding="utf-8")


GOOD = "Metadata-Version: 2.1\nName: torch\nVersion: 2.4.1\nRequires-Dist: filelock\nRequires-Dist: ===\n"


def test_the_compiled_torch_says_its_version_and_its_requirements(tmp_path: Path) -> None:
    lay(tmp_path, "torch-2.4.1.dist-info", GOOD)
    lay(tmp_path, "torch_geometric-2.0.dist-info", "Name: torch_geometric\nVersion: 2.0\n")
    read = read_built(tmp_path)
    assert read is not None
    assert (read.version, [each.name for each in read.requires]) == ("2.4.1", ["filelock"])


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"torch-2.4.1.dist-info": None},
        {"torch-2.4.1.dist-info": ""},
        {"torch-2.4.1.dist-info": "Name: torch\n"},
        {"torch-2.4.1.dist-info": "Name: torch\nVersion: new\n"},
        {"torch-2.4.1.dist-info": "Version: 2.4.1\n"},
        {"torchvision-0.19.dist-info": "Name: torchvision\nVersion: 0.19\n"},
        {"torch-2.4.1.dist-info": GOOD, "torch-2.5.0.dist-info": GOOD},
    ],
)
def test_no_torch_half_a_torch_and_two_of_them_are_none(tmp_path: Path, metadata: dict[str, str | None]) -> None:
    for folder, text in metadata.items():
        lay(tmp_path, folder, text)
    assert read_built(tmp_path) is None


def test_a_prefix_that_is_not_there_holds_no_torch(tmp_path: Path) -> None:
    assert read_built(tmp_path / "none") is None
