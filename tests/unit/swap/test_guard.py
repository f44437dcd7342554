from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from poetry_gpu_build.errors import ConfigurationError
from poetry_gpu_build.swap.before_command import find_swap
from poetry_gpu_build.swap.guard import check_swap
from poetry_gpu_build.swap.guard import host_error
from poetry_gpu_build.swap.guard import means_the_interpreter
from poetry_gpu_build.swap.guard import swapped_prefix
from poetry_gpu_build.swap.provided import BuiltTorch
from poetry_gpu_build.swap.shadow import find_shadow

if TYPE_CHECKING:
    from pathlib import Path

PTH = "gpu-build-opt.pth"


def lay(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


class Env:
    """What is asked of Poetry's environment."""

    def __init__(self, root: Path, parent: Env | None = None) -> None:
        self.purelib, self.platlib = root / "purelib", root / "platlib"
        self.parent_env, self.includes_system_site_packages = parent, parent is not None

    def is_venv(self) -> bool:
        return self.includes_system_site_packages


@pytest.mark.parametrize("folder", ["purelib", "platlib"])
def test_a_swap_is_found_in_either_folder(tmp_path: Path, folder: str) -> None:
    assert find_swap(Env(tmp_path)) is None  # type: ignore[arg-type]
    pth = lay(tmp_path / folder / PTH, "/opt/torch\n")
    assert find_swap(Env(tmp_path)) == pth  # type: ignore[arg-type]
    assert str(swapped_prefix(pth)) == "/opt/torch"


def test_a_virtual_environment_with_the_system_s_packages_has_the_system_s_swap(tmp_path: Path) -> None:
    pth = lay(tmp_path / "system" / "purelib" / PTH, "/opt/torch\n")
    assert find_swap(Env(tmp_path / "own", Env(tmp_path / "system"))) == pth  # type: ignore[arg-type]
    assert find_swap(Env(tmp_path / "own")) is None  # type: ignore[arg-type]


def test_a_dangling_link_in_its_place_is_a_swap_that_nobody_can_read(tmp_path: Path) -> None:
    pth = tmp_path / "purelib" / PTH
    pth.parent.mkdir()
    pth.symlink_to(tmp_path / "nowhere")
    assert find_swap(Env(tmp_path)) == pth  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="not as `poetry gpu-build swap` writes it"):
        swapped_prefix(pth)


@pytest.mark.parametrize("text", ["", "opt/torch\n", "/opt/torch\n/opt/more\n", "import os\n", "/" + "a" * 5000])
def test_a_file_that_says_something_else_is_refused_with_the_ways_out(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        swapped_prefix(lay(tmp_path / PTH, text))
    assert caught.value.exit_code == 2
    assert [way.partition(": ")[2] for way in caught.value.ways_out] == [
        "poetry gpu-build swap --apply",
        "poetry gpu-build swap --undo",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "site-packages/torch-2.7.1+cu128.dist-info/METADATA",
        "site-packages/Torch-2.7.1.dist-info/METADATA",
        "site-packages/torch-2.4.1-py3.10.egg-info",
        "site-packages/torch.egg-link",
        "site-packages/torch/__init__.py",
        "dist-packages/torch/__init__.py",
        "site-packages/torch.py",
        "site-packages/torch.cpython-310-x86_64-linux-gnu.so",
        "opt/other/torch-2.0.dist-info/METADATA",
    ],
)
def test_another_torch_is_found_whoever_put_it_there(tmp_path: Path, name: str) -> None:
    path = lay(tmp_path / name)
    shadow = find_shadow([str(tmp_path / "none"), str(tmp_path / "opt/other"), str(path.parents[name.count("/") - 1])])
    assert shadow is not None
    assert path.is_relative_to(shadow)


@pytest.mark.parametrize(
    "name",
    [
        "site-packages/torch_geometric-2.0.dist-info/METADATA",
        "site-packages/torchvision-0.19.dist-info/METADATA",
        "site-packages/torchvision/__init__.py",
        "site-packages/torch/share/left.txt",
        "app/torch/__init__.py",
        "app/torch.py",
    ],
)
def test_what_is_not_torch_is_no_shadow(tmp_path: Path, name: str) -> None:
    lay(tmp_path / name)
    assert find_shadow([str(each) for each in tmp_path.iterdir()]) is None


def test_a_zip_file_on_the_path_is_passed_over(tmp_path: Path) -> None:
    assert find_shadow([str(lay(tmp_path / "python310.zip"))]) is None


def test_a_prefix_without_torch_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no installed torch"):
        check_swap(tmp_path / PTH, tmp_path / "torch", None, [])


def test_another_torch_is_refused_by_its_place(tmp_path: Path) -> None:
    built = BuiltTorch(tmp_path / "torch", "2.4.1", ())
    assert check_swap(tmp_path / PTH, built.prefix, built, [str(tmp_path)]) is built
    shadow = lay(tmp_path / "torch-2.7.1.dist-info" / "METADATA").parent
    with pytest.raises(ConfigurationError, match=re.escape(str(shadow))) as caught:
        check_swap(tmp_path / PTH, built.prefix, built, [str(tmp_path)])
    assert "poetry gpu-build swap --apply --remove-shadow" in caught.value.ways_out[0]


@pytest.mark.parametrize(
    ("text", "means_it"),
    [
        (None, False),
        ("", False),
        ("[virtualenvs]\nin-project = true\n", False),
        ("[virtualenvs]\ncreate = true\n", False),
        ("[virtualenvs]\ncreate = false\n", True),
        ("virtualenvs.create = false\n", True),
        ("virtualenvs = false\n", False),
    ],
)
def test_only_poetry_toml_s_own_word_counts(tmp_path: Path, text: str | None, means_it: bool) -> None:
    if text is not None:
        lay(tmp_path / "poetry.toml", text)
    assert means_the_interpreter(tmp_path) is means_it


@pytest.mark.parametrize(
    ("command", "can_lock"), [("install", False), ("sync", False), ("add", True), ("remove", True)]
)
def test_the_host_s_refusal_says_where_and_how_to_go_on(tmp_path: Path, command: str, can_lock: bool) -> None:
    lay(tmp_path / "poetry.toml", "[virtualenvs]\ncreate = false\n")
    error = host_error(tmp_path, command, "/usr/bin/python3")
    assert error.exit_code == 2
    assert "/usr/bin/python3" in error.message
    assert str(error.where).endswith("poetry.toml:2:1")
    assert any('host-install = "allow"' in way for way in error.ways_out)
    assert any(f"poetry {command} --lock" in way for way in error.ways_out) is can_lock
