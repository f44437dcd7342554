"""What is in the wheel and the sdist, and that each of them, and an editable install, works when installed."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from pathlib import PurePosixPath

import pytest

from .poetries import ROOT
from .poetries import build_environment
from .poetries import check_output
from .poetries import interpreter
from .poetries import overlay
from .poetries import pyproject

RESOURCES = ("policies", "docker")


def files_under(folder: Path) -> set[str]:
    """The files of a folder of the checkout, as paths from it, without the caches that tools leave behind."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in paths if not any(part.startswith((".", "__")) for part in path.parts[:-1])}


def contents(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def top_level(names: set[str]) -> set[str]:
    return {PurePosixPath(name).parts[0] for name in names}


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    check_output(build_environment(), "-m", "build", "--sdist", "--no-isolation", "--outdir", folder, ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (root,) = folder.iterdir()
    return root


def test_the_wheel_puts_nothing_beside_the_package(wheel: Path) -> None:
    version = pyproject()["project"]["version"]
    assert top_level(set(contents(wheel))) == {"poetry_gpu_build", f"poetry_gpu_build-{version}.dist-info"}


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_wheel_holds_each_resource_inside_the_package(wheel: Path, resource: str) -> None:
    expected = {f"poetry_gpu_build/{resource}/{name}" for name in files_under(ROOT / resource)}
    assert expected
    assert expected <= set(contents(wheel))


def test_the_wheel_holds_every_module(wheel: Path) -> None:
    assert {f"poetry_gpu_build/{name}" for name in files_under(ROOT / "poetry_gpu_build")} <= set(contents(wheel))


def test_the_wheel_tells_poetry_and_type_checkers_about_itself(wheel: Path) -> None:
    files = contents(wheel)
    (entry_points,) = (text.decode() for name, text in files.items() if name.endswith("/entry_points.txt"))
    assert "[poetry.application.plugin]" in entry_points
    assert "[poetry.plugin]" in entry_points
    assert "poetry_gpu_build/py.typed" in files


def test_the_sdist_holds_what_pyproject_says_and_no_more(unpacked: Path) -> None:
    said = set(pyproject()["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"])
    always = {"pyproject.toml", "PKG-INFO", "README.md", "LICENSE", ".gitignore"}
    present = {name for name in said if (ROOT / name).is_file() or files_under(ROOT / name)}
    assert {path.name for path in unpacked.iterdir()} == present | always


def test_a_wheel_built_from_the_sdist_is_the_wheel_built_from_the_checkout(
    sdist: Path, wheel: Path, tmp_path: Path
) -> None:
    build = "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", tmp_path
    check_output(build_environment(), "-m", "pip", *build, sdist)
    (rebuilt,) = tmp_path.iterdir()
    assert contents(rebuilt) == contents(wheel)


def resources_found_by(python: Path) -> list[Path]:
    code = "from poetry_gpu_build import resources; print(resources.policies_dir()); print(resources.docker_dir())"
    return [Path(line) for line in check_output(python, "-I", "-c", code).splitlines()]


def test_an_installed_wheel_finds_its_resources_in_itself(wheel: Path, tmp_path: Path) -> None:
    found = resources_found_by(overlay(build_environment(), tmp_path / "venv", wheel))
    assert all(folder.is_dir() and folder.is_relative_to(tmp_path) for folder in found)


def test_an_editable_install_finds_its_resources_in_the_checkout(tmp_path: Path) -> None:
    found = resources_found_by(overlay(build_environment(), tmp_path / "venv", "--editable", ROOT))
    assert found == [ROOT / name for name in RESOURCES]


def test_the_wheel_s_own_requirements_make_poetry_gpu_build_work_in_an_empty_environment(
    wheel: Path, tmp_path: Path
) -> None:
    check_output(sys.executable, "-m", "venv", tmp_path / "venv")
    pip = interpreter(tmp_path / "venv"), "-m", "pip"
    check_output(*pip, "install", "--quiet", wheel)
    check_output(*pip, "check")
    script = tmp_path / "venv" / "bin" / "poetry"
    answer = subprocess.run([script, "gpu-build", "--help"], cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert "gpu-build [options]" in answer.stdout
